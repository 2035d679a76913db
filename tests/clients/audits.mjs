// The public audits of GraphQL over HTTP: every one, with its result.
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.env.TAMGA_URL });
const told = await Promise.all(results.map(async ({ id, name, status, reason }) => ({ id, name, status, reason })));
console.log(JSON.stringify(told));
