// The two routes that a backend reads: the key set and userinfo. Neither asks for an assertion.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { decodeJwt, generateKeyPair, importJWK, SignJWT } from "jose";
import {
  assertRefused,
  BASE_URL,
  deafUrl,
  emailKey,
  groundOfThisFile,
  newSigningKey,
  recordsOf,
  unseenBy,
} from "./harness.mjs";
import { limited } from "./limited-user.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

const ground = groundOfThisFile({ origin: startScriptedOrigin });

const JWKS = "/api/auth/.well-known/jwks.json";
const USERINFO = "/api/auth/v1/userinfo";

const recordings = JSON.parse(
  await readFile(new URL("recorded/refresh.json", import.meta.url), "utf8"),
);
const recorded = (name) => JSON.parse(recordings.find((one) => one.name === name).body);
const [ORIGINS_KEY] = recorded("jwks").keys;

/** Headers that would make a careless origin believe in a caller. */
const SPOOFED = {
  "Cf-Access-Jwt-Assertion": "spoofed",
  "Cf-Access-Authenticated-User-Email": "boss@example.com",
  "X-Forwarded-User": "boss",
};

const publicHalf = ({ kty, x, y, crv, kid, alg, use }) => ({ kty, x, y, crv, kid, alg, use });

describe("the key set", () => {
  const ours = () => ground.signingKeys.keys.map(publicHalf);
  const answerOfOrigin = (t, status, body, headers) =>
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });

  /** Of an isolate of its own, because an isolate remembers the origin's answer. */
  async function keys(t, started) {
    const gate = started ?? (await ground.startGate(t));
    const answer = await gate.send(JWKS);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(Object.keys(answer.json), ["keys"]);
    return answer.json.keys;
  }

  test("joins the Worker's and the origin's keys, needs no assertion, and may be cached for half a minute", async (t) => {
    answerOfOrigin(t, 200, { keys: [ORIGINS_KEY] });
    const gate = await ground.startGate(t);
    const answer = await gate.send(JWKS);
    assert.deepEqual(answer.json.keys, [...ours(), ORIGINS_KEY]);
    assert.equal(answer.headers["cache-control"], "public, max-age=30");
    assert.match(answer.headers["content-type"], /^application\/json/);
  });

  test("has members in the order and of the names that Backstage gives them", async (t) => {
    const [key] = await keys(t);
    assert.deepEqual(Object.keys(key), Object.keys(ORIGINS_KEY));
  });

  test("is asked of the origin at its own path, with nothing of the caller's", async (t) => {
    const gate = await ground.startGate(t);
    const before = ground.origin.requests.length;
    const cookie = "CF_Authorization=x";
    await gate.send(JWKS, { headers: { ...SPOOFED, cookie, authorization: "Bearer x" } });
    const [request, ...others] = ground.origin.requests.slice(before);
    assert.deepEqual([request.method, request.url, others], ["GET", JWKS, []]);
    // What the runtime and the Worker itself set is not the caller's.
    const own = /^(accept|accept-encoding|cf-worker|connection|host|x-backstage-cfaccess-.*)$/;
    for (const name of Object.keys(request.headers)) assert.match(name, own);
  });

  test("is answered to HEAD as well", async () => {
    const answer = await ground.gate.send(JWKS, { method: "HEAD" });
    assert.deepEqual([answer.status, answer.text], [200, ""]);
  });

  test("is not touched by a key of the origin's that has the kid of one of ours", async (t) => {
    answerOfOrigin(t, 200, { keys: [{ ...ORIGINS_KEY, kid: ours()[0].kid }, ORIGINS_KEY] });
    assert.deepEqual(await keys(t), [...ours(), ORIGINS_KEY]);
  });

  test("never has a private key, not even one that the origin publishes", async (t) => {
    const leaked = await newSigningKey("leaked");
    const shared = { kty: "oct", k: "c2VjcmV0", kid: "shared" };
    answerOfOrigin(t, 200, { keys: [leaked, shared, ORIGINS_KEY] });
    assert.deepEqual(await keys(t), [...ours(), ORIGINS_KEY]);
  });

  const GARBAGE = {
    "has no such route": [404, { error: "NotFound" }],
    fails: [500, "oops"],
    "answers with a page": [200, "<!doctype html>"],
    "answers with nothing": [200, ""],
    "answers with a list": [200, [ORIGINS_KEY]],
    "answers with keys that are no list": [200, { keys: ORIGINS_KEY }],
    "answers with keys that are no objects": [200, { keys: [1, null, "a", []] }],
    redirects: [302, "", { location: "/elsewhere.json" }],
    "answers with 2 MiB": [200, JSON.stringify({ keys: [ORIGINS_KEY] }).padEnd(2 * 1024 * 1024)],
  };
  for (const [what, answer] of Object.entries(GARBAGE)) {
    test(`is ours alone when the origin ${what}`, async (t) => {
      answerOfOrigin(t, ...answer);
      assert.deepEqual(await keys(t), ours());
    });
  }

  test("is ours alone, and soon, when the origin does not answer", async (t) => {
    ground.origin.answerWith(t, () => {});
    const start = performance.now();
    assert.deepEqual(await keys(t), ours());
    assert.ok(performance.now() - start < 4000);
  });

  test("is ours alone, and soon, when the origin's answer has no end", async (t) => {
    ground.origin.answerWith(t, (_request, response) => {
      response.writeHead(200).write('{"keys":[');
    });
    const start = performance.now();
    assert.deepEqual(await keys(t), ours());
    assert.ok(performance.now() - start < 4000);
  });

  test("is ours alone when the origin hangs up or is not there", async (t) => {
    ground.origin.answerWith(t, (request) => request.destroy());
    assert.deepEqual(await keys(t), ours());
    const gate = await ground.startGate(t, { origin: { url: await deafUrl() } });
    assert.deepEqual(await keys(t, gate), ours());
  });

  test("is asked of the origin once, also where it has none", async (t) => {
    for (const [status, body] of [
      [200, { keys: [ORIGINS_KEY] }],
      [404, { error: "NotFound" }],
    ]) {
      answerOfOrigin(t, status, body);
      const gate = await ground.startGate(t);
      const before = ground.origin.requests.length;
      for (let at = 0; at < 5; at += 1) {
        const { headers } = await gate.send(JWKS);
        assert.equal(headers["cache-control"], "public, max-age=30");
      }
      assert.equal(ground.origin.requests.length - before, 1, `status ${status}`);
    }
  });

  test("is not cached by others, and the origin is left in peace, after it failed", async (t) => {
    answerOfOrigin(t, 500, "oops");
    const gate = await ground.startGate(t);
    const before = ground.origin.requests.length;
    for (let at = 0; at < 5; at += 1) {
      const { headers } = await gate.send(JWKS);
      assert.equal(headers["cache-control"], "no-store");
    }
    assert.equal(ground.origin.requests.length - before, 1);
  });

  test("is for reading: any other method is a forwarded request, and needs an assertion", async () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await unseenBy(ground.origin, () => ground.gate.send(JWKS, { method }));
      assert.equal(answer.json.error.code, "assertion_missing", method);
    }
  });
});

