// What goes on while something else has stopped, and what random input does: nothing.

import assert from "node:assert/strict";
import { createHash, randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { decodeProtectedHeader } from "jose";
import { groundOfThisFile, newSigningKey, REFRESH, unseenBy } from "./harness.mjs";

const ground = groundOfThisFile();

const TEAM_HOST = "emulator.cloudflareaccess.com";
const CERTS_KEY = `certs:v1:${TEAM_HOST}`;
const USERINFO = "/api/auth/v1/userinfo";
const JWKS = "/api/auth/.well-known/jwks.json";

const now = () => Math.floor(Date.now() / 1000);
const identityKey = (assertion) =>
  `identity:v1:${createHash("sha256").update(assertion).digest("hex")}`;
const callsOf = async (gate) => (await gate.outbound()).map(({ url }) => url.split("/").at(-1));

/** A Worker whose team cannot be reached, with these pairs in its ACCESS_CACHE. */
async function startAlone(t, cached = {}) {
  const gate = await ground.startGate(t);
  await gate.setOutages({ [TEAM_HOST]: "unreachable" });
  await fill(gate, cached);
  return gate;
}

async function fill(gate, cached) {
  const cache = await gate.kv("ACCESS_CACHE");
  for (const [key, value] of Object.entries(cached)) await cache.put(key, value);
}

/**
 * What the Worker of this file has put into its ACCESS_CACHE, with another time in place of its
 * own: tests of what is read should not know how it is written.
 */
async function written(key, time) {
  const value = await there(await ground.gate.kv("ACCESS_CACHE"), key);
  assert.match(value, TIME);
  return time === undefined ? value : value.replace(TIME, time);
}

const TIME = /\b\d{10}\b/;

async function writtenCerts(time) {
  assert.equal((await ground.gate.refresh(await ground.access.mint())).status, 200);
  return written(CERTS_KEY, time);
}

async function writtenIdentity(token, time) {
  assert.equal((await ground.gate.refresh(token)).status, 200);
  return written(identityKey(token), time);
}

/** Waits until a namespace has the key: what is done after the answer takes a moment. */
async function there(namespace, key, holds = () => true) {
  for (let tries = 0; tries < 80; tries += 1) {
    const value = await namespace.get(key);
    if (value !== null && holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`${key} is not there`);
}

describe("with what is in KV", () => {
  test("a Worker that was restarted signs in, and asks Access for nothing", async (t) => {
    const persist = await mkdtemp(join(tmpdir(), "cfaccess-kv-"));
    t.after(() => rm(persist, { recursive: true }));
    const token = await ground.access.mint();

    const first = await ground.startGate(t, { persist });
    const before = (await first.refresh(token)).json;
    const cache = await first.kv("ACCESS_CACHE");
    for (const key of [CERTS_KEY, identityKey(token)]) await there(cache, key);
    await first.close();

    const second = await ground.startGate(t, { persist, records: [] });
    await second.setOutages({ [TEAM_HOST]: "unreachable" });
    const answer = await second.refresh(token);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json.providerInfo, before.providerInfo);
    assert.deepEqual(await second.outbound(), []);
  });

  test("keys that are stale are used while the certs endpoint is down", async (t) => {
    const gate = await startAlone(t, { [CERTS_KEY]: await writtenCerts(now() - 23 * 3600) });
    const answer = await gate.refresh(await ground.access.mint());
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await callsOf(gate))[0], "certs", "they are looked for all the same");
  });

  test("keys of more than a day ago are not", async (t) => {
    const gate = await startAlone(t, { [CERTS_KEY]: await writtenCerts(now() - 25 * 3600) });
    const answer = await gate.refresh(await ground.access.mint());
    assert.equal(answer.json.error.code, "keys_unavailable");
  });

  test("keys that Access has rotated away meanwhile cost one fetch, no restart", async (t) => {
    const gate = await ground.startGate(t);
    const { current, previous } = ground.access.keys;
    const certs = (await writtenCerts(now() - 60))
      .replaceAll(current.kid, "0".repeat(64))
      .replaceAll(previous.kid, "1".repeat(64));
    await fill(gate, { [CERTS_KEY]: certs });
    assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
    assert.equal((await callsOf(gate)).filter((name) => name === "certs").length, 1);
  });

  const DAMAGE = {
    "is empty": () => "",
    "is a word": () => "null",
    "is a page": () => "<!doctype html>",
    "is cut short": (text) => text.slice(0, -20),
    "has something behind it": (text) => `${text}}`,
    "has no time": (text) => text.replace(TIME, ""),
    "has a time that is none": (text) => text.replace(TIME, "99999999999999999999999"),
    "has a time before all time": (text) => text.replace(TIME, "-1"),
    "has other content": (text) => text.replaceAll(/"(keys|email)"/g, '"nothing"'),
  };

  const CORRUPT_CERTS = {
    ...DAMAGE,
    "is of the year after next": (text) => text.replace(TIME, now() + 2 * 365 * 86400),
    "has keys without numbers": (text) => text.replaceAll(/"n":"[^"]*"/g, '"n":""'),
    "has keys that are none": (text) => text.replace('"keys":[', '"keys":[1,null,"a",{},'),
  };
  for (const [what, damage] of Object.entries(CORRUPT_CERTS)) {
    test(`a key set that ${what} does not stop a sign-in`, async (t) => {
      const gate = await ground.startGate(t);
      await fill(gate, { [CERTS_KEY]: damage(await writtenCerts()) });
      assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
      await there(await gate.kv("ACCESS_CACHE"), CERTS_KEY, (text) =>
        text.includes(ground.access.keys.current.kid),
      );
    });
  }

  test("an identity is taken from there, for its life", async (t) => {
    const token = await ground.access.mint();
    const identity = (await writtenIdentity(token)).replaceAll("Jane Doe", "From the cache");
    const certs = await writtenCerts();
    const gate = await startAlone(t, { [CERTS_KEY]: certs, [identityKey(token)]: identity });
    const { profile } = (await gate.refresh(token)).json;
    assert.equal(profile.displayName, "From the cache");
  });

  const CORRUPT_IDENTITIES = {
    ...DAMAGE,
    "has expired": (text) => text.replace(TIME, now() - 1),
    "is of another user": (text) => text.replaceAll("jane@example.com", "boss@example.com"),
  };
  for (const [what, damage] of Object.entries(CORRUPT_IDENTITIES)) {
    test(`an identity that ${what} neither stops a sign-in nor signs another user in`, async (t) => {
      const gate = await ground.startGate(t);
      const token = await ground.access.mint();
      await fill(gate, { [identityKey(token)]: damage(await writtenIdentity(token)) });
      const answer = await gate.refresh(token);
      assert.equal(answer.status, 200, answer.text);
      const { userEntityRef } = answer.json.backstageIdentity.identity;
      assert.equal(userEntityRef, "user:default/jane.doe");
      assert.deepEqual(answer.json.profile, { email: "jane@example.com", displayName: "Jane Doe" });
    });
  }

  test("no assertion, token or email is in the names of what is cached", async () => {
    const token = await ground.access.mint();
    await ground.gate.refresh(token);
    const cache = await ground.gate.kv("ACCESS_CACHE");
    await there(cache, identityKey(token));
    for (const { name } of (await cache.list()).keys) {
      assert.match(name, /^(certs:v1:[a-z.]+|identity:v1:[0-9a-f]{64})$/);
    }
  });
});

