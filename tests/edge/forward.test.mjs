// What is forwarded: everything as it came, but for the headers that speak of the caller; and what
// is not.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import WebSocket from "ws";
import { groundOfThisFile, SERVICE_TOKEN, unseenBy } from "./harness.mjs";
import { open } from "./http.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

const ground = groundOfThisFile({ origin: startScriptedOrigin });

const MIB = 1024 * 1024;
const ASSERTION = "cf-access-jwt-assertion";
const EMAIL = "cf-access-authenticated-user-email";

/** Sends a request with an assertion of jane's. */
const sendAsJane = async (path, options) =>
  ground.gate.send(path, { token: await ground.access.mint(), ...options });

/** What the origin was sent. */
async function arrived(path, options) {
  const answer = await sendAsJane(path, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

describe("a forwarded request", () => {
  for (const method of [
    ...["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    ...["PROPFIND", "MKCOL", "REPORT", "LOCK", "PURGE"],
  ]) {
    test(`keeps its method: ${method}`, async () => {
      assert.equal((await arrived("/x", { method })).method, method);
    });
  }

  test("keeps its method: HEAD, of which the length of the body comes back", async (t) => {
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(200, { "content-length": 1234, etag: '"e"' }).end();
    });
    const answer = await sendAsJane("/x", { method: "HEAD" });
    assert.equal(ground.origin.requests.at(-1).method, "HEAD");
    assert.deepEqual([answer.status, answer.text], [200, ""]);
    assert.deepEqual([answer.headers["content-length"], answer.headers.etag], ["1234", '"e"']);
  });

  for (const path of [
    "/",
    "/?",
    "/api/catalog/entities?filter=kind=user&filter=kind=group&fields=metadata.name",
    "/a%20b/%E4%BD%A0/%2F/c%25d?x=%2F&y=a+b&&z&empty=",
    "/a//b///c/",
    "/a;v=1/(b)/c,d/~e/@f/!g/$h/'i'/*j",
    "/?url=https://example.com/?a=b&c=d",
    `/${"long/".repeat(800)}`,
  ]) {
    const shown = path.length > 100 ? `of ${path.length} characters` : path;
    test(`keeps its path and query: ${shown}`, async () => {
      assert.equal((await arrived(path)).url, path);
    });
  }

  test("keeps its other headers, also those that only look as if they were about the caller", async () => {
    const sent = {
      accept: "text/html;q=0.9, */*",
      authorization: "Bearer backstage-token",
      cookie: "theme=dark; backstage-auth=x",
      "content-type": "application/x-custom",
      origin: "https://app.example.com",
      "user-agent": "test/1",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-proto": "https",
      "x-requested-with": "XMLHttpRequest",
      "x-user": "a header of the app's own",
      "if-none-match": '"e"',
      range: "bytes=0-9",
    };
    const { headers } = await arrived("/x", { method: "POST", headers: sent, body: "x" });
    for (const [name, value] of Object.entries(sent)) assert.equal(headers[name], value, name);
  });

  test("keeps every value of a header that comes more than once", async () => {
    const headers = ["x-tag", "one", "x-tag", "two", "x-tag", "three"];
    assert.equal((await arrived("/x", { headers })).headers["x-tag"], "one, two, three");
  });

  test("keeps header values that are not ASCII, byte for byte", async () => {
    const utf8 = Buffer.from("Jürgen 你").toString("latin1");
    const headers = ["x-utf8", utf8];
    assert.equal((await arrived("/x", { headers })).headers["x-utf8"], utf8);
  });

  test("names the configured origin as its host", async () => {
    const { headers } = await arrived("/x", { headers: { host: "backstage.example.com" } });
    assert.equal(headers.host, new URL(ground.origin.url).host);
  });

  test("goes to its own host if no origin is configured", async (t) => {
    const gate = await ground.startGate(t, { backstage: { origin: undefined } });
    const { host } = new URL(ground.origin.url);
    const token = await ground.access.mint();
    const answer = await gate.send("/x?y", { token, headers: { host } });
    assert.deepEqual([answer.json?.url, answer.json?.headers.host], ["/x?y", host]);
  });

  test("is one request: nothing is tried again when the origin fails", async (t) => {
    ground.origin.answerWith(t, (request) => request.destroy());
    const before = ground.origin.requests.length;
    const answer = await sendAsJane("/x", { method: "POST", body: "x" });
    assert.equal(answer.status, 502);
    assert.equal(ground.origin.requests.length, before + 1);
  });
});

describe("a request's body", () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
    test(`arrives with ${method}`, async () => {
      const body = `{"text":"Räder","method":"${method}"}`;
      const seen = await arrived("/x", { method, body });
      assert.deepEqual([seen.method, seen.body], [method, body]);
    });
  }

  test("is absent where none was sent", async () => {
    const { headers, body } = await arrived("/x", { method: "DELETE" });
    assert.equal(body, "");
    assert.ok((headers["content-length"] ?? "0") === "0");
  });

  test("of 12 MiB streams through: the first bytes arrive before the last are sent", async (t) => {
    let firstBytes;
    const started = new Promise((resolve) => {
      firstBytes = resolve;
    });
    ground.origin.answerWith(t, async (request, response) => {
      const hash = createHash("sha256");
      let length = 0;
      for await (const chunk of request) {
        firstBytes();
        hash.update(chunk);
        length += chunk.length;
      }
      response.end(JSON.stringify({ length, digest: hash.digest("hex") }));
    });

    const chunk = randomBytes(MIB);
    const digest = createHash("sha256");
    const { hostname, port } = new URL(ground.gate.url);
    const request = http.request({
      ...{ hostname, port, path: "/upload", method: "POST" },
      headers: { [ASSERTION]: await ground.access.mint(), "transfer-encoding": "chunked" },
    });
    const answered = once(request, "response");
    const write = async () => {
      digest.update(chunk);
      if (!request.write(chunk)) await once(request, "drain");
    };
    await write();
    await started;
    for (let i = 1; i < 12; i += 1) await write();
    request.end();

    const [answer] = await answered;
    const received = JSON.parse(Buffer.concat(await answer.toArray()));
    assert.deepEqual(received, { length: 12 * MIB, digest: digest.digest("hex") });
  });

  test("of 12 MiB with a length arrives whole, byte for byte", async (t) => {
    ground.origin.answerWith(t, async (request, response) => {
      const hash = createHash("sha256");
      for await (const chunk of request) hash.update(chunk);
      const length = request.headers["content-length"];
      response.end(JSON.stringify({ length, digest: hash.digest("hex") }));
    });
    const body = randomBytes(12 * MIB);
    const answer = await sendAsJane("/upload", { method: "PUT", body });
    const digest = createHash("sha256").update(body).digest("hex");
    assert.deepEqual(answer.json, { length: String(body.length), digest });
  });

  test("is not waited for: the origin may answer before it has ended", async (t) => {
    ground.origin.answerWith(t, (_request, response) => response.writeHead(413).end());
    const { hostname, port } = new URL(ground.gate.url);
    const request = http.request({
      ...{ hostname, port, path: "/upload", method: "POST" },
      headers: { [ASSERTION]: await ground.access.mint() },
    });
    t.after(() => request.destroy());
    request.on("error", () => {});
    request.write("a beginning");
    const [answer] = await once(request, "response");
    assert.equal(answer.statusCode, 413);
  });
});

