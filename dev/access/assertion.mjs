// What an assertion says, and how it is signed: for users, for service tokens, and, for tests,
// in every wrong way.

import { createHash, randomBytes, sign as signBytes } from "node:crypto";
import { CompactSign } from "jose";

const utf8 = new TextEncoder();

/** The issuer of a team: a name, or a whole domain (FedRAMP teams have another one). */
export function issuerOf(team) {
  return `https://${team.includes(".") ? team : `${team}.cloudflareaccess.com`}`;
}

/** A UUID that is the same at every start, so that a user keeps their `sub`. */
export function stableUuid(text) {
  const hex = createHash("sha1").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** The claims of a signed-in user, in the order in which Access writes them. */
export function userClaims(user, { audience, issuer, issuedAt, expiresAt }) {
  return {
    aud: [audience],
    email: user.email,
    exp: expiresAt,
    iat: issuedAt,
    nbf: issuedAt,
    iss: issuer,
    type: "app",
    identity_nonce: randomBytes(12).toString("base64url"),
    sub: user.sub ?? stableUuid(user.email),
    country: user.country ?? "SE",
    ...(user.custom && { custom: user.custom }),
  };
}

/** The claims of a service token: no email, no `nbf`, an empty `sub`. */
export function serviceTokenClaims({ clientId }, { audience, issuer, issuedAt, expiresAt }) {
  return {
    type: "app",
    aud: [audience],
    exp: expiresAt,
    iss: issuer,
    common_name: clientId,
    iat: issuedAt,
    sub: "",
  };
}

/** Members set to `undefined` are left out: that is how a test mints an assertion without `exp`. */
const withOverrides = (base, overrides) => JSON.stringify({ ...base, ...overrides });

/**
 * Signs `claims` with `key`, by default as Access would. `overrides.claims` and
 * `overrides.header` replace single members, `overrides.key` the signing key: another ring key, a
 * KeyObject or CryptoKey, or bytes for HS256. Algorithm `none` gets an empty signature.
 */
export async function signAssertion(key, claims, overrides = {}) {
  const header = JSON.parse(
    withOverrides({ alg: "RS256", kid: key.kid, typ: "JWT" }, overrides.header),
  );
  const payload = withOverrides(claims, overrides.claims);
  if (header.alg === "none") {
    return `${base64url(JSON.stringify(header))}.${base64url(payload)}.`;
  }
  const signer = new CompactSign(utf8.encode(payload)).setProtectedHeader(header);
  // jose itself refuses to sign under a `crit` that it does not know: the point of such a test.
  const crit = Object.fromEntries((header.crit ?? []).map((name) => [name, true]));
  const signingKey = overrides.key ?? key;
  return signer.sign(signingKey.privateKey ?? signingKey, { crit });
}

/** RS256 over exactly these texts: for duplicate members, stray bytes and what is not JSON. */
export function signText(key, header, payload) {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${signBytes("sha256", utf8.encode(signed), key.privateKey).toString("base64url")}`;
}

function base64url(text) {
  return Buffer.from(text).toString("base64url");
}
