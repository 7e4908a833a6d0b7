// Certs, rotation, and the assertions that tests ask for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";
import { newSigningKey } from "../../dev/access/keys.mjs";
import { claimsOf, headerOf, SERVICE_TOKEN, sessionOf, startEmulator } from "./support.mjs";

const CERTS = "/cdn-cgi/access/certs";
const IDENTITY = "/cdn-cgi/access/get-identity";

test("certs publishes two RSA keys in the shape that Access has", async (t) => {
  const { access, get } = await startEmulator(t);
  const certs = await (await get(CERTS)).json();
  assert.deepEqual(Object.keys(certs), ["keys", "public_cert", "public_certs"]);
  assert.equal(certs.keys.length, 2);
  for (const key of certs.keys) {
    assert.deepEqual(Object.keys(key), ["kid", "kty", "alg", "use", "e", "n"]);
    assert.match(key.kid, /^[0-9a-f]{64}$/);
    assert.equal(Buffer.from(key.n, "base64url").length * 8, 2048);
  }
  assert.equal(certs.public_cert.kid, access.keys.current.kid);
  assert.equal(access.calls.certs, 1);
});

test("an independent verifier accepts a user's assertion, which has the real claims", async (t) => {
  const { access } = await startEmulator(t);
  const assertion = await access.mint({ user: "jane@example.com" });
  const { protectedHeader } = await jwtVerify(
    assertion,
    createRemoteJWKSet(new URL(access.url + CERTS)),
    { issuer: "https://emulator.cloudflareaccess.com", audience: access.audience },
  );
  assert.deepEqual(Object.keys(protectedHeader), ["alg", "kid", "typ"]);

  const claims = claimsOf(assertion);
  const expected = "aud email exp iat nbf iss type identity_nonce sub country".split(" ");
  assert.deepEqual(Object.keys(claims), expected);
  assert.deepEqual(claims.aud, [access.audience]);
  assert.equal(claims.type, "app");
  assert.match(claims.sub, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(claimsOf(await access.mint({ user: "jane@example.com" })).sub, claims.sub);
});

test("a service token's assertion has a common name, and neither email nor nbf", async (t) => {
  const { access } = await startEmulator(t);
  const claims = claimsOf(await access.mint({ serviceToken: SERVICE_TOKEN.clientId }));
  assert.deepEqual(Object.keys(claims).sort(), "aud common_name exp iat iss sub type".split(" "));
  assert.equal(claims.common_name, SERVICE_TOKEN.clientId);
  assert.equal(claims.sub, "");
});

test("rotation keeps the previous key published and lets the one before fall out", async (t) => {
  const { access, get } = await startEmulator(t);
  const session = sessionOf(await access.mint());
  const first = access.keys.current.kid;

  await access.rotate();
  assert.notEqual(access.keys.current.kid, first);
  const afterOne = await (await get(CERTS)).json();
  assert.deepEqual(
    afterOne.keys.map(({ kid }) => kid),
    [access.keys.current.kid, first],
  );
  assert.equal(headerOf(await access.mint()).kid, access.keys.current.kid);
  assert.equal((await get("/", session)).status, 200);

  const rotated = await get("/cdn-cgi/access/emulator/rotate", {}, { method: "POST" });
  assert.equal((await rotated.json()).current, access.keys.current.kid);
  const afterTwo = await (await get(CERTS)).json();
  assert.ok(!afterTwo.keys.some(({ kid }) => kid === first));
  assert.equal((await get("/", session)).status, 302);
});

test("a test gets any assertion it asks for, good or bad", async (t) => {
  const { access } = await startEmulator(t);
  const published = createLocalJWKSet(access.keys.certs());
  const failsWith = (assertion, code) =>
    assert.rejects(jwtVerify(assertion, published, { audience: access.audience }), { code });

  const withoutExp = await access.mint({ claims: { exp: undefined } });
  assert.ok(!("exp" in claimsOf(withoutExp)));
  await failsWith(await access.mint({ claims: { exp: 1 } }), "ERR_JWT_EXPIRED");
  await failsWith(
    await access.mint({ key: await newSigningKey() }),
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  );
  await failsWith(
    await access.mint({ header: { kid: "no such key" } }),
    "ERR_JWKS_NO_MATCHING_KEY",
  );
  await failsWith(await access.mint({ header: { crit: ["x"], x: 1 } }), "ERR_JOSE_NOT_SUPPORTED");
  assert.match(await access.mint({ header: { alg: "none" } }), /\.$/);

  const hs256 = { header: { alg: "HS256" }, key: new TextEncoder().encode("k".repeat(32)) };
  assert.equal(headerOf(await access.mint(hs256)).alg, "HS256");

  const previous = await access.mint({ key: "previous" });
  assert.equal(headerOf(previous).kid, access.keys.previous.kid);
  await jwtVerify(previous, published);

  const { kid } = access.keys.current;
  const duplicate = access.signText(
    `{"alg":"RS256","kid":"${kid}"}`,
    '{"type":"org","type":"app"}',
  );
  await jwtVerify(duplicate, published);
});

test("get-identity needs an assertion, and answers what login knew, groups in either shape", async (t) => {
  const { access, get } = await startEmulator(t);
  const without = await get(IDENTITY);
  assert.equal(without.status, 400);
  assert.deepEqual(await without.json(), { err: "no app token set" });

  const identityOf = async (user) =>
    (await get(IDENTITY, sessionOf(await access.mint({ user })))).json();
  const jane = await identityOf("jane@example.com");
  assert.equal(jane.name, "Jane Doe");
  assert.deepEqual(Object.keys(jane.groups[0]), ["id", "name", "email"]);
  assert.deepEqual((await identityOf("bob@example.com")).groups, ["Engineering", "Everyone"]);
  assert.equal((await identityOf("someone@example.com")).name, "someone");

  const header = { "Cf-Access-Jwt-Assertion": await access.mint() };
  assert.equal((await get(IDENTITY, header)).status, 200);
});

test("an outage of certs or get-identity lasts until it is called off", async (t) => {
  const { access, get } = await startEmulator(t);
  access.setFault({ certs: { status: 503, body: { err: "down" } }, identity: { status: 404 } });
  const certs = await get(CERTS);
  assert.equal(certs.status, 503);
  assert.deepEqual(await certs.json(), { err: "down" });
  assert.equal((await get(IDENTITY, sessionOf(await access.mint()))).status, 404);

  access.setFault({ certs: { huge: 3_000_000 } });
  assert.equal((await (await get(CERTS)).text()).length, 3_000_000);
  assert.equal((await get(IDENTITY, sessionOf(await access.mint()))).status, 200);

  access.setFault({ certs: { hang: true } });
  await assert.rejects(get(CERTS, {}, { signal: AbortSignal.timeout(200) }), /timeout/);

  const before = Date.now();
  access.setFault({ certs: { delayMs: 150 } });
  assert.equal((await get(CERTS)).status, 200);
  assert.ok(Date.now() - before >= 140);

  access.setFault();
  assert.equal((await get(CERTS)).status, 200);
  assert.equal(access.calls.certs, 5);
});

test("another team's domain is unknown, and the team's own domain is no way in", async (t) => {
  const { access, origin } = await startEmulator(t);
  const { request } = await import("node:http");
  const ask = (host, path) =>
    new Promise((resolve, reject) => {
      const headers = { host, ...sessionOf("x") };
      request(access.url + path, { headers }, (response) => {
        response.resume();
        resolve([response.statusCode, response.headers["content-type"]]);
      })
        .on("error", reject)
        .end();
    });
  assert.deepEqual(await ask("other.cloudflareaccess.com", CERTS), [
    404,
    "text/html; charset=utf-8",
  ]);
  assert.equal((await ask("emulator.cloudflareaccess.com", CERTS))[0], 200);
  assert.equal((await ask("emulator.cloudflareaccess.com", "/"))[0], 404);
  assert.equal(origin.requests.length, 0);
});