test("when all else is down, who has signed in before signs in, and so does who has not", async (t) => {
  const gate = await ground.startGate(t, { observeKv: true });
  const token = await ground.access.mint();
  assert.equal((await gate.refresh(token)).status, 200);
  const origin = new URL(ground.origin.url).host;
  await gate.setOutages({ [TEAM_HOST]: "unreachable", [origin]: "unreachable" });
  await gate.setKvOutages({ ACCESS_CACHE: "unreachable" });
  assert.equal((await gate.refresh(token)).json.profile.displayName, "Jane Doe");
  assert.equal((await gate.refresh(await ground.access.mint())).status, 200);
  assert.equal((await gate.send(JWKS)).status, 200);
});

test("two Workers that share nothing both know the caller, but not each other's tokens", async (t) => {
  const signingKeys = { keys: [await newSigningKey("another")] };
  const other = await ground.startGate(t, { signingKeys });
  const assertion = await ground.access.mint();
  const [one, two] = await Promise.all([ground.gate.refresh(assertion), other.refresh(assertion)]);
  const token = two.json.backstageIdentity.token;
  assert.deepEqual(one.json.backstageIdentity.identity, two.json.backstageIdentity.identity);
  assert.equal(decodeProtectedHeader(token).kid, "another");
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await other.send(USERINFO, { headers })).status, 200);
  const before = ground.origin.requests.length;
  await ground.gate.send(USERINFO, { headers });
  assert.equal(ground.origin.requests.length, before + 1, "it is the origin's to judge");
});

