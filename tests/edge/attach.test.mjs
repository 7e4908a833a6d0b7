// `attachToken`: what the origin gets of machines' requests, with real requests and jose's assertions.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLocalJWKSet, jwtVerify } from "jose";
import { assertRefused, BASE_URL, groundOfThisFile, SERVICE_TOKEN, unseenBy } from "./harness.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

const ground = groundOfThisFile({ origin: startScriptedOrigin });

const PATH = "/api/catalog/entities";

const gateWith = (t, attachToken) =>
  ground.startGate(t, { backstage: { baseUrl: BASE_URL, attachToken } });

const mintServiceToken = (clientId = SERVICE_TOKEN.clientId) =>
  ground.access.mint({ serviceToken: clientId });

/** The subject of the token that the origin got, verified as the backend does; undefined without one. */
async function arrivedFor(gate, token, options = {}) {
  const answer = await gate.send(PATH, { token, ...options });
  assert.equal(answer.status, 200, answer.text);
  const { authorization } = answer.json.headers;
  if (authorization === undefined) return undefined;
  const keys = ground.signingKeys.keys.map(({ d, ...jwk }) => jwk);
  const { payload } = await jwtVerify(
    authorization.replace(/^Bearer /, ""),
    createLocalJWKSet({ keys }),
    { typ: "vnd.backstage.user", algorithms: ["ES256"] },
  );
  return payload.sub;
}

describe("attachToken", () => {
  test("service-tokens: the origin gets the token of a service token, and none of a user", async (t) => {
    const gate = await gateWith(t, "service-tokens");
    assert.equal(await arrivedFor(gate, await mintServiceToken()), "user:default/ci-bot");
    assert.equal(await arrivedFor(gate, await ground.access.mint()), undefined);
  });

  test("non-browser: the origin gets the token of a user whose request shows no browser", async (t) => {
    const gate = await gateWith(t, "non-browser");
    const token = await ground.access.mint();
    assert.equal(await arrivedFor(gate, token), "user:default/jane.doe");
    for (const headers of [
      { origin: BASE_URL },
      { "sec-fetch-mode": "cors" },
      { "Sec-Fetch-Site": "same-origin" },
      { cookie: `CF_Authorization=${token}` },
    ]) {
      assert.equal(await arrivedFor(gate, token, { headers }), undefined, JSON.stringify(headers));
    }
  });

  test("a form of another site, posted with the cookie that a browser sends, gets none", async (t) => {
    const gate = await gateWith(t, "non-browser");
    const token = await ground.access.mint();
    const headers = {
      cookie: `CF_Authorization=${token}`,
      "content-type": "application/x-www-form-urlencoded",
      origin: "https://evil.example.com",
    };
    assert.equal(await arrivedFor(gate, token, { method: "POST", headers }), undefined);
  });

  test("an Authorization header of the caller's own goes on as it is", async (t) => {
    const gate = await gateWith(t, "non-browser");
    const headers = { authorization: "Bearer of.the.caller" };
    const answer = await gate.send(PATH, { token: await mintServiceToken(), headers });
    assert.equal(answer.json.headers.authorization, "Bearer of.the.caller");
  });

  test("a service token that is not configured is refused, and the origin sees nothing", async (t) => {
    const gate = await gateWith(t, "service-tokens");
    const token = await mintServiceToken("99999999999999999999999999999999.access");
    const answer = await unseenBy(ground.origin, () => gate.send(PATH, { token }));
    assertRefused(answer, {
      status: 403,
      name: "NotAllowedError",
      code: "service_token_unknown",
      url: PATH,
    });
  });

  test("without it nothing is attached", async () => {
    assert.equal(await arrivedFor(ground.gate, await mintServiceToken()), undefined);
  });
});
