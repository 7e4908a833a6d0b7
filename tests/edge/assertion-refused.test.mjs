// Which assertions are refused, at the refresh route and on a forwarded path, with the origin seeing
// none of it; and which are just good enough.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { newSigningKey as newAccessKey } from "../../dev/access/keys.mjs";
import { assertRefused, groundOfThisFile, REFRESH, SHOWN_REFRESH, unseenBy } from "./harness.mjs";

const ground = groundOfThisFile();

const FORWARDED = "/api/catalog/entities?filter=kind=user";

const now = () => Math.floor(Date.now() / 1000);
const base64url = (value) => Buffer.from(value).toString("base64url");
const json = (part) => Buffer.from(part, "base64url").toString();

/** An assertion of jane's with some claims replaced, or without those that are `undefined`. */
const claiming = (claims) => ground.access.mint({ claims });
const headed = (header) => ground.access.mint({ header });

/** The texts of a good assertion, to be signed again after a change. */
async function texts() {
  const [header, payload] = (await ground.access.mint()).split(".");
  return { header: json(header), payload: json(payload) };
}

/** Assertions, as [what is wrong with it, how to make it], by the code that they get. */
const BAD_ASSERTIONS = {
  assertion_malformed: [
    ["is no token at all", () => "garbage"],
    ["has two parts", async () => (await ground.access.mint()).split(".").slice(0, 2).join(".")],
    ["has four parts", async () => `${await ground.access.mint()}.e30`],
    ["has five parts, as a JWE", () => "e30.e30.e30.e30.e30"],
    ["has empty parts", () => ".."],
    ["has base64 padding", async () => (await ground.access.mint()).replace(".", "=.")],
    ["has characters of plain base64", async () => `${await ground.access.mint()}+/`],
    [
      "has a part that no bytes encode to",
      async () => `${await ground.access.mint()}.`.replace(".", "A."),
    ],
    ["has a space inside", async () => (await ground.access.mint()).replace(".", ". ")],
    ["comes twice", async () => `${await ground.access.mint()}, ${await ground.access.mint()}`],
    ["comes as a bearer token", async () => `Bearer ${await ground.access.mint()}`],
    ["has a header that is not JSON", async () => signed("not json", (await texts()).payload)],
    ["has a header that is a list", async () => signed("[]", (await texts()).payload)],
    ["has a payload that is not JSON", async () => signed((await texts()).header, "not json")],
    ["has a payload that is a list", async () => signed((await texts()).header, "[]")],
    ["has a payload that is null", async () => signed((await texts()).header, "null")],
    [
      "has bytes after the payload's JSON",
      async () => changed(({ payload }) => ({ payload: `${payload}x` })),
    ],
    [
      "says alg twice",
      async () => changed(({ header }) => ({ header: doubled(header, '"alg":"RS256"') })),
    ],
    [
      "says aud twice",
      async () => changed(({ payload }) => ({ payload: doubled(payload, '"aud":[]') })),
    ],
    [
      "says aud twice, once with escapes",
      async () => changed(({ payload }) => ({ payload: doubled(payload, '"\\u0061ud":[]') })),
    ],
    [
      "says a member twice far inside",
      async () =>
        claiming({ custom: undefined }).then(() =>
          changed(({ payload }) => ({ payload: doubled(payload, '"custom":{"a":{"b":1,"b":1}}') })),
        ),
    ],
    ["is longer than 16 KiB", () => claiming({ custom: { filler: "x".repeat(16 * 1024) } })],
    ["has a number for an issuer", () => claiming({ iss: 1 })],
    ["has a text for an expiry", () => claiming({ exp: "tomorrow" })],
    ["has a number in its audience", () => claiming({ aud: [1] })],
  ],
  assertion_unsupported: [
    ["has alg none", () => headed({ alg: "none" })],
    ["has alg None", () => changed(({ header }) => ({ header: header.replace("RS256", "None") }))],
    [
      "has alg rs256, in lower case",
      () => changed(({ header }) => ({ header: header.replace("RS256", "rs256") })),
    ],
    ["has alg HS256, with the public key as its secret", () => signedWithPublicKey()],
    ["has alg RS512", () => headed({ alg: "RS512" })],
    ["has alg PS256", () => headed({ alg: "PS256" })],
    [
      "has alg ES256",
      () => changed(({ header }) => ({ header: header.replace("RS256", "ES256") })),
    ],
    ["has a crit header", () => headed({ crit: ["x"], x: 1 })],
    [
      "has an empty crit header",
      () => changed(({ header }) => ({ header: header.replace("{", '{"crit":[],') })),
    ],
    ["has no kid", () => headed({ kid: undefined })],
    ["has an empty kid", () => headed({ kid: "" })],
    ["is a Backstage token by its typ", () => headed({ typ: "vnd.backstage.user" })],
  ],
  key_unknown: [
    [
      "is signed with an unknown key",
      async () =>
        ground.access.mint({ key: await newAccessKey(), header: { kid: "f".repeat(64) } }),
    ],
    [
      "has a kid in the wrong case",
      () => headed({ kid: ground.access.keys.current.kid.toUpperCase() }),
    ],
    ["brings its own key", () => withOwnKey()],
  ],
  signature_invalid: [
    ["is signed with another key under a known kid", () => signedByAnother()],
    [
      "is signed with the previous key under the current one's kid",
      () =>
        ground.access.mint({ key: "previous", header: { kid: ground.access.keys.current.kid } }),
    ],
    ["has another payload than was signed", async () => tampered()],
    ["has no signature", async () => (await ground.access.mint()).replace(/[^.]+$/, "")],
    ["has a signature cut short", () => signedFor((bytes) => bytes.subarray(4))],
    ["has a signature that is too long", () => signedFor((bytes) => Buffer.concat([bytes, bytes]))],
    [
      "has a signature of zeros",
      async () => (await ground.access.mint()).replace(/[^.]+$/, "A".repeat(342)),
    ],
  ],
  issuer_invalid: [
    ["has no issuer", () => claiming({ iss: undefined })],
    ["is of another team", () => claiming({ iss: "https://evil.cloudflareaccess.com" })],
    [
      "has an issuer that begins like ours",
      () => claiming({ iss: `${ground.access.issuer}.evil.example` }),
    ],
    ["has an issuer with a slash at its end", () => claiming({ iss: `${ground.access.issuer}/` })],
    [
      "has an issuer without https",
      () => claiming({ iss: ground.access.issuer.replace("https", "http") }),
    ],
  ],
  audience_invalid: [
    ["has no audience", () => claiming({ aud: undefined })],
    ["has an empty audience list", () => claiming({ aud: [] })],
    ["is for another application", () => claiming({ aud: ["0".repeat(64)] })],
    ["is for a part of our audience", () => claiming({ aud: ground.access.audience.slice(0, -1) })],
    [
      "is for an audience of which ours is a part",
      () => claiming({ aud: `${ground.access.audience}0` }),
    ],
    [
      "is for our audience in other letters",
      () => claiming({ aud: [ground.access.audience.toUpperCase()] }),
    ],
  ],
  type_invalid: [
    ["is a global session token", () => claiming({ type: "org" })],
    ["has no type", () => claiming({ type: undefined })],
  ],
  expiry_missing: [["has no expiry", () => claiming({ exp: undefined })]],
  assertion_expired: [
    ["expired a second ago", () => claiming({ exp: now() - 1 })],
    ["expires now", () => claiming({ exp: now() })],
    ["expired in another century", () => claiming({ exp: 1 })],
  ],
  assertion_not_yet_valid: [
    ["is valid in five minutes", () => claiming({ nbf: now() + 300 })],
    ["was issued in five minutes", () => claiming({ iat: now() + 300, nbf: undefined })],
  ],
  subject_invalid: [
    ["names no principal", () => claiming({ email: undefined, sub: undefined })],
    ["names a user without an email", () => claiming({ email: undefined })],
    ["names a user without a sub", () => claiming({ sub: undefined })],
    [
      "names a user and a service token",
      () => claiming({ common_name: "11111111111111111111111111111111.access" }),
    ],
    [
      "names a service token with a user's sub",
      () => claiming({ common_name: "11111111111111111111111111111111.access", email: undefined }),
    ],
  ],
};

