// Who a request comes from, as Access sees it: the session of a browser, or a service token.

import { createHash, timingSafeEqual } from "node:crypto";
import { jwtVerify } from "jose";

export const AUTHORIZATION_COOKIE = "CF_Authorization";
export const APP_SESSION_COOKIE = "CF_AppSession";

/** Checks sessions against the published keys, and remembers which of them were ended. */
export class Sessions {
  #ended = new Set();
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  /** The assertion and its claims, if it is a good one of this application and not ended. */
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
      const ended = this.#ended.has(payload.identity_nonce) || this.#ended.has(payload.email);
      return ended ? undefined : { assertion, claims: payload };
    } catch {
      return undefined;
    }
  }

  /** Log-out: this session is refused from now on, though its assertion is still well signed. */
  end(claims) {
    this.#ended.add(claims.identity_nonce);
  }

  /** Every session of that user is refused, as when an administrator revokes a user. */
  revoke(email) {
    this.#ended.add(email);
  }

  /** A revoked user signs in again. */
  restore(email) {
    this.#ended.delete(email);
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
