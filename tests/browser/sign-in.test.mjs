// Signing in as a person does it: a browser, the Access emulator in front of it all, the Worker,
// and the demo origin's page, which does what Backstage's sign-in page does.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { REFRESH, startGround } from "../edge/harness.mjs";
import { openBrowser as open, statusOnly } from "./browser.mjs";

const JANE = "jane@example.com";
const NOBODY = "nobody@example.com";

let ground;
let screenshots;

before(async () => {
  screenshots = await mkdtemp(join(tmpdir(), "cfaccess-screenshots-"));
  console.log(`screenshots: ${screenshots}`);
  ground = await startGround();
  ground.access.setUpstream(ground.gate.url);
});

after(() => ground?.close());

/** As of browser.mjs, with pictures of this file. */
async function openBrowser(t, options) {
  const browser = await open(t, options);
  const picture = (name) => browser.page.screenshot({ path: join(screenshots, `${name}.png`) });
  return { ...browser, picture };
}

const home = () => `${ground.access.url}/`;

/** Opens the page and chooses who to be on the login page to which that leads. */
async function signIn({ page }, email) {
  await page.goto(home());
  assert.equal(new URL(page.url()).pathname, "/cdn-cgi/access/login");
  await page.getByTestId(`user-${email}`).click();
  await page.waitForURL(home());
}

const isSessionShown = ({ page }) => page.getByTestId("entity-ref").waitFor();

test("a person signs in, stays signed in, and logs out", async (t) => {
  const browser = await openBrowser(t);
  const { page, complaints, shown, picture } = browser;
  await page.goto(home());
  await page.getByTestId(`user-${JANE}`).waitFor();
  await picture("1-login");

  await signIn(browser, JANE);
  await isSessionShown(browser);
  await picture("2-signed-in");
  assert.equal(await shown("display-name"), "Jane Doe");
  assert.equal(await shown("email"), JANE);
  assert.equal(await shown("entity-ref"), "user:default/jane.doe");
  assert.deepEqual(
    await page.getByTestId("ownership-refs").getByRole("listitem").allTextContents(),
    ["user:default/jane.doe", "group:default/team-a", "group:default/team-b"],
  );
  const seen = ground.origin.requests.map(({ url }) => url);
  assert.ok(seen.includes("/page.mjs"), "the page is the origin's");
  assert.ok(!seen.includes(REFRESH), "the session is not");

  await page.reload();
  await isSessionShown(browser);
  assert.equal(new URL(page.url()).pathname, "/");

  await page.getByTestId("log-out").click();
  await page.getByTestId("signed-out").waitFor();
  await picture("3-signed-out");
  await page.goto(home());
  await page.getByTestId(`user-${JANE}`).waitFor();
  assert.deepEqual(complaints, []);
});

test("after login the page that was asked for is shown, with its query", async (t) => {
  const { page } = await openBrowser(t);
  await page.goto(`${home()}?tab=mine`);
  await page.getByTestId(`user-${JANE}`).click();
  await page.waitForURL(`${home()}?tab=mine`);
  await page.getByTestId("entity-ref").waitFor();
});

test("a user who is not in the catalog reads why, and what to do", async (t) => {
  const browser = await openBrowser(t);
  const { page, complaints, shown, picture } = browser;
  await signIn(browser, NOBODY);
  await page.getByTestId("error").waitFor();
  await picture("4-not-in-catalog");
  assert.equal(await shown("error-code"), "user_not_found");
  assert.match(await page.getByRole("alert").textContent(), /catalog/);
  assert.ok(await page.getByTestId("entity-ref").isHidden());
  assert.deepEqual(statusOnly(complaints, 404), []);
});

