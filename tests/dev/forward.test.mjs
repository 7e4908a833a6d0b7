// What reaches the upstream, and what comes back.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import WebSocket from "ws";
import { claimsOf, SERVICE_TOKEN, sessionOf, startEmulator } from "./support.mjs";

test("a spoofed identity is replaced by the true one, in any case of the header's name", async (t) => {
  const { access, get } = await startEmulator(t);
  const response = await get("/api/echo", {
    ...sessionOf(await access.mint({ user: "jane@example.com" })),
    "CF-ACCESS-JWT-ASSERTION": "forged",
    "cF-aCCESS-aUTHENTICATED-uSER-eMAIL": "admin@example.com",
  });
  const { headers } = await response.json();
  assert.equal(headers["cf-access-authenticated-user-email"], "jane@example.com");
  assert.equal(claimsOf(headers["cf-access-jwt-assertion"]).email, "jane@example.com");
});

test("a service token is exchanged for an assertion of its own, and its secret goes no further", async (t) => {
  const { get } = await startEmulator(t);
  const response = await get("/api/echo", {
    "CF-Access-Client-Id": SERVICE_TOKEN.clientId,
    "CF-Access-Client-Secret": SERVICE_TOKEN.clientSecret,
    "Cf-Access-Authenticated-User-Email": "admin@example.com",
  });
  const { headers } = await response.json();
  assert.equal(claimsOf(headers["cf-access-jwt-assertion"]).common_name, SERVICE_TOKEN.clientId);
  assert.equal(headers["cf-access-authenticated-user-email"], undefined);
  assert.equal(headers["cf-access-client-secret"], undefined);
});

test("a service token that is unknown, or has the wrong secret, is refused", async (t) => {
  const { access, origin, get } = await startEmulator(t);
  const { clientId, clientSecret } = SERVICE_TOKEN;
  for (const headers of [
    { "CF-Access-Client-Id": clientId, "CF-Access-Client-Secret": "guess" },
    { "CF-Access-Client-Id": clientId },
    { "CF-Access-Client-Id": "nobody.access", "CF-Access-Client-Secret": clientSecret },
    { "CF-Access-Client-Secret": clientSecret, ...sessionOf(await access.mint()) },
  ]) {
    assert.equal((await get("/api/echo", headers)).status, 403);
  }
  assert.equal(origin.requests.length, 0);
});

test("a bypassed path is reached without a session and without an assertion", async (t) => {
  const { get } = await startEmulator(t, { bypass: ["/healthcheck", "/api/echo"] });
  assert.equal((await get("/healthcheck")).status, 200);
  assert.equal((await get("/healthchecks")).status, 302);
  assert.equal((await get("/redirect")).status, 302);

  const spoofed = await get("/api/echo", { "Cf-Access-Jwt-Assertion": "forged" });
  assert.equal((await spoofed.json()).headers["cf-access-jwt-assertion"], undefined);
});

test("with bypassOptions, OPTIONS requests alone pass without a session and without an assertion", async (t) => {
  const { get } = await startEmulator(t, { bypassOptions: true });
  const forged = { "Cf-Access-Jwt-Assertion": "forged" };
  const options = await get("/api/echo", forged, { method: "OPTIONS" });
  assert.equal((await options.json()).headers["cf-access-jwt-assertion"], undefined);
  assert.equal((await get("/api/echo", { "x-requested-with": "XMLHttpRequest" })).status, 401);
});

test("method, path, query, body and other headers arrive as they were sent", async (t) => {
  const { access, get } = await startEmulator(t);
  const response = await get(
    "/api/echo?a=%2F&b",
    { ...sessionOf(await access.mint()), "x-kept": "1", cf_access_jwt_assertion: "left alone" },
    { method: "PATCH", body: "a body" },
  );
  const echoed = await response.json();
  assert.equal(echoed.method, "PATCH");
  assert.equal(echoed.url, "/api/echo?a=%2F&b");
  assert.equal(echoed.body, "a body");
  assert.equal(echoed.headers["x-kept"], "1");
  assert.equal(echoed.headers.cf_access_jwt_assertion, "left alone");
  assert.equal(echoed.headers.host, new URL(access.url).host);
});

test("redirects and error statuses of the upstream come back untouched", async (t) => {
  const { access, get } = await startEmulator(t);
  const session = sessionOf(await access.mint());
  const redirect = await get("/redirect?to=https://elsewhere.example/", session);
  assert.equal(redirect.status, 302);
  assert.equal(redirect.headers.get("location"), "https://elsewhere.example/");
  assert.equal((await get("/no/such/page", session)).status, 404);
});

test("an upload is passed on while it is still being sent", async (t) => {
  const { access, get } = await startEmulator(t);
  const upstream = http.createServer((request, response) => {
    // Answers with the first chunk, long before the upload ends.
    request.once("data", (chunk) => response.end(chunk));
  });
  upstream.listen(0);
  await once(upstream, "listening");
  t.after(() => upstream.close());
  access.setUpstream(`http://127.0.0.1:${upstream.address().port}`);

  let endUpload;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("first"));
      endUpload = () => controller.close();
    },
  });
  const session = sessionOf(await access.mint());
  const response = await get("/upload", session, { method: "POST", body, duplex: "half" });
  assert.equal(await response.text(), "first");
  endUpload();
});

test("the head of an answer does not wait for its body", async (t) => {
  const { access, get } = await startEmulator(t);
  const upstream = http.createServer((_request, response) => response.flushHeaders());
  upstream.listen(0);
  await once(upstream, "listening");
  t.after(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  access.setUpstream(`http://127.0.0.1:${upstream.address().port}`);
  const signal = AbortSignal.timeout(2000);
  const response = await get("/events", sessionOf(await access.mint()), { signal });
  assert.equal(response.status, 200);
  await response.body.cancel();
});

test("an answer is passed on chunk by chunk", async (t) => {
  const { access, get } = await startEmulator(t);
  const response = await get("/stream?chunks=2&ms=400", sessionOf(await access.mint()));
  const arrivals = [];
  for await (const chunk of response.body) {
    arrivals.push([Date.now(), Buffer.from(chunk).toString()]);
  }
  assert.deepEqual(
    arrivals.map(([, text]) => text),
    ["chunk 1 of 2\n", "chunk 2 of 2\n"],
  );
  assert.ok(arrivals[1][0] - arrivals[0][0] >= 300);
});

test("a WebSocket goes through with a session, and not without one", async (t) => {
  const { access, origin } = await startEmulator(t);
  const address = `${access.url.replace("http", "ws")}/ws`;

  const refused = new WebSocket(address);
  const [, answer] = await once(refused, "unexpected-response");
  assert.equal(answer.statusCode, 401);
  refused.on("error", () => {});
  refused.terminate();

  const headers = {
    ...sessionOf(await access.mint({ user: "jane@example.com" })),
    "Cf-Access-Authenticated-User-Email": "admin@example.com",
  };
  const socket = new WebSocket(address, { headers });
  await once(socket, "open");
  socket.send("ping");
  const [message] = await once(socket, "message");
  assert.equal(message.toString(), "ping");
  const arrived = origin.requests.at(-1).headers;
  assert.equal(arrived["cf-access-authenticated-user-email"], "jane@example.com");
  socket.close();
  await once(socket, "close");
});

test("an upstream that is down is 502 and says so", async (t) => {
  const { access, get } = await startEmulator(t);
  access.setUpstream("http://127.0.0.1:1");
  assert.equal((await get("/", sessionOf(await access.mint()))).status, 502);
});
