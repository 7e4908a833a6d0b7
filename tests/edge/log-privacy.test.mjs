// What the log says of refused requests, and what it must not hold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { newSigningKey as newAccessKey } from "../../dev/access/keys.mjs";
import { groundOfThisFile } from "./harness.mjs";

const ground = groundOfThisFile();

test("the log says why, and holds no assertion, token or email", async (t) => {
  const { access } = ground;
  const gate = await ground.startGate(t);
  const token = await access.mint();
  const signedByAnother = { key: await newAccessKey(), header: { kid: access.keys.current.kid } };
  const bad = [
    await access.mint(signedByAnother),
    await access.mint({ claims: { exp: 1 } }),
    "garbage",
    await access.mint({ user: "nobody@example.com" }),
  ];
  const { json: session } = await gate.refresh(token);
  for (const assertion of bad) await gate.refresh(assertion);
  await gate.send("/api/echo", { token });
  const lines = await gate.lines(({ route }) => route === "forward");
  assert.equal(lines.length, 1);
  const log = JSON.stringify(gate.logs);
  for (const secret of [...bad, token, session.backstageIdentity.token, "@example.com"]) {
    assert.ok(!log.includes(secret));
  }
  const codes = (await gate.lines(({ code }) => code)).map(({ code }) => code);
  assert.deepEqual(codes, [
    "signature_invalid",
    "assertion_expired",
    "assertion_malformed",
    "user_not_found",
  ]);
});
