// The debugger of `npm run dev`, used as a developer uses it: each button, and what the page then shows.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDev, urlOf } from "../dev/running.mjs";
import { openBrowser, statusOnly } from "./browser.mjs";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const INGRID = "ingrid.solheim@meridian.example";
const VERA = "vera.novak@partner.example";
const USER = "user:default/ingrid.solheim";

let url;
const closers = [];
before(async () => {
  url = await urlOf(startDev({ after: (close) => closers.push(close) }, "--plain", "--port", "0"));
});
after(() => Promise.all(closers.map((close) => close())));

const post = (name, body = {}) =>
  fetch(`${url}/cdn-cgi/access/emulator/${name}`, { method: "POST", body: JSON.stringify(body) });

afterEach(async () => {
  for (const target of ["certs", "identity", "kv", "origin"]) {
    await post("outage", { target, down: false });
  }
  await post("restore");
  await post("forget");
});

/** The debugger in a browser, signed in as a user. */
async function openDebugger(t, { email = INGRID, ...options } = {}) {
  const browser = await openBrowser(t, options);
  const { page } = browser;
  await page.goto(`${url}/cdn-cgi/access/emulator/`);
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByTestId(`user-${email}`).click();
  await page.waitForURL(`${url}/cdn-cgi/access/emulator/`);
  await idle(page);
  // biome-ignore lint/performance/useDomNodeTextContent: textContent would join the cells of a table
  const text = (id) => page.getByTestId(id).evaluate((it) => it.innerText);
  return {
    ...browser,
    text,
    async press(name, role = "button") {
      await page.getByRole(role, { name }).first().click();
      await idle(page);
    },
  };
}

/** The page has shown what came of the last change. */
async function idle(page) {
  await page.waitForFunction(() => document.body.ariaBusy === "false");
}

/** As in tests/backstage/chrome.mjs: makes a picture for docs/ if it is missing; PICTURES=1 makes all anew. */
async function picture(page, name, options) {
  const path = join(DOCS, `${name}.png`);
  if (!process.env.PICTURES && existsSync(path)) return;
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    scrollTo(0, 0);
    return document.fonts.ready;
  });
  await page.screenshot({ path, animations: "disabled", ...options });
}

const noScrolling = async (page) => {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= page.viewportSize().width, `${width} px`);
};

