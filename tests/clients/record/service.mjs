// The service under test: TAMGA_URL and TAMGA_KEY say where it is and what may write; and what all clients ask of it.
export const url = process.env.TAMGA_URL;
export const socket = url.replace("http", "ws");
export const headers = { authorization: `Bearer ${process.env.TAMGA_KEY}` };

export const ONE = /* GraphQL */ `
  query One($id: ID!) {
    deal(id: $id) {
      id
      title
      commitment
      value {
        verification
        shown {
          low
          currency
        }
      }
      parties {
        role
        party {
          id
          name
        }
      }
    }
  }
`;
export const PAGE = /* GraphQL */ `
  query Page($first: Int, $after: String) {
    deals(first: $first, after: $after, orderBy: TITLE) {
      totalCount
      edges {
        cursor
        node {
          id
          title
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`;
export const RECORD = /* GraphQL */ `
  mutation Record($input: SourceRegisteredInput!, $commandId: String) {
    recordSourceRegistered(input: $input, commandId: $commandId) {
      ... on Recorded {
        position
        commandId
        object {
          id
        }
      }
      ... on Refused {
        code
        field
        message
      }
    }
  }
`;
export const EVENTS = /* GraphQL */ `
  subscription Events($after: String, $until: Until, $filter: StreamFilter) {
    events(after: $after, until: $until, filter: $filter) {
      ... on EventRecorded {
        cursor
        position
        event {
          id
          type
        }
      }
      ... on CaughtUp {
        cursor
      }
    }
  }
`;
export const BOEING = "deal:uz-boeing-787";

// A source of that id, as RECORD takes it.
export const source = (id) => ({ id, kind: "NEWS", title: `The title of ${id}` });

// Records a source, not by the client under test; gives its position.
export const record = async (id) => {
  const body = JSON.stringify({ query: RECORD, variables: { input: source(id) } });
  const answer = await fetch(url, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
  return (await answer.json()).data.recordSourceRegistered.position;
};

// Waits for what a test expects to happen soon.
export const soon = async (holds, seconds = 10) => {
  const deadline = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

// The titles of all deals in order, asked without any client.
export const titles = async () => {
  const body = JSON.stringify({ query: PAGE, variables: { first: 100 } });
  const answer = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  return (await answer.json()).data.deals.edges.map(({ node }) => node.title);
};
