// `trust: "shared-key"`: the origin's auth plugin is told of each user once a day with the user's own
// assertion: the first time before the answer, later in the background.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { groundOfThisFile, REFRESH } from "./harness.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

/** What a backend says of a user who is signed in, as far as it matters. */
const SESSION = JSON.stringify({ backstageIdentity: {} });

const ground = groundOfThisFile({
  origin: () => startScriptedOrigin((_, response) => response.end(SESSION)),
  backstage: { trust: "shared-key" },
});

/** The calls of the origin's refresh route from `start` on, once nothing more comes. */
async function told(start) {
  await sleep(300);
  return ground.origin.requests.slice(start).filter(({ url }) => url === REFRESH);
}

describe("trust shared-key", () => {
  test("the origin is told of a user with the assertion, once for many refreshes", async () => {
    const start = ground.origin.requests.length;
    const token = await ground.access.mint({ user: "jane@example.com" });
    assert.equal((await ground.gate.refresh(token)).status, 200);
    const calls = await told(start);
    assert.equal(calls.length, 1);
    assert.equal(calls[0].headers["cf-access-jwt-assertion"], token);
    assert.equal(calls[0].headers.cookie, `CF_Authorization=${token}`);

    const another = await ground.access.mint({
      user: "jane@example.com",
      claims: { country: "NO" },
    });
    for (const again of [token, another]) {
      assert.equal((await ground.gate.refresh(again)).status, 200);
    }
    assert.equal((await told(start)).length, 1);
  });

  test("another isolate knows from KV that the origin was told", async (t) => {
    const start = ground.origin.requests.length;
    const token = await ground.access.mint({ user: "bob@example.com" });
    assert.equal((await ground.gate.refresh(token)).status, 200);
    assert.equal((await told(start)).length, 1);
    const cache = await ground.gate.kv("ACCESS_CACHE");
    const { keys } = await cache.list({ prefix: "registered:v1:" });
    const second = await ground.startGate(t, { backstage: { trust: "shared-key" } });
    const theirs = await second.kv("ACCESS_CACHE");
    for (const { name } of keys) await theirs.put(name, "1");
    assert.equal((await second.refresh(token)).status, 200);
    assert.equal((await told(start)).length, 1);
  });

  test("the first sign-in waits for the origin, so that its userinfo knows the user", async (t) => {
    const order = [];
    ground.origin.answerWith(t, (_, response) => {
      setTimeout(() => {
        order.push("registered");
        response.writeHead(200, { "content-type": "application/json" });
        response.end(SESSION);
      }, 200);
    });
    const gate = await ground.startGate(t, { backstage: { trust: "shared-key" } });
    const token = await ground.access.mint({ user: "jane@example.com" });
    assert.equal((await gate.refresh(token)).status, 200);
    order.push("answered");
    assert.deepEqual(order, ["registered", "answered"]);
  });

  test("an origin that hangs delays the first sign-in by its limit and not the next", async (t) => {
    ground.origin.answerWith(t, () => {});
    const gate = await ground.startGate(t, { backstage: { trust: "shared-key" } });
    const token = await ground.access.mint({ user: "jane@example.com" });
    const start = performance.now();
    assert.equal((await gate.refresh(token)).status, 200);
    const first = performance.now() - start;
    assert.ok(first > 2_900 && first < 7_000, `${first} ms`);
    assert.equal((await gate.refresh(token)).status, 200);
    assert.ok(performance.now() - start - first < 2_000);
  });

  test("an origin that fails is not told again for a minute, and the user signs in", async (t) => {
    ground.origin.answerWith(t, (_, response) => {
      response.writeHead(500);
      response.end();
    });
    const gate = await ground.startGate(t, { backstage: { trust: "shared-key" } });
    const start = ground.origin.requests.length;
    const token = await ground.access.mint({ user: "jane@example.com" });
    assert.equal((await gate.refresh(token)).status, 200);
    assert.equal((await told(start)).length, 1);
    assert.equal((await gate.refresh(token)).status, 200);
    assert.equal((await told(start)).length, 1);
    const [line] = await gate.lines(({ notes }) => notes);
    assert.match(line.notes[0], /not registered with the origin.*status 500/);
  });

  test("a refused sign-in tells the origin nothing, and neither does trust service", async (t) => {
    const start = ground.origin.requests.length;
    const token = await ground.access.mint({ user: "nobody@example.com" });
    assert.equal((await ground.gate.refresh(token)).status, 404);
    const gate = await ground.startGate(t, { backstage: { trust: "service" } });
    const jane = await ground.access.mint({ user: "jane@example.com" });
    assert.equal((await gate.refresh(jane)).status, 200);
    assert.equal((await told(start)).length, 0);
  });
});
