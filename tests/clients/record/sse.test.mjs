// graphql-sse in distinct connections (a request for each operation), and an EventSource as browsers have it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { createClient } from "graphql-sse";
import { BOEING, EVENTS, ONE, RECORD, headers, record, soon, source, url } from "./service.mjs";

const connect = (options = {}) => createClient({ url, headers, retryAttempts: 0, ...options });
const all = async (client, query, variables) => {
  const found = [];
  for await (const result of client.iterate({ query, variables })) found.push(result);
  return found;
};

test("queries and mutations are answered as streams of one message", async () => {
  const client = connect();
  const [read] = await all(client, ONE, { id: BOEING });
  const [written] = await all(client, RECORD, { input: source("source:sse") });
  assert.equal(read.data.deal.commitment, "FIRM");
  assert.equal(written.data.recordSourceRegistered.object.id, "source:sse");
  client.dispose();
});

test("a replay ends by itself", async () => {
  const client = connect();
  const messages = await all(client, EVENTS, { after: "0", until: { position: 7 } });
  assert.deepEqual(messages.map(({ data }) => data.events.position).filter(Boolean), [1, 2, 3, 4, 5, 6, 7]);
  client.dispose();
});

test("many streams at a time, each in its own connection", async () => {
  const client = connect();
  const heard = Array.from({ length: 10 }, () => []);
  const ends = heard.map((ids) =>
    client.subscribe(
      { query: EVENTS, variables: {} },
      { next: ({ data }) => ids.push(data.events.event?.id ?? "caught up"), error: assert.fail, complete: () => {} },
    ),
  );
  await soon(() => heard.every((ids) => ids.length === 1));
  await record("source:sse-to-many");
  await soon(() => heard.every((ids) => ids.length === 2));
  assert.deepEqual(heard, Array.from({ length: 10 }, () => ["caught up", "source:sse-to-many@1"]));
  ends.forEach((end) => end());
  client.dispose();
});

test("what is refused is told as an error of that operation alone", async () => {
  const client = connect();
  await assert.rejects(all(client, "subscription { thereIsNoSuchField }"), (error) => error.response.status === 400);
  await assert.rejects(all(client, EVENTS, { after: "not a cursor" }));
  const [read] = await all(client, ONE, { id: BOEING });
  assert.ok(read.data.deal);
  client.dispose();
});

test("an EventSource gets cursors as ids, and after a lost connection goes on behind the last", async () => {
  const address = new URL(url);
  address.searchParams.set("query", EVENTS);
  address.searchParams.set("variables", JSON.stringify({ after: "0" }));
  const listen = (init) => {
    const heard = [];
    const opened = new EventSource(address, init);
    opened.addEventListener("next", ({ data, lastEventId }) => heard.push({ ...JSON.parse(data).data.events, lastEventId }));
    return { heard, close: () => opened.close() };
  };
  const first = listen();
  await soon(() => first.heard.length > 5);
  first.close();
  assert.ok(first.heard.every(({ cursor, lastEventId }) => cursor === lastEventId));
  const resumed = listen({
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, "Last-Event-ID": first.heard[3].cursor } }),
  });
  await soon(() => resumed.heard.length > 3);
  resumed.close();
  assert.deepEqual(resumed.heard.slice(0, 3).map(({ position }) => position), [5, 6, 7]);
});
