// urql: a query, a mutation with the key, and a subscription over Server-Sent Events by its own fetch source.
import { Client, fetchExchange, gql } from "@urql/core";
import { documents, give, take } from "./shared.mjs";

const client = new Client({
  url: process.env.TAMGA_URL,
  exchanges: [fetchExchange],
  fetchSubscriptions: true,
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { authorization: `Bearer ${process.env.TAMGA_KEY}` } }),
});

const query = await client.query(gql(documents.query), {}).toPromise();
const byGet = await client.query(gql(documents.query), {}, { preferGetMethod: "force" }).toPromise();
const mutation = await client.mutation(gql(documents.mutation), documents.variables).toPromise();
const refused = await client.query(gql("{ thereIsNoSuchField }"), {}).toPromise();
const messages = await take((next, error) => {
  const source = client.subscription(gql(documents.subscription), documents.streaming);
  return source.subscribe((result) => (result.error ? error(result.error) : next(result.data))).unsubscribe;
});
give({
  query: query.data,
  byGet: byGet.data,
  mutation: mutation.data,
  error: refused.error?.graphQLErrors[0].extensions.code,
  messages,
});