const signed = (header, payload) => ground.access.signText(header, payload);

async function changed(change) {
  const before = await texts();
  const { header, payload } = { ...before, ...change(before) };
  return signed(header, payload);
}

/** An object's text with one more member at its end. */
const doubled = (text, member) => `${text.slice(0, -1)},${member}}`;

async function tampered() {
  const [header, payload, signature] = (await ground.access.mint()).split(".");
  const claims = { ...JSON.parse(json(payload)), email: "bob@example.com" };
  return [header, base64url(JSON.stringify(claims)), signature].join(".");
}

/** A good assertion, but for its signature. */
async function signedFor(change) {
  const [header, payload, signature] = (await ground.access.mint()).split(".");
  const changed = change(Buffer.from(signature, "base64url")).toString("base64url");
  return [header, payload, changed].join(".");
}

async function signedByAnother() {
  const { kid } = ground.access.keys.current;
  return ground.access.mint({ key: await newAccessKey(), header: { kid } });
}

/** What CVE-2026-22817 is about: the public key, which everybody has, taken for a shared secret. */
async function signedWithPublicKey() {
  const { header, payload } = await texts();
  const secret = ground.access.keys.current.publicKey.export({ type: "spki", format: "pem" });
  const input = [header.replace("RS256", "HS256"), payload].map(base64url).join(".");
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

async function withOwnKey() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "mine" };
  const header = { kid: "mine", jwk, jku: "https://evil.example/jwks.json" };
  return ground.access.mint({ key: privateKey, header });
}