describe("the origin's answer", () => {
  const answerWith = (t, status, headers, body) =>
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(status, headers);
      response.end(body);
    });

  for (const status of [200, 201, 206, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 599]) {
    test(`keeps its status and body: ${status}`, async (t) => {
      answerWith(t, status, { "content-type": "text/plain" }, `status ${status}`);
      const answer = await sendAsJane("/x");
      assert.deepEqual([answer.status, answer.text], [status, `status ${status}`]);
    });
  }

  for (const status of [204, 205, 304]) {
    test(`keeps its status and has no body: ${status}`, async (t) => {
      answerWith(t, status, { etag: '"e"' });
      const answer = await sendAsJane("/x", { headers: { "if-none-match": '"e"' } });
      assert.deepEqual([answer.status, answer.text, answer.headers.etag], [status, "", '"e"']);
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`is a redirect that is passed on and not followed: ${status}`, async (t) => {
      answerWith(t, status, { location: "/elsewhere?a=b" }, "moved");
      const before = ground.origin.requests.length;
      const answer = await sendAsJane("/x", { method: "POST", body: "x" });
      assert.deepEqual([answer.status, answer.headers.location], [status, "/elsewhere?a=b"]);
      assert.equal(answer.text, "moved");
      assert.equal(ground.origin.requests.length, before + 1);
    });
  }

  test("keeps its headers, repeated ones apart and values that are not ASCII", async (t) => {
    const utf8 = Buffer.from("Jürgen").toString("latin1");
    answerWith(t, 200, [
      ...["set-cookie", "a=1; Path=/; HttpOnly", "set-cookie", "b=2; Expires=Tue, 24 Nov 2026"],
      ...["cache-control", "public, max-age=60", "content-security-policy", "default-src 'self'"],
      ...["x-utf8", utf8, "vary", "accept", "www-authenticate", "Bearer"],
    ]);
    const { headers } = await sendAsJane("/x");
    assert.deepEqual(headers["set-cookie"], [
      "a=1; Path=/; HttpOnly",
      "b=2; Expires=Tue, 24 Nov 2026",
    ]);
    assert.equal(headers["cache-control"], "public, max-age=60");
    assert.equal(headers["content-security-policy"], "default-src 'self'");
    assert.equal(headers["x-utf8"], utf8);
    assert.equal(headers.vary, "accept");
    assert.equal(headers["www-authenticate"], "Bearer");
  });

  test("stays compressed as the origin sent it", async (t) => {
    const body = gzipSync("a text that is worth it ".repeat(100));
    const headers = { "content-encoding": "gzip", "content-type": "text/plain" };
    answerWith(t, 200, headers, body);
    const answer = await sendAsJane("/x", { headers: { "accept-encoding": "gzip" } });
    assert.equal(answer.headers["content-encoding"], "gzip");
    assert.ok(answer.bytes.equals(body));
  });

  test("of 12 MiB arrives whole, byte for byte", async (t) => {
    const body = randomBytes(12 * MIB);
    answerWith(t, 200, { "content-type": "application/octet-stream" }, body);
    const answer = await sendAsJane("/x");
    assert.ok(answer.bytes.equals(body));
  });

  test("streams: each part arrives before the next is sent", async (t) => {
    let next;
    ground.origin.answerWith(t, async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const part of ["one", "two", "three"]) {
        const read = new Promise((resolve) => {
          next = resolve;
        });
        response.write(`data: ${part}\n\n`);
        await read;
      }
      response.end();
    });
    const headers = { [ASSERTION]: await ground.access.mint() };
    const answer = await open(ground.gate.url, { path: "/events", headers });
    const parts = [];
    for await (const part of answer.setEncoding("utf8")) {
      parts.push(part);
      next();
    }
    assert.deepEqual(parts, ["data: one\n\n", "data: two\n\n", "data: three\n\n"]);
  });

  test("that breaks off does not look complete", async (t) => {
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(200).write("the beginning");
      setTimeout(() => response.destroy(), 50);
    });
    await assert.rejects(sendAsJane("/x"));
  });

  test("is given up at the origin when the caller has gone away, at the next part", async (t) => {
    let closed;
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(200).write("the beginning");
      const beat = setInterval(() => response.write("."), 20);
      closed = once(response, "close").then(() => clearInterval(beat));
    });
    const headers = { [ASSERTION]: await ground.access.mint() };
    const answer = await open(ground.gate.url, { path: "/events", headers });
    await once(answer, "readable");
    answer.destroy();
    await closed;
  });
});

