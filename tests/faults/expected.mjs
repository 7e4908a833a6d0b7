// What is expected of the Worker while one dependency has a fault, written down before it is tried.
//
// A cell is a dependency, a state of the Worker and a kind of fault. In each, 100 requests are sent: 60 of the kind `main`,
// which the dependency is for, 20 of the kind `beside`, 10 without an assertion and 10 under a forged one. Expected of it:
//
// - `main`, `beside`: the answers that are right, as words of ask.mjs
// - `ms`: how long an answer takes at most: the limit of docs/caching.md, and 3 s for a machine that is busy
// - `calls`: how often the dependency is called at most
// - `log`: what a line of the log has to match, so that an operator sees which dependency it is; none where nothing failed
// - `recovers`: after how many seconds the first answer is whole again, if not after those of the dependency
// - `atOnce`: how many requests are sent at once, if not 10
// - `registers`: the users are registered after the fault
//
// In every cell: no answer is of another user, no unverified request reaches the origin, no redirect is followed.
//
// The states:
//
// - `cold`: a new isolate, and nothing in ACCESS_CACHE
// - `cold with KV`: a new isolate; ACCESS_CACHE has what another has cached
// - `warm`: the isolate has answered all of the requests a moment ago
// - `stale`: it has answered them `staleAfter` seconds ago
//
// A state has `all`, and what is different for a kind. `null` is a cell that makes no sense:
const NONE = null;

/** The line of a request that a service did not answer. */
const failed = (name) => new RegExp(`"failed":\\[[^\\]]*"${name}"`);

const UNTOUCHED = { main: "200 full", beside: "200", ms: 4_000, calls: 0 };

const KEYS_UNAVAILABLE = {
  main: "503 keys_unavailable",
  beside: "503 keys_unavailable",
  ms: 7_000,
  calls: 1,
  log: /"code":"keys_unavailable","detail":"[^"]*certs/,
};
const KEY_UNKNOWN = { main: "401 key_unknown", beside: "401 key_unknown", log: /key_unknown/ };
const STALE_KEYS = {
  main: "200 full",
  beside: "200",
  ms: 7_000,
  calls: 1,
  log: /"notes":\["stale keys of Access are used: [^"]*certs/,
};

const CLAIMS = {
  main: "200 claims",
  beside: "200",
  ms: 8_000,
  calls: 2,
  log: /"identity":"claims, get-identity did not answer"/,
};
const WITHOUT_IDENTITY = {
  all: CLAIMS,
  slow: { main: "200 full", calls: 60, log: undefined },
  403: { main: "401 identity_refused", calls: 60, log: /identity_refused/ },
  flapping: { main: "200 full | 200 claims", calls: 60 },
};

const CORRUPT = { main: "503 catalog_corrupt", log: /catalog_corrupt/ };
const WITHOUT_CATALOG = {
  all: {
    main: "503 catalog_unavailable",
    beside: "200",
    ms: 6_000,
    calls: 60,
    log: failed("catalog_kv"),
  },
  slow: { main: "200 full", log: undefined },
  HTML: CORRUPT,
  empty: CORRUPT,
  "wrong type": CORRUPT,
  "another's": CORRUPT,
  // White space is no fault of a record, as long as it comes in time.
  huge: { main: "200 full | 503 catalog_unavailable", log: undefined },
  flapping: { main: "200 full | 503 catalog_unavailable" },
};

// A value that is none counts as absent.
const ABSENT = { log: undefined };
const WITHOUT_CACHE = {
  all: {
    main: "200 full",
    beside: "200",
    ms: 7_000,
    calls: 61,
    log: failed("(?:certs|identity)_kv"),
  },
  slow: ABSENT,
  HTML: ABSENT,
  empty: ABSENT,
  huge: ABSENT,
  "wrong type": ABSENT,
  "another's": ABSENT,
};

const WITHOUT_WRITES = {
  all: { main: "200 full", beside: "200", ms: 4_000, calls: 61, log: /ACCESS_CACHE/ },
  slow: { log: undefined },
  // The time limit of a write, which no request waits for.
  hangs: { settles: 12_000 },
  // A write has no answer but its status.
  drips: NONE,
  HTML: NONE,
  truncated: NONE,
  empty: NONE,
  huge: NONE,
  "wrong type": NONE,
  "another's": NONE,
};

const AS_IT_CAME = (status) => ({ main: `${status} as it came`, log: undefined });
const WITHOUT_ORIGIN = {
  all: {
    main: "502 origin_unreachable",
    beside: "200 full",
    ms: 6_000,
    calls: 60,
    log: /origin_unreachable/,
  },
  hangs: { ms: 104_000, atOnce: 100 },
  slow: { main: "200", log: undefined },
  drips: { main: "200", ms: 20_000, log: undefined, atOnce: 100 },
  403: AS_IT_CAME(403),
  500: { main: "500 as it came", log: /"level":"warn".*"status":500/ },
  redirect: AS_IT_CAME(302),
  HTML: AS_IT_CAME(200),
  truncated: { main: "cut off", log: undefined },
  empty: AS_IT_CAME(200),
  huge: { main: "200", log: undefined },
  "wrong type": AS_IT_CAME(200),
  "another's": AS_IT_CAME(200),
  flapping: { main: "200 | 502 origin_unreachable" },
};

