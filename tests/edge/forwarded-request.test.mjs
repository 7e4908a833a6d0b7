// What arrives at the origin: method, path, headers and body as they came, and of a CORS preflight
// only what it needs.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { describe, test } from "node:test";
import { ASSERTION, forwardingOfThisFile } from "./forwarding.mjs";

const { ground, sendAsJane, arrived } = forwardingOfThisFile();

const MIB = 1024 * 1024;

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