describe("a WebSocket", () => {
  const url = (path) => ground.gate.url.replace("http", "ws") + path;

  async function connect(path, headers, protocols = []) {
    const socket = new WebSocket(url(path), protocols, { headers });
    await once(socket, "open");
    return socket;
  }

  test("carries texts and bytes both ways, and the reason of its end", async (t) => {
    ground.origin.greetWith(t, (webSocket) => {
      webSocket.send("the origin speaks first");
      webSocket.on("message", (data, binary) => {
        if (String(data) === "end") webSocket.close(4001, "as you wish");
        else webSocket.send(data, { binary });
      });
    });
    const token = await ground.access.mint();
    const socket = new WebSocket(url("/ws?room=1"), { headers: { [ASSERTION]: token } });
    assert.equal(String((await once(socket, "message"))[0]), "the origin speaks first");
    for (const [sent, binary] of [
      ["Grüße", false],
      [randomBytes(100_000), true],
      ["", false],
    ]) {
      socket.send(sent);
      const [data, isBinary] = await once(socket, "message");
      assert.ok(data.equals(Buffer.from(sent)));
      assert.equal(isBinary, binary);
    }
    socket.send("end");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, String(reason)], [4001, "as you wish"]);

    const { url: seen, headers } = ground.origin.requests.at(-1);
    assert.equal(seen, "/ws?room=1");
    assert.equal(headers[ASSERTION], token);
    assert.equal(headers[EMAIL], "jane@example.com");
  });

  test("is opened with the cookie alone, as a browser does it", async () => {
    const cookie = `CF_Authorization=${await ground.access.mint()}`;
    const socket = await connect("/ws", { cookie, [EMAIL]: "boss@example.com" });
    socket.send("hello");
    await once(socket, "message");
    assert.equal(ground.origin.requests.at(-1).headers[EMAIL], "jane@example.com");
    socket.close();
    await once(socket, "close");
  });

  test("is not opened without an assertion, and the origin hears nothing of it", async () => {
    await unseenBy(ground.origin, async () => {
      for (const headers of [{}, { [ASSERTION]: "a.b.c" }]) {
        const socket = new WebSocket(url("/ws"), { headers });
        const [, response] = await once(socket, "unexpected-response");
        assert.equal(response.statusCode, 401);
        socket.on("error", () => {});
        socket.terminate();
      }
    });
  });

  test("to which the origin does not agree is answered as the origin answers", async (t) => {
    const gate = await ground.startGate(t, { backstage: { origin: ground.access.url } });
    const headers = { [ASSERTION]: await ground.access.mint() };
    const socket = new WebSocket(`${gate.url.replace("http", "ws")}/ws`, { headers });
    const [, response] = await once(socket, "unexpected-response");
    assert.equal(response.statusCode, 401);
    socket.on("error", () => {});
    socket.terminate();
  });
});