const WITHOUT_JWKS = {
  all: {
    main: "200 ours",
    beside: "200 full",
    ms: 5_000,
    calls: 1,
    log: /"notes":\["the origin's JWK Set: /,
  },
  slow: { main: "200 whole", log: undefined },
  // A key set whose key claims to be the Worker's, which is left out.
  "another's": { log: undefined },
};

const WITHOUT_REGISTRATION = {
  all: {
    main: "200 full",
    beside: "200",
    ms: 8_000,
    calls: 1,
    log: /not registered with the origin: /,
    registers: true,
  },
  // Each user once.
  slow: { calls: 20, log: undefined, registers: false },
};

const NO_SIGNATURE = {
  all: { main: "500 internal", beside: "200", ms: 4_000, calls: 0, log: /"code":"internal"/ },
  hangs: { main: "503 refresh_timeout", ms: 11_000, log: /refresh_timeout/, atOnce: 100 },
  slow: { main: "200 full", log: undefined },
  flapping: { main: "200 full | 500 internal" },
  // WebCrypto is in the process: it has no socket and no status.
  refused: NONE,
  drips: NONE,
  403: NONE,
  500: NONE,
  redirect: NONE,
  HTML: NONE,
  huge: NONE,
  // The Worker does not verify its own signatures.
  "another's": NONE,
};

/** What most dependencies are for. */
const SIGN_IN = { main: "refresh", beside: "forward", good: "200 full", staleAfter: 3_900 };

export const EXPECTED = {
  certs: {
    title: "certs",
    kinds: { ...SIGN_IN, recovers: 31 },
    states: {
      cold: {
        all: KEYS_UNAVAILABLE,
        slow: { main: "200 full", beside: "200", log: undefined },
        "another's": KEY_UNKNOWN,
      },
      "cold with KV": { all: UNTOUCHED },
      warm: { all: UNTOUCHED },
      stale: { all: STALE_KEYS, slow: { log: undefined }, "another's": KEY_UNKNOWN },
    },
  },
  identity: {
    title: "get-identity",
    kinds: { ...SIGN_IN, recovers: 31 },
    states: {
      cold: WITHOUT_IDENTITY,
      "cold with KV": { all: UNTOUCHED },
      warm: { all: UNTOUCHED },
      stale: WITHOUT_IDENTITY,
    },
  },
  catalog: {
    title: "CATALOG read",
    kinds: { ...SIGN_IN, recovers: 1 },
    states: {
      cold: WITHOUT_CATALOG,
      "cold with KV": WITHOUT_CATALOG,
      warm: { all: UNTOUCHED },
      stale: WITHOUT_CATALOG,
    },
  },
  cacheRead: {
    title: "ACCESS_CACHE read",
    kinds: { ...SIGN_IN, recovers: 1 },
    states: {
      // There is nothing that could come slowly or by half.
      cold: { ...WITHOUT_CACHE, drips: NONE, truncated: NONE },
      "cold with KV": WITHOUT_CACHE,
      warm: { all: UNTOUCHED },
      stale: WITHOUT_CACHE,
    },
  },
  cacheWrite: {
    title: "ACCESS_CACHE write",
    kinds: { ...SIGN_IN, recovers: 1 },
    states: {
      cold: WITHOUT_WRITES,
      // Nothing is written.
      "cold with KV": NONE,
      warm: NONE,
      stale: WITHOUT_WRITES,
    },
  },
  origin: {
    title: "origin, forward",
    kinds: { main: "forward", beside: "refresh", good: "200", staleAfter: 3_900, recovers: 1 },
    states: {
      cold: WITHOUT_ORIGIN,
      "cold with KV": WITHOUT_ORIGIN,
      warm: WITHOUT_ORIGIN,
      stale: WITHOUT_ORIGIN,
    },
  },
  jwks: {
    title: "origin, JWKS",
    kinds: { main: "jwks", beside: "refresh", good: "200 whole", staleAfter: 300, recovers: 31 },
    states: {
      cold: WITHOUT_JWKS,
      // It is not kept in KV.
      "cold with KV": NONE,
      warm: { all: { main: "200 whole", beside: "200 full", ms: 4_000, calls: 0 } },
      stale: {
        all: { ...WITHOUT_JWKS.all, main: "200 whole" },
        slow: { log: undefined },
        "another's": { main: "200 ours", log: undefined },
      },
    },
  },
  registration: {
    title: "origin, registration",
    kinds: {
      ...{ ...SIGN_IN, staleAfter: 90_000, recovers: 61 },
      backstage: { trust: "shared-key" },
    },
    states: {
      cold: WITHOUT_REGISTRATION,
      "cold with KV": { all: UNTOUCHED },
      warm: { all: UNTOUCHED },
      stale: WITHOUT_REGISTRATION,
    },
  },
  signing: {
    title: "signing",
    kinds: { ...SIGN_IN, recovers: 1 },
    states: {
      cold: NO_SIGNATURE,
      "cold with KV": NO_SIGNATURE,
      warm: { ...NO_SIGNATURE, all: UNTOUCHED, hangs: {}, slow: {}, flapping: {} },
      stale: NO_SIGNATURE,
    },
  },
};

export const STATES = ["cold", "cold with KV", "warm", "stale"];

/** In the order of the table. */
export const FAULTS = [
  ...["refused", "cut", "hangs", "slow", "drips", "403", "500", "redirect", "HTML"],
  ...["truncated", "empty", "huge", "wrong type", "another's", "flapping"],
];

/** Every cell that makes sense. */
export function cells() {
  return Object.entries(EXPECTED).flatMap(([dependency, { title, kinds, states }]) =>
    STATES.filter((state) => states[state] !== NONE).flatMap((state) =>
      FAULTS.filter((fault) => states[state][fault] !== NONE).map((fault) => {
        const expected = { ...states[state].all, ...states[state][fault] };
        return { dependency, title, kinds, state, fault, expected };
      }),
    ),
  );
}
