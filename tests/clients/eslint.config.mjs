// What graphql-eslint asks of the schema: its recommended rules for schemas and its rules for Relay.
import plugin from "@graphql-eslint/eslint-plugin";

const { rules: recommended } = plugin.configs["flat/schema-recommended"];
const { rules: relay } = plugin.configs["flat/schema-relay"];

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser: plugin.parser,
      parserOptions: { graphQLConfig: { schema: process.env.TAMGA_SCHEMA } },
    },
    plugins: { "@graphql-eslint": plugin },
    rules: {
        ...recommended,
        ...relay,
        // Values, claims and pages have no identity of their own; whatever has one implements Node.
        "@graphql-eslint/strict-id-in-types": "off",
        // Short lists of values (parties of a deal, lines of an order) are plain lists, and connections offer `nodes`.
        "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
    },
  },
];
