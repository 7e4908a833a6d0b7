// What comes back from the origin: its answer, unchanged.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ASSERTION, forwardingOfThisFile } from "./forwarding.mjs";
import { open } from "./http.mjs";

const { ground, sendAsJane } = forwardingOfThisFile();

const MIB = 1024 * 1024;

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
