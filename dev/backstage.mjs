// Backstage itself in the place of the demo origin, once tests/backstage/ has been installed and
// built: its own front end, and a real backend with the example catalog.

import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startAppOrigin } from "../tests/backstage/app/origin.mjs";
import { authServedBy, freePort, startBackend } from "../tests/backstage/backend.mjs";

const FOLDER = fileURLToPath(new URL("../tests/backstage", import.meta.url));
const CATALOG = ["org", "users"].map((name) =>
  fileURLToPath(new URL(`../examples/catalog/${name}.yaml`, import.meta.url)),
);
/** What there is once it has been installed, and once it has been built. */
const SIGNS = ["node_modules/.package-lock.json", "app/dist/.inputs"];

const PLAIN =
  "It is a plain page that shows the session. For Backstage itself, front end and backend,";

/** Whether Backstage is shown, and what to say of it: `{isBackstage, says}`. */
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
    return { isBackstage: true, says };
  }
  const says = isBuilt
    ? [PLAIN, "npm run dev                        (without --plain)"]
    : [PLAIN, "npm run test:backstage -- app      (once: 750 MB, a few minutes)"];
  return { isBackstage: false, says };
}

/**
 * Starts the front end, which browsers reach at `baseUrl`. The backend comes after the Worker, which
 * it has to know: `startBackend`.
 */
export async function startBackstage({ baseUrl }) {
  const port = await freePort();
  const backendUrl = `http://127.0.0.1:${port}`;
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-dev-"));
  const app = await startAppOrigin({ backendUrl, baseUrl: () => baseUrl });
  let backend;
  return {
    url: app.url,
    async startBackend(workerUrl) {
      const configs = [authServedBy(workerUrl)];
      backend = await startBackend({ port, baseUrl, dir, catalog: CATALOG, configs });
    },
    async close() {
      await app.close();
      await backend?.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