describe("many at once, of a Worker that has just started", () => {
  const AT_ONCE = 20;
  const many = (ask) => Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(i)));
  const statuses = (answers) => [...new Set(answers.map(({ status }) => status))];

  test("all sign in with one assertion", async (t) => {
    const gate = await ground.startGate(t);
    const token = await ground.access.mint();
    assert.deepEqual(statuses(await many(() => gate.refresh(token))), [200]);
  });

  test("all get what they ask for with an assertion each, while Access is slow", async (t) => {
    const gate = await ground.startGate(t);
    ground.access.setFault({ certs: { delayMs: 400 }, identity: { delayMs: 400 } });
    t.after(() => ground.access.setFault());
    const tokens = await many(() => ground.access.mint());
    const ask = (i) =>
      i % 2 ? gate.refresh(tokens[i]) : gate.send("/api/echo", { token: tokens[i] });
    assert.deepEqual(statuses(await many(ask)), [200]);
  });

  test("those who go away do no harm to those who stay", async (t) => {
    const gate = await ground.startGate(t);
    ground.access.setFault({ certs: { delayMs: 300 } });
    t.after(() => ground.access.setFault());
    const headers = { "cf-access-jwt-assertion": await ground.access.mint() };
    const gone = new AbortController();
    const answers = many((i) => {
      const signal = i % 2 ? gone.signal : undefined;
      return fetch(gate.url + REFRESH, { headers, signal }).catch((error) => error);
    });
    setTimeout(() => gone.abort(), 100);
    const stayed = (await answers).filter((answer) => answer instanceof Response);
    assert.ok(stayed.length >= AT_ONCE / 2);
    assert.deepEqual(statuses(stayed), [200]);
    assert.equal((await gate.refresh(headers["cf-access-jwt-assertion"])).status, 200);
  });
});

// A failure prints the seed; put it here to see it again.
const SEED = randomInt(2 ** 31);

