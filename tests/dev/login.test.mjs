// Logging in, being refused, logging out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { localTarget } from "../../dev/access/login.mjs";
import { claimsOf, cookiesOf, logIn, sessionOf, startEmulator } from "./support.mjs";

test("a navigation without a session goes to the login page and after it to where it wanted", async (t) => {
  const { access, get } = await startEmulator(t);

  const refused = await get("/catalog?kind=user&name=a%20b");
  assert.equal(refused.status, 302);
  const loginPage = new URL(refused.headers.get("location"), access.url);
  assert.equal(loginPage.pathname, "/cdn-cgi/access/login");

  const page = await (await fetch(loginPage)).text();
  assert.match(page, /data-testid="user-jane@example\.com"/);
  assert.match(page, /value="\/catalog\?kind=user&amp;name=a%20b"/);

  const target = loginPage.searchParams.get("redirect_url");
  const loggedIn = await logIn(access, "jane@example.com", target);
  assert.equal(loggedIn.status, 303);
  assert.equal(loggedIn.headers.get("location"), "/catalog?kind=user&name=a%20b");

  const admitted = await get("/api/echo", { cookie: cookiesOf(loggedIn) });
  const { headers } = await admitted.json();
  assert.equal(claimsOf(headers["cf-access-jwt-assertion"]).email, "jane@example.com");
});

test("the session cookie is kept from scripts and from other sites", async (t) => {
  const { access } = await startEmulator(t);
  const [authorization] = (await logIn(access, "jane@example.com")).headers.getSetCookie();
  assert.match(authorization, /^CF_Authorization=[\w.-]+; /);
  for (const attribute of ["HttpOnly", "SameSite=Lax", "Path=/"]) {
    assert.ok(authorization.split("; ").includes(attribute), attribute);
  }
});

test("a script's request without a session gets 401 and JSON, not the login page", async (t) => {
  const { origin, get } = await startEmulator(t);
  for (const headers of [{ "X-Requested-With": "XMLHttpRequest" }, { accept: "*/*" }]) {
    const response = await get("/api/auth/cfaccess/refresh", headers);
    assert.equal(response.status, 401);
    assert.equal((await response.json()).error.code, "access_session_missing");
  }
  assert.equal(origin.requests.length, 0);
});

test("login leads nowhere but to a path of the same origin", async (t) => {
  const { access } = await startEmulator(t);
  for (const target of [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/.//evil.example/",
    "/x/..//evil.example/",
    "/\t/evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "",
  ]) {
    const location = (await logIn(access, "jane@example.com", target)).headers.get("location");
    const resolved = new URL(location, access.url);
    assert.equal(resolved.origin, access.url, JSON.stringify(target));
    // What a browser makes of the header, whatever the base.
    assert.doesNotMatch(location, /^\/[/\\]/, JSON.stringify(target));
  }
  assert.equal(localTarget("/cdn-cgi/access/logout"), "/");
  assert.equal(localTarget("/a?b=//c#d"), "/a?b=//c#d");
});

test("the login page shows a redirect target as text, whatever is in it", async (t) => {
  const { get } = await startEmulator(t);
  const target = encodeURIComponent('/"><script>alert(1)</script>');
  const page = await (await get(`/cdn-cgi/access/login?redirect_url=${target}`)).text();
  assert.doesNotMatch(page, /<script>/);
});

test("only a sample user can log in", async (t) => {
  const { access } = await startEmulator(t);
  const response = await logIn(access, "mallory@example.com");
  assert.equal(response.status, 403);
  assert.deepEqual(response.headers.getSetCookie(), []);
});

test("log-out ends the session, even for one who has kept the cookie", async (t) => {
  const { access, get } = await startEmulator(t);
  const cookie = cookiesOf(await logIn(access, "jane@example.com"));
  const other = cookiesOf(await logIn(access, "jane@example.com"));
  assert.equal((await get("/", { cookie })).status, 200);

  const signedOut = await get("/cdn-cgi/access/logout", { cookie });
  assert.match(await signedOut.text(), /signed out/);
  assert.match(signedOut.headers.getSetCookie()[0], /^CF_Authorization=; .*Max-Age=0/);

  assert.equal((await get("/", { cookie })).status, 302);
  assert.equal((await get("/", { cookie: other })).status, 200);
});

test("a revoked user has no session until the next login", async (t) => {
  const { access, get } = await startEmulator(t);
  const cookie = cookiesOf(await logIn(access, "jane@example.com"));
  access.revoke("jane@example.com");
  assert.equal((await get("/", { cookie })).status, 302);
  assert.equal((await get("/cdn-cgi/access/get-identity", { cookie })).status, 400);

  const again = cookiesOf(await logIn(access, "jane@example.com"));
  assert.equal((await get("/", { cookie: again })).status, 200);
  assert.equal((await get("/", { cookie })).status, 302);
});

test("an expired, foreign or forged session is no session", async (t) => {
  let now = Date.now();
  const { access, get } = await startEmulator(t, { sessionSeconds: 60, now: () => now });
  const status = async (options) =>
    (await get("/", sessionOf(await access.mint({ user: "jane@example.com", ...options })))).status;

  assert.equal(await status({}), 200);
  assert.equal(await status({ claims: { aud: ["another application"] } }), 302);
  assert.equal(await status({ claims: { iss: "https://other.cloudflareaccess.com" } }), 302);
  assert.equal(await status({ header: { kid: "f".repeat(64) } }), 302);
  assert.equal(await status({ header: { alg: "none" } }), 302);

  const session = sessionOf(await access.mint());
  assert.equal((await get("/", session)).status, 200);
  now += 61_000;
  assert.equal((await get("/", session)).status, 302);
});
