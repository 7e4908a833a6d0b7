// The Access emulator: what Cloudflare Access does in front of an application, on this machine,
// for development and tests. It answers for two hosts at once: the team's domain (certs and
// get-identity, which the Worker fetches) and the application's own (everything else).

import { once } from "node:events";
import http from "node:http";
import { issuerOf, serviceTokenClaims, signAssertion, signText, userClaims } from "./assertion.mjs";
import { createGate } from "./gate.mjs";
import { KeyRing } from "./keys.mjs";
import { presentedAssertion, Sessions } from "./session.mjs";

const DEFAULT_TEAM = "emulator";
/** Access audiences are 64 hex digits. */
const DEFAULT_AUDIENCE = "ac".repeat(32);
const DEFAULT_SESSION_SECONDS = 24 * 60 * 60;
const EXPIRED_SECONDS_AGO = 60;
const LOG_LENGTH = 1000;

const DEFAULT_USERS = [
  {
    email: "jane@example.com",
    name: "Jane Doe",
    groups: [{ id: "g-1", name: "Engineering", email: "eng@example.com" }],
  },
  { email: "bob@example.com", name: "Bob Roe", groups: ["Engineering", "Everyone"] },
];

/**
 * Starts the emulator.
 *
 * Options: `port` (0: any free one), `host`, `upstream` (URL of the Worker; also later, by
 * `setUpstream`), `team` (name or whole domain), `audience`, `users`
 * (`{email, name, groups, note?, country?, custom?, sub?, identity?}`), `serviceTokens`
 * (`{clientId, clientSecret}`), `bypass` (path prefixes let through without an assertion),
 * `bypassOptions` (let OPTIONS requests through, as Access does if the application says so),
 * `sessionSeconds`, `now` (milliseconds, like Date.now), `onLog` (called with each log entry).
 */
export async function startAccess(options = {}) {
  const team = options.team ?? DEFAULT_TEAM;
  const audience = options.audience ?? DEFAULT_AUDIENCE;
  const issuer = issuerOf(team);
  const now = options.now ?? Date.now;
  const users = options.users ?? DEFAULT_USERS;
  const serviceTokens = options.serviceTokens ?? [];
  const bypass = options.bypass ?? [];
  const sessionSeconds = options.sessionSeconds ?? DEFAULT_SESSION_SECONDS;
  const keys = await KeyRing.generate();
  const sessions = new Sessions({ keys, audience, issuer, now });
  const log = [];
  const calls = { certs: 0, identity: 0, login: 0, logout: 0, forwarded: 0, refused: 0 };

  /**
   * A signed assertion: `mint()` is the first sample user's. `user` is a sample user, any email,
   * or an object like a sample user; `serviceToken` a client id or `{clientId}`. The overrides
   * are those of `signAssertion`; `key` may also be "current" or "previous".
   */
  async function mint({ user, serviceToken, claims, header, key } = {}) {
    const issuedAt = Math.floor(now() / 1000);
    const terms = { audience, issuer, issuedAt, expiresAt: issuedAt + sessionSeconds };
    const truth =
      serviceToken === undefined
        ? userClaims(knownUser(user ?? users[0]), terms)
        : serviceTokenClaims(asServiceToken(serviceToken), terms);
    const named = typeof key === "string" ? keys[key] : undefined;
    return signAssertion(named ?? keys.current, truth, { claims, header, key: named ?? key });
  }

  /**
   * The assertion of a session, expired. Access would refuse it everywhere. Here only navigations are
   * refused: a page's other requests reach the Worker, which has to refuse them.
   */
  async function expire(claims) {
    sessions.expire(claims);
    const exp = Math.floor(now() / 1000) - EXPIRED_SECONDS_AGO;
    const issuedAt = exp - sessionSeconds;
    const past = { ...claims, iat: issuedAt, nbf: issuedAt, exp };
    const assertion = await signAssertion(keys.current, past);
    return { assertion, nonce: claims.identity_nonce, seconds: sessionSeconds };
  }

  function knownUser(user) {
    if (typeof user !== "string") return user;
    return users.find(({ email }) => email === user) ?? { email: user };
  }

  const gate = createGate({
    team,
    issuer,
    users,
    serviceTokens,
    sessionSeconds,
    bypass,
    bypassOptions: options.bypassOptions ?? false,
    keys,
    sessions,
    mint,
    calls,
    upstream: options.upstream && new URL(options.upstream),
    record(entry) {
      const logged = { at: new Date(now()).toISOString(), ...entry };
      log.push(logged);
      if (log.length > LOG_LENGTH) log.shift();
      options.onLog?.(logged);
    },
  });

  const server = http.createServer(gate.onRequest);
  const host = options.host ?? "127.0.0.1";
  server.on("upgrade", gate.onUpgrade);
  // A slow upload to the upstream is the upstream's business.
  server.requestTimeout = 0;
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  const { port } = server.address();

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    team,
    audience,
    issuer,
    users,
    serviceTokens,
    bypass,
    keys,
    calls,
    log,
    mint,
    signText: (header, payload, key = keys.current) => signText(key, header, payload),
    rotate: () => keys.rotate(),
    revoke: (email) => sessions.revoke(email),
    /** The session of a request: `{assertion, claims, expired?}`, or `undefined`. */
    sessionOf: (request) => sessions.find(presentedAssertion(request)),
    expire,
    setUpstream: gate.setUpstream,
    setBypass: gate.setBypass,
    setFault: gate.setFault,
    setControls: gate.setControls,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      gate.closeTunnels();
      await closed;
    },
  };
}

const asServiceToken = (token) => (typeof token === "string" ? { clientId: token } : token);