describe("a Worker that is its own origin", () => {
  test("answers 508 on every kind of path, after one hop", async (t) => {
    const gate = await ground.startGate(t, {
      backstage: { origin: undefined, publicPaths: ["/open"] },
    });
    const loop = { host: new URL(gate.url).host, authorization: "Bearer of.another.signer" };
    const token = await ground.access.mint();
    for (const [path, assertion] of [
      ["/api/catalog/entities", token],
      ["/open/x", undefined],
      ["/api/auth/v1/userinfo", undefined],
    ]) {
      const answer = await gate.send(path, { token: assertion, headers: loop });
      assert.deepEqual([answer.status, answer.json?.error.code], [508, "forward_loop"], path);
    }
    const shadow = await ground.startGate(t, { backstage: { origin: undefined, mode: "shadow" } });
    const answer = await shadow.send("/x", { headers: { host: new URL(shadow.url).host } });
    assert.deepEqual([answer.status, answer.json?.error.code], [508, "forward_loop"]);
  });

  test("opens no WebSocket on a public route", async () => {
    const before = ground.origin.requests.length;
    const headers = { authorization: "Bearer of.another.signer" };
    const url = `${ground.gate.url.replace("http", "ws")}/api/auth/v1/userinfo`;
    const socket = new WebSocket(url, { headers });
    const [, response] = await once(socket, "unexpected-response");
    assert.equal(response.statusCode, 401);
    assert.equal(ground.origin.requests.length, before);
    socket.on("error", () => {});
    socket.terminate();
  });
});

describe("a CORS preflight", () => {
  const app = "https://app.example.com";
  const preflight = (gate, origin) =>
    gate.send("/api/catalog/entities?x", {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "PUT",
        cookie: "a=1",
        authorization: "Bearer x",
        "content-type": "text/plain",
      },
      body: "a body",
    });

  test("of a configured origin arrives without cookies and body, another does not", async (t) => {
    const gate = await ground.startGate(t, { backstage: { corsOrigins: [app] } });
    const { status, json } = await preflight(gate, app);
    assert.deepEqual([status, json.method, json.url], [200, "OPTIONS", "/api/catalog/entities?x"]);
    assert.deepEqual(
      [json.body, json.headers.cookie, json.headers.authorization],
      ["", undefined, undefined],
    );
    assert.equal(json.headers["access-control-request-method"], "PUT");
    const other = await preflight(gate, "https://other.example.com");
    assert.deepEqual([other.status, other.json.error.code], [401, "assertion_missing"]);
  });
});

