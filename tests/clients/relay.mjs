// relay-compiler over the documents of relay/, with the schema file that TAMGA_SCHEMA names; TAMGA_OUT gets what it makes.
// It refetches an object by node(id), which may have no other argument.
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.env.TAMGA_OUT;
cpSync(join(here, "relay"), join(out, "src"), { recursive: true });
cpSync(process.env.TAMGA_SCHEMA, join(out, "schema.graphql"));
const config = { src: "./src", schema: "./schema.graphql", language: "javascript", eagerEsModules: true };
writeFileSync(join(out, "relay.config.json"), JSON.stringify(config));
const compiler = join(here, "node_modules", "relay-compiler", "cli.js");
const run = spawnSync("node", [compiler, "relay.config.json"], { cwd: out, encoding: "utf8" });
const made = run.status === 0 ? readdirSync(join(out, "src", "__generated__")).sort() : [];
console.log(JSON.stringify({ status: run.status, made, said: run.stdout + run.stderr }));
