// The people of the suite: users, their assertions, what Access, KV and the origin know of them.

import { createHash } from "node:crypto";
import { decodeJwt, exportJWK, generateKeyPair, importJWK } from "jose";
import { issuerOf, signAssertion, userClaims } from "../../dev/access/assertion.mjs";
import { KeyRing } from "../../dev/access/keys.mjs";

const TEAM = "faults";
const AUDIENCE = "fa".repeat(32);
/** Longer than any clock is moved ahead. */
const ASSERTION_LIFE = 30 * 86400;

export const TEAM_HOST = `${TEAM}.cloudflareaccess.com`;

/** A user by number, who is in the catalog and at Access, under two names. */
export function userOf(number) {
  const email = `user-${number}@example.com`;
  const ref = `user:default/user-${number}`;
  const ent = [ref, `group:default/team-${number % 7}`];
  return {
    email,
    ref,
    ent,
    mayOwn: (refs) => refs.join() === ent.join(),
    nameAtAccess: `User ${number} at Access`,
    nameInCatalog: `User ${number} in the catalog`,
  };
}

/** The KV pairs of users, as `cfaccess catalog build` writes them. */
export function recordsOf(users) {
  return users.flatMap(({ ref, ent, email, nameInCatalog }) => {
    const value = JSON.stringify({ v: 1, user: { ref, ent, email, displayName: nameInCatalog } });
    return [
      [`v1:email:${email}`, value],
      [`v1:ref:${ref}`, value],
    ];
  });
}

/** What get-identity answers for an assertion. */
export function identityOf(assertion) {
  const { email, sub, iat } = decodeJwt(assertion);
  const [, number] = /^user-(\d+)@/.exec(email);
  const { nameAtAccess } = userOf(number);
  return { id: sub, name: nameAtAccess, email, groups: ["Engineering"], amr: ["pwd"], iat };
}

export const identityKey = (assertion) =>
  `identity:v1:${createHash("sha256").update(assertion).digest("hex")}`;

/** The keys of everyone, and a way to sign in. */
export async function createTeam() {
  const [keys, foreign, signing, origins] = await Promise.all([
    KeyRing.generate(),
    KeyRing.generate(),
    newSigningKey("worker-key"),
    newSigningKey("origin-key"),
  ]);
  const issuer = issuerOf(TEAM);
  /** An assertion of a user by number; each is another one. */
  const mint = async (number, key = keys.current) => {
    const issuedAt = Math.floor(Date.now() / 1000) - 5;
    const terms = { audience: AUDIENCE, issuer, issuedAt, expiresAt: issuedAt + ASSERTION_LIFE };
    const user = userOf(number);
    const assertion = await signAssertion(key, userClaims({ email: user.email }, terms));
    return { assertion, user };
  };
  const { d: _, ...originJwk } = origins;
  return {
    keys,
    foreign,
    signing,
    originJwks: { keys: [originJwk] },
    verifyKey: await importJWK(publicPart(signing), "ES256"),
    mint,
    cfaccess: {
      teamName: TEAM,
      audience: [AUDIENCE],
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
    },
  };
}

/** An assertion with the claims of another user under the signature of this one. */
export function forged(assertion) {
  const [header, payload, signature] = assertion.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const email = userOf(claims.email === userOf(1).email ? 2 : 1).email;
  const changed = Buffer.from(JSON.stringify({ ...claims, email })).toString("base64url");
  return `${header}.${changed}.${signature}`;
}

async function newSigningKey(kid) {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" };
}

const publicPart = ({ d: _, ...jwk }) => jwk;
