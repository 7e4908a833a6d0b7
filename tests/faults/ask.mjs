// The requests of the suite. Every answer is checked for its asker: what comes out is a short word for the answer, as
// expected.mjs has it, and what must never be.

import { compactVerify } from "jose";
import { forged } from "./team.mjs";

export const REFRESH = "/api/auth/cfaccess/refresh";
export const JWKS = "/api/auth/.well-known/jwks.json";

export const ASSERTION = "cf-access-jwt-assertion";
let ids = 0;

/**
 * Sends one request of a user and judges the answer.
 *
 * @returns {Promise<{ word: string, ms: number, wrong?: string }>} `wrong` says which user or file the answer is of,
 *   if that is not the asker
 */
export async function ask(kind, { instance, team, caller, signal }) {
  return ASKS[kind](instance, team, caller, signal);
}

const ASKS = {
  async refresh(instance, team, { assertion, user }, signal) {
    const headers = { [ASSERTION]: assertion };
    const answer = await instance.send(REFRESH, { headers, signal });
    if (answer.status !== 200) return refusal(answer);
    const { profile, providerInfo, backstageIdentity } = JSON.parse(answer.body);
    const { token, identity } = backstageIdentity;
    const isFull = profile.displayName === user.nameAtAccess;
    const isKnown = isFull || profile.displayName === user.nameInCatalog;
    const wrong = [
      [profile.email, user.email],
      [isKnown, true],
      [providerInfo.claims.email, user.email],
      [identity.userEntityRef, user.ref],
      [user.mayOwn(identity.ownershipEntityRefs), true],
      [await subjectOf(token, team), user.ref],
    ].find(([is, should]) => is !== should);
    const word = isFull ? "200 full" : "200 claims";
    return { word, ms: answer.ms, ...(wrong && { wrong: `${wrong[0]} for ${wrong[1]}` }) };
  },

  async forward(instance, _team, { assertion, user }, signal) {
    const id = `good-${++ids}`;
    const headers = { [ASSERTION]: assertion, "x-id": id };
    const answer = await instance.send("/api/echo", { headers, signal });
    if (answer.error !== undefined || codeOf(answer)) return refusal(answer);
    const seen = answer.status === 200 ? parsed(answer.body) : undefined;
    const isEcho = seen?.filler !== undefined;
    const wrong = isEcho && (seen.id !== id || seen.email !== user.email);
    const word = isEcho ? "200" : `${answer.status} as it came`;
    return { word, ms: answer.ms, ...(wrong && { wrong: `${seen.email} for ${user.email}` }) };
  },

  async jwks(instance, team) {
    const answer = await instance.send(JWKS);
    if (answer.status !== 200) return refusal(answer);
    const { keys } = JSON.parse(answer.body);
    const ours = keys.filter(({ kid }) => kid === team.signing.kid);
    const isOurs = ours.length === 1 && ours[0].x === team.signing.x;
    const theirs = keys.filter(({ kid }) => kid !== team.signing.kid).map(({ kid }) => kid);
    const isWhole = theirs.join() === team.originJwks.keys[0].kid;
    const wrong = !isOurs || keys.some(({ d }) => d) || (theirs.length > 0 && !isWhole);
    const word = isWhole ? "200 whole" : "200 ours";
    return { word, ms: answer.ms, ...(wrong && { wrong: "a foreign key set" }) };
  },

  /** Without an assertion. */
  async missing(instance) {
    const answer = await instance.send("/api/echo", { headers: { "x-id": `bad-${++ids}` } });
    return refusal(answer);
  },

  /** Under the signature of another. */
  async forged(instance, _team, { assertion }) {
    const headers = { [ASSERTION]: forged(assertion), "x-id": `bad-${++ids}` };
    return refusal(await instance.send("/api/echo", { headers }));
  },
};

/** Whether an answer to a request without a good assertion refuses it. */
export const isRefused = ({ word }) => /^(401|503) \w+$/.test(word);

function refusal(answer) {
  const { status, error, ms } = answer;
  if (error !== undefined) return { word: status === undefined ? "no answer" : "cut off", ms };
  return { word: `${status} ${codeOf(answer) ?? "as it came"}`, ms };
}

/** The code of an error of the Worker's own. */
const codeOf = ({ status, body }) => (status >= 400 ? parsed(body)?.error?.code : undefined);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whose token it is; nothing if the Worker's key has not signed it. */
async function subjectOf(token, team) {
  try {
    const { payload } = await compactVerify(token, team.verifyKey);
    return JSON.parse(Buffer.from(payload)).sub;
  } catch (error) {
    return error.message;
  }
}
