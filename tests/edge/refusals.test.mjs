// What bad input gets: each kind of it, at the refresh route and on a forwarded path, with the
// origin seeing none of it.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { newSigningKey as newAccessKey } from "../../dev/access/keys.mjs";
import {
  assertRefused,
  CATALOG,
  deafUrl,
  emailKey,
  groundOfThisFile,
  newSigningKey,
  REFRESH,
  recordsOf,
  TWINS_EMAIL,
  unseenBy,
} from "./harness.mjs";

const ground = groundOfThisFile();

const SHOWN_REFRESH = "/cfaccess/refresh";
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

describe("no assertion", () => {
  const missing = { status: 401, name: "AuthenticationError", code: "assertion_missing" };

  for (const method of ["GET", "POST"]) {
    test(`${method} without header and cookie is refused`, async () => {
      const { gate, origin } = ground;
      await unseenBy(origin, async () => {
        const refresh = await gate.refresh(undefined, { method });
        assertRefused(refresh, { ...missing, method, url: SHOWN_REFRESH });
        const forwarded = await gate.send(FORWARDED, { method });
        assertRefused(forwarded, { ...missing, method, url: FORWARDED });
      });
    });
  }

  test("HEAD is refused with the same status and no body", async () => {
    const answer = await unseenBy(ground.origin, () =>
      ground.gate.refresh(undefined, { method: "HEAD" }),
    );
    assert.deepEqual([answer.status, answer.text], [401, ""]);
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("an empty header and an empty cookie are none", async () => {
    const answer = await ground.gate.refresh("", { headers: { cookie: "CF_Authorization=" } });
    assertRefused(answer, { ...missing, url: SHOWN_REFRESH });
  });

  test("the unsigned email header, a bearer token and other cookies are no assertion", async () => {
    const token = await ground.access.mint();
    const answer = await ground.gate.refresh(undefined, {
      headers: {
        "Cf-Access-Authenticated-User-Email": "jane@example.com",
        authorization: `Bearer ${token}`,
        cookie: `cf_authorization=${token}; CF_AppSession=x; XCF_Authorization=${token}`,
      },
    });
    assertRefused(answer, { ...missing, url: SHOWN_REFRESH });
  });

  test("a query takes no part in the check and is told back as it came", async () => {
    const answer = await ground.gate.send(`${REFRESH}?env=production&optional=%C3%A4`);
    assertRefused(answer, { ...missing, url: `${SHOWN_REFRESH}?env=production&optional=%C3%A4` });
  });
});

describe("callers who are genuine but may not sign in", () => {
  test("a service token that is not configured is refused", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ serviceToken: "22222222222222222222222222222222.access" });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "service_token_unknown";
    assertRefused(answer, { status: 403, name: "NotAllowedError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("2222"), "the answer has no client id");
  });

  test("a user who is not in the catalog is refused", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ user: "nobody@example.com" });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "user_not_found";
    assertRefused(answer, { status: 404, name: "NotFoundError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("nobody"));
  });

  test("a user who is not in the catalog gets the origin's answer, if so configured", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, {
      cfaccess: {
        onUserNotFound: "origin",
        teamName: access.team,
        audience: access.audience,
        signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
      },
    });
    const token = await access.mint({ user: "nobody@example.com" });
    const before = origin.requests.length;
    const answer = await gate.refresh(token);
    assert.deepEqual(answer.json, { error: "the origin has no such page" });
    const seen = origin.requests.slice(before);
    assert.deepEqual(
      seen.map(({ url }) => url),
      [REFRESH],
    );
    assert.equal(seen[0].headers["cf-access-jwt-assertion"], token);
    assert.equal(seen[0].headers["cf-access-authenticated-user-email"], "nobody@example.com");

    const known = await unseenBy(origin, async () => gate.refresh(await access.mint()));
    assert.equal(known.status, 200, "who is in the catalog is answered here");
  });

  test("two users with that email are a conflict", async () => {
    const { access, gate, origin } = ground;
    const token = await access.mint({ user: TWINS_EMAIL });
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "user_ambiguous";
    assertRefused(answer, { status: 409, name: "ConflictError", code, url: SHOWN_REFRESH });
    assert.ok(!answer.text.includes("twin"));
  });

  test("a user of a domain that is not allowed is refused", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, {
      cfaccess: {
        teamName: access.team,
        audience: access.audience,
        signIn: {
          resolvers: [
            { resolver: "emailLocalPartMatchingUserEntityName", allowedDomains: ["example.org"] },
            { resolver: "emailMatchingUserEntityProfileEmail" },
          ],
        },
      },
    });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    const code = "domain_not_allowed";
    assertRefused(answer, { status: 403, name: "NotAllowedError", code, url: SHOWN_REFRESH });
  });

  test("their other requests are forwarded, because Access let them in", async () => {
    const { access, gate } = ground;
    for (const mint of [
      { serviceToken: "22222222222222222222222222222222.access" },
      { user: "nobody@example.com" },
      { user: TWINS_EMAIL },
    ]) {
      assert.equal((await gate.send("/api/echo", { token: await access.mint(mint) })).status, 200);
    }
  });
});