/** Mulberry32: small, and the same for the same seed. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Runs `ask` for each of `count` numbers, a few at a time. */
async function fewAtATime(count, ask) {
  const numbers = Array.from({ length: count }, (_, i) => i).values();
  const worker = async () => {
    for (const i of numbers) await ask(i);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

describe(`chance, with seed ${SEED}`, () => {
  const FLIPS = 200;
  const pick = random(SEED);

  /** A header value may hold these and nothing else. */
  const fits = (text) => /^[\x21-\x7e\x80-\xff]+$/.test(text);

  function flippedInText(token) {
    for (;;) {
      const at = pick(token.length);
      const flipped = String.fromCharCode(token.charCodeAt(at) ^ (1 << pick(8)));
      if (fits(flipped)) return token.slice(0, at) + flipped + token.slice(at + 1);
    }
  }

  function flippedInBytes(token) {
    const parts = token.split(".").map((part) => Buffer.from(part, "base64url"));
    const part = parts[pick(3)];
    part[pick(part.length)] ^= 1 << pick(8);
    return parts.map((bytes) => bytes.toString("base64url")).join(".");
  }

  for (const [where, flip] of Object.entries({ text: flippedInText, bytes: flippedInBytes })) {
    test(`${FLIPS} assertions with one bit of their ${where} flipped are refused, each of them`, async () => {
      const token = await ground.access.mint();
      // What the Worker remembers of the good one must not help the others.
      assert.equal((await ground.gate.refresh(token)).status, 200);
      await unseenBy(ground.origin, () =>
        fewAtATime(FLIPS, async (i) => {
          const flipped = flip(token);
          const answer =
            i % 2
              ? await ground.gate.refresh(flipped)
              : await ground.gate.send("/api/echo", { token: flipped });
          assert.equal(answer.status, 401, `${flipped}\n${answer.text}`);
          assert.equal(answer.json.error.name, "AuthenticationError");
        }),
      );
      assert.equal((await ground.gate.refresh(token)).status, 200);
    });
  }

  test("some hundred requests of random parts reach nothing and break nothing", async (t) => {
    const gate = await ground.startGate(t, { backstage: { publicPaths: ["/open"] } });
    const good = await ground.access.mint();
    const word = () =>
      Array.from({ length: 1 + pick(12) }, () => BYTES[pick(BYTES.length)]).join("");
    const BYTES = Array.from({ length: 0x100 - 0x21 }, (_, i) =>
      String.fromCharCode(0x21 + i),
    ).filter((character) => character !== "\x7f");
    const one = (list) => list[pick(list.length)];
    const SEGMENTS = [
      ...["api", "auth", "cfaccess", "refresh", "start", "handler", "frame", "logout", "v1"],
      ...["..", ".", "", "%2e%2e", "%2f", "%00", "%ff", "%zz", "%", "~", ";", "api/auth/cfaccess"],
      ...[
        "?",
        "?a=b",
        "#",
        "REFRESH",
        "cfaccess%2frefresh",
        "\\..\\",
        "%5c..%5c",
        "x".repeat(3000),
      ],
    ];
    const VALUES = [
      () => "",
      word,
      () => "x".repeat(pick(20_000)),
      () => `${word()}.${word()}.${word()}`,
      () => "eyJhbGciOiJSUzI1NiJ9.e30.",
      () => flippedInText(good),
      () => `Bearer ${word()}`,
      () => `CF_Authorization=${word()}; CF_Authorization="${word()}`,
      () => `CF_Authorization=${flippedInText(good)}`,
      () => ";;;==;,,",
    ];
    const NAMES = [
      ...["cf-access-jwt-assertion", "cookie", "authorization", "origin", "content-type"],
      ...["x-forwarded-user", "cf-access-authenticated-user-email", "accept-encoding", "range"],
      ...["if-none-match", "x_custom", "access-control-request-headers", "x-requested-with"],
    ];
    const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "PATCH"];
    const EXPECTED = [200, 204, 400, 401, 404, 431, 501];

    await unseenBy(ground.origin, () =>
      fewAtATime(400, async () => {
        const method = one(METHODS);
        const segments = Array.from({ length: pick(7) }, () => one(SEGMENTS));
        const path = `/${segments.join("/")}`;
        if (path.includes("v1")) return;
        const headers = Array.from({ length: pick(5) }, () => [one(NAMES), one(VALUES)()]).flat();
        const body = method === "POST" && pick(2) ? word() : undefined;
        const answer = await gate.send(path, { method, headers, body });
        const what = JSON.stringify({ method, path, headers }).slice(0, 2000);
        assert.ok(EXPECTED.includes(answer.status), `${answer.status} ${answer.text}\n${what}`);
        assert.ok(answer.status !== 200, what);
      }),
    );
    const codes = gate.logs.map(({ message }) => JSON.parse(message).code);
    assert.ok(!codes.includes("internal"), "nothing panicked");
    assert.equal((await gate.refresh(good)).status, 200);
  });
});