test("debugger shows the assertion, the session, the token and the calls of a first sign-in", async (t) => {
  const { page, complaints, text } = await openDebugger(t);
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
  assert.match(await text("verdict-detail"), /^The Worker answered 200 in [\d.]+ ms\.$/);
  assert.equal(await text("remedies"), "");

  assert.match(await text("assertion-left"), /^23 h 59 min left$/);
  assert.match(await text("assertion"), /\bemail\s+ingrid\.solheim@meridian\.example/);
  assert.match(await text("token-left"), /^59 min \d+ s left$|^1 h 0 min left$/);
  assert.match(await text("token"), /\bsub\s+user:default\/ingrid\.solheim\s+ent\s+user/);
  assert.match(await text("answer"), /"displayName": "Ingrid Solheim"/);

  const worker = await text("worker");
  assert.match(worker, /outcome\s+answered\s+route\s+refresh/);
  assert.match(worker, /certs\s+GET\s+[\d.]+ ms\s+200/);
  assert.match(worker, /get-identity\s+GET\s+[\d.]+ ms\s+200/);
  assert.match(
    worker,
    /KV CATALOG\s+get v1:email:ingrid\.solheim@meridian\.example\s+[\d.]+ ms\s+ok/,
  );
  assert.match(await text("forwarded"), /Status\s+200.*outcome\s+forwarded.*origin\s+GET \//s);
  assert.match(await text("log"), /"outcome":"forwarded".*"outcome":"answered"/s);
  assert.deepEqual(statusOnly(complaints, 401), []);

  await page.getByRole("button", { name: "Refresh now" }).click();
  await idle(page);
  assert.match(await text("worker"), /No call: everything was in the Worker’s memory/);
});

test("demo page links to the debugger, and the debugger to it", async (t) => {
  const { page } = await openDebugger(t);
  await page.getByTestId("open-backstage").click();
  await page.getByTestId("entity-ref").waitFor();
  await page.getByTestId("debugger").click();
  await page.getByRole("heading", { name: `Signed in as ${USER}` }).waitFor();
});

test("assertion that expires is refused by the Worker, and signing in again helps", async (t) => {
  const { page, press, text, complaints } = await openDebugger(t);
  await press("Let the assertion expire");
  assert.equal(await text("done"), "The assertion has expired.");
  assert.equal(await text("verdict"), "Not signed in: assertion_expired");
  assert.match(await text("verdict-detail"), /^The Worker answered 401/);
  assert.match(await text("assertion-left"), /^expired 1 min/);
  assert.match(await text("worker"), /detail\s+exp passed \d+ s ago/);
  assert.equal(await text("token"), "There is no token.");
  assert.deepEqual(statusOnly(complaints, 401), []);

  // Access itself lets no page through.
  await page.getByTestId("open-backstage").click();
  await page.getByTestId(`user-${INGRID}`).waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByTestId(`user-${INGRID}`).click();
  await page.getByRole("heading", { name: `Signed in as ${USER}` }).waitFor();
});

test("revoked session is refused by Access, and signing in again helps", async (t) => {
  const { page, press, text } = await openDebugger(t);
  await press("Revoke the session");
  assert.equal(await text("done"), `Every session of ${INGRID} is revoked.`);
  assert.equal(await text("verdict"), "Not signed in: access_session_missing");
  assert.match(await text("verdict-detail"), /^Access answered 401/);
  assert.match(await text("worker"), /did not reach the Worker/);
  assert.ok(await page.getByRole("button", { name: "Revoke the session" }).isDisabled());
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByTestId(`user-${INGRID}`).click();
  await page.getByRole("heading", { name: `Signed in as ${USER}` }).waitFor();
});

test("session outlives one rotation of the keys, not two", async (t) => {
  const { press, text } = await openDebugger(t);
  await press("Rotate the keys");
  assert.match(await text("done"), /^Key \w{8}… signs from now on\. \w{8}… is still published/);
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
  await press("Rotate the keys");
  assert.equal(await text("verdict"), "Not signed in: access_session_missing");
  assert.equal(await text("assertion"), "This browser has no session.");
});

test("user who is removed from the catalog is not found until they are put back", async (t) => {
  const { press, text, page } = await openDebugger(t);
  await press(`Remove ${USER} from the catalog`);
  assert.match(await text("done"), /^user:default\/ingrid\.solheim is removed from the catalog: 2/);
  assert.equal(await text("verdict"), "Not signed in: user_not_found");
  assert.match(await text("remedies"), /Put the user back\s*Log out/);
  await press("Put the user back");
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
  assert.ok(await page.getByRole("button", { name: /^Put .* back$/ }).isHidden());
});

test("user who is not in the catalog is told to log out, which leads to another user", async (t) => {
  const { text, page } = await openDebugger(t, { email: VERA });
  assert.equal(await text("verdict"), "Not signed in: user_not_found");
  assert.match(await text("advice"), /The catalog has no user with this email/);
  await page.getByTestId("remedies").getByRole("link", { name: "Log out" }).click();
  await page.getByTestId("signed-out").waitFor();
});

test("certs endpoint and KV down: cached keys go on, an empty memory does not", async (t) => {
  const { press, text } = await openDebugger(t);
  await press("Certs endpoint down", "switch");
  assert.equal(await text("done"), "The certs endpoint is down.");
  await press("Empty the Worker’s memory");
  assert.equal(await text("verdict"), `Signed in as ${USER}`, "the keys are in KV");
  await press("KV down", "switch");
  assert.equal(await text("verdict"), `Signed in as ${USER}`, "they are in memory");
  await press("Empty the Worker’s memory");
  assert.equal(await text("verdict"), "Not signed in: keys_unavailable");
  assert.match(await text("advice"), /^Down now: the certs endpoint, KV\.$/);
  assert.match(await text("worker"), /certs\s+GET\s+[\d.]+ ms\s+503/);

  await press("Bring the certs endpoint up");
  await press("Bring KV up");
  assert.match(await text("advice"), /^The Worker asks again after a pause/);
  await press("Empty the Worker’s memory");
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
});

test("get-identity down: the claims stand in", async (t) => {
  const { press, text, page } = await openDebugger(t);
  await press("get-identity down", "switch");
  assert.equal(
    await page.getByRole("switch", { name: "get-identity down" }).getAttribute("aria-checked"),
    "true",
  );
  await page.getByRole("link", { name: "Log out" }).click();
  await page.getByRole("link", { name: "Debugger" }).click();
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByTestId(`user-${INGRID}`).click();
  await page.getByRole("heading", { name: `Signed in as ${USER}` }).waitFor();
  await idle(page);
  assert.match(await text("worker"), /identity\s+claims, get-identity did not answer/);
});

test("origin down: sign-in goes on, forwarded requests do not", async (t) => {
  const { press, text, complaints } = await openDebugger(t);
  await press("Origin down", "switch");
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
  assert.match(
    await text("forwarded"),
    /Status\s+502.*Sign-in does not need it.*origin_unreachable/s,
  );
  await press("Origin down", "switch");
  assert.match(await text("forwarded"), /Status\s+200/);
  assert.deepEqual(statusOnly(complaints, 401, 502), []);
});

test("keyboard alone: skip link, a button, its remedy, and the login page", async (t) => {
  const { page, text } = await openDebugger(t);
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  /** Moves on until something with this text has the focus. */
  const tabTo = async (name) => {
    for (let tries = 0; tries < 60 && (await focused()) !== name; tries += 1) {
      await keyboard.press("Tab");
    }
    assert.equal(await focused(), name);
  };
  await keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the controls");
  await keyboard.press("Enter");
  await tabTo("Origin down");
  await keyboard.press("Space");
  await idle(page);
  assert.match(await text("forwarded"), /Status\s+502/);
  assert.equal(await focused(), "Origin down");
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(`Remove ${USER} from the catalog`);
  await keyboard.press("Enter");
  await idle(page);
  await page.evaluate(() => document.activeElement.blur());
  await tabTo("Put the user back");
  await keyboard.press("Enter");
  await idle(page);
  assert.equal(
    await focused(),
    `Signed in as ${USER}`,
    "the remedy is gone, its outcome has the focus",
  );
  await tabTo("Let the assertion expire");
  await keyboard.press("Enter");
  await idle(page);
  assert.equal(await text("verdict"), "Not signed in: assertion_expired");
  await page.evaluate(() => document.activeElement.blur());
  await tabTo("Sign in again");
  await keyboard.press("Enter");
  await page.getByTestId(`user-${INGRID}`).waitFor();
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: `Signed in as ${USER}` }).waitFor();
});

