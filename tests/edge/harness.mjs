// What the tests of this folder stand on: the built Worker in workerd, the Access emulator as its
// team, the demo origin behind it. One of each per file, further Workers where a test asks.
//
// Requests go to the Worker directly and bring their own assertion: what Access would never let
// through must be refused all the same.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import { startAccess } from "../../dev/access/index.mjs";
import { startOrigin } from "../../dev/origin/index.mjs";
import { startWorker } from "../../dev/worker.mjs";
import { send } from "./http.mjs";

export const REFRESH = "/api/auth/cfaccess/refresh";
/** The path of the refresh route as an error shows it. */
export const SHOWN_REFRESH = "/cfaccess/refresh";

export const BASE_URL = "https://backstage.example.com";

export const SERVICE_TOKEN = {
  clientId: "11111111111111111111111111111111.access",
  subject: "ci-bot@example.com",
};

/** The people of the catalog. The last of each list are the ones with something odd about them. */
export const CATALOG = [
  {
    ref: "user:default/jane.doe",
    ent: ["user:default/jane.doe", "group:default/team-a", "group:default/team-b"],
    email: "jane@example.com",
    displayName: "Jane of the catalog",
  },
  {
    ref: "user:default/bob",
    ent: ["user:default/bob", "group:default/team-b"],
    email: "bob@example.com",
  },
  {
    ref: "user:default/ci-bot",
    ent: ["user:default/ci-bot", "group:default/team-b"],
    email: "ci-bot@example.com",
  },
  { ref: "user:default/mixed", ent: ["user:default/mixed"], email: "Mixed.Case@Example.com" },
];

/** Two with one email. */
export const TWINS = ["user:default/twin1", "user:default/twin2"];
export const TWINS_EMAIL = "twins@example.com";

/** The users at Access. */
export const USERS = [
  {
    email: "jane@example.com",
    name: "Jane Doe",
    groups: [{ id: "g-1", name: "Engineering", email: "eng@example.com" }],
  },
  { email: "bob@example.com", name: "Bob", groups: ["Engineering", "Everyone"] },
  { email: TWINS_EMAIL, name: "One of two" },
  { email: "nobody@example.com", name: "Not in the catalog" },
];

/** The KV pairs of users, as `cfaccess catalog build` writes them (src/catalog/record.rs). */
export function recordsOf(users) {
  return users.flatMap((user) => {
    const value = JSON.stringify({ v: 1, user });
    return [...(user.email ? [[emailKey(user.email), value]] : []), [`v1:ref:${user.ref}`, value]];
  });
}

export const emailKey = (email) => `v1:email:${email.toLowerCase()}`;

const DEFAULT_RECORDS = [
  ...recordsOf(CATALOG),
  [emailKey(TWINS_EMAIL), JSON.stringify({ v: 1, ambiguous: TWINS })],
];

/** A new private ES256 key for SIGNING_KEYS, as a JWK. */
export async function newSigningKey(kid) {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" };
}

/**
 * The emulator, the origin and a Worker for the tests of a file; to be called at its top. The
 * object that it returns is filled before the first test.
 */
export function groundOfThisFile(options = {}) {
  const ground = {};
  before(async () => Object.assign(ground, await startGround(options)));
  after(() => ground.close?.());
  return ground;
}

/**
 * Starts them. `origin` is what to start in place of the demo origin, `access` are options of the
 * emulator; the others are those of `startGate`.
 *
 * - `access`, `origin`: the emulator and the origin
 * - `gate`: the Worker
 * - `startGate(t, overrides)`: another Worker, until the test ends
 */
