// `npm run dev` with Backstage itself behind it, which it shows once this folder is installed and
// the app is built.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { CHROME, FLAGS } from "../browser/chromium.mjs";
import { childrenOf, isRunning, startDev, urlOf } from "../dev/running.mjs";
import { buildApp } from "./app/build.mjs";

const INGRID = "ingrid.solheim@meridian.example";

test("it shows Backstage's own front end and the backend's catalog, and leaves nothing behind", async (t) => {
  await buildApp();
  const dev = startDev(t, "--port", "0");
  const url = await urlOf(dev);
  assert.match(dev.output, /It is Backstage's own front end.*\n +npm run dev -- --plain\n/);

  const profile = await mkdtemp(join(tmpdir(), "cfaccess-dev-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROME,
    headless: true,
    args: FLAGS,
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  await page.getByTestId(`user-${INGRID}`).click();
  await page.getByTestId("entity-ref").waitFor();
  assert.equal(await page.getByTestId("entity-ref").textContent(), "user:default/ingrid.solheim");
  await page.goto(`${url}/catalog?filters[kind]=user&filters[user]=all`);
  await page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();

  const children = await childrenOf(dev.child.pid);
  if (process.platform === "linux") assert.ok(children.length > 1, "workerd and the backend");
  dev.child.kill("SIGTERM");
  assert.deepEqual(await dev.exited, [0, null]);
  await assert.rejects(fetch(url));
  for (const pid of children) assert.ok(!isRunning(pid), `process ${pid} is left`);
});
