// graphql-ws: a query, a mutation with the key of connection_init, a subscription, and an error that ends nothing else.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { documents, give, take } from "./shared.mjs";

const client = createClient({
  url: process.env.TAMGA_URL.replace("http", "ws"),
  webSocketImpl: WebSocket,
  lazy: false,
  connectionParams: { Authorization: `Bearer ${process.env.TAMGA_KEY}` },
});
const once = (query, variables) =>
  new Promise((resolve, reject) => {
    let found;
    client.subscribe({ query, variables }, { next: (data) => (found = data), error: reject, complete: () => resolve(found) });
  });

const query = await once(documents.query);
const refused = await once("{ thereIsNoSuchField }").catch((errors) => errors[0].extensions.code);
const mutation = await once(documents.mutation, documents.variables);
const messages = await take((next, error) =>
  client.subscribe(
    { query: documents.subscription, variables: documents.streaming },
    { next: (result) => next(result.data), error, complete: () => {} },
  ),
);
give({ query: query.data, error: refused, mutation: mutation.data, messages });
await client.dispose();
