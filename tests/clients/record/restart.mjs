// graphql-ws through a restart of the server: goes on behind the cursor of the last message until it sees TAMGA_LAST.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { EVENTS, socket } from "./service.mjs";

const client = createClient({
  url: socket,
  webSocketImpl: WebSocket,
  retryAttempts: 200,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 100)),
  shouldRetry: () => true,
  on: { closed: ({ code }) => console.log(JSON.stringify({ closed: code })) },
});
const variables = { after: "0" };
let last;
while (last !== process.env.TAMGA_LAST) {
  for await (const { data, extensions } of client.iterate({ query: EVENTS, variables })) {
    console.log(JSON.stringify(data?.events ?? extensions));
    variables.after = data?.events.cursor ?? extensions.resume;
    last = data?.events.event?.id;
    if (last === process.env.TAMGA_LAST) break;
  }
}
await client.dispose();
