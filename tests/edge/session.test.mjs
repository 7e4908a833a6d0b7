// The session: what the refresh route answers, held against answers of the official provider, and
// whether Backstage can do with the token what it does.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import {
  assertRefused,
  BASE_URL,
  groundOfThisFile,
  newSigningKey,
  REFRESH,
  SERVICE_TOKEN,
  startGround,
  unseenBy,
} from "./harness.mjs";

const JWKS = "/api/auth/.well-known/jwks.json";

const recordings = JSON.parse(
  await readFile(new URL("recorded/refresh.json", import.meta.url), "utf8"),
);
const recorded = (name) => recordings.find((recording) => recording.name === name);
const recordedUser = JSON.parse(recorded("valid token (jane, first call, identity fetched)").body);
const recordedBot = JSON.parse(recorded("service token, permitted").body);

/** Jane as she was when the official provider answered her. */
const { claims: JANE, cfIdentity: JANES_IDENTITY } = recordedUser.providerInfo;
const BOB_GROUPS = ["Engineering", "Everyone"];

const ground = groundOfThisFile({
  access: {
    team: "testteam",
    audience: JANE.aud[0],
    sessionSeconds: 3600,
    users: [
      {
        email: JANE.email,
        sub: JANE.sub,
        name: JANES_IDENTITY.name,
        groups: JANES_IDENTITY.groups,
        identity: { idp: JANES_IDENTITY.idp, account_id: JANES_IDENTITY.account_id },
      },
      { email: "bob@example.com", name: "Bob", groups: BOB_GROUPS },
    ],
  },
});

const mint = (options) => ground.access.mint(options);
const mintAsRecorded = () => mint({ claims: { identity_nonce: JANE.identity_nonce } });

/** CFACCESS with another member, or another resolver. */
const withCfaccess = (t, cfaccess) => ground.startGate(t, { cfaccess });
const withResolvers = (t, ...resolvers) => withCfaccess(t, { signIn: { resolvers } });

