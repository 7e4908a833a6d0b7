// The backend that create-app writes: the plugins of its template, in the template's order, and beside
// them the official Access provider and GitHub's, which a Backstage behind Access has, and what the tests
// look through. Its configuration comes from --config arguments, as everywhere.
//
// AUTH_PLUGIN=no leaves out the auth plugin and its modules. PLUGINS=few leaves out all but catalog,
// permissions and auth.

import { readFile } from "node:fs/promises";
import { createBackend } from "@backstage/backend-defaults";
import { furtherProviders } from "./further-providers.mjs";
import { probe } from "./probe.mjs";

const TEMPLATE =
  "../node_modules/@backstage/create-app/templates/default-app/packages/backend/src/index.ts";
const AUTH = "@backstage/plugin-auth-backend";
const FEW = /^@backstage\/plugin-(auth|catalog|permission)-backend/;

const hasAuth = process.env.AUTH_PLUGIN !== "no";
const source = await readFile(new URL(TEMPLATE, import.meta.url), "utf8");
const template = [...source.matchAll(/import\(\s*'(.+?)',?\s*\)/g)].map(([, name]) => name);
if (!template.includes(AUTH)) throw new Error(`${TEMPLATE} is not what it was`);

const names = [
  ...template,
  `${AUTH}-module-github-provider`,
  `${AUTH}-module-cloudflare-access-provider`,
]
  .filter((name) => hasAuth || !name.startsWith(AUTH))
  .filter((name) => process.env.PLUGINS !== "few" || FEW.test(name));

const backend = createBackend();
for (const name of names) backend.add(import(name));
if (hasAuth) backend.add(furtherProviders);
backend.add(probe);

await backend.start();
