// Backstage tokens at userinfo, and configurations that would open the Worker.

import { createHmac, createPublicKey } from "node:crypto";
import { importJWK, SignJWT } from "jose";
import { BASE_URL, newSigningKey } from "../../edge/harness.mjs";
import { PRIVATE, REFRESH, USERINFO } from "../ground.mjs";
import { claimsIn, sessionIn } from "../judge.mjs";
import { statusOf } from "../wire.mjs";

/** Userinfo answers tokens of this Worker, and no others. */
export async function backstageTokens({ access, signingKeys, gate }) {
  const [own] = signingKeys.keys;
  const key = await importJWK(own, "ES256");
  const { json } = await gate.refresh(await access.mint());
  const good = json.backstageIdentity.token;
  const { payload, header } = decoded(good);
  const sign = (claims, head = {}, by = key) =>
    new SignJWT(claims).setProtectedHeader({ ...header, ...head }).sign(by);
  const stranger = await newSigningKey(own.kid);
  const strangersKey = await importJWK(stranger, "ES256");
  const now = Math.floor(Date.now() / 1000);
  const texts = {};
  // Other claims are not varied: who has the key can say anything.
  for (const exp of [
    undefined,
    now - 1,
    0,
    "9999999999",
    now + 1e9 + 0.5,
    null,
    [now + 60],
    true,
  ]) {
    texts[`exp ${JSON.stringify(exp)}`] = await sign({ ...payload, exp });
  }
  for (const sub of [undefined, null, 1, ["user:default/jane.doe"], {}]) {
    texts[`sub ${JSON.stringify(sub)}`] = await sign({ ...payload, sub });
  }
  for (const ent of [
    "group:default/admins",
    1,
    [1],
    { 0: "group:default/admins" },
    [["group:default/admins"]],
  ]) {
    texts[`ent ${JSON.stringify(ent)}`] = await sign({ ...payload, ent });
  }
  texts["another key under our kid"] = await sign(payload, {}, strangersKey);
  texts["another key, and its own in the header"] = await sign(
    payload,
    { jwk: publicOf(stranger), kid: undefined },
    strangersKey,
  );
  for (const kid of ["", "x", "__proto__", undefined])
    texts[`kid ${kid}`] = await sign(payload, { kid });
  for (const typ of ["JWT", "vnd.backstage.plugin", undefined, ""]) {
    texts[`typ ${typ}`] = await sign(payload, { typ });
  }
  const input = good.split(".").slice(0, 2).join(".");
  texts["the signature of nothing"] = `${input}.`;
  texts["a signature of zeros"] = `${input}.${Buffer.alloc(64).toString("base64url")}`;
  for (const secret of [
    JSON.stringify(publicOf(own)),
    createPublicKey({ key: publicOf(own), format: "jwk" }).export({ type: "spki", format: "pem" }),
  ]) {
    const signed = `${Buffer.from(JSON.stringify({ ...header, alg: "HS256" })).toString("base64url")}.${input.split(".")[1]}`;
    texts[`HS256 with the public key, ${secret.length}`] =
      `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
  }
  for (const alg of ["none", "NONE", "ES384", "RS256"]) {
    const head = Buffer.from(JSON.stringify({ ...header, alg })).toString("base64url");
    texts[`alg ${alg}`] = `${head}.${good.split(".").slice(1).join(".")}`;
  }
  texts["the assertion itself"] = await access.mint();
  texts.nothing = "";
  const signature = Buffer.from(good.split(".")[2], "base64url");
  for (let at = 0; at < signature.length; at += 1) {
    const flipped = Buffer.from(signature);
    flipped[at] ^= 1;
    texts[`byte ${at} of the signature`] = `${input}.${flipped.toString("base64url")}`;
  }
  const ask = async (ground, token, method) => {
    const { text } = await ground.send(ground.gate.url, `${method} ${USERINFO} HTTP/1.1`, [
      `Authorization: Bearer ${token}`,
    ]);
    return claimsIn(text);
  };
  return {
    attacks: Object.entries(texts).flatMap(([name, token]) =>
      ["GET"].map((method) => ({
        name: `${method}: ${name}`,
        run: (ground) => ask(ground, token, method),
      })),
    ),
    controls: [{ name: "a token of this Worker", run: (ground) => ask(ground, good, "GET") }],
  };
}

const publicOf = ({ d, ...jwk }) => jwk;

function decoded(token) {
  const [header, payload] = token.split(".").map((part) => {
    try {
      return JSON.parse(Buffer.from(part, "base64url"));
    } catch {
      return undefined;
    }
  });
  return { header, payload };
}

/** A configuration that is wrong serves nothing: no session, nothing forwarded. */
export async function configurations({ access, signingKeys, origin }) {
  const [own] = signingKeys.keys;
  const other = await newSigningKey("key-1");
  const cfaccess = (more) => ({ cfaccess: more });
  const backstage = (more) => ({ backstage: more });
  const keys = (value) => ({ signingKeys: value });
  const resolver = (more) =>
    cfaccess({
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail", ...more }] },
    });
  const cases = {
    "no audience": cfaccess({ audience: [] }),
    "an empty audience": cfaccess({ audience: [""] }),
    "an audience that is no list": cfaccess({ audience: { a: 1 } }),
    "no team": cfaccess({ teamName: undefined }),
    "an empty team": cfaccess({ teamName: "" }),
    "a team with a path": cfaccess({ teamName: "evil.com/x" }),
    "a team with a user": cfaccess({ teamName: "x@evil.com" }),
    "no resolvers": cfaccess({ signIn: { resolvers: [] } }),
    "an unknown resolver": cfaccess({ signIn: { resolvers: [{ resolver: "everyoneIsAdmin" }] } }),
    "an unknown option": resolver({ allowedDomain: ["example.com"] }),
    "allowedDomains that is empty": resolver({ allowedDomains: [] }),
    "an unknown key": cfaccess({ verify: false }),
    "a key that is misspelt": cfaccess({ audiences: ["x"] }),
    "no JSON": { cfaccess: "{" },
    "keys twice": { cfaccess: `{"teamName":"a","teamName":"b"}` },
    "public paths of everything": backstage({ publicPaths: ["/"] }),
    "a public path over the auth plugin": backstage({ publicPaths: ["/api/auth"] }),
    "a public path over the API": backstage({ publicPaths: ["/api"] }),
    "a public path over the refresh route": backstage({ publicPaths: [REFRESH] }),
    "a public path with dots": backstage({ publicPaths: ["/x/../"] }),
    "an encoded public path": backstage({ publicPaths: ["/%61pi"] }),
    "an empty public path": backstage({ publicPaths: [""] }),
    "a star as a CORS origin": backstage({ corsOrigins: ["*"] }),
    "null as a CORS origin": backstage({ corsOrigins: ["null"] }),
    "no base URL": backstage({ baseUrl: undefined }),
    "an origin that is the Worker": backstage({ origin: BASE_URL }),
    "no signing keys": keys({ keys: [] }),
    "a public key to sign with": keys({ keys: [publicOf(own)] }),
    "x and y of another key": keys({ keys: [{ ...own, x: other.x, y: other.y }] }),
    "a signing key of another curve": keys({ keys: [{ ...own, crv: "P-384" }] }),
    "a private key of zeros": keys({
      keys: [{ ...own, d: Buffer.alloc(32).toString("base64url") }],
    }),
    "signing keys that are no JSON": keys("secret"),
    "a subject that is no email": cfaccess({ serviceTokens: [{ token: "x", subject: 1 }] }),
  };
  const token = await access.mint();
  const attempts = [
    [`GET ${REFRESH}`, [`Cf-Access-Jwt-Assertion: ${token}`]],
    [`GET ${PRIVATE}`, [`Cf-Access-Jwt-Assertion: ${token}`]],
    [`GET ${PRIVATE}`, []],
    ["GET /healthcheck", []],
  ];
  const served = async (ground, gate) => {
    for (const [line, headers] of attempts) {
      const { id, text } = await ground.send(gate.url, `${line} HTTP/1.1`, headers);
      const [arrival] = ground.arrived(id);
      if (arrival || statusOf(text) < 400) return `${line}: ${arrival?.url ?? text.slice(0, 300)}`;
    }
    return undefined;
  };
  return {
    attacks: Object.entries(cases).map(([name, overrides]) => ({
      name,
      alone: true,
      run: (ground) => ground.withGate(overrides, (gate) => served(ground, gate)),
    })),
    controls: [
      {
        name: "a good configuration",
        alone: true,
        run: (ground) =>
          ground.withGate({ backstage: { origin: origin.url } }, async (gate) => {
            const [[line, headers]] = attempts;
            return sessionIn((await ground.send(gate.url, `${line} HTTP/1.1`, headers)).text);
          }),
      },
    ],
  };
}
