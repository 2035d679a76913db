// graphql-eslint's recommended and Relay rules over a schema file. TAMGA_SCHEMA: its path.
import { rules } from "@graphql-eslint/eslint-plugin";
import graphql from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { buildSchema, isObjectType } from "graphql";
import { readFileSync } from "node:fs";

const text = readFileSync(process.env.TAMGA_SCHEMA, "utf8");
const types = Object.values(buildSchema(text).getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));
// Values (money, dates, pages, results) are no entities: what implements Node must have an id, the others need none.
const values = types.filter((type) => !type.getInterfaces().some(({ name }) => name === "Node")).map(({ name }) => name);
const recommended = graphql.configs["flat/schema-recommended"].rules;
const relay = graphql.configs["flat/schema-relay"].rules;
const eslint = new ESLint({
  overrideConfigFile: true,
  baseConfig: [
    {
      files: ["**/*.graphql"],
      plugins: { "@graphql-eslint": { rules } },
      languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: process.env.TAMGA_SCHEMA } } },
      rules: {
        ...recommended,
        ...relay,
        "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: values } }],
        // Relay itself lets lists hold values and connections run over types that are no Node.
        "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
      },
    },
  ],
});
const results = await eslint.lintText(text, { filePath: "schema.graphql" });
console.log(JSON.stringify(results[0].messages.map(({ ruleId, message, line }) => ({ ruleId, message, line }))));
