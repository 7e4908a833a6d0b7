// The steps of `cfaccess keygen --add`, `--promote` and `--retire`. While a secret is deployed, isolates
// run with the set before a step and with the set after it, and a backend may remember either.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLocalJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import { groundOfThisFile, newSigningKey } from "./harness.mjs";
import { limited } from "./limited-user.mjs";

const ground = groundOfThisFile();

const JWKS = "/api/auth/.well-known/jwks.json";
const USERINFO = "/api/auth/v1/userinfo";

/** The users who sign in at each of two Workers while both run. */
const REQUESTS = 20;

async function workersOf(t, ...sets) {
  return Promise.all(sets.map((keys) => ground.startGate(t, { signingKeys: { keys } })));
}

async function token(gate) {
  const answer = await gate.refresh(await ground.access.mint());
  assert.equal(answer.status, 200, answer.text);
  return answer.json.backstageIdentity.token;
}

/** Verifies a token as Backstage does, with the set that this Worker publishes. */
async function believe(gate, text, typ = "vnd.backstage.user") {
  const { json } = await gate.send(JWKS);
  return jwtVerify(text, createLocalJWKSet(json), { typ, algorithms: ["ES256"] });
}

/** Tokens of both Workers are accepted with the set of either, and by userinfo of either. */
async function assertNobodyIsSignedOut(gates, signers) {
  const tokens = await Promise.all(
    gates.flatMap((gate) => Array.from({ length: REQUESTS }, () => token(gate))),
  );
  const kids = new Set(tokens.map((one) => decodeProtectedHeader(one).kid));
  assert.deepEqual([...kids].sort(), [...signers].sort());
  await Promise.all(
    tokens.flatMap((one) =>
      gates.map(async (gate) => {
        await believe(gate, one);
        await believe(gate, limited(one), "vnd.backstage.limited-user");
        const headers = { authorization: `Bearer ${one}` };
        const answer = await gate.send(USERINFO, { headers });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json.claims.sub, "user:default/jane.doe");
      }),
    ),
  );
}

describe("while a step of a rotation is deployed", async () => {
  const [old, next] = await Promise.all([newSigningKey("old"), newSigningKey("next")]);
  const steps = {
    "--add": [[old], [old, next], ["old"]],
    "--promote": [
      [old, next],
      [next, old],
      ["old", "next"],
    ],
    "--retire": [[next, old], [next], ["next"]],
  };
  for (const [step, [before, after, signers]] of Object.entries(steps)) {
    test(`${step} signs no user out`, async (t) => {
      await assertNobodyIsSignedOut(await workersOf(t, before, after), signers);
    });
  }

  test("a token of the old key stays valid until --retire, and not after it", async (t) => {
    const gates = await workersOf(t, [old], [old, next], [next, old], [next]);
    const issued = await token(gates[0]);
    for (const gate of gates.slice(0, 3)) await believe(gate, issued);
    await assert.rejects(believe(gates[3], issued), errors.JWKSNoMatchingKey);
  });

  test("a key that signs without having been added first is not believed by a backend that remembers", async (t) => {
    const [before, after] = await workersOf(t, [old], [next, old]);
    await assert.rejects(believe(before, await token(after)), errors.JWKSNoMatchingKey);
  });
});
