// The Backstage token that a user gets, and whether Backstage can do with it what it does.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { BASE_URL, groundOfThisFile, newSigningKey } from "./harness.mjs";
import { ACCESS, recordedUser, refreshed } from "./official-answers.mjs";

const JWKS = "/api/auth/.well-known/jwks.json";

const ground = groundOfThisFile({ access: ACCESS });

const mint = (options) => ground.access.mint(options);

const base = () => ({ baseUrl: BASE_URL, origin: ground.origin.url });

describe("the token", () => {
  const official = recordedUser.backstageIdentity.token;
  const part = (token, index) => Buffer.from(token.split(".")[index], "base64url").toString();
  const keysOf = (text) => Object.keys(JSON.parse(text));

  /** The Worker's own key set, as a backend would use it. */
  const keySet = async (gate) => createLocalJWKSet((await gate.send(JWKS)).json);
  const options = { algorithms: ["ES256"], typ: "vnd.backstage.user", audience: "backstage" };

  test("verifies against the Worker's own key set", async () => {
    const { token } = (await refreshed(ground.gate, await mint())).backstageIdentity;
    const { payload } = await jwtVerify(token, await keySet(ground.gate), options);
    assert.equal(payload.sub, "user:default/jane.doe");
    assert.equal(payload.iss, `${BASE_URL}/api/auth`);
    assert.equal(payload.exp - payload.iat, 3600);
  });

  test("is written as Backstage's own, with the ownership refs added", async () => {
    const { token, identity } = (await refreshed(ground.gate, await mint())).backstageIdentity;
    assert.equal(part(token, 0), '{"typ":"vnd.backstage.user","alg":"ES256","kid":"key-1"}');
    assert.deepEqual(keysOf(part(token, 0)), keysOf(part(official, 0)));
    assert.deepEqual(
      keysOf(part(token, 1)).filter((key) => key !== "ent"),
      keysOf(part(official, 1)),
    );
    assert.deepEqual(decodeJwt(token).ent, identity.ownershipEntityRefs);
    const lengths = (text) =>
      text
        .split(".")
        .slice(2)
        .map(({ length }) => length);
    assert.deepEqual(lengths(token), lengths(official));
  });

  test("carries what limited-user tokens are built from", async () => {
    const { token } = (await refreshed(ground.gate, await mint())).backstageIdentity;
    const { kid } = decodeProtectedHeader(token);
    const { sub, iat, exp, uip } = decodeJwt(token);
    // As the backend's UserTokenHandler writes them, in this order of members.
    const parts = [
      { typ: "vnd.backstage.limited-user", alg: "ES256", kid },
      { sub, iat, exp },
    ];
    const encoded = parts.map((one) => Buffer.from(JSON.stringify(one)).toString("base64url"));
    const limited = `${encoded.join(".")}.${uip}`;
    const typ = "vnd.backstage.limited-user";
    await jwtVerify(limited, await keySet(ground.gate), { algorithms: ["ES256"], typ });
  });

  test("is signed for its whole life, whatever is left of the assertion", async () => {
    const assertion = await mint({ claims: { exp: Math.floor(Date.now() / 1000) + 60 } });
    const { expiresInSeconds } = (await refreshed(ground.gate, assertion)).backstageIdentity;
    assert.equal(expiresInSeconds, 3600);
  });

  test("is given out again for the same assertion, with what is left of its life", async () => {
    const assertion = await mint();
    const first = (await refreshed(ground.gate, assertion)).backstageIdentity;
    await sleep(1100);
    const second = (await refreshed(ground.gate, assertion)).backstageIdentity;
    assert.equal(first.token, second.token);
    const { exp } = JSON.parse(part(first.token, 1));
    const left = exp - Math.floor(Date.now() / 1000);
    assert.ok(Math.abs(second.expiresInSeconds - left) <= 1, `${second.expiresInSeconds}: ${left}`);
    assert.ok(second.expiresInSeconds < first.expiresInSeconds);
  });

  test("omitIdentityTokenOwnershipClaim leaves it as Backstage writes it", async (t) => {
    const backstage = { omitIdentityTokenOwnershipClaim: true };
    const gate = await ground.startGate(t, { backstage: { ...base(), ...backstage } });
    const { token, identity } = (await refreshed(gate, await mint())).backstageIdentity;
    assert.deepEqual(keysOf(part(token, 1)), keysOf(part(official, 1)));
    assert.equal(identity.ownershipEntityRefs.length, 3, "the answer still has them");
  });

  for (const [backstageTokenExpiration, seconds] of [
    [{ hours: 2, minutes: 30 }, 9000],
    ["PT45M", 2700],
    ["20 minutes", 1200],
    [{ seconds: 5 }, 600],
    [{ days: 30 }, 86400],
  ]) {
    const written = JSON.stringify(backstageTokenExpiration);
    test(`a backstageTokenExpiration of ${written} makes it live ${seconds} s`, async (t) => {
      const backstage = { ...base(), backstageTokenExpiration };
      const gate = await ground.startGate(t, { backstage });
      const { token, expiresInSeconds } = (await refreshed(gate, await mint())).backstageIdentity;
      const { iat, exp } = decodeJwt(token);
      assert.deepEqual([exp - iat, expiresInSeconds], [seconds, seconds]);
    });
  }

  test("is signed with the first of several keys, and all of them are published", async (t) => {
    const [old] = ground.signingKeys.keys;
    const before = (await refreshed(ground.gate, await mint())).backstageIdentity.token;
    const next = await newSigningKey("key-2");
    const gate = await ground.startGate(t, { signingKeys: { keys: [next, old] } });
    const { token } = (await refreshed(gate, await mint())).backstageIdentity;
    assert.equal(decodeProtectedHeader(token).kid, "key-2");
    const { keys } = (await gate.send(JWKS)).json;
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      ["key-2", "key-1"],
    );
    assert.ok(keys.every((key) => !("d" in key)));
    await jwtVerify(token, createLocalJWKSet({ keys }), options);
    await jwtVerify(before, createLocalJWKSet({ keys }), options);
  });
});
