// The debugger's paths on the emulator: who may use them, and what they answer. tests/browser/debugger.test.mjs
// uses the page.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { startDev, urlOf } from "./running.mjs";
import { cookiesOf, headerOf, logIn, sessionOf, startEmulator } from "./support.mjs";

const EMULATOR = "/cdn-cgi/access/emulator/";
const REFRESH = "/api/auth/cfaccess/refresh";
const INGRID = "ingrid.solheim@meridian.example";

/** A request with any headers, also those that `fetch` sets itself. */
function send(url, { method = "POST", body, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers }, async (response) => {
      const chunks = await response.toArray();
      resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() });
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("actions of another origin, and every request under another host name, are refused", async (t) => {
  const { access } = await startEmulator(t);
  access.setControls((_request, response) => response.end("used"));
  const { port } = access;
  const kid = access.keys.current.kid;
  for (const headers of [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: `http://localhost:${port + 1}` },
    { origin: `https://127.0.0.1:${port}` },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
    { host: "evil.example" },
    { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
    { host: "localhost.evil.example" },
    { host: `localhost@evil.example:${port}` },
  ]) {
    for (const name of ["rotate", "revoke"]) {
      const { status } = await send(access.url + EMULATOR + name, { headers });
      assert.equal(status, 403, JSON.stringify(headers));
    }
    if (!("host" in headers)) continue;
    const { status } = await send(`${access.url}${EMULATOR}state`, { method: "GET", headers });
    assert.equal(status, 403, JSON.stringify(headers));
  }
  assert.equal(access.keys.current.kid, kid);

  const own = { origin: access.url, "sec-fetch-site": "same-origin" };
  for (const headers of [{}, own, { host: `localhost:${port}` }, { host: `[::1]:${port}` }]) {
    const { status, text } = await send(`${access.url}${EMULATOR}revoke`, { headers });
    assert.deepEqual([status, text], [200, "used"], JSON.stringify(headers));
  }
});

test("login form of another site is refused", async (t) => {
  const { access } = await startEmulator(t);
  const form = { body: "email=jane%40example.com", headers: { origin: "http://evil.example" } };
  const login = `${access.url}/cdn-cgi/access/login`;
  assert.equal((await send(login, form)).status, 403);
  assert.equal((await send(login, { ...form, headers: { origin: access.url } })).status, 303);
});

test("team's domain, which the Worker calls, has no debugger", async (t) => {
  const { access } = await startEmulator(t);
  access.setControls((_request, response) => response.end("used"));
  const headers = { host: "emulator.cloudflareaccess.com" };
  const { status } = await send(`${access.url}${EMULATOR}`, { method: "GET", headers });
  assert.equal(status, 404);
});

test("expired session passes for requests of a page, not for navigations, WebSockets and get-identity", async (t) => {
  const { access, get } = await startEmulator(t);
  const cookie = cookiesOf(await logIn(access, "jane@example.com"));
  const { claims } = await access.sessionOf({ headers: { cookie } });
  const { assertion } = await access.expire(claims);
  const expired = sessionOf(assertion);

  assert.equal((await get("/api/echo", expired)).status, 302);
  const response = await get("/api/echo", { ...expired, accept: "*/*" });
  assert.equal((await response.json()).headers["cf-access-jwt-assertion"], assertion);
  assert.equal((await get("/cdn-cgi/access/get-identity", expired)).status, 400);
  assert.ok((await access.sessionOf({ headers: expired })).expired);

  const other = await access.mint({ claims: { exp: 1, iat: 0, nbf: 0 } });
  assert.equal((await get("/api/echo", { ...sessionOf(other), accept: "*/*" })).status, 401);
  await get("/cdn-cgi/access/logout", expired);
  assert.equal((await get("/api/echo", { ...expired, accept: "*/*" })).status, 401);
});

test("each request has a ray id of the emulator, which the response carries too", async (t) => {
  const { access, get } = await startEmulator(t);
  const session = sessionOf(await access.mint());
  const response = await get("/api/echo", { ...session, "CF-RAY": "of the caller" });
  const { headers } = await response.json();
  assert.match(headers["cf-ray"], /^[0-9a-f]{16}-DEV$/);
  assert.equal(response.headers.get("cf-ray"), headers["cf-ray"]);
  const refused = await get("/api/echo");
  assert.match(refused.headers.get("cf-ray"), /^[0-9a-f]{16}-DEV$/);
});

test("state never holds the assertion, and a trace belongs to one request", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0"));
  const cookie = cookiesOf(await logIn({ url }, INGRID));
  const [assertion] = /ey[\w.-]+/.exec(cookie);
  const read = async (path) => {
    const response = await fetch(url + EMULATOR + path, { headers: { cookie } });
    return response.text();
  };
  const refresh = () => fetch(url + REFRESH, { headers: { cookie } });

  const [first, second] = await Promise.all([refresh(), refresh()]);
  for (const response of [first, second]) {
    const { line, calls } = JSON.parse(await read(`trace?ray=${response.headers.get("cf-ray")}`));
    assert.equal(line.outcome, "answered");
    const records = calls.filter(({ to }) => to === "KV CATALOG");
    assert.ok(records.length <= 1, "the calls of the other request are not among them");
    for (const call of calls) assert.deepEqual(Object.keys(call), ["to", "what", "ms", "result"]);
  }
  assert.deepEqual(JSON.parse(await read("trace?ray=unknown")), { line: null, calls: [] });

  const state = JSON.parse(await read("state"));
  assert.equal(state.session.claims.email, INGRID);
  assert.equal(state.session.header.kid, headerOf(assertion).kid);
  assert.equal(state.refreshPath, REFRESH);
  for (const part of assertion.split(".")) assert.ok(!JSON.stringify(state).includes(part));
});

test("page has a strict policy, and paths and bodies that are not meant are refused", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0"));
  const at = (path, init) => fetch(url + EMULATOR + path, init);
  const page = await at("");
  const text = await page.text();
  assert.match(page.headers.get("content-type"), /^text\/html/);
  assert.match(
    page.headers.get("content-security-policy"),
    /^default-src 'none'; script-src 'self';/,
  );
  assert.match(page.headers.get("content-security-policy"), /frame-ancestors 'none'/);
  for (const [, file] of text.matchAll(/(?:href|src)="([\w-]+\.\w+)"/g)) {
    assert.equal((await at(file)).status, 200, file);
  }
  for (const path of ["index.htm", "../access/gate.mjs", "..%2Findex.mjs", "toString"]) {
    assert.equal((await at(path)).status, 404, path);
  }
  const post = async (path, body) => (await at(path, { method: "POST", body })).status;
  assert.equal(await post("nothing", "{}"), 404);
  assert.equal(await post("constructor", "{}"), 404);
  for (const body of ["[", "1", "null", `{"target":"${"x".repeat(9000)}"}`]) {
    assert.equal(await post("outage", body), 400, body);
  }
  const unknown = await at("outage", { method: "POST", body: '{"target":"toString","down":true}' });
  assert.match((await unknown.json()).done, /^There is no "toString"/);
  const without = await at("expire", { method: "POST" });
  assert.match((await without.json()).done, /^There is no session/);
  assert.equal((await at("outage", { method: "PUT" })).status, 404);
});