for (const [code, assertions] of Object.entries(BAD_ASSERTIONS)) {
  describe(code, () => {
    for (const [what, make] of assertions) {
      test(`an assertion that ${what} is refused, and forwards nothing`, async () => {
        const { gate, origin } = ground;
        const token = await make();
        const refused = { status: 401, name: "AuthenticationError", code };
        await unseenBy(origin, async () => {
          assertRefused(await gate.refresh(token), { ...refused, url: SHOWN_REFRESH });
          assertRefused(await gate.send(FORWARDED, { token }), { ...refused, url: FORWARDED });
          if (!/^[\w.-]+$/.test(token)) return;
          const headers = { cookie: `a=b; CF_Authorization=${token}` };
          assertRefused(await gate.refresh(undefined, { headers }), {
            ...refused,
            url: SHOWN_REFRESH,
          });
          assertRefused(await gate.send(FORWARDED, { headers }), { ...refused, url: FORWARDED });
        });
      });
    }
  });
}

describe("the limits of what is accepted", () => {
  test("clocks may differ by some seconds: an assertion that is valid in 20 s is good", async () => {
    const token = await claiming({ nbf: now() + 20, iat: now() + 20 });
    assert.equal((await ground.gate.refresh(token)).status, 200);
  });

  test("an assertion that was good a moment ago is refused once it has expired", async () => {
    const exp = now() + 2;
    const token = await claiming({ exp });
    assert.equal((await ground.gate.refresh(token)).status, 200);
    assert.equal((await ground.gate.send("/api/echo", { token })).status, 200);
    await new Promise((resolve) => setTimeout(resolve, exp * 1000 - Date.now() + 50));
    await unseenBy(ground.origin, async () => {
      for (const path of [REFRESH, "/api/echo"]) {
        const answer = await ground.gate.send(path, { token });
        assert.equal(answer.json.error.code, "assertion_expired");
      }
    });
  });

  test("an assertion signed with the previous key is good, as after a rotation", async () => {
    const token = await ground.access.mint({ key: "previous" });
    assert.equal((await ground.gate.refresh(token)).status, 200);
  });

  test("an assertion without typ, nbf and iat is good, with its audience a text", async () => {
    const { access, gate } = ground;
    const claims = { nbf: undefined, iat: undefined, aud: access.audience };
    const token = await access.mint({ claims, header: { typ: undefined } });
    assert.equal((await gate.refresh(token)).status, 200);
  });
});
