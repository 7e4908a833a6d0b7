// `npm run dev` with Backstage itself behind it, which it shows once this folder is installed and the app
// is built.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { childrenOf, isRunning, startDev, urlOf } from "../dev/running.mjs";
import { catalogShown, logIn, openChrome, settingsShow } from "./chrome.mjs";

let chrome;
before(async () => {
  chrome = await openChrome();
});
after(() => chrome?.close());

test("it shows the app that create-app writes with the example catalog, and leaves nothing behind", async (t) => {
  const dev = startDev(t, "--port", "0");
  const url = await urlOf(dev);
  assert.match(dev.output, /It is Backstage's own front end.*\n +npm run dev -- --plain\n/);

  const { page } = chrome;
  await logIn(page, url);
  await catalogShown(page);
  await settingsShow(page, url, /User Entity: Ingrid Solheim/);
  await page.goto(`${url}/?filters[kind]=user&filters[user]=all`);
  await page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();

  const children = await childrenOf(dev.child.pid);
  if (process.platform === "linux") assert.ok(children.length > 1, "workerd and the backend");
  dev.child.kill("SIGTERM");
  assert.deepEqual(await dev.exited, [0, null]);
  await assert.rejects(fetch(url));
  for (const pid of children) assert.ok(!isRunning(pid), `process ${pid} is left`);
});
