// examples/sign-in-page/ in Chromium, in an app of each front-end system. Makes pictures for docs/.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort, startBackend } from "../../dev/backstage/backend.mjs";
import { must } from "../../scripts/process.mjs";
import { catalogShown, INGRID, logIn, openChrome, settingsShow } from "./chrome.mjs";
import { EXAMPLE_CATALOG, startGround } from "./ground.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EXAMPLE = new URL("../../examples/sign-in-page/", import.meta.url);
const REFRESH = "**/api/auth/cfaccess/refresh";
const VERA = "vera.novak@partner.example";
/** Its requests bypass the app's fetch API. */
const WITHOUT_FETCH_API = "/api/permission/authorize";

/** What the page says of some codes: the title, and the labels of its buttons, the first with the focus. */
const REASONS = [
  [401, "identity_refused", "Your session has ended", ["Log in again"]],
  [401, "audience_invalid", "Your login was not accepted", ["Log in again"]],
  [403, "domain_not_allowed", "Your email domain is not allowed", ["Log in again", "Try again"]],
  [409, "user_ambiguous", "Two users have your email address", ["Log in again", "Try again"]],
  [503, "keys_unavailable", "Sign-in is temporarily unavailable", ["Try again"]],
  [503, "misconfigured", "Sign-in is not set up correctly", ["Try again"]],
];

test("the types of the example fit both front-end systems", async () => {
  await must(join(HERE, "node_modules", ".bin", "tsc"), ["-p", HERE], { capture: "all" });
});

