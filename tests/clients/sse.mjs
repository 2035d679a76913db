// graphql-sse in distinct connections, and an EventSource as browsers have it, which resumes by Last-Event-ID.
import { createClient } from "graphql-sse";
import { EventSource } from "eventsource";
import { documents, give, take } from "./shared.mjs";

const url = process.env.TAMGA_URL;
const client = createClient({ url, headers: { authorization: `Bearer ${process.env.TAMGA_KEY}` }, retryAttempts: 0 });
const once = async (query, variables) => {
  let found;
  for await (const result of client.iterate({ query, variables })) found = result;
  return found;
};

const query = await once(documents.query);
const mutation = await once(documents.mutation, documents.variables);
const messages = await take((next, error) =>
  client.subscribe(
    { query: documents.subscription, variables: documents.streaming },
    { next: (result) => next(result.data), error, complete: () => {} },
  ),
);
const refused = await once("{ thereIsNoSuchField }").catch((error) => error.response?.status);

const address = new URL(url);
address.searchParams.set("query", documents.subscription);
address.searchParams.set("variables", JSON.stringify(documents.streaming));
const ids = [];
const browser = await take((next, error) => {
  const source = new EventSource(address);
  source.addEventListener("next", (event) => (ids.push(event.lastEventId), next(JSON.parse(event.data).data)));
  source.onerror = (event) => event.code && error(event);
  return () => source.close();
});
give({ query: query.data, mutation: mutation.data, messages, refused, browser, ids: ids.slice(0, documents.messages) });
client.dispose();
