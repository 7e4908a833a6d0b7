// The cases: who comes (a person of the catalog by one of many spellings of their address, a
// stranger, a machine), what their assertion is like, what get-identity says of them, and how the
// request is made.

import { SERVICE_TOKENS } from "./configurations.mjs";

/** How an address may be written: `p` has the catalog's email, its local part and the name. */
const SPELLINGS = {
  "the catalog's address": (p) => p.email,
  "in capitals": (p) => p.email.toUpperCase(),
  "in lower case": (p) => p.email.toLowerCase(),
  "with a tag": (p) => `${p.local}+tag@${p.domain}`,
  "with two tags": (p) => `${p.local}+tag+tag@${p.domain}`,
  "with a tag, in capitals": (p) => `${p.local}+Tag@${p.domain}`.toUpperCase(),
  "with an empty tag": (p) => `${p.local}+@${p.domain}`,
  "of another domain": (p) => `${p.local}@other.example`,
  "with a tag, of another domain": (p) => `${p.local}+tag@other.example`,
  "of a domain below": (p) => `${p.local}@sub.${p.domain}`,
  "by entity name": (p) => `${p.name}@corp.example`,
  "by entity name in capitals": (p) => `${p.name.toUpperCase()}@corp.example`,
  "by entity name with a tag": (p) => `${p.name}+tag@corp.example`,
  "by entity name, domain in capitals": (p) => `${p.name}@CORP.EXAMPLE`,
  "with two @": (p) => `${p.local}@else@${p.domain}`,
};

const STRANGERS = [
  "stranger@corp.example",
  "Stranger+Tag@Corp.Example",
  "stranger@elsewhere.example",
  "+tag@corp.example",
  "no-at-sign",
  "@corp.example",
  "stran/ger@corp.example",
  "stran:ger@corp.example",
  "twins+tag@corp.example",
  "İstanbul@corp.example",
  "group:default/platform@corp.example",
];

const UNKNOWN_SERVICE_TOKEN = { token: "99999999999999999999999999999999.access", subject: "" };

/** What is done to the assertion: overrides of the emulator's `mint`, given the time. */
const ASSERTIONS = {
  expired: (now) => ({ claims: { exp: now - 60 } }),
  "without exp": () => ({ claims: { exp: undefined } }),
  "without iat": () => ({ claims: { iat: undefined } }),
  "without nbf": () => ({ claims: { nbf: undefined } }),
  "nbf in 10 minutes": (now) => ({ claims: { nbf: now + 600 } }),
  "nbf in 20 seconds": (now) => ({ claims: { nbf: now + 20 } }),
  "iat in 10 minutes": (now) => ({ claims: { iat: now + 600 } }),
  "exp as a string": (now) => ({ claims: { exp: String(now + 600) } }),
  "exp with a fraction": (now) => ({ claims: { exp: now + 600.5 } }),
  "without type": () => ({ claims: { type: undefined } }),
  "type org": () => ({ claims: { type: "org" } }),
  "without aud": () => ({ claims: { aud: undefined } }),
  "aud of another application": () => ({ claims: { aud: ["de".repeat(32)] } }),
  "aud with ours second": (_, { audience }) => ({ claims: { aud: ["de".repeat(32), audience] } }),
  "aud as a string": (_, { audience }) => ({ claims: { aud: audience } }),
  "aud as a string around ours": (_, { audience }) => ({
    claims: { aud: `${audience}${audience}` },
  }),
  "without iss": () => ({ claims: { iss: undefined } }),
  "iss of another team": () => ({ claims: { iss: "https://other.cloudflareaccess.com" } }),
  "iss with a slash": (_, { issuer }) => ({ claims: { iss: `${issuer}/` } }),
  "without sub": () => ({ claims: { sub: undefined } }),
  "without email": () => ({ claims: { email: undefined } }),
  "empty email": () => ({ claims: { email: "" } }),
  "with a common_name too": () => ({ claims: { common_name: SERVICE_TOKENS[0].token } }),
  "with custom claims": () => ({
    claims: { custom: { groups: ["a", { b: [1.5, null, true] }], ключ: "\u0000\ud83d\ude00" } },
  }),
  "without kid": () => ({ header: { kid: undefined } }),
  "another kid": () => ({ header: { kid: "f".repeat(64) } }),
  "without typ": () => ({ header: { typ: undefined } }),
  "typ at+jwt": () => ({ header: { typ: "at+jwt" } }),
  "with crit": () => ({ header: { crit: ["x-unheard-of"], "x-unheard-of": true } }),
  "alg none": () => ({ header: { alg: "none" } }),
  "alg RS512": () => ({ header: { alg: "RS512" } }),
  "alg PS256": () => ({ header: { alg: "PS256" } }),
  "alg HS256 with the public key": (_, { publicPem }) => ({
    header: { alg: "HS256" },
    key: publicPem,
  }),
  "signed by a stranger's key": (_, { strangersKey }) => ({ key: strangersKey }),
  "signed by the previous key": () => ({ key: "previous" }),
  // Under their own names: what is done to the text itself.
  "cut short": (token) => token.slice(0, -10),
  "of two parts": (token) => token.split(".").slice(0, 2).join("."),
  "with another payload": (token) => {
    const [header, payload, signature] = token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url"));
    claims.email = "jane.doe@corp.example";
    return [header, base64url(JSON.stringify(claims)), signature].join(".");
  },
  garbage: () => "garbage",
  "with padding": (token) => `${token}=`,
};
const OF_THE_TEXT = [
  "cut short",
  "of two parts",
  "with another payload",
  "garbage",
  "with padding",
];

