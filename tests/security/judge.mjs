// What counts as accepted.

import { PRIVATE, PUBLIC, REFRESH, USERINFO } from "./ground.mjs";
import { bodyOf, statusOf } from "./wire.mjs";

/** The user of the session in an answer; none without a session. */
export function sessionIn(text) {
  if (statusOf(text) !== 200) return undefined;
  return /"userEntityRef":"([^"]+)"/.exec(bodyOf(text))?.[1];
}

/** The claims that userinfo has answered. A token of another issuer goes on to the origin, which decides. */
export function claimsIn(text) {
  if (statusOf(text) !== 200) return undefined;
  return /"claims":\{.*"sub"/.test(bodyOf(text)) ? bodyOf(text) : undefined;
}

/**
 * The ways in which a token is tried: as the assertion, in the header and in the cookie, on the refresh route and on
 * a forwarded one; as a Backstage token at userinfo; and on a public path, where an assertion that is not verified
 * must not reach the origin. Each resolves to what was accepted, or to nothing.
 */
export const TOKEN_WAYS = {
  "refresh, header": (ground, gate, token) =>
    refresh(ground, gate, [`Cf-Access-Jwt-Assertion: ${token}`]),
  "refresh, cookie": (ground, gate, token) =>
    refresh(ground, gate, [`Cookie: CF_Authorization=${token}`]),
  "forward, header": (ground, gate, token) =>
    forward(ground, gate, [`Cf-Access-Jwt-Assertion: ${token}`]),
  "forward, cookie": (ground, gate, token) =>
    forward(ground, gate, [`Cookie: CF_Authorization=${token}`]),
  async "userinfo, bearer"(ground, gate, token) {
    const { text } = await ground.send(gate.url, `GET ${USERINFO} HTTP/1.1`, [
      `Authorization: Bearer ${token}`,
    ]);
    return claimsIn(text);
  },
  async "public path"(ground, gate, token) {
    const headers = [`Cf-Access-Jwt-Assertion: ${token}`, `Cookie: CF_Authorization=${token}; a=1`];
    const { id, text } = await ground.send(gate.url, `GET ${PUBLIC} HTTP/1.1`, headers);
    const seen = ground
      .arrived(id)
      .find(
        ({ headers: { cookie = "", ...rest } }) =>
          "cf-access-jwt-assertion" in rest || cookie.includes("CF_Authorization"),
      );
    return seen ? `${text}\n${JSON.stringify(seen)}` : undefined;
  },
};

async function refresh(ground, gate, headers) {
  const { text } = await ground.send(gate.url, `GET ${REFRESH} HTTP/1.1`, headers);
  return sessionIn(text);
}

async function forward(ground, gate, headers) {
  const { id } = await ground.send(gate.url, `GET ${PRIVATE} HTTP/1.1`, headers);
  const [arrival] = ground.arrived(id);
  return arrival && `${arrival.method} ${arrival.url}`;
}

/** A token, in all ways. */
export const tokenAttacks = (name, token, gate) =>
  Object.entries(TOKEN_WAYS).map(([way, tryIt]) => ({
    name: `${name}: ${way}`,
    run: (ground) => tryIt(ground, gate ?? ground.gate, token),
  }));

/** A good token must get through where the bad ones must not: else the suite would prove nothing. */
export const tokenControls = (token, gate) =>
  ["refresh, header", "refresh, cookie", "forward, header", "forward, cookie"].map((way) => ({
    name: `a good assertion: ${way}`,
    run: (ground) => TOKEN_WAYS[way](ground, gate ?? ground.gate, token),
  }));
