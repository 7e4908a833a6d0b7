// A Backstage at other addresses than one host name without a path, in Chromium, with the configuration of
// docs/backstage.md: app and backend with two host names, and `baseUrl` with a path.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";
import { forwardUpgrade } from "../../dev/access/forward.mjs";
import { blocksOf } from "../../dev/backstage/documented.mjs";
import { catalogShown, INGRID, logIn, openChrome, settingsShow } from "./chrome.mjs";
import { STOCK_CATALOG, startGround } from "./ground.mjs";
import { listening, pass } from "./server.mjs";

const BACKEND_HOST = "backstage.meridian.localhost";
const APP_HOST = "app.meridian.localhost";
const OTHER_HOST = "other.meridian.localhost";
const PATH = "/portal";
/** What the Worker answers, and what the backend answers. */
const REFRESH = "/api/auth/cfaccess/refresh";
const USERINFO = "/api/auth/v1/userinfo";
const CATALOG = "/api/catalog/entities/by-query?filter=kind=user";
const COOKIE = "/api/probe/.backstage/auth/v1/cookie";
const WITH_COOKIE = "/api/probe/cookie/whoami";

describe("an app and a backend with two host names", () => {
  const ground = {};
  let app;
  let other;
  let chrome;
  let page;

  before(async () => {
    // As a server of static files: it has nothing of the backend's.
    app = await serve(APP_HOST, (request, response) => {
      if (request.url.startsWith("/api/")) return response.writeHead(404).end();
      pass(request, response, ground.backend.url);
    });
    other = await serve(OTHER_HOST, (_, response) => {
      response.setHeader("content-type", "text/html").end("<title>Another page</title>");
    });
    const blocks = await documented({ url: "https://backstage.example.com" });
    const inPlace = (block) => block.replaceAll("https://app.example.com", app.url);
    const { vars } = parseToml(inPlace(blocks.get("wrangler: two host names")));
    const config = parseYaml(inPlace(blocks.get("app-config: two host names")));
    const { corsOrigins, publicPaths, trust } = vars.BACKSTAGE;
    Object.assign(
      ground,
      await startGround({
        trust,
        host: BACKEND_HOST,
        catalog: STOCK_CATALOG,
        access: { bypassOptions: true },
        backstage: { corsOrigins },
        publicPaths,
        configs: ({ url }) => {
          config.backend.baseUrl = url;
          return [config];
        },
      }),
    );
    chrome = await openChrome();
    page = chrome.page;
  });
  after(async () => {
    await chrome?.close();
    await ground.close?.();
    await app?.close();
    await other?.close();
  });

  test("a user signs in and sees the catalog on the first call, and no request fails", async () => {
    const failures = failuresOf(page);
    // Access asks for a login at the host of the backend first, and redirects back.
    await logIn(page, `${ground.url}/.backstage/health/v1/readiness`);
    await page.getByText("ok").waitFor();
    await page.goto(app.url);
    await catalogShown(page);
    await settingsShow(page, app.url, /User Entity: Ingrid Solheim/);
    await page.goto(`${app.url}/?filters[kind]=user&filters[user]=all`);
    await page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();
    assert.deepEqual(failures, []);
    assert.deepEqual(chrome.errors, []);
  });

  test("refresh, catalog, cookie and userinfo answer the page, each after a preflight", async () => {
    const refresh = await ask(page, REFRESH);
    assert.equal(refresh.status, 200, refresh.text);
    const { token } = JSON.parse(refresh.text).backstageIdentity;
    const userinfo = await ask(page, USERINFO, { token });
    assert.equal(JSON.parse(userinfo.text).claims?.sub, "user:default/ingrid.solheim");
    for (const path of [CATALOG, COOKIE]) {
      const { status, text } = await ask(page, path, { token });
      assert.equal(status, 200, `${path}: ${text}`);
    }
    const whoami = await ask(page, WITH_COOKIE);
    assert.equal(whoami.status, 200, whoami.text);
    const asked = ground.access.log
      .filter(({ method, outcome }) => method === "OPTIONS" && outcome === "forwarded options")
      .map(({ path }) => path);
    for (const path of [REFRESH, USERINFO, CATALOG, COOKIE, WITH_COOKIE]) {
      assert.ok(asked.includes(path), path);
    }
    assert.ok((await preflightsOfTheWorker(0)).length > 0);
  });

  test("from an origin that is not listed, no preflight is allowed, and no answer can be read", async () => {
    await page.goto(other.url);
    const since = Date.now();
    for (const path of [REFRESH, USERINFO, CATALOG, COOKIE, WITH_COOKIE]) {
      assert.deepEqual(await ask(page, path, { token: "x" }), { failed: "Failed to fetch" }, path);
    }
    assert.deepEqual(await preflightsOfTheWorker(since), []);
    // A simple request is sent without asking, and its answer is kept from the page.
    const simple = await ask(page, REFRESH, { headers: {} });
    assert.deepEqual(simple, { failed: "Failed to fetch" });
  });

  /** Those that it has sent on to the backend, which does not log them. */
  async function preflightsOfTheWorker(since) {
    const requests = await ground.worker.outbound(since);
    return requests.filter(({ method }) => method === "OPTIONS");
  }

  /** The page's own fetch, as a script of it would call it. */
  function ask(from, path, { token, headers = { "X-Requested-With": "XMLHttpRequest" } } = {}) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return from.evaluate(
      async ([url, sent]) => {
        try {
          const answer = await fetch(url, { headers: sent, credentials: "include" });
          return { status: answer.status, text: await answer.text() };
        } catch (error) {
          return { failed: error.message };
        }
      },
      [ground.url + path, { ...headers, ...authorization }],
    );
  }
});

