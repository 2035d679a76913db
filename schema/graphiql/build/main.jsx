// The GraphiQL page of Tamga: queries and mutations by POST, subscriptions by WebSocket (graphql-transport-ws). What the
// headers editor holds goes into both, so one `Authorization` serves all three.
import { GraphiQL } from 'graphiql';
import { getOperationAST, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './page.css';

const root = document.getElementById('graphiql');
const endpoint = new URL(root.dataset.endpoint, location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

async function post(request, headers) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json, application/json;q=0.9', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
  }
}

async function* subscribe(request, headers) {
  const client = createClient({ url: socket.href, connectionParams: headers, retryAttempts: 0 });
  try {
    yield* client.iterate(request);
  } catch (error) {
    throw error instanceof CloseEvent ? new Error(`The server closed the stream: ${error.code} ${error.reason}`) : error;
  } finally {
    await client.dispose();
  }
}

function fetcher(request, { documentAST, headers } = {}) {
  const operation = getOperationAST(documentAST ?? parse(request.query), request.operationName);
  return operation?.operation === 'subscription' ? subscribe(request, headers) : post(request, headers);
}

const narrow = matchMedia('(max-width: 700px)').matches;

createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={JSON.parse(root.dataset.tabs)}
    schemaDescription
    shouldPersistHeaders={false}
    defaultEditorToolsVisibility={narrow ? false : 'headers'}
  >
    <GraphiQL.Logo>{root.dataset.title}</GraphiQL.Logo>
  </GraphiQL>,
);
