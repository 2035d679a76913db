// Apollo Client: its normalised cache with Relay pages, errors, persisted queries, and streams by both of its transports.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { BOEING, EVENTS, ONE, PAGE, RECORD, headers, record, socket, soon, source, titles, url } from "./service.mjs";

const cache = () =>
  new InMemoryCache({
    possibleTypes: { Node: ["Deal", "Source", "Party"] },
    typePolicies: { Query: { fields: { deals: relayStylePagination(["filter", "orderBy"]) } } },
  });
const client = (link = new HttpLink({ uri: url, headers })) => new ApolloClient({ link, cache: cache() });

test("an object, then from the cache", async () => {
  const apollo = client();
  const { data } = await apollo.query({ query: gql(ONE), variables: { id: BOEING } });
  assert.equal(data.deal.commitment, "FIRM");
  const cached = apollo.readQuery({ query: gql(ONE), variables: { id: BOEING } });
  assert.deepEqual(cached, data);
  apollo.stop();
});

test("other moments are read without an id, since the cache keeps one state of each object", async () => {
  const query = gql(`{
    now: deal(id: "${BOEING}") { id version }
    then: deal(id: "${BOEING}", asOf: { position: 100 }) { version }
  }`);
  const apollo = client();
  const { data } = await apollo.query({ query });
  assert.ok(data.then.version < data.now.version);
  assert.equal(apollo.cache.extract()[`Deal:${BOEING}`].version, data.now.version);
  apollo.stop();
});

test("fetchMore joins pages by their cursors", async () => {
  const apollo = client();
  const shown = [];
  const watched = apollo.watchQuery({ query: gql(PAGE), variables: { first: 3 } });
  const running = watched.subscribe(({ data }) => data?.deals && shown.push(data.deals));
  const page = () => shown.at(-1);
  await soon(page);
  while (page().pageInfo.hasNextPage) {
    const seen = page().edges.length;
    await watched.fetchMore({ variables: { after: page().pageInfo.endCursor } });
    await soon(() => page().edges.length > seen);
  }
  assert.deepEqual(page().edges.map(({ node }) => node.title), await titles());
  running.unsubscribe();
  apollo.stop();
});

test("a mutation with the key", async () => {
  const apollo = client();
  const { data } = await apollo.mutate({ mutation: gql(RECORD), variables: { input: source("source:apollo") } });
  assert.equal(data.recordSourceRegistered.object.id, "source:apollo");
  apollo.stop();
});

test("a refusal is data, an error is an error with its code", async () => {
  const apollo = client();
  const input = { ...source("source:apollo-refused"), title: "" };
  const { data } = await apollo.mutate({ mutation: gql(RECORD), variables: { input } });
  assert.deepEqual([data.recordSourceRegistered.code, data.recordSourceRegistered.field], ["INVALID_VALUE", "title"]);
  await assert.rejects(apollo.query({ query: gql(PAGE), variables: { after: "not a cursor" } }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error));
    return error.errors[0].extensions.code === "BAD_CURSOR";
  });
  apollo.stop();
});

test("a persisted query is sent once and then named, by POST and by GET", async () => {
  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  for (const useGETForHashedQueries of [false, true]) {
    const sent = [];
    const watching = (address, options) => (sent.push(options.body ?? String(address)), fetch(address, options));
    const http = new HttpLink({ uri: url, fetch: watching });
    const apollo = client(ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries }), http]));
    const query = gql(`query Unique${Date.now()} { deal(id: "${BOEING}") { title } }`);
    for (let time = 0; time < 2; time++) {
      const { data } = await apollo.query({ query, fetchPolicy: "no-cache" });
      assert.ok(data.deal.title);
    }
    assert.deepEqual(sent.map((request) => /"query"|[?&]query=/.test(request)), [false, true, false]);
    apollo.stop();
  }
});

const links = {
  "multipart HTTP": () => new HttpLink({ uri: url, headers }),
  "graphql-ws": () => new GraphQLWsLink(createClient({ url: socket, webSocketImpl: WebSocket, lazyCloseTimeout: 0 })),
};
for (const [name, link] of Object.entries(links)) {
  test(`a stream over ${name}`, async () => {
    const apollo = client(link());
    const ids = [];
    const running = apollo
      .subscribe({ query: gql(EVENTS), variables: {} })
      .subscribe({ next: ({ data }) => ids.push(data.events.event?.id ?? "caught up"), error: assert.fail });
    await soon(() => ids.length === 1);
    const id = `source:apollo-${name.length}`;
    await record(id);
    await soon(() => ids.length === 2);
    assert.deepEqual(ids, ["caught up", `${id}@1`]);
    running.unsubscribe();
    apollo.stop();
  });
}
