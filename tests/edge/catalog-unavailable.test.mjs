// Refresh requests while the catalog in KV is damaged, absent or does not answer.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  assertRefused,
  CATALOG,
  emailKey,
  groundOfThisFile,
  recordsOf,
  UNAVAILABLE,
  unseenBy,
} from "./harness.mjs";

const ground = groundOfThisFile();

describe("a damaged catalog", () => {
  const jane = CATALOG[0];
  const good = JSON.stringify({ v: 1, user: jane });
  const DAMAGED = {
    "is cut short": good.slice(0, -7),
    "is empty": "",
    "is of another version": good.replace('"v":1', '"v":2'),
    "is another user's": JSON.stringify({ v: 1, user: CATALOG[1] }),
    "is of a group": good.replaceAll("user:default", "group:default"),
    "has no ownership refs": JSON.stringify({ v: 1, user: { ...jane, ent: [] } }),
    "names one user as ambiguous": JSON.stringify({ v: 1, ambiguous: [jane.ref] }),
  };

  for (const [what, value] of Object.entries(DAMAGED)) {
    test(`a record that ${what} is a fault for its user only, and the log has its key`, async (t) => {
      const { access, origin } = ground;
      // One that does not remember her.
      const gate = await ground.startGate(t);
      const key = emailKey(jane.email);
      await gate.kvPut([[key, value]]);
      try {
        const answer = await unseenBy(origin, async () => gate.refresh(await access.mint()));
        assertRefused(answer, { ...UNAVAILABLE, code: "catalog_corrupt" });
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        assert.ok(!answer.text.includes("v1:"), "the key is for the log");
        const bob = await gate.refresh(await access.mint({ user: "bob@example.com" }));
        assert.equal(bob.status, 200);
      } finally {
        await gate.kvPut(recordsOf([jane]));
      }
      const [line] = await gate.lines(({ code }) => code === "catalog_corrupt");
      assert.equal(line.level, "error");
      assert.ok(line.detail.includes(key), line.detail);
      assert.equal((await gate.refresh(await access.mint())).status, 200, "mended");
    });
  }

  test("without its KV the catalog is unavailable, and the rest of the site is not", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, { kvNamespaces: ["ACCESS_CACHE"] });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assertRefused(answer, { ...UNAVAILABLE, code: "catalog_unavailable" });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
    assert.equal((await gate.send("/api/echo", { token })).status, 200);
  });

  test("while KV fails the catalog is unavailable, and afterwards it is not", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, { observeKv: true });
    await gate.setKvOutages({ CATALOG: "unreachable", ACCESS_CACHE: "unreachable" });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assertRefused(answer, { ...UNAVAILABLE, code: "catalog_unavailable" });
    assert.ok(!answer.text.includes("KV"), "why is for the log");
    const [line] = await gate.lines(({ code }) => code === "catalog_unavailable");
    assert.match(line.detail, /CATALOG/);

    await gate.setKvOutages({ ACCESS_CACHE: "unreachable" });
    assert.equal((await gate.refresh(token)).status, 200);
  });

  test("a KV that does not answer is unavailable as well, within its time limit", async (t) => {
    const { access } = ground;
    const gate = await ground.startGate(t, { observeKv: true });
    assert.equal((await gate.refresh(await access.mint())).status, 200);
    await gate.setKvOutages({ CATALOG: "hang" });
    const start = performance.now();
    const answer = await gate.refresh(await access.mint({ user: "bob@example.com" }));
    assert.ok(performance.now() - start < 8000);
    assertRefused(answer, { ...UNAVAILABLE, code: "catalog_unavailable" });
  });

  test("users sign in without the KV of the cache", async (t) => {
    const gate = await ground.startGate(t, { kvNamespaces: ["CATALOG"] });
    assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
  });
});
