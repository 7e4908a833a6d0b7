// Who a request comes from, as Access sees it: the session of a browser, or a service token.

import { createHash, timingSafeEqual } from "node:crypto";
import { errors, jwtVerify } from "jose";

export const AUTHORIZATION_COOKIE = "CF_Authorization";
export const APP_SESSION_COOKIE = "CF_AppSession";

/** Checks sessions against the published keys, and remembers which of them were ended. */
export class Sessions {
  /** The nonces of sessions that were logged out of. */
  #ended = new Set();
  /** The nonces of sessions whose assertion the debugger let expire. */
  #expired = new Set();
  /** For each revoked user, the nonces of the sessions opened since. */
  #reopened = new Map();
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  /**
   * The assertion and its claims, if it is a good one of this application and not ended. `expired` if it
   * was good until the debugger let it expire.
   */
  async find(assertion) {
    if (!assertion) return undefined;
    const { keys, audience, issuer, now } = this.#settings;
    try {
      const { payload } = await jwtVerify(
        assertion,
        ({ kid }) => {
          const key = keys.find(kid);
          if (!key) throw new Error(`no published key ${kid}`);
          return key.publicKey;
        },
        { algorithms: ["RS256"], audience, issuer, currentDate: new Date(now()) },
      );
      return this.#hasEnded(payload) ? undefined : { assertion, claims: payload };
    } catch (error) {
      const claims = error instanceof errors.JWTExpired ? error.payload : {};
      const expired = this.#expired.has(claims.identity_nonce) && !this.#hasEnded(claims);
      return expired ? { assertion, claims, expired } : undefined;
    }
  }

  /** Log-out: this session is refused from now on, though its assertion is still well signed. */
  end(claims) {
    this.#ended.add(claims.identity_nonce);
  }

  /** The assertion of this session may be one that has expired. */
  expire(claims) {
    this.#expired.add(claims.identity_nonce);
  }

  /** Every session that the user has so far is refused, as when an administrator revokes one. */
  revoke(email) {
    this.#reopened.set(email, new Set());
  }

  /** A login: if the user was revoked, this session is good all the same. */
  open(claims) {
    this.#reopened.get(claims.email)?.add(claims.identity_nonce);
  }

  #hasEnded({ email, identity_nonce: nonce }) {
    const reopened = this.#reopened.get(email);
    return this.#ended.has(nonce) || (reopened !== undefined && !reopened.has(nonce));
  }
}

/** The cookie of a browser, or the header with which cloudflared and curl present an assertion. */
export function presentedAssertion(request) {
  return cookie(request, AUTHORIZATION_COOKIE) ?? request.headers["cf-access-token"];
}

/** `"none"`, `"wrong"`, or the configured service token whose id and secret the request carries. */
export function presentedServiceToken(request, serviceTokens) {
  const clientId = request.headers["cf-access-client-id"];
  const clientSecret = request.headers["cf-access-client-secret"];
  if (clientId === undefined && clientSecret === undefined) return "none";
  const token = serviceTokens.find((candidate) => candidate.clientId === clientId);
  return token && sameSecret(token.clientSecret, clientSecret ?? "") ? token : "wrong";
}

function sameSecret(left, right) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function cookie(request, name) {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [key, ...value] = pair.trim().split("=");
    if (key === name) return value.join("=") || undefined;
  }
  return undefined;
}