async function refreshed(gate, token, init) {
  const answer = await gate.refresh(token, init);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

const refOf = async (gate, token) =>
  (await refreshed(gate, token)).backstageIdentity.identity.userEntityRef;

/** The text of an answer with everything that is of one moment or one key replaced. */
function timeless(answer) {
  const copy = structuredClone(answer);
  const { claims, cfIdentity } = copy.providerInfo;
  for (const name of ["exp", "iat", "nbf"]) if (name in claims) claims[name] = 0;
  if ("iat" in cfIdentity) cfIdentity.iat = 0;
  copy.backstageIdentity.token = "token";
  assert.ok([3599, 3600].includes(copy.backstageIdentity.expiresInSeconds));
  copy.backstageIdentity.expiresInSeconds = 3600;
  return JSON.stringify(copy, null, 1);
}

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

const base = () => ({ baseUrl: BASE_URL, origin: ground.origin.url });

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

describe("the resolvers", () => {
  const byEmail = { resolver: "emailMatchingUserEntityProfileEmail" };
  const byName = { resolver: "emailLocalPartMatchingUserEntityName" };
  const dangerously = { dangerouslyAllowSignInWithoutUserInCatalog: true };
  const of = (user) => mint({ user });

  test("by email: letters in any case, with and without plus-addressing", async () => {
    const { gate } = ground;
    assert.equal(await refOf(gate, await of("JANE@Example.COM")), "user:default/jane.doe");
    assert.equal(await refOf(gate, await of("jane+test@example.com")), "user:default/jane.doe");
    assert.equal(await refOf(gate, await of("mixed.case@example.com")), "user:default/mixed");
  });

  test("by local part: the name of the user", async (t) => {
    const gate = await withResolvers(t, byName);
    assert.equal(
      await refOf(gate, await of("Jane.Doe@elsewhere.example")),
      "user:default/jane.doe",
    );
    assert.equal((await gate.refresh(await of("jane@example.com"))).status, 404);
  });

  test("by local part: domains in any case, and no others", async (t) => {
    const gate = await withResolvers(t, { ...byName, allowedDomains: ["Example.com"] });
    assert.equal(await refOf(gate, await of("bob@EXAMPLE.com")), "user:default/bob");
    const denied = await gate.refresh(await of("bob@example.com.evil.example"));
    assert.equal(denied.json.error.code, "domain_not_allowed");
  });

  test("in order: the second is tried only if the first finds no user", async (t) => {
    const gate = await withResolvers(t, byEmail, byName);
    assert.equal(await refOf(gate, await of("bob@example.com")), "user:default/bob");
    assert.equal(
      await refOf(gate, await of("jane.doe@elsewhere.example")),
      "user:default/jane.doe",
    );
  });

  test("dangerouslyAllowSignInWithoutUserInCatalog: the user owns only their own ref", async (t) => {
    const byEmailOnly = await withResolvers(t, { ...byEmail, ...dangerously });
    const answer = await refreshed(byEmailOnly, await of("Ghost+x@example.com"));
    assert.deepEqual(answer.backstageIdentity.identity, {
      type: "user",
      userEntityRef: "user:default/ghost@example.com",
      ownershipEntityRefs: ["user:default/ghost@example.com"],
    });
    const byNameOnly = await withResolvers(t, { ...byName, ...dangerously });
    assert.equal(await refOf(byNameOnly, await of("ghost@example.com")), "user:default/ghost");
    assert.equal(await refOf(byNameOnly, await of("bob@example.com")), "user:default/bob");
  });
});

describe("the identity", () => {
  const groupsOf = (answer) => answer.providerInfo.cfIdentity.groups;

  test("groups are given on as the identity provider has them, objects or names", async () => {
    const jane = await refreshed(ground.gate, await mint());
    assert.deepEqual(groupsOf(jane), JANES_IDENTITY.groups);
    const bob = await refreshed(ground.gate, await mint({ user: "bob@example.com" }));
    assert.deepEqual(groupsOf(bob), BOB_GROUPS);
  });

  test("get-identity is asked once for an assertion, and again for a new one", async () => {
    const { access, gate } = ground;
    const before = access.calls.identity;
    const token = await mint();
    for (let i = 0; i < 5; i += 1) await refreshed(gate, token);
    assert.equal(access.calls.identity, before + 1);
    await refreshed(gate, await mint());
    assert.equal(access.calls.identity, before + 2);
  });

  test("get-identity gets the assertion as Backstage sends it: header and cookie", async (t) => {
    const gate = await ground.startGate(t);
    const token = await mint();
    await refreshed(gate, token);
    const call = (await gate.outbound()).find(({ url }) => url.endsWith("/get-identity"));
    assert.equal(call.url, `${ground.access.issuer}/cdn-cgi/access/get-identity`);
    assert.equal(call.headers["cf-access-jwt-assertion"], token);
    assert.equal(call.headers.cookie, `CF_Authorization=${token}`);
  });

  test("a service token has none to be asked for", async () => {
    const before = ground.access.calls.identity;
    await refreshed(ground.gate, await mint({ serviceToken: SERVICE_TOKEN.clientId }));
    assert.equal(ground.access.calls.identity, before);
  });

  test('identity "claims" asks for none, and the name comes from the catalog', async (t) => {
    const gate = await withCfaccess(t, { identity: "claims" });
    const before = ground.access.calls.identity;
    const answer = await refreshed(gate, await mint());
    assert.equal(ground.access.calls.identity, before);
    assert.deepEqual(answer.profile, { email: JANE.email, displayName: "Jane of the catalog" });
    assert.equal(answer.providerInfo.cfIdentity.email, JANE.email);
    assert.deepEqual(groupsOf(answer), []);
  });

  const FAULTS = {
    "answers 500": { status: 500 },
    "answers 400": { status: 400, body: { err: "no app token set" } },
    "answers 404 with a page": { status: 404, body: "<h1>Not found</h1>" },
    "answers with a page": { status: 200, body: "<!doctype html>" },
    "answers with a list": { status: 200, body: [] },
    "answers with the identity of another user": {
      status: 200,
      body: { email: "boss@example.com", name: "Boss" },
    },
    "answers with 2 MiB": { huge: 2 * 1024 * 1024 },
    redirects: {
      status: 302,
      headers: { location: "https://testteam.cloudflareaccess.com/login" },
    },
    "does not answer": { hang: true },
  };

  for (const [what, identity] of Object.entries(FAULTS)) {
    test(`who is well signed signs in even if get-identity ${what}`, async (t) => {
      const { access } = ground;
      // One of its own: after two failures an isolate asks nothing for a while.
      const gate = await ground.startGate(t);
      access.setFault({ identity });
      t.after(() => access.setFault());
      const token = await mint();
      const answer = await refreshed(gate, token);
      assert.equal(answer.profile.email, JANE.email);
      assert.equal(answer.backstageIdentity.identity.userEntityRef, "user:default/jane.doe");
      assert.deepEqual(groupsOf(answer), []);
      const lines = await gate.lines(({ identity: from }) => from?.startsWith("claims"));
      assert.equal(lines.at(-1).user, "user:default/jane.doe");

      access.setFault();
      const calls = access.calls.identity;
      assert.deepEqual((await refreshed(gate, token)).profile, answer.profile);
      assert.equal(access.calls.identity, calls, "the claims stand in for a while");
      const other = await refreshed(gate, await mint());
      assert.equal(other.profile.displayName, JANES_IDENTITY.name);
    });
  }

  for (const status of [401, 403]) {
    test(`a session of which get-identity says ${status} has ended`, async (t) => {
      const { access, gate, origin } = ground;
      access.setFault({ identity: { status, body: { err: "session revoked" } } });
      t.after(() => access.setFault());
      const token = await mint();
      const answer = await unseenBy(origin, () => gate.refresh(token));
      const code = "identity_refused";
      const url = "/cfaccess/refresh";
      assertRefused(answer, { status: 401, name: "AuthenticationError", code, url });
      assert.ok(!answer.text.includes("revoked"));
    });
  }
});

describe("CORS", () => {
  const app = "https://app.example.com";
  const cors = (answer) =>
    Object.fromEntries(
      Object.entries(answer.headers).filter(([name]) => name.startsWith("access-control-")),
    );
  const withCors = (t) =>
    ground.startGate(t, { backstage: { ...base(), corsOrigins: [app, "http://localhost:3000"] } });

  test("a configured origin may read the answer, with credentials", async (t) => {
    const gate = await withCors(t);
    const answer = await gate.refresh(await mint(), { headers: { origin: app } });
    assert.equal(answer.status, 200);
    assert.deepEqual(cors(answer), {
      "access-control-allow-origin": app,
      "access-control-allow-credentials": "true",
    });
    assert.match(answer.headers.vary, /\borigin\b/i);
  });

  test("a configured origin may read a refusal as well", async (t) => {
    const gate = await withCors(t);
    const answer = await gate.refresh(undefined, { headers: { origin: "http://localhost:3000" } });
    assert.equal(answer.status, 401);
    assert.equal(cors(answer)["access-control-allow-origin"], "http://localhost:3000");
  });

  test("any other origin may not", async (t) => {
    const gate = await withCors(t);
    const token = await mint();
    for (const origin of [
      "https://evil.example",
      `${app}.evil.example`,
      "null",
      app.toUpperCase(),
    ]) {
      const answer = await gate.refresh(token, { headers: { origin } });
      assert.deepEqual(cors(answer), {}, origin);
      assert.match(answer.headers.vary, /\borigin\b/i);
      const preflight = await gate.refresh(undefined, { method: "OPTIONS", headers: { origin } });
      assert.deepEqual(cors(preflight), {}, origin);
    }
  });

  test("a preflight is answered without an assertion, which it never carries", async (t) => {
    const gate = await withCors(t);
    const answer = await unseenBy(ground.origin, () =>
      gate.refresh(undefined, {
        method: "OPTIONS",
        headers: {
          origin: app,
          "access-control-request-method": "GET",
          "access-control-request-headers": "x-requested-with",
        },
      }),
    );
    assert.deepEqual([answer.status, answer.text], [204, ""]);
    assert.equal(answer.headers.allow, "GET, HEAD, POST, OPTIONS");
    assert.deepEqual(cors(answer), {
      "access-control-allow-origin": app,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
      "access-control-allow-headers": "x-requested-with",
    });
  });

  test("without configured origins there is none of it", async () => {
    const headers = { origin: app };
    const answer = await ground.gate.refresh(await mint(), { headers });
    assert.deepEqual(cors(answer), {});
    const preflight = await ground.gate.refresh(undefined, { method: "OPTIONS", headers });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.allow, "GET, HEAD, POST, OPTIONS");
    assert.deepEqual(cors(preflight), {});
  });
});

