// What a Relay application declares: a list and a history that load more, an object fetched anew by its id, search hits.
graphql`
  query documentsListQuery($count: Int!) {
    ...documents_list @arguments(count: $count)
  }
`;

graphql`
  fragment documents_list on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 3 }, after: { type: "String" })
  @refetchable(queryName: "documentsListMoreQuery") {
    deals(first: $count, after: $after, orderBy: TITLE) @connection(key: "documents_deals") {
      totalCount
      edges {
        node {
          id
          ...documents_deal @relay(mask: false)
        }
      }
    }
  }
`;

graphql`
  fragment documents_deal on Deal {
    title
    commitment
    value {
      verification
      claims {
        id
        text
        sources {
          source {
            title
          }
        }
      }
    }
  }
`;

graphql`
  query documentsDealQuery($id: ID!) {
    deal(id: $id) {
      ...documents_history
    }
  }
`;

graphql`
  fragment documents_history on Deal
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, before: { type: "String" })
  @refetchable(queryName: "documentsHistoryMoreQuery") {
    history(last: $count, before: $before) @connection(key: "documents_history") {
      edges {
        node {
          id
          type
        }
      }
    }
  }
`;

graphql`
  query documentsSearchQuery($text: String!) {
    search(text: $text, first: 5) {
      edges {
        node {
          objectId
          snippet
          object {
            __typename
            id
            ... on Deal {
              title
            }
          }
        }
      }
    }
  }
`;

graphql`
  mutation documentsRecordMutation($input: SourceRegisteredInput!) {
    recordSourceRegistered(input: $input) {
      __typename
      ... on Recorded {
        object {
          id
          ... on Source {
            title
          }
        }
      }
    }
  }
`;

graphql`
  subscription documentsEventsSubscription($after: String) {
    events(after: $after) {
      __typename
      ... on EventRecorded {
        object {
          id
          ... on Source {
            title
            version
          }
        }
      }
    }
  }
`;