test("controls have names, and changes are announced", async (t) => {
  const { page } = await openDebugger(t);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, a, [tabindex='0'], section")]
      .filter((it) => {
        const label = document.getElementById(it.getAttribute("aria-labelledby") ?? "") ?? it;
        return !(it.ariaLabel ?? label.textContent).trim();
      })
      .map((it) => it.outerHTML),
  );
  assert.deepEqual(nameless, []);
  for (const id of ["done", "verdict"]) {
    const live = page.getByTestId(id).locator("xpath=ancestor-or-self::*[@aria-live='polite']");
    assert.equal(await live.count(), 1, id);
  }
});

test("pages of another origin can neither use nor read the debugger", async (t) => {
  const { page, press, text } = await openDebugger(t);
  const other = http.createServer((_request, response) => response.end("<!doctype html>"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => {
    other.closeAllConnections();
    other.close();
  });
  const foreign = await page.context().newPage();
  const statuses = [];
  foreign.on("response", (response) => statuses.push(response.status()));
  await foreign.goto(`http://127.0.0.1:${other.address().port}`);
  const outcome = await foreign.evaluate(async (base) => {
    const send = (name, body) =>
      fetch(base + name, { method: "POST", mode: "no-cors", credentials: "include", body });
    for (const name of ["rotate", "rotate", "revoke", "expire", "forget"]) await send(name, "{}");
    await send("remove", '{"user":"user:default/ingrid.solheim"}');
    await send("outage", '{"target":"kv","down":true}');
    return fetch(`${base}state`, { credentials: "include" }).then(
      () => "read",
      () => "forbidden",
    );
  }, `${url}/cdn-cgi/access/emulator/`);
  assert.equal(outcome, "forbidden");
  assert.deepEqual(statuses.filter((status) => status === 403).length, 7);
  await press("Refresh now");
  assert.equal(await text("verdict"), `Signed in as ${USER}`);
  assert.equal(await page.getByRole("switch", { checked: true }).count(), 0);
});

test("pictures: wide, dark, and narrow without horizontal scrolling", async (t) => {
  const wide = await openDebugger(t, { viewport: { width: 1100, height: 720 } });
  await wide.press("Certs endpoint down", "switch");
  await wide.press("Empty the Worker’s memory");
  await picture(wide.page, "debugger");
  await noScrolling(wide.page);

  const dark = await openDebugger(t, {
    colorScheme: "dark",
    viewport: { width: 1100, height: 760 },
  });
  await dark.press("Let the assertion expire");
  const [ink, paper] = await dark.page.evaluate(() => {
    const { color, backgroundColor } = getComputedStyle(document.querySelector("#verdict"));
    const light = (text) =>
      text
        .match(/\d+/g)
        .slice(0, 3)
        .reduce((sum, it) => sum + Number(it), 0);
    return [light(color), light(backgroundColor)];
  });
  assert.ok(ink > 600 && paper < 200, `${ink} on ${paper}`);
  await picture(dark.page, "debugger-dark");

  const narrow = await openDebugger(t, { viewport: { width: 360, height: 800 } });
  await noScrolling(narrow.page);
  await narrow.press(`Remove ${USER} from the catalog`);
  await noScrolling(narrow.page);
  await picture(narrow.page, "debugger-narrow");
  await narrow.press("Put the user back");
  await narrow.press("Origin down", "switch");
  await noScrolling(narrow.page);
});
