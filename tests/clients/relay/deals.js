// What a Relay application asks: a page that loads more, an object by its id, a mutation, a subscription.
const page = graphql`
  query dealsPageQuery($count: Int!, $after: String) {
    ...deals_list @arguments(count: $count, after: $after)
  }
`;

const list = graphql`
  fragment deals_list on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "dealsMoreQuery") {
    deals(first: $count, after: $after) @connection(key: "deals_deals") {
      edges {
        node {
          id
          ...deals_item
        }
      }
    }
  }
`;

const item = graphql`
  fragment deals_item on Deal @refetchable(queryName: "dealsItemQuery") {
    title
    commitment
    value {
      verification
    }
  }
`;

const byId = graphql`
  query dealsByIdQuery($id: ID!) {
    node(id: $id) {
      ...deals_item @alias(as: "deal")
    }
  }
`;

const record = graphql`
  mutation dealsRecordMutation($input: DealAnnouncedInput!) {
    recordDealAnnounced(input: $input) {
      ... on Recorded {
        position
        object {
          ...deals_item @alias(as: "deal")
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