const unavailable = { status: 503, name: "ServiceUnavailableError", url: SHOWN_REFRESH };

describe("a damaged catalog", () => {
  const jane = CATALOG[0];
  const good = JSON.stringify({ v: 1, user: jane });
  const DAMAGED = {
    "is cut short": good.slice(0, -7),
    "is empty": "",
    "is of another version": good.replace('"v":1', '"v":2'),
    "is another user's": JSON.stringify({ v: 1, user: CATALOG[1] }),
    "is of a group": good.replaceAll("user:default", "group:default"),
    "has no ownership refs": JSON.stringify({ v: 1, user: { ...jane, ent: [] } }),
    "names one user as ambiguous": JSON.stringify({ v: 1, ambiguous: [jane.ref] }),
  };

  for (const [what, value] of Object.entries(DAMAGED)) {
    test(`a record that ${what} is a fault for its user only, and the log has its key`, async (t) => {
      const { access, origin } = ground;
      // One that does not remember her.
      const gate = await ground.startGate(t);
      const key = emailKey(jane.email);
      await gate.kvPut([[key, value]]);
      try {
        const answer = await unseenBy(origin, async () => gate.refresh(await access.mint()));
        assertRefused(answer, { ...unavailable, code: "catalog_corrupt" });
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        assert.ok(!answer.text.includes("v1:"), "the key is for the log");
        const bob = await gate.refresh(await access.mint({ user: "bob@example.com" }));
        assert.equal(bob.status, 200);
      } finally {
        await gate.kvPut(recordsOf([jane]));
      }
      const [line] = await gate.lines(({ code }) => code === "catalog_corrupt");
      assert.equal(line.level, "error");
      assert.ok(line.detail.includes(key), line.detail);
      assert.equal((await gate.refresh(await access.mint())).status, 200, "mended");
    });
  }

  test("without its KV the catalog is unavailable, and the rest of the site is not", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, { kvNamespaces: ["ACCESS_CACHE"] });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assertRefused(answer, { ...unavailable, code: "catalog_unavailable" });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
    assert.equal((await gate.send("/api/echo", { token })).status, 200);
  });

  test("while KV fails the catalog is unavailable, and afterwards it is not", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t, { observeKv: true });
    await gate.setKvOutages({ CATALOG: "unreachable", ACCESS_CACHE: "unreachable" });
    const token = await access.mint();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assertRefused(answer, { ...unavailable, code: "catalog_unavailable" });
    assert.ok(!answer.text.includes("KV"), "why is for the log");
    const [line] = await gate.lines(({ code }) => code === "catalog_unavailable");
    assert.match(line.detail, /CATALOG/);

    await gate.setKvOutages({ ACCESS_CACHE: "unreachable" });
    assert.equal((await gate.refresh(token)).status, 200);
  });

  test("a KV that does not answer is unavailable as well, within its time limit", async (t) => {
    const { access } = ground;
    const gate = await ground.startGate(t, { observeKv: true });
    assert.equal((await gate.refresh(await access.mint())).status, 200);
    await gate.setKvOutages({ CATALOG: "hang" });
    const start = performance.now();
    const answer = await gate.refresh(await access.mint({ user: "bob@example.com" }));
    assert.ok(performance.now() - start < 8000);
    assertRefused(answer, { ...unavailable, code: "catalog_unavailable" });
  });

  test("users sign in without the KV of the cache", async (t) => {
    const gate = await ground.startGate(t, { kvNamespaces: ["CATALOG"] });
    assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
  });
});

