// What one would write today: jose, the keys and the user from KV, a Backstage token. It keeps the
// imported keys and nothing else. It answers the refresh route as our Worker does, and forwards the
// rest unverified.

import { createLocalJWKSet, GeneralSign, importJWK, jwtVerify, SignJWT } from "jose";

const REFRESH = "/api/auth/cfaccess/refresh";
const USERINFO = "/api/auth/v1/userinfo";
const TOKEN_LIFE = 3600;
const utf8 = new TextEncoder();

let keys;
let signing;
let published;

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === USERINFO) return userInfo(request, env);
    if (pathname !== REFRESH) return fetch(request);
    const assertion = request.headers.get("cf-access-jwt-assertion");
    if (!assertion) return refusal(401, "AuthenticationError", "Missing assertion");

    keys ??= createLocalJWKSet(await env.ACCESS_CACHE.get("jwks", "json"));
    let claims;
    try {
      const issuer = `https://${env.TEAM}.cloudflareaccess.com`;
      const options = { issuer, audience: env.AUDIENCE, algorithms: ["RS256"] };
      claims = (await jwtVerify(assertion, keys, options)).payload;
    } catch {
      return refusal(401, "AuthenticationError", "Invalid assertion");
    }

    const identity = env.IDENTITY && (await getIdentity(env, assertion));
    const record = await env.CATALOG.get(`v1:email:${claims.email.toLowerCase()}`, "json");
    if (!record?.user) return refusal(404, "NotFoundError", "User not found");
    return Response.json(await session(env, claims, record.user, identity), {
      headers: { "cache-control": "no-store" },
    });
  },
};

/** What Access knows of the user beyond the assertion. */
async function getIdentity(env, assertion) {
  const url = `https://${env.TEAM}.cloudflareaccess.com/cdn-cgi/access/get-identity`;
  const response = await fetch(url, {
    headers: { cookie: `CF_Authorization=${assertion}` },
    redirect: "manual",
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`get-identity answers ${response.status}`);
  return response.json();
}

/** The claims of a token of this Worker's own. */
async function userInfo(request, env) {
  published ??= createLocalJWKSet(publicKeys(env));
  const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
  try {
    const { payload } = await jwtVerify(token, published, {
      algorithms: ["ES256"],
      typ: "vnd.backstage.user",
    });
    const { sub, ent } = payload;
    return Response.json({ claims: { sub, ent } }, { headers: { "cache-control": "no-store" } });
  } catch {
    return refusal(401, "AuthenticationError", "Invalid token");
  }
}

function publicKeys(env) {
  return { keys: JSON.parse(env.SIGNING_KEYS).keys.map(({ d, ...jwk }) => jwk) };
}

async function session(env, claims, user, identity) {
  signing ??= await signingKey(env);
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + TOKEN_LIFE;
  const { ref: sub, ent } = user;
  const token = await new SignJWT({ ent, uip: await proof({ sub, iat, exp }) })
    .setProtectedHeader({ typ: "vnd.backstage.user", alg: "ES256", kid: signing.kid })
    .setIssuer(env.ISSUER)
    .setAudience("backstage")
    .setSubject(sub)
    .setIssuedAt(iat)
    .setExpirationTime(exp)
    .sign(signing.key);

  const { email, sub: id } = claims;
  const displayName = user.displayName ?? email;
  return {
    profile: { email, displayName },
    providerInfo: {
      claims,
      cfIdentity: identity ?? { id, name: displayName, email, groups: [] },
      expiresInSeconds: claims.exp - claims.iat,
    },
    backstageIdentity: {
      token,
      identity: { type: "user", userEntityRef: sub, ownershipEntityRefs: ent },
      expiresInSeconds: TOKEN_LIFE,
    },
  };
}

/** The signature of the limited-user token, as Backstage's own issuer makes it. */
async function proof(claims) {
  const header = { typ: "vnd.backstage.limited-user", alg: "ES256", kid: signing.kid };
  const jws = await new GeneralSign(utf8.encode(JSON.stringify(claims)))
    .addSignature(signing.key)
    .setProtectedHeader(header)
    .done()
    .sign();
  return jws.signatures[0].signature;
}

async function signingKey(env) {
  const [jwk] = JSON.parse(env.SIGNING_KEYS).keys;
  return { kid: jwk.kid, key: await importJWK(jwk, "ES256") };
}

function refusal(status, name, message) {
  return Response.json({ error: { name, message } }, { status });
}
