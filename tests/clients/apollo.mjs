// Apollo Client: a query, a persisted query, a mutation with the key, and a subscription over multipart HTTP.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { createHash } from "node:crypto";
import { documents, give, take } from "./shared.mjs";

const headers = { authorization: `Bearer ${process.env.TAMGA_KEY}` };
const sent = [];
const watching = (url, options) => (sent.push(String(options.body ?? url)), fetch(url, options));
const http = new HttpLink({ uri: process.env.TAMGA_URL, headers, fetch: watching });
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const client = (link) =>
  new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: "no-cache" } } });

const plain = client(http);
const query = await plain.query({ query: gql(documents.query) });
const mutation = await plain.mutate({ mutation: gql(documents.mutation), variables: documents.variables });
const messages = await take((next, error) => {
  const observable = plain.subscribe({ query: gql(documents.subscription), variables: documents.streaming });
  const running = observable.subscribe({ next: (result) => next(result.data), error });
  return () => running.unsubscribe();
});

const persisted = client(ApolloLink.from([new PersistedQueryLink({ sha256 }), http]));
sent.length = 0;
const unique = gql(`query Unique${Date.now()} { __typename }`);
const first = await persisted.query({ query: unique });
const second = await persisted.query({ query: unique });
give({
  query: query.data,
  mutation: mutation.data,
  messages,
  persisted: [first.data, second.data],
  carriedTheQuery: sent.map((body) => "query" in JSON.parse(body)),
});
plain.stop();
persisted.stop();