describe("no keys", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const weak = { ...small.export({ format: "jwk" }), kid: "weak", alg: "RS256", use: "sig" };
  const FAULTS = {
    "answers 404 with a page": {
      status: 404,
      headers: { "content-type": "text/html" },
      body: "<h1>Unable to find your Access team</h1>",
    },
    "answers 500": { status: 500 },
    "answers with a page": { status: 200, body: "<!doctype html>" },
    "answers with no keys": { status: 200, body: { keys: [] } },
    "answers with a key that is too small": { status: 200, body: { keys: [weak] } },
    "answers with 2 MiB": { huge: 2 * 1024 * 1024 },
    redirects: {
      status: 302,
      headers: { location: "https://emulator.cloudflareaccess.com/cdn-cgi/access/elsewhere" },
    },
  };

  for (const [what, fault] of Object.entries(FAULTS)) {
    test(`a certs endpoint that ${what} is asked once and makes the keys unavailable`, async (t) => {
      const { access, origin } = ground;
      const gate = await ground.startGate(t);
      const before = access.calls.certs;
      access.setFault({ certs: fault });
      t.after(() => access.setFault());
      const token = await access.mint();
      await unseenBy(origin, async () => {
        const answer = await gate.refresh(token);
        assertRefused(answer, { ...unavailable, code: "keys_unavailable" });
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        const forwarded = await gate.send(FORWARDED, { token });
        assertRefused(forwarded, { ...unavailable, code: "keys_unavailable", url: FORWARDED });
      });
      const outbound = (await gate.outbound()).map(({ url }) => url);
      assert.deepEqual(outbound, [`${access.issuer}/cdn-cgi/access/certs`]);
      assert.equal(access.calls.certs, before + 1);
    });
  }

  test("a certs endpoint that does not answer makes the keys unavailable within its time limit", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t);
    access.setFault({ certs: { hang: true } });
    t.after(() => access.setFault());
    const token = await access.mint();
    const start = performance.now();
    const answer = await unseenBy(origin, () => gate.refresh(token));
    assert.ok(performance.now() - start < 8000);
    assertRefused(answer, { ...unavailable, code: "keys_unavailable" });
    assert.ok(Number(answer.headers["retry-after"]) > 0);
  });

  test("users sign in as soon as the certs endpoint answers again, without a restart", async (t) => {
    const { access } = ground;
    const gate = await ground.startGate(t);
    await gate.setOutages({ "emulator.cloudflareaccess.com": "unreachable" });
    const token = await access.mint();
    const answer = await gate.refresh(token);
    assertRefused(answer, { ...unavailable, code: "keys_unavailable" });
    assert.ok(!answer.text.includes("connection"), "why is for the log");
    const [line] = await gate.lines(({ code }) => code === "keys_unavailable");
    assert.match(line.detail, /certs/);

    await gate.setOutages();
    await new Promise((resolve) => setTimeout(resolve, answer.headers["retry-after"] * 1000));
    assert.equal((await gate.refresh(token)).status, 200);
  });

  test("public paths and the Worker's own key set need no keys of Access", async (t) => {
    const gate = await ground.startGate(t);
    await gate.setOutages({ "emulator.cloudflareaccess.com": "unreachable" });
    assert.equal((await gate.send("/healthcheck")).status, 200);
    assert.equal((await gate.send("/api/auth/.well-known/jwks.json")).status, 200);
  });
});

describe("an unknown kid", () => {
  const forged = async () =>
    ground.access.mint({ key: await newAccessKey(), header: { kid: String(Math.random()) } });

  test("makes a cold Worker ask for the keys once, however often it comes", async (t) => {
    const gate = await ground.startGate(t);
    const before = ground.access.calls.certs;
    for (let i = 0; i < 10; i += 1) {
      const answer = await gate.refresh(await forged());
      const code = "key_unknown";
      assertRefused(answer, { status: 401, name: "AuthenticationError", code, url: SHOWN_REFRESH });
    }
    assert.equal(ground.access.calls.certs, before + 1);
  });

  test("makes a Worker that has the keys ask at most once, even if many come at once", async (t) => {
    const gate = await ground.startGate(t);
    assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
    const before = ground.access.calls.certs;
    const tokens = await Promise.all(Array.from({ length: 10 }, forged));
    const answers = await Promise.all(tokens.map((token) => gate.send(FORWARDED, { token })));
    for (const answer of answers) assert.equal(answer.json.error.code, "key_unknown");
    assert.ok(ground.access.calls.certs <= before + 1);
  });

  test("is not even looked for if the assertion is not meant for us", async (t) => {
    const gate = await ground.startGate(t);
    const token = await ground.access.mint({
      key: await newAccessKey(),
      header: { kid: "x" },
      claims: { aud: ["0".repeat(64)] },
    });
    assert.equal((await gate.refresh(token)).json.error.code, "audience_invalid");
    assert.deepEqual(await gate.outbound(), []);
  });
});

