// What is measured: for each path through a contender, what is sent, to which contender, and what is answered.

import { emailOf } from "./people.mjs";

export const REFRESH = "/api/auth/cfaccess/refresh";
export const USERINFO = "/api/auth/v1/userinfo";
const FORWARDED = "/api/catalog/entities";
const FORGED = 1_000;
/** How many assertions are sent in turn. */
export const TURN = 1_000;

/** Each server gets each of these once. Round -1 is the warm-up. */
function unseenLines(pool, round, { unseen }) {
  return pool.slice(TURN + (round + 1) * unseen, unseen);
}

/**
 * The paths:
 *
 * - `title`: for tables
 * - `contenders`: the contenders that it is measured for
 * - `email`: what else Access sends with a request that goes on
 * - `path`, `status`: what is asked, and what is answered
 * - `lines(pool, round, settings)`: the assertions of a round; none for a request without
 * - `turnsBefore`: whether each is sent once before it is measured, since more than a minute may lie between
 *   two rounds
 * - `tokens`: whether Backstage tokens are sent, and no assertions
 * - `mode`: as in `load`
 */
export const PATHS = {
  rotated: {
    title: "refresh, 1,000 assertions of 1,000 users in turn",
    contenders: ["ours", "jose"],
    path: REFRESH,
    status: 200,
    lines: (pool) => pool.slice(0, TURN),
    turnsBefore: true,
  },
  unseen: {
    title: "refresh, an assertion never seen before",
    contenders: ["ours", "custom", "jose"],
    path: REFRESH,
    status: 200,
    lines: unseenLines,
    mode: "once",
  },
  identity: {
    title: "refresh, an assertion never seen before, with get-identity",
    contenders: ["identity", "joseIdentity"],
    path: REFRESH,
    status: 200,
    lines: unseenLines,
    mode: "once",
  },
  same: {
    title: "refresh, the same assertion again",
    contenders: ["ours", "jose", "hello"],
    path: REFRESH,
    status: 200,
    lines: (pool) => pool.slice(0, 1),
  },
  forward: {
    title: "forward, assertion verified",
    contenders: ["ours", "hono", "forward"],
    path: FORWARDED,
    status: 200,
    email: emailOf(0),
    lines: (pool) => pool.slice(0, 1),
  },
  userinfo: {
    title: "userinfo, 100 tokens in turn",
    contenders: ["ours", "jose"],
    path: USERINFO,
    status: 200,
    tokens: true,
  },
  forged: {
    title: "refresh refused, forged signature",
    contenders: ["ours", "jose"],
    path: REFRESH,
    status: 401,
    lines: (pool) => pool.forged(FORGED),
  },
};

/** Measures another build of this Worker on every path, and compares the two. */
export function compareWithBeside() {
  for (const [path, { contenders }] of Object.entries(PATHS)) {
    if (!contenders.includes("ours")) continue;
    contenders.push("beside");
    TARGETS.push({ path, of: "ours", to: "beside", atMost: 1.05 });
  }
}

/** The targets of the project: a ratio of two contenders on one path, and what it may be at most. */
export const TARGETS = [
  { path: "rotated", of: "ours", to: "jose", atMost: 0.3 },
  { path: "unseen", of: "ours", to: "jose", atMost: 1.0 },
  { path: "unseen", of: "custom", to: "ours", atMost: 1.2 },
  { path: "identity", of: "identity", to: "joseIdentity", atMost: 1.0 },
  { path: "same", of: "ours", to: "jose", atMost: 0.22 },
  { path: "same", of: "ours", to: "hello", atMost: 1.5 },
  { path: "forward", of: "ours", to: "forward", atMost: 1.3 },
  { path: "forward", of: "ours", to: "hono", atMost: 0.8 },
  { path: "userinfo", of: "ours", to: "jose", atMost: 1.0 },
  { path: "forged", of: "ours", to: "jose", atMost: 1.0 },
];

export const START_TARGET = { of: "ours", to: "jose", atMost: 1.3 };
/** KiB after gzip. */
export const UPLOAD_TARGET = 256;
/** KV reads of a request, at most. */
export const KV_TARGETS = { unseen: 1, same: 0 };