for (const trust of ["shared-key", "service"]) {
  describe(`a Backstage below a path, trust ${trust}`, () => testsOfPath(trust));
}

function testsOfPath(trust) {
  const ground = {};
  let chrome;
  let page;

  before(async () => {
    const blocks = await documented({ url: "http://localhost" });
    const { app, backend } = parseYaml(blocks.get("app-config: path"));
    const { vars } = parseToml(blocks.get("wrangler: path"));
    const urls = [app.baseUrl, backend.baseUrl, vars.BACKSTAGE.baseUrl];
    assert.deepEqual(new Set(urls), new Set([`http://localhost${PATH}`]));
    const catalog = STOCK_CATALOG;
    Object.assign(ground, await startGround({ trust, path: PATH, catalog, origin: ingress }));
    chrome = await openChrome();
    page = chrome.page;
  });
  after(async () => {
    await chrome?.close();
    await ground.close?.();
  });

  test("a user signs in and sees the catalog on the first call, and no request fails", async () => {
    const failures = failuresOf(page);
    await page.goto(ground.url);
    await page.getByTestId(`user-${INGRID}`).click();
    await catalogShown(page);
    assert.equal(new URL(page.url()).pathname.replace(/\/$/, ""), PATH);
    await settingsShow(page, ground.url, /User Entity: Ingrid Solheim/);
    await page.goto(`${ground.url}/?filters[kind]=user&filters[user]=all`);
    await page.getByRole("link", { name: "Tomasz Wrona" }).first().waitFor();
    assert.deepEqual(failures, []);
    assert.deepEqual(chrome.errors, []);
  });

  /** Removes the path, as an ingress in front of such a Backstage does. */
  async function ingress(backendUrl) {
    const cut = (request) => {
      request.url = request.url.slice(PATH.length) || "/";
    };
    const server = http.createServer((request, response) => {
      if (!request.url.startsWith(PATH)) return response.writeHead(404).end();
      cut(request);
      pass(request, response, backendUrl);
    });
    server.on("upgrade", (request, socket, head) => {
      cut(request);
      forwardUpgrade(request, socket, head, new URL(backendUrl), []);
    });
    return listening(server);
  }
}

const documented = ({ url }) => blocksOf("backstage.md", { url, team: "emulator", audience: "" });

async function serve(host, onRequest) {
  const { port, close } = await listening(http.createServer(onRequest));
  return { url: `http://${host}:${port}`, close };
}

/** What the page's requests end with, if that is an error. */
function failuresOf(page) {
  const failures = [];
  page.on("response", (response) => {
    if (response.status() >= 400) failures.push(`${response.status()} ${response.url()}`);
  });
  page.on("requestfailed", (request) => {
    const { errorText } = request.failure();
    // A navigation aborts what the page before it has not finished. Pictures of users are elsewhere.
    const isOurs = request.url().includes("localhost") && errorText !== "net::ERR_ABORTED";
    if (isOurs) failures.push(`${errorText} ${request.url()}`);
  });
  return failures;
}