describe("a broken configuration", async () => {
  const other = await newSigningKey("other");
  const access = () => ({
    teamName: ground.access.team,
    audience: [ground.access.audience],
    signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
  });
  const BROKEN = {
    "has no audience": () => [
      { cfaccess: { ...access(), audience: undefined } },
      "CFACCESS.audience",
    ],
    "has an empty audience list": () => [
      { cfaccess: { ...access(), audience: [] } },
      "CFACCESS.audience",
    ],
    "has an empty text as audience": () => [
      { cfaccess: { ...access(), audience: "" } },
      "CFACCESS.audience",
    ],
    "has an unknown key": () => [
      { cfaccess: { ...access(), audiences: ["x"] } },
      "CFACCESS.audiences",
    ],
    "has a resolver that does not exist": () => [
      { cfaccess: { ...access(), signIn: { resolvers: [{ resolver: "emailMatchingUser" }] } } },
      "CFACCESS.signIn.resolvers[0].resolver",
    ],
    "has a switch that is a text": () => [
      { cfaccess: { ...access(), exposeAssertion: "false" } },
      "CFACCESS.exposeAssertion",
    ],
    "is not JSON": () => [{ cfaccess: "{teamName: acme}" }, "CFACCESS"],
    "is not there": () => [{ cfaccess: null, backstage: null }, "CFACCESS", "BACKSTAGE"],
    "opens every path": () => [{ backstage: { publicPaths: ["/"] } }, "BACKSTAGE.publicPaths"],
    "has no signing keys": () => [{ signingKeys: undefined }, "SIGNING_KEYS"],
    "has an empty set of signing keys": () => [{ signingKeys: { keys: [] } }, "SIGNING_KEYS"],
    "has a public key for a signing key": () => {
      const { d, ...key } = ground.signingKeys.keys[0];
      return [{ signingKeys: { keys: [key] } }, "SIGNING_KEYS"];
    },
    "has the private half of another signing key": () => [
      { signingKeys: { keys: [{ ...ground.signingKeys.keys[0], d: other.d }] } },
      "SIGNING_KEYS keys[0]",
    ],
    "has it in a key that does not sign": () => {
      const [key] = ground.signingKeys.keys;
      return [{ signingKeys: { keys: [key, { ...other, d: key.d }] } }, "SIGNING_KEYS keys[1]"];
    },
    "has a signing key that is not on the curve": () => {
      const [key] = ground.signingKeys.keys;
      return [{ signingKeys: { keys: [{ ...key, y: key.x }] } }, "SIGNING_KEYS keys[0]"];
    },
    "has a signing key whose secret is out of range": () => {
      const [key] = ground.signingKeys.keys;
      const d = Buffer.alloc(32, 0xff).toString("base64url");
      return [{ signingKeys: { keys: [{ ...key, d }] } }, "SIGNING_KEYS keys[0]"];
    },
  };
  const PATHS = [
    ["GET", REFRESH],
    ["POST", REFRESH],
    ["OPTIONS", REFRESH],
    ["GET", "/api/auth/.well-known/jwks.json"],
    ["GET", "/api/auth/v1/userinfo"],
    ["GET", "/healthcheck"],
    ["GET", "/api/echo?a=b"],
    ["DELETE", "/"],
  ];

  for (const [what, broken] of Object.entries(BROKEN)) {
    test(`one that ${what} serves nothing on any path and forwards nothing`, async (t) => {
      const [overrides, ...places] = broken();
      const gate = await ground.startGate(t, overrides);
      const token = await ground.access.mint();
      await unseenBy(ground.origin, async () => {
        for (const [method, path] of PATHS) {
          const answer = await gate.send(path, { method, token });
          const expected = { ...unavailable, code: "misconfigured", method, url: path };
          assertRefused(answer, expected);
          for (const place of places) assert.ok(!answer.text.includes(place), "why is for the log");
        }
        const head = await gate.send("/healthcheck", { method: "HEAD", token });
        assert.deepEqual([head.status, head.text], [503, ""]);
      });
      const [line] = await gate.lines(({ code }) => code === "misconfigured");
      for (const place of places) assert.ok(line.detail.includes(place), line.detail);
      assert.deepEqual(await gate.outbound(), []);
    });
  }

  test("every problem is named at once", async (t) => {
    const gate = await ground.startGate(t, {
      cfaccess: { audience: [], teamName: "https://acme", signIn: {}, identitty: "claims" },
      backstage: { baseUrl: "backstage.example.com", trust: "nobody", corsOrigins: ["*"] },
      signingKeys: "not json",
    });
    await gate.send("/");
    const [{ detail }] = await gate.lines(({ code }) => code === "misconfigured");
    for (const place of [
      "CFACCESS.audience",
      "CFACCESS.teamName",
      "CFACCESS.signIn.resolvers",
      "CFACCESS.identitty",
      "BACKSTAGE.baseUrl",
      "BACKSTAGE.trust",
      "BACKSTAGE.corsOrigins",
      "SIGNING_KEYS",
    ]) {
      assert.ok(detail.includes(`${place} `), `${place}: ${detail}`);
    }
  });

  test("the log never holds a signing key", async (t) => {
    const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";
    for (const signingKeys of [
      `{"keys":[{"d":"${secret}"`,
      `{"keys":[{"d":"${secret}"}]}`,
      `"${secret}"`,
    ]) {
      const gate = await ground.startGate(t, { signingKeys });
      await gate.send("/");
      await gate.lines(({ code }) => code === "misconfigured");
      assert.ok(!JSON.stringify(gate.logs).includes(secret));
    }
  });
});

