// What the refresh route answers, held against answers of the official provider, and which requests
// get the answer.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeJwt } from "jose";
import { BASE_URL, groundOfThisFile, REFRESH, SERVICE_TOKEN, unseenBy } from "./harness.mjs";
import {
  ACCESS,
  JANE,
  recorded,
  recordedBot,
  recordedUser,
  refreshed,
  timeless,
} from "./official-answers.mjs";

const ground = groundOfThisFile({ access: ACCESS });

const mint = (options) => ground.access.mint(options);

const mintAsRecorded = () => mint({ claims: { identity_nonce: JANE.identity_nonce } });

/** CFACCESS with another member. */
const withCfaccess = (t, cfaccess) => ground.startGate(t, { cfaccess });

const base = () => ({ baseUrl: BASE_URL, origin: ground.origin.url });

describe("the answer, against the official provider's", () => {
  test("a user's has the same fields in the same order, without the assertion", async () => {
    const answer = await refreshed(ground.gate, await mintAsRecorded());
    const { token, ...providerInfo } = recordedUser.providerInfo;
    assert.equal(timeless(answer), timeless({ ...recordedUser, providerInfo }));
  });

  test("exposeAssertion adds the assertion, where the official provider has it", async (t) => {
    const gate = await withCfaccess(t, { exposeAssertion: true });
    const assertion = await mintAsRecorded();
    const answer = await refreshed(gate, assertion);
    assert.equal(answer.providerInfo.token, assertion);
    answer.providerInfo.token = recordedUser.providerInfo.token;
    assert.equal(timeless(answer), timeless(recordedUser));
  });

  test("a service token's is that of a bot", async () => {
    const token = await mint({ serviceToken: SERVICE_TOKEN.clientId });
    const answer = await refreshed(ground.gate, token);
    const { token: _, ...providerInfo } = recordedBot.providerInfo;
    assert.equal(timeless(answer), timeless({ ...recordedBot, providerInfo }));
    assert.equal(answer.profile.displayName, "Bot");
  });

  test("a service token without sub is answered alike", async () => {
    const assertion = { serviceToken: SERVICE_TOKEN.clientId, claims: { sub: undefined } };
    const answer = await refreshed(ground.gate, await mint(assertion));
    assert.equal(answer.backstageIdentity.identity.userEntityRef, "user:default/ci-bot");
  });

  test("without iat the life of the assertion is null", async () => {
    const answer = await refreshed(ground.gate, await mint({ claims: { iat: undefined } }));
    const { providerInfo } = JSON.parse(recorded("no iat claim (fresh sub)").body);
    assert.equal(answer.providerInfo.expiresInSeconds, providerInfo.expiresInSeconds);
  });

  test("the claims are given on as Access wrote them, custom ones included", async () => {
    const custom = { department: "Räumlichkeiten", "a b": [1.5, null, true] };
    const answer = await refreshed(ground.gate, await mint({ claims: { custom } }));
    assert.deepEqual(answer.providerInfo.claims.custom, custom);
  });

  test("it is JSON, is never stored, and the origin sees nothing of it", async () => {
    const token = await mint();
    const answer = await unseenBy(ground.origin, () => ground.gate.refresh(token));
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["set-cookie"], undefined);
  });
});

describe("the request", () => {
  test("POST is answered like GET", async () => {
    const token = await mint();
    const [get, post] = [
      await refreshed(ground.gate, token),
      await refreshed(ground.gate, token, { method: "POST", body: "{}" }),
    ];
    assert.equal(timeless(post), timeless(get));
  });

  test("HEAD is answered like GET, without the body", async () => {
    const answer = await ground.gate.refresh(await mint(), { method: "HEAD" });
    assert.deepEqual([answer.status, answer.text], [200, ""]);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
  });

  test("the query does not matter", async () => {
    const token = await mint();
    const answer = await ground.gate.send(`${REFRESH}?optional&env=production`, { token });
    assert.equal(answer.status, 200);
  });

  const cookie = (assertion) => `theme=dark; CF_Authorization=${assertion}; CF_AppSession=n`;

  test("the cookie alone is enough", async () => {
    const headers = { cookie: cookie(await mint()) };
    await refreshed(ground.gate, undefined, { headers });
  });

  test("an empty header is no header: the cookie is taken", async () => {
    await refreshed(ground.gate, "", { headers: { cookie: cookie(await mint()) } });
  });

  test("the header wins over the cookie: jane's over bob's", async () => {
    const headers = { cookie: cookie(await mint({ user: "bob@example.com" })) };
    const answer = await refreshed(ground.gate, await mint(), { headers });
    assert.equal(answer.profile.email, "jane@example.com");
  });

  test("the header wins over the cookie even if it is garbage", async () => {
    const answer = await ground.gate.refresh("garbage", {
      headers: { cookie: cookie(await mint()) },
    });
    assert.equal(answer.status, 401);
    assert.equal(answer.json.error.code, "assertion_malformed");
  });

  test("header and cookie have other names if so configured, and the usual ones count no more", async (t) => {
    const gate = await withCfaccess(t, {
      jwtHeaderName: "X-Corp-Assertion",
      authorizationCookieName: "corp_session",
    });
    const token = await mint();
    await refreshed(gate, undefined, { headers: { "x-corp-assertion": token } });
    await refreshed(gate, undefined, { headers: { cookie: `corp_session=${token}` } });
    const usual = await gate.refresh(token, { headers: { cookie: cookie(token) } });
    assert.equal(usual.json.error.code, "assertion_missing");
  });

  test("the provider has another name if so configured", async (t) => {
    const gate = await withCfaccess(t, { providerId: "corp" });
    const token = await mint();
    assert.equal((await gate.send("/api/auth/corp/refresh", { token })).status, 200);
    const before = ground.origin.requests.length;
    await gate.refresh(token);
    assert.equal(ground.origin.requests.length, before + 1, "the usual one is the origin's");
  });

  test("baseUrl may have a path, which is part of the route and of the issuer", async (t) => {
    const backstage = { ...base(), baseUrl: `${BASE_URL}/tools/backstage` };
    const gate = await ground.startGate(t, { backstage });
    const answer = await gate.send(`/tools/backstage${REFRESH}`, { token: await mint() });
    const { iss } = decodeJwt(answer.json.backstageIdentity.token);
    assert.equal(iss, `${BASE_URL}/tools/backstage/api/auth`);
    const refused = await gate.send(`/tools/backstage${REFRESH}`);
    assert.equal(refused.json.request.url, "/cfaccess/refresh");
  });

  test("CFACCESS and BACKSTAGE may be texts of JSON", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, {
      cfaccess: JSON.stringify({
        teamName: "TESTTEAM.cloudflareaccess.com",
        audience: ["another", access.audience],
        signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
      }),
      backstage: JSON.stringify({ baseUrl: BASE_URL, origin: origin.url }),
    });
    await refreshed(gate, await mint());
  });
});