export async function startGround({ origin: start = startOrigin, access: team, ...options } = {}) {
  const origin = await start();
  const access = await startAccess({ users: USERS, ...team });
  const signingKeys = { keys: [await newSigningKey("key-1")] };
  const base = { access, origin, signingKeys };
  const gate = await startGate({ ...base, ...options });
  return {
    access,
    origin,
    signingKeys,
    gate,
    async startGate(t, overrides = {}) {
      const another = await startGate({ ...base, ...overrides });
      t.after(() => another.close());
      return another;
    },
    async close() {
      await gate.close();
      await Promise.all([access.close(), origin.close()]);
    },
  };
}

/**
 * Starts a Worker. `cfaccess` and `backstage` are laid over a configuration that works, or replace
 * it if they are strings; `records` are the KV pairs of the catalog. The rest goes to startWorker.
 */
export async function startGate({ access, origin, cfaccess, backstage, records, ...rest }) {
  const worker = await startWorker({
    access,
    cfaccess: over(cfaccess, {
      teamName: access.team,
      audience: [access.audience],
      serviceTokens: [{ token: SERVICE_TOKEN.clientId, subject: SERVICE_TOKEN.subject }],
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
    }),
    backstage: over(backstage, {
      baseUrl: BASE_URL,
      origin: origin.url,
      publicPaths: ["/healthcheck"],
      log: { forwarded: 1 },
    }),
    ...rest,
  });
  const gate = {
    ...worker,

    /** A request; `token` is put into the assertion header. */
    send(path, { token, headers, ...init } = {}) {
      const list = Array.isArray(headers) ? headers : Object.entries(headers ?? {}).flat();
      const assertion = token === undefined ? [] : ["Cf-Access-Jwt-Assertion", token];
      return send(worker.url, { path, headers: [...assertion, ...list], ...init });
    },

    /** The refresh route. */
    refresh: (token, init) => gate.send(REFRESH, { token, ...init }),

    /**
     * The lines of the Worker's log, as objects, that `wanted` says yes to. Waits until there are so many, which
     * a busy machine delays.
     */
    async lines(wanted, atLeast = 1) {
      const read = () => worker.logs.map(({ message }) => JSON.parse(message)).filter(wanted);
      for (let tries = 0; tries < 200 && read().length < atLeast; tries += 1) await sleep(25);
      return read();
    },

    /** Writes pairs of key and value into CATALOG. */
    async kvPut(pairs) {
      const catalog = await worker.kv("CATALOG");
      await Promise.all(pairs.map(([key, value]) => catalog.put(key, value)));
    },
  };
  const namespaces = rest.kvNamespaces ?? ["CATALOG"];
  if (namespaces.includes("CATALOG")) await gate.kvPut(records ?? DEFAULT_RECORDS);
  return gate;
}

/** Members set to `undefined` are left out, as in the emulator's `mint`. */
function over(changes, base) {
  if (changes === null) return undefined;
  if (typeof changes === "string") return changes;
  return JSON.parse(JSON.stringify({ ...base, ...changes }));
}

/** The URL of a port without a listener. */
export async function deafUrl() {
  const server = http.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * An answer of the Worker's own that refuses: its status, its code, and everything that is the
 * same for all of them.
 */
export function assertRefused(answer, { status, name, code, method = "GET", url }) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.match(answer.headers["content-type"], /^application\/json/);
  const { error, request, response, ...rest } = answer.json;
  assert.deepEqual(rest, {});
  assert.deepEqual(Object.keys(error), ["name", "message", "code"]);
  assert.deepEqual([error.name, error.code], [name, code]);
  assert.ok(error.message.length > 0);
  assert.deepEqual(request, { method, url });
  assert.deepEqual(response, { statusCode: status });
}

/** What `assertRefused` expects of a 503 at the refresh route, except its code. */
export const UNAVAILABLE = { status: 503, name: "ServiceUnavailableError", url: SHOWN_REFRESH };

/** Runs `act` and asserts that nothing reached the origin meanwhile. */
export async function unseenBy(origin, act) {
  const before = origin.requests.length;
  const result = await act();
  const seen = origin.requests.slice(before).map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(seen, []);
  return result;
}