describe("the other routes of the provider, as recorded", () => {
  for (const name of [
    "GET start",
    "GET start?env=production with valid token",
    "GET handler/frame",
    "POST logout",
    "PUT refresh",
  ]) {
    const { method, path, status, body } = recorded(name);
    const expected = JSON.parse(body);
    test(`${method} ${path} is ${expected.error.name}, with and without an assertion`, async () => {
      const { gate, origin } = ground;
      for (const token of [undefined, await mint()]) {
        const answer = await unseenBy(origin, () => gate.send(path, { method, token }));
        const { name: error } = expected.error;
        const code = status === 501 ? "route_unsupported" : "route_unknown";
        assertRefused(answer, { status, name: error, code, method, url: expected.request.url });
        assert.equal(answer.json.error.message, expected.error.message);
      }
    });
  }

  test("start and handler/frame are 501 for every method", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"]) {
      for (const path of ["/api/auth/cfaccess/start", "/api/auth/cfaccess/handler/frame"]) {
        assert.equal((await ground.gate.send(path, { method })).status, 501, `${method} ${path}`);
      }
    }
  });

  test("whatever else is below the provider's path is 404 and is not forwarded", async () => {
    const { gate, origin } = ground;
    const token = await mint();
    await unseenBy(origin, async () => {
      for (const path of [
        "",
        "refresh/x",
        "refreshx",
        "REFRESH",
        "handler",
        "start/",
        "../cfaccess/",
      ]) {
        const answer = await gate.send(`/api/auth/cfaccess/${path}`, { token });
        assert.equal(answer.json.error.code, "route_unknown", path);
      }
    });
  });
});

// Last, since it has to wait until the Worker may ask for the keys again: the wait begins with the
// file.
const COOL_DOWN_MS = 30_000;
let rotating;
let asked;

before(async () => {
  rotating = await startGround();
  await refreshed(rotating.gate, await rotating.access.mint());
  asked = performance.now();
});
after(() => rotating?.close());

test("a rotation of Access's keys is survived without a restart, with one fetch", async () => {
  const { access, gate } = rotating;
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
