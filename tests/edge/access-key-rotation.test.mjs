// A rotation of Access's signing keys. Most of the time is the wait until the Worker may ask for the
// keys again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { groundOfThisFile } from "./harness.mjs";
import { refreshed } from "./official-answers.mjs";

const COOL_DOWN_MS = 30_000;
const ground = groundOfThisFile();

test("a rotation of Access's keys is survived without a restart, with one fetch", async () => {
  const { access, gate } = ground;
  await refreshed(gate, await access.mint());
  const asked = performance.now();
  const before = await access.mint();
  await access.rotate();
  const after = await access.mint();
  assert.equal((await gate.refresh(before)).status, 200, "the key before is still published");
  const rest = COOL_DOWN_MS + 1000 - (performance.now() - asked);
  await new Promise((resolve) => setTimeout(resolve, Math.max(rest, 0)));

  const calls = access.calls.certs;
  const answers = await Promise.all(Array.from({ length: 10 }, () => gate.refresh(after)));
  assert.ok(answers.some(({ status }) => status === 200));
  assert.equal((await gate.refresh(after)).status, 200);
  assert.equal((await gate.refresh(before)).status, 200);
  assert.equal(access.calls.certs, calls + 1);
});
