// What belongs here: how long the Worker goes on with what it knows of the catalog. In real time, since
// a Worker's clock cannot be set.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CATALOG, emailKey, groundOfThisFile } from "./harness.mjs";

const ground = groundOfThisFile({ cfaccess: { catalogMaxAge: "30s" } });
const JANE = emailKey(CATALOG[0].email);

test("a user who was removed is refused when catalogMaxAge is over, and not long before", async () => {
  const { access, gate } = ground;
  const assertion = await access.mint();
  assert.equal((await gate.refresh(assertion)).status, 200);
  const start = performance.now();
  await (await gate.kv("CATALOG")).delete(JANE);
  await sleep(24_000);
  assert.equal((await gate.refresh(assertion)).status, 200, "it is remembered");
  // A new login does not begin its time anew.
  assert.equal((await gate.refresh(await access.mint())).status, 200, "the record is remembered");
  await sleep(31_000 - (performance.now() - start));
  assert.equal((await gate.refresh(assertion)).status, 404);
  assert.equal((await gate.refresh(await access.mint())).status, 404);
});