/** What get-identity says beyond the emulator's own document; a `fault` is an outage. */
const IDENTITIES = {
  "groups as names": { groups: ["Engineering", "Everyone"] },
  "groups as objects": { groups: [{ id: "g-1", name: "Engineering", email: "eng@corp.example" }] },
  "groups of both kinds": { groups: ["Everyone", { id: "g-1", name: "Engineering" }, {}] },
  "without groups": { groups: undefined },
  "without a name": { name: undefined },
  "an empty name": { name: "" },
  "a name in other letters": { name: "Søren 🚢 “Kierkegaard” \\ </script>" },
  "more than we know": { devicePosture: { a: { deep: [1e21, 0.1, -0, null] } }, oidc_fields: {} },
  "without an email": { email: undefined },
  "the email in capitals": (email) => ({ email: email.toUpperCase() }),
  "another user's email": { email: "bob@corp.example" },
  "status 500": { fault: { status: 500, body: { err: "down" } } },
  "status 400": { fault: { status: 400, body: { err: "no app token set" } } },
  "status 403": { fault: { status: 403, body: { err: "revoked" } } },
  "status 200 with HTML": { fault: { status: 200, body: "<html>" } },
  "status 200 with a list": { fault: { status: 200, body: [] } },
};

const ANOTHER = "bob@corp.example";
const ANOTHERS_COOKIE_FIRST = "cookie after another's";

const TRANSPORTS = [
  "header",
  "cookie",
  "both",
  "header, another's in the cookie",
  "garbage header, cookie",
  "empty header, cookie",
  ANOTHERS_COOKIE_FIRST,
  "quoted cookie",
  "nothing",
  "empty cookie",
  "under Access's own names",
  "another's under Access's own names",
];

/** What Access calls them, whatever the configuration does. */
export const ACCESS_NAMES = { header: "Cf-Access-Jwt-Assertion", cookie: "CF_Authorization" };

const METHODS = ["GET", "POST", "HEAD"];

/** Routes of the provider beside the refresh, and methods that it does not have. */
const BESIDE = [
  ["GET", "start"],
  ["GET", "handler/frame"],
  ["POST", "handler/frame"],
  ["GET", "no-such-route"],
  ["GET", ""],
  ["PUT", "refresh"],
  ["DELETE", "refresh"],
  ["GET", "refresh/"],
  ["GET", "refresh?optional"],
  ["OPTIONS", "refresh"],
];

/** How many kinds of assertions there are. */
export const assertionKinds = () => Object.keys(ASSERTIONS).length;

/**
 * The cases of a configuration: each kind of everything once if the configuration is `thorough`,
 * and `count` mixtures.
 */