test("a session that is revoked while the page loads is told in words", async (t) => {
  const browser = await openBrowser(t);
  const { page, complaints, picture } = browser;
  await signIn(browser, JANE);
  await isSessionShown(browser);

  await page.route(`**${REFRESH}`, async (route) => {
    ground.access.revoke(JANE);
    await route.continue();
  });
  await page.reload();
  await page.getByTestId("error").waitFor();
  await picture("5-revoked");
  assert.match(await page.getByRole("alert").textContent(), /Access session/);
  assert.ok(await page.getByTestId("entity-ref").isHidden());
  assert.deepEqual(statusOnly(complaints, 401), []);

  await page.unroute(`**${REFRESH}`);
  assert.ok(await page.getByRole("link", { name: "Try again" }).isVisible());
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByTestId(`user-${JANE}`).click();
  await isSessionShown(browser);
});

test("a session that get-identity no longer knows is told in words", async (t) => {
  const browser = await openBrowser(t);
  const { page, shown, picture } = browser;
  ground.access.setFault({ identity: { status: 403, body: { err: "revoked" } } });
  t.after(() => ground.access.setFault());
  await signIn(browser, JANE);
  await page.getByTestId("error").waitFor();
  await picture("6-identity-refused");
  assert.equal(await shown("error-code"), "identity_refused");
});

test("the assertion is nowhere that a script can read it", async (t) => {
  const browser = await openBrowser(t);
  const { context, page } = browser;
  const answered = page.waitForResponse((response) => response.url().endsWith(REFRESH));
  await signIn(browser, JANE);
  const answer = await answered;
  await isSessionShown(browser);

  const cookies = await context.cookies();
  const { value: assertion, httpOnly } = cookies.find(({ name }) => name === "CF_Authorization");
  assert.ok(httpOnly);
  const [, payload, signature] = assertion.split(".");

  const readable = await page.evaluate(async (url) => {
    const again = await fetch(url, { credentials: "include" });
    return JSON.stringify({
      cookie: document.cookie,
      document: document.documentElement.outerHTML,
      stores: [{ ...localStorage }, { ...sessionStorage }],
      resources: performance.getEntries(),
      answer: await again.text(),
      headers: [...again.headers],
    });
  }, REFRESH);
  for (const text of [readable, await answer.text(), JSON.stringify(await answer.allHeaders())]) {
    for (const part of [assertion, payload, signature]) assert.ok(!text.includes(part));
  }
  assert.match(readable, /user:default\/jane\.doe/);
});

test("a navigation that is refused shows a page with the code, the ray id and the way to log in", async (t) => {
  const browser = await openBrowser(t, {
    viewport: { width: 360, height: 640 },
    colorScheme: "dark",
    extraHTTPHeaders: { "cf-ray": "8c1f2e3d4a5b6c7d-FRA" },
  });
  const { page, complaints, picture } = browser;
  const answer = await page.goto(`${ground.gate.url}/catalog`);
  assert.equal(answer.status(), 401);
  await picture("9-refused-small-dark");
  assert.equal(await page.title(), "You are not signed in");
  const text = await page.locator("main").textContent();
  assert.ok(text.includes("assertion_missing") && text.includes("8c1f2e3d4a5b6c7d-FRA"), text);
  const link = page.getByRole("link", { name: "Log in again" });
  assert.equal(await link.getAttribute("href"), "/cdn-cgi/access/logout");
  const border = await link.evaluate((element) => getComputedStyle(element).borderTopWidth);
  assert.equal(border, "2px", "the policy lets the style through");
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, "nothing sticks out");
  assert.deepEqual(statusOnly(complaints, 401), []);
});

test("the page is legible on a telephone and in the dark", async (t) => {
  const browser = await openBrowser(t, {
    viewport: { width: 360, height: 640 },
    colorScheme: "dark",
  });
  const { page, picture } = browser;
  await page.goto(home());
  await page.getByTestId(`user-${JANE}`).waitFor();
  await picture("7-login-small-dark");
  await signIn(browser, JANE);
  await isSessionShown(browser);
  await picture("8-signed-in-small-dark");
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, "nothing sticks out");
});