describe("headers that speak of the caller", () => {
  const SPOOFED = [
    "Cf-Access-Authenticated-User-Email",
    "CF-ACCESS-AUTHENTICATED-USER-EMAIL",
    "cf_access_authenticated_user_email",
    "Cf_Access-Authenticated_User-Email",
    "cf_access_jwt_assertion",
    "CF-ACCESS-JWT_ASSERTION",
    "X-Forwarded-User",
    "x_forwarded_user",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Remote-User",
    "Remote-User",
    "REMOTE_USER",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc-identity",
    "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-email",
    "x-ms-client-principal",
    "x-ms-token-aad-id-token",
  ];
  const spoofed = SPOOFED.flatMap((name) => [name, "boss@example.com"]);

  /** The values at the origin that came from the spoofed headers. */
  const believed = ({ rawHeaders }) =>
    rawHeaders.filter((_, index) => rawHeaders[index + 1] === "boss@example.com");

  test("do not get past the Worker in any spelling, and the true email takes their place", async () => {
    const token = await ground.access.mint();
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], "jane@example.com");
    assert.equal(seen.headers[ASSERTION], token);
  });

  test("are none for a service token, which has no email", async () => {
    const token = await ground.access.mint({ serviceToken: SERVICE_TOKEN.clientId });
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], undefined);
    assert.equal(seen.headers[ASSERTION], token);
  });

  test("are of the cookie's user if there is only the cookie", async () => {
    const cookie = `CF_Authorization=${await ground.access.mint({ user: "bob@example.com" })}`;
    const seen = await arrived("/x", { token: undefined, headers: [...spoofed, "cookie", cookie] });
    assert.deepEqual(believed(seen), []);
    assert.equal(seen.headers[EMAIL], "bob@example.com");
    assert.equal(seen.headers[ASSERTION], undefined);
    assert.equal(seen.headers.cookie, cookie);
  });

  test("an empty assertion header beside a good cookie does not arrive", async () => {
    const cookie = `CF_Authorization=${await ground.access.mint()}`;
    const seen = await arrived("/x", { token: "", headers: { cookie } });
    assert.ok(!seen.rawHeaders.some((name) => name.toLowerCase() === ASSERTION));
  });

  test("a second assertion in a header of the same name is refused with the first", async () => {
    const [jane, bob] = [
      await ground.access.mint(),
      await ground.access.mint({ user: "bob@example.com" }),
    ];
    const answer = await unseenBy(ground.origin, () =>
      ground.gate.send("/x", { token: jane, headers: { [ASSERTION.toUpperCase()]: bob } }),
    );
    assert.equal(answer.status, 401);
  });

  test("the usual assertion header is one of them if another is configured", async (t) => {
    const gate = await ground.startGate(t, { cfaccess: { jwtHeaderName: "X-Corp-Assertion" } });
    const [jane, bob] = [
      await ground.access.mint(),
      await ground.access.mint({ user: "bob@example.com" }),
    ];
    const headers = { "x-corp-assertion": jane, x_corp_assertion: bob, [ASSERTION]: bob };
    const seen = (await gate.send("/x", { headers })).json;
    assert.equal(seen.headers["x-corp-assertion"], jane);
    assert.ok(!seen.rawHeaders.includes(bob));
  });

  test("an email that fits no header is left out", async () => {
    const token = await ground.access.mint({ user: { email: "jürgen@example.com" } });
    const seen = await arrived("/x", { token, headers: spoofed });
    assert.deepEqual([believed(seen), seen.headers[EMAIL]], [[], undefined]);
  });
});

