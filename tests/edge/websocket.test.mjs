// WebSockets through the Worker.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import WebSocket from "ws";
import { ASSERTION, EMAIL, forwardingOfThisFile } from "./forwarding.mjs";
import { unseenBy } from "./harness.mjs";

const { ground } = forwardingOfThisFile();

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

  test("is not opened on a public route", async () => {
    const before = ground.origin.requests.length;
    const headers = { authorization: "Bearer of.another.signer" };
    const socket = new WebSocket(url("/api/auth/v1/userinfo"), { headers });
    const [, response] = await once(socket, "unexpected-response");
    assert.equal(response.statusCode, 401);
    assert.equal(ground.origin.requests.length, before);
    socket.on("error", () => {});
    socket.terminate();
  });
});
