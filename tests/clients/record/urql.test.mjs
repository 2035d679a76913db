// urql: documents, its normalised cache with Relay pages, persisted queries, and streams over its own fetch source.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, fetchExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { persistedExchange } from "@urql/exchange-persisted";
import { BOEING, EVENTS, ONE, PAGE, RECORD, headers, source, titles, url } from "./service.mjs";

const client = (exchanges, options = {}) =>
  new Client({ url, exchanges, preferGetMethod: false, fetchOptions: { headers }, ...options });

test("an object, by POST and by GET", async () => {
  const plain = client([fetchExchange]);
  const posted = await plain.query(ONE, { id: BOEING }).toPromise();
  const got = await plain.query(ONE, { id: BOEING }, { preferGetMethod: "force" }).toPromise();
  assert.equal(posted.error, undefined);
  assert.equal(posted.data.deal.commitment, "FIRM");
  assert.deepEqual(got.data, posted.data);
});

test("the normalised cache joins pages by their cursors", async () => {
  const keys = new Proxy({}, { get: () => () => null, has: () => true });
  const resolvers = { Query: { deals: relayPagination() } };
  const caching = client([cacheExchange({ keys, resolvers }), fetchExchange]);
  let page;
  for (let after; page?.deals.pageInfo.hasNextPage ?? true; after = page.deals.pageInfo.endCursor) {
    const { data, error } = await caching.query(PAGE, { first: 3, after }).toPromise();
    assert.equal(error, undefined);
    page = data;
  }
  assert.deepEqual(page.deals.edges.map(({ node }) => node.title), await titles());
  assert.equal(page.deals.totalCount, page.deals.edges.length);
});

test("a mutation is recorded once, whatever is sent twice", async () => {
  const plain = client([fetchExchange]);
  const variables = { input: source("source:urql"), commandId: "urql-once" };
  const first = await plain.mutation(RECORD, variables).toPromise();
  const second = await plain.mutation(RECORD, variables).toPromise();
  assert.equal(first.data.recordSourceRegistered.object.id, "source:urql");
  assert.deepEqual(second.data, first.data);
});

test("errors say their codes", async () => {
  const plain = client([fetchExchange], { fetchOptions: {} });
  const codes = async (result) => (await result.toPromise()).error.graphQLErrors.map((error) => error.extensions.code);
  assert.deepEqual(await codes(plain.query("{ thereIsNoSuchField }", {})), ["GRAPHQL_VALIDATION_FAILED"]);
  assert.deepEqual(await codes(plain.query(PAGE, { after: "not a cursor" })), ["BAD_CURSOR"]);
  assert.deepEqual(await codes(plain.mutation(RECORD, { input: source("source:x") })), ["UNAUTHENTICATED"]);
});

test("a persisted query is sent once and then named, by POST and by GET", async () => {
  const sent = [];
  const watching = (address, options) => (sent.push(options.body ?? String(address)), fetch(address, options));
  for (const method of [false, "force"]) {
    const query = `query Named${Date.now()} { deal(id: "${BOEING}") { title } }`;
    const exchange = persistedExchange({ preferGetForPersistedQueries: method });
    const persisting = client([exchange, fetchExchange], { fetch: watching, preferGetMethod: method });
    sent.length = 0;
    for (let time = 0; time < 2; time++) {
      const { data, error } = await persisting.query(query, {}).toPromise();
      assert.equal(error, undefined);
      assert.ok(data.deal.title);
    }
    assert.deepEqual(sent.map((request) => request.includes("Named") && /"query"|\?(.*&)?query=/.test(request)), [false, true, false]);
  }
});

test("a stream over Server-Sent Events, from its beginning to its end", async () => {
  const streaming = client([fetchExchange], { fetchSubscriptions: true });
  const positions = [];
  await new Promise((resolve, reject) => {
    const until = { position: 5 };
    streaming.subscription(EVENTS, { after: "0", until }).subscribe(({ data, error, hasNext }) => {
      if (error) reject(error);
      if (data?.events.position) positions.push(data.events.position);
      if (hasNext === false || positions.length === 5) resolve();
    });
  });
  assert.deepEqual(positions, [1, 2, 3, 4, 5]);
});
