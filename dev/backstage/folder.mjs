// Where the real Backstage is installed and built: tests/backstage, which has packages of its own, or a
// copy of it (`npm run test:backstage -- --newest`).

import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const FOLDER =
  process.env.BACKSTAGE_FOLDER ?? fileURLToPath(new URL("../../tests/backstage", import.meta.url));

/** The template's app-config.yaml. It has no placeholders of create-app, only Backstage's own. */
export const templateConfig = (folder) => join(folder, "app", "app-config.yaml");

/** It reads environment variables that a build has no use for. */
export const TEMPLATE_ENV = { GITHUB_TOKEN: "not-a-token" };
