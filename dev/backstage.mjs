// Backstage itself in the place of the demo origin, once tests/backstage/ has been installed and built: the
// app that create-app writes, its front end and its backend, with the example catalog. It is set up as
// docs/backstage.md says under "Alone".

import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, startBackend } from "./backstage/backend.mjs";
import { blocksOf } from "./backstage/documented.mjs";
import { FOLDER } from "./backstage/folder.mjs";

const CATALOG = ["org", "users"].map((name) =>
  fileURLToPath(new URL(`../examples/catalog/${name}.yaml`, import.meta.url)),
);
/** What there is once it has been installed, and once it has been built. */
const SIGNS = ["node_modules/.package-lock.json", "app/dist/.inputs"];

const PLAIN =
  "It is a plain page that shows the session. For Backstage itself, front end and backend,";

/** What is shown, as `runDev` takes it: Backstage, if it is there, with its `start`. */
export async function choosePage({ plain = false, folder = FOLDER } = {}) {
  const isBuilt = await Promise.all(SIGNS.map((sign) => access(join(folder, sign)))).then(
    () => true,
    () => false,
  );
  if (isBuilt && !plain) {
    const says = [
      "It is Backstage's own front end, and a real backend. For a plain page that shows the session:",
      "npm run dev -- --plain",
    ];
    return { start: startBackstage, says };
  }
  const says = isBuilt
    ? [PLAIN, "npm run dev                        (without --plain)"]
    : [PLAIN, "npm run test:backstage -- app      (once: 1.7 GB, a few minutes)"];
  return { says };
}

/**
 * Chooses where Backstage will be, which browsers reach at `baseUrl`. It is started after the Worker, which
 * it calls: `startBackend`.
 */
export async function startBackstage({ baseUrl, access: { team, audience } }) {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-dev-"));
  let backend;
  return {
    url: `http://127.0.0.1:${port}`,
    async startBackend() {
      const blocks = await blocksOf("backstage.md", { url: baseUrl, team, audience });
      const config = join(dir, "app-config.alone.yaml");
      await writeFile(config, blocks.get("app-config: alone"));
      backend = await startBackend({ port, baseUrl, dir, catalog: CATALOG, configs: [config] });
    },
    async close() {
      await backend?.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