describe("an origin that cannot be reached", () => {
  const unreachable = { status: 502, name: "BadGatewayError", code: "origin_unreachable" };

  test("is told as 502, while the refresh route still answers", async (t) => {
    const { access, origin } = ground;
    const gate = await ground.startGate(t);
    await gate.setOutages({ [new URL(origin.url).host]: "unreachable" });
    const token = await access.mint();
    assertRefused(await gate.send(FORWARDED, { token }), { ...unreachable, url: FORWARDED });
    assertRefused(await gate.send("/healthcheck"), { ...unreachable, url: "/healthcheck" });
    assert.equal((await gate.refresh(token)).status, 200);
    const [forwarded, open] = await gate.lines(({ code }) => code === "origin_unreachable", 2);
    const shown = ({ level, outcome, route, subject, status }) =>
      [level, outcome, route, subject, status].join(" ");
    assert.equal(shown(forwarded), "error failed forward user 502");
    assert.equal(shown(open), "error failed public  502");

    await gate.setOutages();
    assert.equal((await gate.send("/healthcheck")).status, 200);
  });

  test("keeps the route of a refresh request that is forwarded to it in the log", async (t) => {
    const gate = await ground.startGate(t, {
      cfaccess: { onUserNotFound: "origin" },
      origin: { url: await deafUrl() },
    });
    const token = await ground.access.mint({ user: "nobody@example.com" });
    assert.equal((await gate.refresh(token)).status, 502);
    const [line] = await gate.lines(({ code }) => code === "origin_unreachable");
    assert.deepEqual([line.route, line.subject], ["refresh", "user"]);
    assert.deepEqual(line.tries, ["emailMatchingUserEntityProfileEmail: user_not_found"]);
  });

  test("is a 502 for a port without a listener", async (t) => {
    const gate = await ground.startGate(t, { origin: { url: await deafUrl() } });
    const token = await ground.access.mint();
    const answer = await gate.send("/api/echo", { method: "POST", body: "x", token });
    assertRefused(answer, { ...unreachable, method: "POST", url: "/api/echo" });
  });
});

test("the log says why, and holds no assertion, token or email", async (t) => {
  const { access } = ground;
  const gate = await ground.startGate(t);
  const token = await access.mint();
  const bad = [
    await tampered(),
    await claiming({ exp: 1 }),
    "garbage",
    await ground.access.mint({ user: "nobody@example.com" }),
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
