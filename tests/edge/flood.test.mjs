// Many requests at once that all have to wait: each gets its answer, and other requests are not
// affected.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { groundOfThisFile } from "./harness.mjs";

const FLOOD = 2000;
const JWKS = "/api/auth/.well-known/jwks.json";

/** How many answers there are of each status. */
function statuses(answers) {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe("2,000 requests at once", () => {
  const ground = groundOfThisFile();

  /** Assertions of one user, no two the same. */
  const assertions = (count, user) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        ground.access.mint({ user, claims: { identity_nonce: `${index}` } }),
      ),
    );

  test("sign-ins get 200 while get-identity hangs", async (t) => {
    const gate = await ground.startGate(t);
    // The certs are cached by this, so that only get-identity is asked from here on.
    const first = await ground.access.mint({ user: "bob@example.com" });
    assert.equal((await gate.refresh(first)).status, 200);
    await gate.setOutages({ [new URL(ground.access.issuer).host]: "hang" });

    const tokens = await assertions(FLOOD, "jane@example.com");
    const answers = await Promise.all(tokens.map((token) => gate.refresh(token)));
    assert.deepEqual(statuses(answers), { 200: FLOOD });
    const users = new Set(answers.map(({ json }) => json.backstageIdentity.identity.userEntityRef));
    assert.deepEqual([...users], ["user:default/jane.doe"]);
  });

  test("requests for the JWK Set whose origin hangs do not affect sign-ins", async (t) => {
    const gate = await ground.startGate(t);
    await gate.setOutages({ [new URL(ground.origin.url).host]: "hang" });
    const flood = Promise.all(Array.from({ length: FLOOD }, () => gate.send(JWKS)));
    const tokens = await assertions(50, "bob@example.com");
    const signIns = await Promise.all(tokens.map((token) => gate.refresh(token)));
    assert.deepEqual(statuses(signIns), { 200: 50 });
    const answers = await flood;
    assert.deepEqual(statuses(answers), { 200: FLOOD });
    assert.ok(answers.every(({ json }) => json.keys.length === 1));
  });
});