for (const [system, packageName] of Object.entries({ new: "app", old: "legacy-app" })) {
  describe(`the sign-in page in the ${system} front-end system`, () => {
    const ground = {};
    let chrome;
    let page;

    before(async () => {
      Object.assign(ground, await startGround({ configs: [{ app: { packageName } }] }));
      chrome = await openChrome();
      page = chrome.page;
    });
    after(async () => {
      await chrome?.close();
      await ground.close?.();
    });

    const error = () => page.getByTestId("sign-in-error");
    const dialog = () => page.getByTestId("session-ended");
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    /** By script: a late request of the view before may have opened the dialog over the link. */
    const openView = (name) =>
      page
        .getByRole("link", { name })
        .first()
        .evaluate((link) => link.click());
    const picture = (name) => (system === "new" ? chrome.picture(name) : undefined);

    test("a user who is not in the catalog is told so, and can log in as another user", async () => {
      await logIn(page, ground.url, VERA);
      await error().waitFor();
      assert.match(await error().textContent(), /You are not in the catalog yet/);
      assert.match(await error().textContent(), /Code: user_not_found/);
      await picture("sign-in-refused");
      assert.equal(await focused(), "Log in again");
      await page.keyboard.press("Enter");
      await page.getByTestId("signed-out").waitFor();
      await logIn(page, ground.url);
      await catalogShown(page);
    });

    test("each reason has a title and buttons by its code, and is announced", async () => {
      for (const [status, code, title, labels] of REASONS) {
        await page.route(REFRESH, (route) =>
          route.fulfill({
            status,
            json: { error: { name: "Error", code }, response: { statusCode: status } },
          }),
        );
        await page.goto(ground.url);
        await page.getByRole("heading", { name: title }).waitFor();
        assert.equal(await page.getByRole("alert").count(), 1);
        assert.deepEqual(await error().getByRole("button").allTextContents(), labels);
        assert.equal(await focused(), labels[0]);
        await page.unroute(REFRESH);
      }
    });

    test("without a network the page says that Backstage cannot be reached, and Enter tries again", async () => {
      await page.route(REFRESH, (route) => route.abort());
      await page.goto(ground.url);
      await page.getByRole("heading", { name: "Backstage cannot be reached" }).waitFor();
      await page.unroute(REFRESH);
      await page.keyboard.press("Enter");
      await catalogShown(page);
    });

    test("a session that has ended by the time of the sign-in: Enter leads to the login and back here", async () => {
      await page.route(REFRESH, async (route) => {
        ground.access.revoke(INGRID);
        await route.continue();
      });
      await page.goto(`${ground.url}/settings`);
      await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
      await page.unroute(REFRESH);
      const { logout } = ground.access.calls;
      await page.keyboard.press("Enter");
      await page.getByTestId(`user-${INGRID}`).click();
      await page.waitForURL("**/settings");
      assert.equal(ground.access.calls.logout, logout + 1);
      await settingsShow(page, ground.url, /User Entity: .*Ingrid/i);
    });

    test("every request of the app's fetch API asks Access for a status instead of a redirect", async () => {
      chrome.requests.length = 0;
      await page.goto(`${ground.url}/catalog?filters[kind]=user&filters[user]=all`);
      if (system === "new") await page.goto(`${ground.url}/?filters[kind]=user&filters[user]=all`);
      await page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();
      const paths = chrome.requests
        .filter((request) => request.headers()["x-requested-with"] !== "XMLHttpRequest")
        .map((request) => new URL(request.url()).pathname);
      assert.ok(chrome.requests.length > 2);
      assert.deepEqual(
        paths.filter((path) => path !== WITHOUT_FETCH_API),
        [],
      );
    });

    test("a session that ends while the page is open shows a dialog that keeps the focus inside", async () => {
      await page.clock.install();
      await page.goto(`${ground.url}/settings`);
      await page.getByText("User Entity:").waitFor();
      ground.access.revoke(INGRID);
      await openView(/catalog/i);
      await dialog().waitFor();
      await picture("session-ended");
      const { name } = await page.evaluate(() => {
        const element = document.querySelector("dialog");
        return {
          name: document.getElementById(element.getAttribute("aria-labelledby")).textContent,
        };
      });
      assert.equal(name, "Your session has ended");
      assert.equal(await focused(), "Log in again");
      await page.keyboard.press("Tab");
      assert.equal(await focused(), "Not now");
      await page.keyboard.press("Escape");
      await dialog().waitFor({ state: "detached" });
    });

    test("after a quiet minute a refused request opens it again, and Enter leads to the login and back here", async () => {
      await openView(/settings/i);
      await page.getByText("Profile").first().waitFor();
      assert.equal(await dialog().count(), 0);
      await page.clock.fastForward("01:05");
      await openView(/catalog/i);
      await dialog().waitFor();
      const { pathname } = new URL(page.url());
      await page.keyboard.press("Enter");
      await page.getByTestId(`user-${INGRID}`).click();
      await page.waitForURL((url) => url.pathname === pathname);
      await catalogShown(page);
    });

    test("a user who comes back to the tab after a while is told that the session has ended", async () => {
      await page.goto(`${ground.url}/settings`);
      await page.getByText("User Entity:").waitFor();
      ground.access.revoke(INGRID);
      await page.clock.fastForward("05:00");
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
      await dialog().waitFor();
      await dialog().getByRole("button", { name: "Log in again" }).click();
      await page.getByTestId(`user-${INGRID}`).click();
      await page.getByText("User Entity:").waitFor();
    });

    test("signing out ends the session at Access", async () => {
      await page.goto(`${ground.url}/settings`);
      await page.getByText("User Entity:").waitFor();
      await page.getByRole("button", { name: "more" }).click();
      await page.getByText("Sign Out").click();
      await page.getByTestId("signed-out").waitFor();
      assert.equal(new URL(page.url()).pathname, "/cdn-cgi/access/logout");
      await page.goto(ground.url);
      await page.getByTestId(`user-${INGRID}`).waitFor();
    });

    test("the page has thrown nothing", () => assert.deepEqual(chrome.errors, []));
  });
}

describe("the sign-in page on a developer's machine, without Access", () => {
  let dir;
  let backend;
  let chrome;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "cfaccess-local-"));
    const port = await freePort();
    const readme = fileURLToPath(new URL("README.md", EXAMPLE));
    const local = /<!-- app-config: local -->\n```yaml\n(.*?)```/s;
    const config = join(dir, "app-config.local.yaml");
    await writeFile(config, local.exec(await readFile(readme, "utf8"))[1]);
    backend = await startBackend({
      port,
      baseUrl: `http://localhost:${port}`,
      dir,
      catalog: EXAMPLE_CATALOG,
      configs: [config],
      env: { AUTH_PLUGIN: "yes", NODE_ENV: "development" },
    });
    chrome = await openChrome();
  });
  after(async () => {
    await chrome?.close();
    await backend?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  test("the configuration of its README signs in a guest", async () => {
    const { page } = chrome;
    const url = backend.url.replace("127.0.0.1", "localhost");
    await page.goto(url);
    // From then on the page remembers it.
    await page.getByRole("button", { name: "Enter" }).click();
    await catalogShown(page);
    await settingsShow(page, url, /guest/i);
    assert.deepEqual(chrome.errors, []);
  });
});
