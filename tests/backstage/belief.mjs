// What it means that a real Backstage believes the Worker's tokens: the same tests for either way
// of trust.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { before, test } from "node:test";
import { CompactSign, decodeJwt, decodeProtectedHeader, importJWK } from "jose";
import { Browser } from "./ground.mjs";

const INGRID = "ingrid.solheim@meridian.example";
const INGRID_REF = "user:default/ingrid.solheim";
const INGRIDS = [INGRID_REF, "group:default/engineering", "group:default/platform"];

/**
 * Registers the tests. `ground` is an object that is filled by the time they run; `signedIn` waits
 * until a new session is known wherever it has to be.
 */
export function testsOfBelief(ground, signedIn = async () => {}) {
  let ingrid;

  before(async () => {
    ingrid = await Browser.signedIn(ground, INGRID);
    await signedIn(ingrid);
  });

  const catalog = {
    "all entities of a kind": ["GET", "/api/catalog/entities?filter=kind=group", (json) => json],
    "a page of entities": [
      "GET",
      "/api/catalog/entities/by-query?filter=kind=user&limit=5",
      (json) => json.items,
    ],
    "an entity by its name": [
      "GET",
      "/api/catalog/entities/by-name/user/default/ingrid.solheim",
      (json) => [json],
    ],
    "entities by their refs": [
      "POST",
      "/api/catalog/entities/by-refs",
      (json) => json.items,
      { entityRefs: INGRIDS },
    ],
    facets: ["GET", "/api/catalog/entity-facets?facet=kind", (json) => json.facets.kind],
    "locations, which want a permission of their own": [
      "GET",
      "/api/catalog/locations",
      (json) => json,
    ],
  };
  for (const [what, [method, path, list, body]] of Object.entries(catalog)) {
    test(`the catalog answers ${what}`, async () => {
      const answer = await ingrid.send(method, path, { body });
      assert.equal(answer.status, 200, answer.text);
      const items = list(answer.json);
      assert.ok(Array.isArray(items), answer.text);
      if (!path.endsWith("/locations")) assert.ok(items.length > 0 && items[0], answer.text);
    });
  }

  test("the catalog refuses a request without a token, though Access let it in", async () => {
    const answer = await ingrid.holding(undefined).get("/api/catalog/entities");
    assert.equal(answer.status, 401);
    assert.equal(answer.json.error.name, "AuthenticationError");
  });

  test("core userInfo gives the ownership refs with the full token", async () => {
    const { status, json, text } = await ingrid.get("/api/probe/whoami");
    assert.equal(status, 200, text);
    assert.deepEqual(json.principal, { type: "user", userEntityRef: INGRID_REF });
    assert.deepEqual(json.userInfo, { userEntityRef: INGRID_REF, ownershipEntityRefs: INGRIDS });
  });

  test("a cookie is issued, and with it alone core userInfo gives the same refs", async () => {
    const cookie = await cookieOf(ingrid);
    const { status, json, text } = await ingrid.get("/api/probe/cookie/whoami", { cookie });
    assert.equal(status, 200, text);
    assert.deepEqual(json.principal, { type: "user", userEntityRef: INGRID_REF });
    assert.deepEqual(json.userInfo, { userEntityRef: INGRID_REF, ownershipEntityRefs: INGRIDS });
  });

  test("the cookie is good only where a route allows it", async () => {
    const cookie = await cookieOf(ingrid);
    assert.equal((await ingrid.get("/api/probe/whoami", { cookie })).status, 401);
    assert.equal((await ingrid.get("/api/catalog/entities", { cookie })).status, 401);
  });

  test("a plugin calls the catalog on behalf of the user", async () => {
    const { status, json, text } = await ingrid.get("/api/probe/catalog");
    assert.equal(status, 200, text);
    const names = json.items.map(({ metadata }) => metadata.name);
    assert.ok(names.includes("ingrid.solheim"), text);
  });

  test("a token of another key is refused, also under the Worker's key id", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    for (const kid of [decodeProtectedHeader(ingrid.token).kid, "another"]) {
      await assertRefused(await resigned(ingrid.token, { key: privateKey, kid }));
    }
  });

  test("a token that was changed is refused", async () => {
    const [header, , signature] = ingrid.token.split(".");
    const claims = { ...decodeJwt(ingrid.token), sub: "user:default/tomasz.wrona" };
    const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
    await assertRefused([header, payload, signature].join("."));
  });

  test("an expired token is refused", async () => {
    const now = Math.floor(Date.now() / 1000);
    await assertRefused(
      await resigned(ingrid.token, { claims: { iat: now - 7200, exp: now - 1 } }),
    );
  });

  test("a token with a wrong user identity proof makes no cookie and no call that is accepted", async () => {
    const { uip } = decodeJwt(
      (await Browser.signedIn(ground, "tomasz.wrona@meridian.example")).token,
    );
    const forger = ingrid.holding(await resigned(ingrid.token, { claims: { uip } }));
    const cookie = await cookieOf(forger);
    assert.equal((await forger.get("/api/probe/cookie/whoami", { cookie })).status, 401);
    assert.equal((await forger.get("/api/probe/catalog")).status, 401);
  });

  test("a token without a user identity proof makes no cookie and no call", async () => {
    const forger = ingrid.holding(await resigned(ingrid.token, { claims: { uip: undefined } }));
    assert.equal((await forger.get("/api/probe/.backstage/auth/v1/cookie")).status, 401);
    assert.equal((await forger.get("/api/probe/catalog")).status, 401);
  });

  test("a user that Backstage has never seen works like any other", async () => {
    const mei = await Browser.signedIn(ground, "mei.tanaka@meridian.example");
    await signedIn(mei);
    const { userEntityRef, ownershipEntityRefs } = mei.session.backstageIdentity.identity;
    const expected = { userEntityRef, ownershipEntityRefs };
    assert.equal(userEntityRef, "user:default/mei.tanaka");
    assert.ok(ownershipEntityRefs.length > 1);
    assert.deepEqual((await mei.get("/api/probe/whoami")).json.userInfo, expected);
    const cookie = await cookieOf(mei);
    assert.deepEqual(
      (await mei.get("/api/probe/cookie/whoami", { cookie })).json.userInfo,
      expected,
    );
    for (const path of ["/api/catalog/entities/by-query?filter=kind=user", "/api/probe/catalog"]) {
      const answer = await mei.get(path);
      assert.equal(answer.status, 200, answer.text);
      assert.ok(answer.json.items.length > 0);
    }
  });

  test("people may do things at the same time", async () => {
    const people = await Promise.all(
      ["tomasz.wrona", "olga.lind", "jonas.weber", "lars.devries"].map(async (name) => {
        const browser = await Browser.signedIn(ground, `${name}@meridian.example`);
        await signedIn(browser);
        return browser;
      }),
    );
    await Promise.all(
      people.map(async (person) => {
        const answer = await person.get("/api/probe/whoami");
        const { userEntityRef } = person.session.backstageIdentity.identity;
        assert.equal(answer.json?.userInfo.userEntityRef, userEntityRef, answer.text);
      }),
    );
  });

  /** Backstage's own cookie endpoint, which every plugin has. */
  async function cookieOf(browser) {
    const answer = await browser.get("/api/probe/.backstage/auth/v1/cookie");
    assert.equal(answer.status, 200, answer.text);
    const [cookie] = answer.headers.getSetCookie();
    assert.match(cookie, /^backstage-auth=.*HttpOnly/i);
    return cookie.split(";")[0];
  }

  async function assertRefused(token) {
    for (const path of ["/api/catalog/entities", "/api/probe/whoami", "/api/probe/catalog"]) {
      const answer = await ingrid.holding(token).get(path);
      assert.equal(answer.status, 401, `${path}: ${answer.text}`);
    }
  }

  /** The token with other claims, signed by the Worker's own key or by another. */
  async function resigned(token, { claims, key, kid } = {}) {
    const header = decodeProtectedHeader(token);
    const payload = JSON.stringify({ ...decodeJwt(token), ...claims });
    return new CompactSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ ...header, kid: kid ?? header.kid })
      .sign(key ?? (await importJWK(ground.signingKeys.keys[0], "ES256")));
  }
}
