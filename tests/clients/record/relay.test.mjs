// Relay: its compiler takes the schema that the service hands out, and its runtime reads, pages and follows by what it made.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createClient } from "graphql-ws";
import runtime from "relay-runtime";
import WebSocket from "ws";
import { BOEING, headers, record, socket, soon, source, titles, url } from "./service.mjs";

const { ConnectionHandler, Environment, Network, Observable, RecordSource, Store } = runtime;
const { commitLocalUpdate, commitMutation, createOperationDescriptor, fetchQuery, getRequest, requestSubscription } = runtime;
const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "tamga-relay-"));
after(() => rmSync(folder, { recursive: true }));

before(async () => {
  const schema = await (await fetch(new URL("/graphql/schema", url))).text();
  writeFileSync(join(folder, "schema.graphql"), schema);
  cpSync(fileURLToPath(new URL("relay", import.meta.url)), join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "relay.config.json"), '{"src": "src", "schema": "schema.graphql", "language": "javascript"}');
  const compiler = require.resolve("relay-compiler/cli.js");
  const { status, stdout, stderr } = spawnSync("node", [compiler, "relay.config.json"], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});

const made = (name) => getRequest(require(join(folder, "src", "__generated__", `${name}.graphql.js`)));

const environment = () => {
  const ask = async ({ text: query }, variables) => {
    const body = JSON.stringify({ query, variables });
    const answer = await fetch(url, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
    return answer.json();
  };
  const client = createClient({ url: socket, webSocketImpl: WebSocket, lazyCloseTimeout: 0 });
  const follow = ({ text: query }, variables) =>
    Observable.create((sink) => client.subscribe({ query, variables }, sink));
  return new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
};
const read = async (relay, name, variables) => {
  const operation = createOperationDescriptor(made(name), variables);
  relay.retain(operation);
  await fetchQuery(relay, made(name), variables).toPromise();
  return relay.lookup(operation.fragment).data;
};

// What the store keeps of a connection: where it stands and its nodes.
const connection = (relay, owner, key, filters) => {
  let found;
  commitLocalUpdate(relay, (store) => {
    const kept = ConnectionHandler.getConnection(store.get(owner), key, filters);
    const nodes = kept.getLinkedRecords("edges").map((edge) => edge.getLinkedRecord("node"));
    found = { at: (name) => kept.getLinkedRecord("pageInfo").getValue(name), all: (name) => nodes.map((node) => node.getValue(name)) };
  });
  return found;
};

test("a list loads more, page by page, into one connection of the store", async () => {
  const relay = environment();
  await read(relay, "documentsListQuery", { count: 3 });
  const list = () => connection(relay, "client:root", "documents_deals", { orderBy: "TITLE" });
  while (list().at("hasNextPage")) {
    await read(relay, "documentsListMoreQuery", { count: 3, after: list().at("endCursor") });
  }
  assert.deepEqual(list().all("title"), await titles());
});

test("a history loads what came before, by the node field that Relay makes its query on", async () => {
  const relay = environment();
  await read(relay, "documentsDealQuery", { id: BOEING });
  const history = () => connection(relay, BOEING, "documents_history");
  while (history().at("hasPreviousPage")) {
    await read(relay, "documentsHistoryMoreQuery", { id: BOEING, count: 5, before: history().at("startCursor") });
  }
  const ids = history().all("id");
  assert.ok(ids.length > 10);
  assert.deepEqual(ids, ids.map((_, index) => `${BOEING}@${index + 1}`));
});

test("a search hit and the object that it found are two records of the store", async () => {
  const relay = environment();
  const { search } = await read(relay, "documentsSearchQuery", { text: "boeing" });
  for (const { node } of search.edges) {
    assert.equal(node.object.id, node.objectId);
    assert.ok(node.snippet);
    assert.notEqual(node.object.__typename, "SearchHit");
  }
});

test("a mutation and a subscription write the same record of the store", async () => {
  const relay = environment();
  const seen = [];
  const requested = requestSubscription(relay, {
    subscription: made("documentsEventsSubscription"),
    variables: {},
    onNext: ({ events }) => seen.push(events.object?.id ?? "caught up"),
    onError: assert.fail,
  });
  await soon(() => seen.length === 1);
  const input = source("source:relay");
  await new Promise((resolve, reject) =>
    commitMutation(relay, {
      mutation: made("documentsRecordMutation"),
      variables: { input },
      onCompleted: resolve,
      onError: reject,
    }),
  );
  await soon(() => seen.includes("source:relay"));
  const stored = relay.getStore().getSource().get("source:relay");
  assert.deepEqual([stored.__typename, stored.title, stored.version], ["Source", input.title, 1]);
  await record("source:relay-other");
  await soon(() => seen.length === 3);
  assert.deepEqual(seen, ["caught up", "source:relay", "source:relay-other"]);
  requested.dispose();
});