export function casesOf(configuration, people, random, { thorough, count }) {
  const cases = [];
  const add = (given) =>
    cases.push({
      configuration,
      email: "jane.doe@corp.example",
      spelling: "the catalog's address",
      assertion: "good",
      identity: "as it is",
      transport: "header",
      method: "GET",
      path: "refresh",
      ...given,
      // Of two cookies of one name the first counts.
      ...(given.transport === ANOTHERS_COOKIE_FIRST && { email: ANOTHER }),
    });

  for (const person of people) {
    for (const spelling of ["the catalog's address", "by entity name"]) {
      add({ spelling, email: SPELLINGS[spelling](person) });
    }
  }
  for (const email of STRANGERS) add({ spelling: "stranger", email });
  for (const { token, subject } of [...SERVICE_TOKENS, UNKNOWN_SERVICE_TOKEN]) {
    add({ serviceToken: token, spelling: "service token", email: subject });
  }
  if (thorough) {
    for (const assertion of Object.keys(ASSERTIONS)) add({ assertion });
    for (const identity of Object.keys(IDENTITIES)) add({ identity });
    for (const transport of TRANSPORTS) {
      const [{ token, subject }] = SERVICE_TOKENS;
      add({ transport });
      add({ transport, serviceToken: token, spelling: "service token", email: subject });
    }
    for (const method of METHODS) add({ method });
    for (const [method, path] of BESIDE) add({ method, path });
    for (const email of ["jane.doe@corp.example", "bob@corp.example"])
      add({ sub: configuration, email });
  }
  for (let index = 0; index < count; index += 1) {
    const spelling = random.pick(Object.keys(SPELLINGS));
    add({
      spelling,
      email: SPELLINGS[spelling](random.pick(people)),
      identity: random.chance(25) ? random.pick(Object.keys(IDENTITIES)) : "as it is",
      transport: random.chance(10) ? random.pick(TRANSPORTS) : "header",
      assertion: random.chance(10) ? random.pick(Object.keys(ASSERTIONS)) : "good",
      method: random.chance(10) ? random.pick(METHODS) : "GET",
    });
  }
  return cases;
}

/** The person as the catalog has them; those without an email get one that no user has. */
export function personOf({ metadata, spec }) {
  const email = spec.profile?.email ?? `${metadata.name}@corp.example`;
  const [local, domain] = email.split("@");
  return { name: metadata.name, email, local, domain };
}

/**
 * Puts the case's person at the emulator and makes the request's headers, the same for both sides.
 * `number` makes a `sub` of its own, since the official provider remembers by it.
 */
export async function prepare(kase, access, facts, number, { header, cookie }) {
  const identity = IDENTITIES[kase.identity] ?? {};
  const given = typeof identity === "function" ? identity(kase.email) : identity;
  const { fault, ...document } = given;
  const user = {
    email: kase.email,
    name: "A Person",
    sub: kase.sub ?? `sub-${number}`,
    identity: document,
  };
  access.users.splice(0, access.users.length, user);
  access.setFault(fault ? { identity: fault } : {});

  const now = Math.floor(Date.now() / 1000);
  const change = ASSERTIONS[kase.assertion];
  const ofTheText = OF_THE_TEXT.includes(kase.assertion);
  const overrides = change && !ofTheText ? change(now, facts) : {};
  const caller = kase.serviceToken ? { serviceToken: kase.serviceToken } : { user };
  // No two assertions are the same, though they be of one machine and one second.
  const claims = { ...overrides.claims, case: number };
  const minted = await access.mint({ ...caller, ...overrides, claims });
  const assertion = ofTheText ? change(minted) : minted;
  const others = await access.mint({ user: { email: ANOTHER, sub: `other-${number}` } });
  const headers = { "x-requested-with": "XMLHttpRequest" };
  const put = {
    header: { [header]: assertion },
    cookie: { cookie: `theme=dark; ${cookie}=${assertion}` },
    both: { [header]: assertion, cookie: `${cookie}=${assertion}` },
    "header, another's in the cookie": { [header]: assertion, cookie: `${cookie}=${others}` },
    "garbage header, cookie": { [header]: "garbage", cookie: `${cookie}=${assertion}` },
    "empty header, cookie": { [header]: "", cookie: `${cookie}=${assertion}` },
    [ANOTHERS_COOKIE_FIRST]: { cookie: `${cookie}=${others}; ${cookie}=${assertion}` },
    "quoted cookie": { cookie: `${cookie}="${assertion}"` },
    nothing: {},
    "empty cookie": { cookie: `${cookie}=` },
    "under Access's own names": {
      [ACCESS_NAMES.header]: assertion,
      cookie: `${ACCESS_NAMES.cookie}=${assertion}`,
    },
    "another's under Access's own names": {
      [ACCESS_NAMES.header]: others,
      [header]: assertion,
      cookie: `${ACCESS_NAMES.cookie}=${others}; ${cookie}=${assertion}`,
    },
  };
  return { headers: { ...headers, ...put[kase.transport] }, assertion };
}

const base64url = (text) => Buffer.from(text).toString("base64url");
