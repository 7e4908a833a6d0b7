// The real front end: Backstage's own packages in Chromium, behind Access and the Worker, with the
// real backend's catalog. Makes the pictures in docs/ that are missing, with PICTURES=1 all of them.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { CHROME, FLAGS } from "../browser/chromium.mjs";
import { startAppOrigin } from "./app/origin.mjs";
import { startGround } from "./ground.mjs";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));
const REFRESH = "/api/auth/cfaccess/refresh";
const INGRID = "ingrid.solheim@meridian.example";
const INGRID_REF = "user:default/ingrid.solheim";
const USERS_PAGE = "/catalog?filters[kind]=user&filters[user]=all";
const FIFTY_SIX_MINUTES = 56 * 60 * 1000;

describe("the real front end", () => {
  const ground = {};
  let profile;
  let context;
  let page;
  let refreshes;
  let errors;

  before(async () => {
    const baseUrl = () => ground.url;
    Object.assign(
      ground,
      await startGround({ origin: (backendUrl) => startAppOrigin({ backendUrl, baseUrl }) }),
    );
    profile = await mkdtemp(join(tmpdir(), "cfaccess-app-"));
    context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROME,
      headless: true,
      args: FLAGS,
      viewport: { width: 1100, height: 720 },
    });
    page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(60_000);
    refreshes = [];
    errors = [];
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (pathname === REFRESH) refreshes.push(response);
    });
    page.on("pageerror", (error) => errors.push(String(error)));
  });
  after(async () => {
    await context?.close();
    await ground.close?.();
    if (profile) await rm(profile, { recursive: true, force: true });
  });

  const entityRef = () => page.getByTestId("entity-ref").textContent();
  const usersListed = () => page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();
  /** A new picture differs in its bytes though nobody sees it: they are made anew on demand. */
  async function picture(name, options) {
    const path = join(DOCS, `${name}.png`);
    if (process.env.PICTURES || !existsSync(path)) await page.screenshot({ path, ...options });
  }

  async function logIn() {
    await page.getByTestId(`user-${INGRID}`).click();
    await page.getByTestId("entity-ref").waitFor();
  }

  test("a person who logs in at Access lands signed in, with no further page", async () => {
    await page.goto(ground.url);
    await page.getByTestId(`user-${INGRID}`).waitFor();
    await picture("sign-in", { fullPage: true });
    await logIn();
    assert.equal(new URL(page.url()).pathname, "/");
    assert.equal(await entityRef(), INGRID_REF);
    assert.deepEqual(
      await page.getByTestId("ownership-refs").getByRole("listitem").allTextContents(),
      [INGRID_REF, "group:default/engineering", "group:default/platform"],
    );
    await page.getByText("Ingrid Solheim").first().waitFor();
    assert.equal(refreshes.length, 1);
  });

  test("the raw assertion is nowhere in what the page was given", async () => {
    const body = await refreshes[0].text();
    const [cookie] = (await context.cookies()).filter(({ name }) => name === "CF_Authorization");
    assert.equal(cookie.httpOnly, true);
    assert.ok(!body.includes(cookie.value));
  });

  test("the catalog page shows what the real backend has", async () => {
    await page.goto(ground.url + USERS_PAGE);
    await usersListed();
    await page.evaluate(() => document.fonts.ready);
    await picture("catalog");
    assert.equal(refreshes.length, 2, "one more, for the new document");
  });

  test("a token within its refresh margin is replaced unnoticed", async () => {
    await page.goto(ground.url);
    await page.getByTestId("entity-ref").waitFor();
    const before = refreshes.length;
    await page.clock.install({ time: Date.now() + FIFTY_SIX_MINUTES });
    await page
      .getByRole("link", { name: /catalog/i })
      .first()
      .click();
    await page
      .getByRole("heading", { name: /catalog/i })
      .first()
      .waitFor();
    await page
      .getByRole("heading", { name: /\(\d+\)/ })
      .first()
      .waitFor();
    assert.ok(refreshes.length > before, "it was refreshed");
    assert.deepEqual(
      refreshes.slice(before).map((response) => response.status()),
      refreshes.slice(before).map(() => 200),
    );
    assert.equal(await page.getByRole("alert").count(), 0);
    assert.equal(await page.getByTestId("sign-in-error").count(), 0);
    await page.clock.setSystemTime(Date.now());
  });

  test("an Access session that ends while a page is open makes an error in the page, not a broken page", async () => {
    await page.goto(ground.url);
    await page.getByTestId("entity-ref").waitFor();
    ground.access.revoke(INGRID);
    const refused = page.waitForResponse((response) => response.url().includes("/api/catalog/"));
    await page
      .getByRole("link", { name: /catalog/i })
      .first()
      .click();
    const answer = await refused;
    assert.equal(answer.status(), 401);
    await page
      .getByText(/401|Unauthorized|Error/)
      .first()
      .waitFor();
    assert.ok(
      await page.getByRole("link", { name: /me/i }).first().isVisible(),
      "the frame is there",
    );
  });

  test("a new document leads to the login, and from there back to where one was", async () => {
    await page.reload();
    await page.getByTestId(`user-${INGRID}`).click();
    await page.waitForURL(/\/catalog/);
    await page.goto(ground.url);
    await page.getByTestId("entity-ref").waitFor();
    assert.equal(await entityRef(), INGRID_REF);
  });

  test("a session that has ended by the time of the sign-in makes a clean error", async () => {
    await page.route("**/index.js", async (route) => {
      const response = await route.fetch();
      ground.access.revoke(INGRID);
      await route.fulfill({ response });
    });
    await page.goto(ground.url);
    await page.getByTestId("sign-in-error").waitFor();
    await page.unroute("**/index.js");
    await picture("session-expired");
    const last = refreshes.at(-1);
    assert.equal(last.status(), 401);
    assert.match(last.headers()["content-type"], /^application\/json/);
    assert.match(await page.getByTestId("sign-in-error").textContent(), /Your session has ended/);
  });

  test("its button leads to the login and to a working page", async () => {
    await page.getByRole("button", { name: "Log in again" }).click();
    await logIn();
    assert.equal(await entityRef(), INGRID_REF);
    await page.goto(ground.url + USERS_PAGE);
    await usersListed();
  });

  test("the page has thrown nothing", () => assert.deepEqual(errors, []));
});