const now = () => Math.floor(Date.now() / 1000);

/** The token of a session of jane's. */
async function userToken(gate = ground.gate) {
  const answer = await gate.refresh(await ground.access.mint());
  return answer.json.backstageIdentity.token;
}

/** A token signed with the Worker's own key, or another. */
async function crafted(claims, { header, key } = {}) {
  const [own] = ground.signingKeys.keys;
  return new SignJWT({ sub: "user:default/jane.doe", iat: now(), exp: now() + 600, ...claims })
    .setProtectedHeader({ typ: "vnd.backstage.user", alg: "ES256", kid: own.kid, ...header })
    .sign(key ?? (await importJWK(own)));
}

const bearing = (token, scheme = "Bearer") => ({
  headers: { authorization: `${scheme} ${token}` },
});
const JANE = {
  sub: "user:default/jane.doe",
  ent: ["user:default/jane.doe", "group:default/team-a", "group:default/team-b"],
};

describe("userinfo", () => {
  const url = "/v1/userinfo";
  const invalid = { status: 401, name: "AuthenticationError", code: "token_invalid", url };

  async function claims(token, gate = ground.gate) {
    const answer = await unseenBy(ground.origin, () => gate.send(USERINFO, bearing(token)));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual(Object.keys(answer.json), ["claims"]);
    return answer.json.claims;
  }

  const refused = (token) =>
    unseenBy(ground.origin, () => ground.gate.send(USERINFO, bearing(token)));

  test("of a user token says what the token says", async () => {
    assert.deepEqual(await claims(await userToken()), JANE);
    const ent = ["user:default/jane.doe", "group:default/only-here"];
    assert.deepEqual(await claims(await crafted({ ent })), { ...JANE, ent });
  });

  test("of a limited-user token built from its uip says what the catalog says", async () => {
    assert.deepEqual(await claims(limited(await userToken())), JANE);
  });

  test("of a token without ownership refs says what the catalog says", async (t) => {
    const backstage = { baseUrl: BASE_URL, omitIdentityTokenOwnershipClaim: true };
    const gate = await ground.startGate(t, {
      backstage: { ...backstage, origin: ground.origin.url },
    });
    const token = await userToken(gate);
    assert.equal(decodeJwt(token).ent, undefined);
    assert.deepEqual(await claims(token, gate), JANE);
    assert.deepEqual(await claims(limited(token), gate), JANE);
  });

  test("of a token of an older key that is still in the set is given", async (t) => {
    const token = await userToken();
    const keys = [await newSigningKey("key-2"), ...ground.signingKeys.keys];
    const gate = await ground.startGate(t, { signingKeys: { keys } });
    assert.deepEqual(await claims(token, gate), JANE);
  });

  test("reads the scheme in any case", async () => {
    const answer = await ground.gate.send(USERINFO, bearing(await userToken(), "bearer"));
    assert.deepEqual(answer.json, { claims: JANE });
  });

  test("without a token is refused, in Backstage's own words", async () => {
    const { error } = recorded("userinfo for jane via cached backstage token");
    for (const headers of [{}, { authorization: "Basic abc" }, { authorization: "Bearer " }]) {
      const answer = await unseenBy(ground.origin, () => ground.gate.send(USERINFO, { headers }));
      assertRefused(answer, { ...invalid, code: "token_missing" });
      assert.equal(answer.json.error.message, error.message);
    }
  });

  test("an Access assertion is no token for it", async () => {
    const answer = await unseenBy(ground.origin, async () =>
      ground.gate.send(USERINFO, { token: await ground.access.mint() }),
    );
    assertRefused(answer, { ...invalid, code: "token_missing" });
  });

  test("of an expired token is refused", async () => {
    assertRefused(await refused(await crafted({ exp: now() - 1 })), invalid);
    assertRefused(await refused(await crafted({ exp: now() })), invalid);
  });

  test("of a token without an end or without a subject is refused", async () => {
    assertRefused(await refused(await crafted({ exp: undefined })), invalid);
    assertRefused(await refused(await crafted({ sub: undefined })), invalid);
    assertRefused(await refused(await crafted({ sub: "" })), invalid);
  });

  test("of a forged token is refused", async () => {
    const token = await userToken();
    const [header, payload, signature] = token.split(".");
    const claims = { ...decodeJwt(token), sub: "user:default/bob" };
    const other = Buffer.from(JSON.stringify(claims)).toString("base64url");
    const { privateKey } = await generateKeyPair("ES256");
    for (const forged of [
      [header, other, signature].join("."),
      [header, payload, "A".repeat(86)].join("."),
      [header, payload, ""].join("."),
      [header, payload, decodeJwt(token).uip].join("."),
      await crafted({}, { key: privateKey }),
    ]) {
      assertRefused(await refused(forged), invalid);
    }
  });

  test("of a user who has left the catalog is refused, if the catalog is asked", async () => {
    const gone = { sub: "user:default/gone" };
    const answer = await refused(await crafted(gone));
    assertRefused(answer, { status: 404, name: "NotFoundError", code: "user_not_found", url });
  });

  test("of a subject that is no entity ref is refused, if the catalog is asked", async () => {
    assertRefused(await refused(await crafted({ sub: "jane" })), invalid);
  });

  test("of a user whose record is damaged is unavailable, with the key in the log", async () => {
    const ref = "user:default/damaged";
    await ground.gate.kvPut([
      ...recordsOf([{ ref, ent: [ref], email: "damaged@example.com" }]),
      [`v1:ref:${ref}`, "{"],
    ]);
    const answer = await refused(await crafted({ sub: ref }));
    const name = "ServiceUnavailableError";
    assertRefused(answer, { status: 503, name, code: "catalog_corrupt", url });
    const [line] = await ground.gate.lines(({ code }) => code === "catalog_corrupt");
    assert.ok(line.detail.includes(`v1:ref:${ref}`), line.detail);
    assert.ok(!line.detail.includes(emailKey("damaged@example.com")));
  });

  test("of another signer's token is the origin's to answer, without identity headers", async (t) => {
    ground.origin.answerWith(t, (request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ url: request.url, headers: request.headers }));
    });
    const { privateKey } = await generateKeyPair("ES256");
    const theirs = { header: { kid: ORIGINS_KEY.kid }, key: privateKey };
    for (const token of [
      await crafted({}, theirs),
      await crafted({}, { header: { typ: "JWT" } }),
      await ground.access.mint(),
      "garbage",
      "a.b.c",
    ]) {
      const { headers } = bearing(token);
      const answer = await ground.gate.send(`${USERINFO}?a=b`, {
        headers: { ...SPOOFED, ...headers },
      });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.url, `${USERINFO}?a=b`);
      assert.equal(answer.json.headers.authorization, headers.authorization);
      for (const name of Object.keys(SPOOFED)) {
        assert.equal(answer.json.headers[name.toLowerCase()], undefined, name);
      }
    }
  });

  test("is for GET: any other method is a forwarded request, and needs an assertion", async () => {
    const token = await userToken();
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await unseenBy(ground.origin, () =>
        ground.gate.send(USERINFO, { method, ...bearing(token) }),
      );
      assert.equal(answer.json.error.code, "assertion_missing", method);
    }
  });
});
