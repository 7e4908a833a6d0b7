// How long tokens get: that of the user with the most groups, and with how many groups it is too
// long.

import { REFRESH } from "../paths.mjs";
import { emailOf, refOf } from "../people.mjs";
import { BUSIEST, groupName, MOST_GROUPS } from "./org.mjs";

const STEP = 100;
const STEPS = 20;

/** `pairs` are the records of the smallest size. */
export async function measureTokens({ ground, pairs }) {
  const pool = await ground.openPool("catalog-100", { people: 100, keySets: [2] });
  const setup = { cache: "cache-tokens", keys: "catalog-100-2" };
  await ground.services.put("tokens", pairs);
  await ground.services.put(
    "growing",
    Array.from({ length: STEPS }, (_, at) => recordOf(at, (at + 1) * STEP)),
  );
  const busiest = await signIn(
    await ground.contend("ours", { as: "tokens", catalog: "tokens", ...setup }),
    await pool.line(BUSIEST),
  );
  if (busiest.status !== 200) throw new Error(`the busiest user: ${JSON.stringify(busiest)}`);
  const growing = await ground.contend("ours", { as: "growing", catalog: "growing", ...setup });
  let most = 0;
  for (let at = 0; at < STEPS; at += 1) {
    const { status, code, message } = await signIn(growing, await pool.line(at));
    if (status === 200) {
      most = (at + 1) * STEP;
      continue;
    }
    if (code !== "token_too_large") throw new Error(`${(at + 1) * STEP} groups: ${status} ${code}`);
    return { groups: MOST_GROUPS, length: busiest.length, most, refused: most + STEP, message };
  }
  throw new Error("no token was too long");
}

function recordOf(index, count) {
  const groups = Array.from({ length: count }, (_, at) => `group:default/${groupName(at)}`);
  const user = { ref: refOf(index), ent: [refOf(index), ...groups], email: emailOf(index) };
  return [`v1:email:${emailOf(index)}`, JSON.stringify({ v: 1, user })];
}

async function signIn({ url }, assertion) {
  const headers = { "cf-access-jwt-assertion": assertion };
  const answer = await fetch(`${url}${REFRESH}`, { headers });
  const { backstageIdentity, error } = await answer.json();
  const { code, message } = error ?? {};
  return { status: answer.status, length: backstageIdentity?.token.length, code, message };
}
