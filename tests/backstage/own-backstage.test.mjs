// `npm run dev -- --origin`: a Backstage that is started apart, as docs/local-development.md says.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort, startBackend } from "../../dev/backstage/backend.mjs";
import { blocksOf } from "../../dev/backstage/documented.mjs";
import { startDev, urlOf } from "../dev/running.mjs";
import { catalogShown, logIn, openChrome, settingsShow } from "./chrome.mjs";

const CATALOG = ["org", "users"].map((name) =>
  fileURLToPath(new URL(`../../examples/catalog/${name}.yaml`, import.meta.url)),
);

let chrome;
before(async () => {
  chrome = await openChrome();
});
after(() => chrome?.close());

test("a Backstage with the documented configuration is signed in to behind the emulator", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-own-"));
  t.after(() => rm(dir, { recursive: true }));
  const port = await freePort();
  const catalog = CATALOG.flatMap((path) => ["--catalog", path]);
  const dev = startDev(t, "--port", "0", "--origin", `http://localhost:${port}`, ...catalog);
  const url = await urlOf(dev);

  const block = (await blocksOf("local-development.md", {})).get("app-config: local");
  const config = join(dir, "app-config.access.yaml");
  await writeFile(config, block.replaceAll("http://localhost:8787", url));
  const backend = await startBackend({
    port,
    baseUrl: url,
    dir,
    catalog: CATALOG,
    configs: [config],
  });
  t.after(() => backend.close());

  const { page } = chrome;
  await logIn(page, url);
  await catalogShown(page);
  await settingsShow(page, url, /User Entity: Ingrid Solheim/);
});
