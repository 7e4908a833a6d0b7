// A Backstage backend: catalog, permissions, the probe plugin; with AUTH_PLUGIN also the auth plugin
// and the official provider. Its configuration comes from --config arguments, as everywhere.

import { createRequire } from "node:module";
import { createBackend } from "@backstage/backend-defaults";
import { furtherProviders } from "./further-providers.mjs";
import { probe } from "./probe.mjs";

const load = createRequire(import.meta.url);
const backend = createBackend();
const add = (name) => backend.add(load(name).default);

add("@backstage/plugin-catalog-backend");
add("@backstage/plugin-permission-backend");
add("@backstage/plugin-permission-backend-module-allow-all-policy");
if (process.env.AUTH_PLUGIN) {
  add("@backstage/plugin-auth-backend");
  add("@backstage/plugin-auth-backend-module-cloudflare-access-provider");
  backend.add(furtherProviders);
}
backend.add(probe);

await backend.start();