describe("a public path", () => {
  test("is forwarded without an assertion, with its method, query and body", async () => {
    const path = "/healthcheck/deep?a=b";
    const { json } = await ground.gate.send(path, { method: "POST", body: "x" });
    assert.deepEqual([json.method, json.url, json.body], ["POST", path, "x"]);
  });

  test("lets no header through that speaks of the caller, genuine or not", async () => {
    const headers = [EMAIL, "boss@example.com", "x_forwarded_user", "boss", "accept", "text/x"];
    for (const token of ["spoofed", await ground.access.mint()]) {
      const { json } = await ground.gate.send("/healthcheck", { token, headers });
      assert.equal(json.headers[ASSERTION], undefined);
      assert.equal(json.headers[EMAIL], undefined);
      assert.equal(json.headers.x_forwarded_user, undefined);
      assert.equal(json.headers.accept, "text/x");
    }
  });

  test("asks for nothing: no keys, no identity, no catalog", async (t) => {
    const gate = await ground.startGate(t, { kvNamespaces: [] });
    assert.equal((await gate.send("/healthcheck")).status, 200);
    const origin = new URL(ground.origin.url).host;
    assert.deepEqual(
      (await gate.outbound()).map(({ url }) => new URL(url).host),
      [origin],
    );
  });

  test("opens nothing beside it", async () => {
    await unseenBy(ground.origin, async () => {
      for (const path of ["/healthchecks", "/HEALTHCHECK", "/healthchec", "/", "/x/healthcheck"]) {
        const answer = await ground.gate.send(path);
        assert.equal(answer.json.error.code, "assertion_missing", path);
      }
    });
  });

  // Whatever the spelling: what the origin makes of it is below the public path, or it gets nothing.
  const TRICKS = [
    "/healthcheck/../secret",
    "/healthcheck/..",
    "/healthcheck/../",
    "/healthcheck/./../secret",
    "/healthcheck/%2e%2e/secret",
    "/healthcheck/%2E%2E/secret",
    "/healthcheck/.%2e/secret",
    "/healthcheck/%2e./secret",
    "/healthcheck/%2e%2e",
    "/healthcheck/..%2fsecret",
    "/healthcheck/..%2Fsecret",
    "/healthcheck/..%5csecret",
    "/healthcheck/..\\secret",
    "/healthcheck\\..\\secret",
    "/healthcheck/%252e%252e/secret",
    "/healthcheck/%25252e%25252e/secret",
    "/healthcheck/..%00/secret",
    "/healthcheck/%2e%2e%00/secret",
    "/healthcheck//../secret",
    "/healthcheck/..//secret",
    "/healthcheck/x/../../secret",
    "/healthcheck/..?/secret",
    "/healthcheck/..#/secret",
    "/healthcheck#/../../secret",
    "/healthcheck/.\t./secret",
    "/healthcheck/\t../secret",
    "//healthcheck/../secret",
    "/./healthcheck/../secret",
    "/%68ealthcheck/../secret",
    "http://example.com/healthcheck/../secret",
  ];
  for (const target of TRICKS) {
    test(`does not lead elsewhere: ${JSON.stringify(target)}`, async () => {
      const before = ground.origin.requests.length;
      const status = await rawStatus(target);
      const seen = ground.origin.requests.slice(before).flatMap(({ url }) => readings(url));
      for (const path of seen) assert.match(path, /^\/healthcheck(\/|$)/);
      assert.ok([200, 400, 401].includes(status), String(status));
    });
  }

  /** What servers may make of a path: as it is, decoded, decoded twice; dots resolved. */
  function readings(url) {
    const once = url.split(/[?#]/)[0];
    const all = [once, decoded(once), decoded(decoded(once))];
    return all.map((path) => new URL(path.replaceAll("\\", "/"), "http://origin").pathname);
  }

  function decoded(path) {
    return path.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }

  /** The status of a GET for a target that no HTTP library would send. */
  async function rawStatus(target) {
    const { hostname, port } = new URL(ground.gate.url);
    const socket = net.connect({ host: hostname, port });
    socket.end(`GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\n\r\n`);
    const bytes = Buffer.concat(await socket.toArray()).toString();
    return Number(/^HTTP\/1\.1 (\d+)/.exec(bytes)?.[1]);
  }
});

test("whatever is not public is not forwarded without an assertion, by any method", async () => {
  await unseenBy(ground.origin, async () => {
    for (const method of ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PROPFIND"]) {
      for (const path of [
        "/",
        "/api/catalog/entities",
        "/api/auth/google/refresh",
        "/static/x.js",
      ]) {
        const answer = await ground.gate.send(path, { method });
        assert.equal(answer.status, 401, `${method} ${path}`);
      }
    }
  });
});
