// graphql-ws: one socket for many operations, errors that end only their own, and going on where a cut socket ended.
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { BOEING, EVENTS, ONE, RECORD, headers, record, socket, soon, source } from "./service.mjs";

const connect = (options = {}) =>
  createClient({
    url: socket,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: headers.authorization },
    ...options,
  });
const all = async (client, query, variables) => {
  const found = [];
  for await (const result of client.iterate({ query, variables })) found.push(result);
  return found;
};

test("queries and mutations go over the socket too", async () => {
  const client = connect();
  const [read] = await all(client, ONE, { id: BOEING });
  const [written] = await all(client, RECORD, { input: source("source:ws") });
  assert.equal(read.data.deal.commitment, "FIRM");
  assert.equal(written.data.recordSourceRegistered.object.id, "source:ws");
  await client.dispose();
});

test("an operation that fails leaves the socket and the others alone", async () => {
  let sockets = 0;
  const client = connect({ on: { connected: () => sockets++ }, lazyCloseTimeout: 200 });
  const ids = [];
  const end = client.subscribe(
    { query: EVENTS, variables: {} },
    { next: ({ data }) => ids.push(data.events.event?.id ?? "caught up"), error: assert.fail, complete: () => {} },
  );
  await soon(() => ids.length === 1);
  for (const query of ["{", "{ thereIsNoSuchField }", "query A { log { position } } query B { log { position } }"]) {
    await assert.rejects(all(client, query), (errors) => Boolean(errors[0].extensions.code));
  }
  await assert.rejects(all(client, EVENTS, { after: "not a cursor" }), ([error]) => error.extensions.code === "BAD_CURSOR");
  await record("source:ws-after-errors");
  await soon(() => ids.length === 2);
  assert.deepEqual(ids, ["caught up", "source:ws-after-errors@1"]);
  assert.equal(sockets, 1);
  end();
  await client.dispose();
});

test("a replay ends by itself", async () => {
  const client = connect();
  const messages = await all(client, EVENTS, { after: "0", until: { position: 7 } });
  assert.deepEqual(messages.map(({ data }) => data.events.position).filter(Boolean), [1, 2, 3, 4, 5, 6, 7]);
  await client.dispose();
});

test("after a cut socket it goes on behind the last cursor, and nothing is lost or repeated", async () => {
  const cut = await cuttable(new URL(socket).port);
  let sockets = 0;
  const client = connect({
    url: `ws://127.0.0.1:${cut.port}/graphql`,
    on: { connected: () => sockets++ },
    retryAttempts: 20,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
    shouldRetry: () => true,
  });
  const variables = { after: "0" };
  const positions = [];
  const end = client.subscribe(
    { query: EVENTS, variables },
    {
      next: ({ data }) => {
        variables.after = data.events.cursor;
        if (data.events.position) positions.push(data.events.position);
      },
      error: assert.fail,
      complete: () => {},
    },
  );
  await soon(() => positions.length > 20);
  let last;
  for (let time = 0; time < 3; time++) {
    cut.now();
    last = await record(`source:ws-cut-${time}`);
    await soon(() => positions.at(-1) === last);
  }
  assert.deepEqual(positions, Array.from({ length: last }, (_, index) => index + 1));
  assert.equal(sockets, 4);
  end();
  await client.dispose();
  cut.close();
});

// A way to the server that can be cut.
const cuttable = async (port) => {
  const open = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), "127.0.0.1");
    for (const one of [near, far]) open.add(one.on("error", () => {}));
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const now = () => (open.forEach((one) => one.destroy()), open.clear());
  return { port: server.address().port, now, close: () => (now(), server.close()) };
};
