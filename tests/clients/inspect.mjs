// graphql-inspector: the breaking changes from one schema file (TAMGA_BEFORE) to another (TAMGA_SCHEMA).
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";
import { readFileSync } from "node:fs";

const read = (path) => buildSchema(readFileSync(path, "utf8"));
const changes = await diff(read(process.env.TAMGA_BEFORE), read(process.env.TAMGA_SCHEMA));
const breaking = changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
console.log(JSON.stringify(breaking.map(({ path, message }) => ({ path, message }))));
