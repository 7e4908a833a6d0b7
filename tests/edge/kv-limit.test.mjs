// What a KV that never answers costs: a bounded wait, and never another user's answer.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertRefused, groundOfThisFile, REFRESH } from "./harness.mjs";

const ground = groundOfThisFile({ observeKv: true });

describe("a KV that does not answer", () => {
  test("a catalog that hangs is 503 within its limit, and sign-in recovers with it", async (t) => {
    const { gate, access } = ground;
    // Another user's: what is known of hers would do.
    const before = await access.mint({ user: "bob@example.com" });
    assert.equal((await gate.refresh(before)).status, 200);
    const token = await access.mint({ user: "jane@example.com" });
    await gate.setKvOutages({ CATALOG: "hang" });
    t.after(() => gate.setKvOutages({}));
    const start = performance.now();
    const refused = { status: 503, name: "ServiceUnavailableError", code: "catalog_unavailable" };
    assertRefused(await gate.refresh(token), {
      ...refused,
      url: REFRESH.slice("/api/auth".length),
    });
    assert.ok(performance.now() - start < 10_000);
    await gate.setKvOutages({});
    assert.equal((await gate.refresh(token)).status, 200);
  });

  test("a cache that hangs delays a cold isolate and stops no sign-in", async (t) => {
    const gate = await ground.startGate(t, { observeKv: true });
    await gate.setKvOutages({ ACCESS_CACHE: "hang" });
    const token = await ground.access.mint({ user: "bob@example.com" });
    assert.equal((await gate.refresh(token)).status, 200);
  });
});
