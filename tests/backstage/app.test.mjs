// The front end that create-app writes, built and served by Backstage, in Chromium: behind Access and the
// Worker, in both set-ups of docs/backstage.md. Makes pictures for docs/.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { OUTSIDE_TOKEN } from "../../dev/backstage/backend.mjs";
import { catalogShown, INGRID, logIn, openChrome, settingsShow } from "./chrome.mjs";
import { startGithub } from "./github.mjs";
import { Browser, eventually, STOCK_CATALOG, startGround } from "./ground.mjs";

const REFRESH = "/api/auth/cfaccess/refresh";
const USERS_PAGE = "/?filters[kind]=user&filters[user]=all";
const FIFTY_SIX_MINUTES = 56 * 60 * 1000;

for (const [setUp, trust] of Object.entries({ alone: "service", "shared key": "shared-key" })) {
  describe(`the stock app, set-up “${setUp}”`, () => {
    const ground = {};
    let chrome;
    let page;
    let refreshes;
    let failures;
    let sockets;

    before(async () => {
      ground.github = await startGithub();
      const configs = trust === "shared-key" ? [ground.github.config] : [];
      Object.assign(ground, await startGround({ trust, configs, catalog: STOCK_CATALOG }));
      if (trust === "shared-key") await makeKnown(ground);
      chrome = await openChrome();
      page = chrome.page;
      [refreshes, failures, sockets] = [[], [], []];
      page.on("response", (response) => {
        if (new URL(response.url()).pathname === REFRESH) refreshes.push(response);
        if (response.status() >= 400) failures.push(`${response.status()} ${response.url()}`);
      });
      page.on("websocket", (socket) => {
        const seen = { url: socket.url(), frames: [] };
        socket.on("framereceived", ({ payload }) => seen.frames.push(payload));
        sockets.push(seen);
      });
    });
    after(async () => {
      await chrome?.close();
      await ground.close?.();
      await ground.github?.close();
    });

    const usersListed = () => page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();

    test("a person who logs in at Access lands signed in, with no further page", async () => {
      await page.goto(ground.url);
      await page.getByTestId(`user-${INGRID}`).waitFor();
      await chrome.picture("sign-in", { fullPage: true });
      await logIn(page, ground.url);
      await catalogShown(page);
      assert.equal(new URL(page.url()).pathname, "/");
      assert.equal(refreshes.length, 1);
    });

    test("the settings page shows the user and the groups", async () => {
      await settingsShow(page, ground.url, /User Entity: Ingrid Solheim/);
      const owned = /Ownership Entities: Ingrid Solheim, Engineering, Platform/;
      await settingsShow(page, ground.url, owned);
    });

    test("the raw assertion is nowhere in what the page was given", async () => {
      const body = await refreshes.at(-1).text();
      const cookies = await chrome.context.cookies();
      const cookie = cookies.find(({ name }) => name === "CF_Authorization");
      assert.equal(cookie.httpOnly, true);
      assert.ok(!body.includes(cookie.value));
    });

    test("the catalog page shows what the backend has", async () => {
      await page.goto(ground.url + USERS_PAGE);
      await usersListed();
      await chrome.picture("catalog");
    });

    test("a notification arrives over the WebSocket of signals while the page is open", async () => {
      await page.goto(`${ground.url}/notifications`);
      const title = "Your ship has arrived";
      await eventually(async () => {
        const answer = await fetch(`${ground.backend.url}/api/notifications`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${OUTSIDE_TOKEN}`,
            "content-type": "application/json",
          },
          body: JSON.stringify({
            recipients: { type: "entity", entityRef: "user:default/ingrid.solheim" },
            payload: { title },
          }),
        });
        assert.equal(answer.status, 200);
        return sockets.at(-1)?.frames.some((frame) => frame.includes("new_notification"));
      }, "a frame of the WebSocket");
      assert.equal(sockets.at(-1).url, `${ground.url.replace("http", "ws")}/api/signals`);
      await page.getByText(title).first().waitFor();
    });

    test("the scaffolder's page lists the template and opens its form", async () => {
      await page.goto(`${ground.url}/create`);
      await page.getByText("Writes a greeting").waitFor();
      await page.goto(`${ground.url}/create/templates/default/greeting`);
      await page.getByText("Who to greet").first().waitFor();
    });

    if (trust === "shared-key") {
      test("a user signs in to GitHub in a popup", async () => {
        await page.goto(`${ground.url}/settings/auth-providers`);
        await page.getByRole("button", { name: /sign in/i }).click();
        const popup = page.waitForEvent("popup");
        await page.getByRole("button", { name: "Log in", exact: true }).click();
        await popup;
        await page.getByRole("button", { name: /sign out/i }).waitFor();
      });
    }

    test("a token within its refresh margin is replaced unnoticed", async () => {
      await page.goto(ground.url);
      await catalogShown(page);
      const before = refreshes.length;
      await page.clock.install({ time: Date.now() + FIFTY_SIX_MINUTES });
      await page.getByRole("link", { name: "Create", exact: true }).first().click();
      await page.getByText("Writes a greeting").waitFor();
      assert.ok(refreshes.length > before, "it was refreshed");
      await page.clock.setSystemTime(Date.now());
    });

    test("no request has failed, and the page has thrown nothing", () => {
      // GitHub's refresh route says so before the user has signed in there.
      const expected = /^401 .*\/api\/auth\/github\/refresh/;
      assert.deepEqual(
        failures.filter((failure) => !expected.test(failure)),
        [],
      );
      assert.deepEqual(chrome.errors, []);
    });
  });
}

/** first-call.test.mjs has the first call of a user whom the origin does not know yet. */
async function makeKnown(ground) {
  const { token } = await Browser.signedIn(ground, INGRID);
  await eventually(async () => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${ground.backend.url}/api/auth/v1/userinfo`, { headers })).ok;
  }, "the backend was told of the user");
}
