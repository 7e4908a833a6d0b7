// A fast wrong answer wins nothing: what each contender answers is looked at before it is measured,
// and again after.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { PEOPLE } from "./assertions.mjs";
import { ask } from "./load/index.mjs";
import { REFRESH, USERINFO } from "./paths.mjs";
import { emailOf, refOf } from "./people.mjs";

const SAMPLES = [0, 1, 499, PEOPLE - 1];

/** Checks a sample of the answers of a contender on the refresh route. */
export async function checkRefresh(server, { pool, signingKeys }) {
  for (const index of SAMPLES) {
    const { status, body } = await ask(server.url, REFRESH, await pool.line(index));
    assert.equal(status, 200, body);
    await checkSession(JSON.parse(body), index, signingKeys);
  }
}

/**
 * A session of person `index`, with a token that a backend would accept. `ent` says whether the
 * token has ownership refs in it: Backstage's own has not.
 */
export async function checkSession(session, index, signingKeys, { ent = true } = {}) {
  const { profile, providerInfo, backstageIdentity } = session;
  const { token, identity } = backstageIdentity;
  assert.equal(profile.email, emailOf(index));
  assert.equal(providerInfo.claims.email, emailOf(index));
  assert.equal(identity.userEntityRef, refOf(index));
  const { keys } = JSON.parse(signingKeys);
  const { payload } = await jwtVerify(
    token,
    createLocalJWKSet({ keys: keys.map(({ d, ...jwk }) => jwk) }),
    { audience: "backstage", algorithms: ["ES256"], subject: refOf(index) },
  );
  assert.equal(identity.ownershipEntityRefs.length, 4);
  assert.equal(identity.ownershipEntityRefs[0], refOf(index));
  if (ent) assert.deepEqual(payload.ent, identity.ownershipEntityRefs);
  assert.equal(decodeProtectedHeader(token).typ, "vnd.backstage.user");
  assert.match(payload.uip, /^[\w-]{86}$/);
}

/** Checks that a forged assertion is refused, and where it is refused by our Worker, with its code. */
export async function checkRefusal(server, { pool }) {
  const genuine = await pool.line(0);
  const forged = genuine.replace(/.{20}$/, (end) => end.split("").reverse().join(""));
  const { status } = await ask(server.url, REFRESH, `${forged.slice(0, -1)}A`);
  assert.equal(status, 401);
}

/** Checks that a request reaches the origin, and without an assertion only where no contender verifies. */
export async function checkForward(server, { pool }, { verifies }) {
  const answer = await ask(server.url, "/", await pool.line(0));
  assert.deepEqual(answer, { status: 200, body: "from the origin" });
  const bare = await ask(server.url, "/");
  assert.equal(bare.status, verifies ? 401 : 200);
}

/** Backstage tokens of as many people, as lines of a file for the load. */
export async function tokensOf(server, { pool, dir }, count = 100) {
  const tokens = [];
  for (let index = 0; index < count; index += 1) {
    const { body } = await ask(server.url, REFRESH, await pool.line(index));
    tokens.push(JSON.parse(body).backstageIdentity.token);
  }
  const file = join(dir, "tokens.txt");
  await writeFile(file, tokens.map((token) => `${token}\n`).join(""));
  return { file, offset: 0, count, header: "authorization: Bearer ", first: tokens[0] };
}

/** Checks that userinfo gives the claims of a good token, and refuses a forged one. */
async function checkUserInfo(server, token) {
  const good = await ask(server.url, USERINFO, undefined, { authorization: `Bearer ${token}` });
  assert.equal(good.status, 200, good.body);
  const { sub, ent } = JSON.parse(good.body).claims;
  assert.equal(sub, refOf(0));
  assert.equal(ent.length, 4);
  const [head, payload, signature] = token.split(".");
  const forged = `${head}.${payload}.${signature.split("").reverse().join("")}`;
  const bad = await ask(server.url, USERINFO, undefined, { authorization: `Bearer ${forged}` });
  assert.equal(bad.status, 401, bad.body);
}

/** All of it. */
export async function checkAll(servers, ground) {
  for (const name of ["ours", "identity", "custom", "jose", "joseIdentity"]) {
    await checkRefresh(servers[name], ground);
    await checkRefusal(servers[name], ground);
  }
  const { first } = await tokensOf(servers.ours, ground, 1);
  for (const name of ["ours", "jose"]) await checkUserInfo(servers[name], first);
  await checkForward(servers.ours, ground, { verifies: true });
  await checkForward(servers.hono, ground, { verifies: true });
  await checkForward(servers.forward, ground, { verifies: false });
  assert.deepEqual(await ask(servers.hello.url, "/"), { status: 200, body: "hello" });
}
