// What is measured: for each path through a contender, what is sent, to whom, and what is answered.

import { emailOf } from "./people.mjs";

export const REFRESH = "/api/auth/cfaccess/refresh";
const FORWARDED = "/api/catalog/entities";
const FORGED = 1_000;
/** How many assertions are sent in turn. */
export const TURN = 1_000;

/**
 * The paths:
 *
 * - `title`: for tables
 * - `contenders`: whom it is measured of
 * - `email`: what else Access sends with a request that goes on
 * - `path`, `status`: what is asked, and what is answered
 * - `lines(pool, round, settings)`: the assertions of a round; none for a request without
 * - `mode`: as in `load`
 */
export const PATHS = {
  rotated: {
    title: "refresh, 1,000 assertions of 1,000 users in turn",
    contenders: ["ours", "jose"],
    path: REFRESH,
    status: 200,
    lines: (pool) => pool.slice(0, TURN),
  },
  unseen: {
    title: "refresh, an assertion never seen before",
    contenders: ["ours", "jose"],
    path: REFRESH,
    status: 200,
    // Round -1 is the warm-up.
    lines: (pool, round, { unseen }) => pool.slice(TURN + (round + 1) * unseen, unseen),
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
    contenders.push("beside");
    TARGETS.push({ path, of: "ours", to: "beside", atMost: 1.05 });
  }
}

/** The targets of the project: a ratio of two contenders on one path, and what it may be at most. */
export const TARGETS = [
  { path: "rotated", of: "ours", to: "jose", atMost: 0.75 },
  { path: "unseen", of: "ours", to: "jose", atMost: 0.75 },
  { path: "same", of: "ours", to: "jose", atMost: 0.3 },
  { path: "same", of: "ours", to: "hello", atMost: 1.6 },
  { path: "forward", of: "ours", to: "forward", atMost: 1.2 },
  { path: "forward", of: "ours", to: "hono", atMost: 0.9 },
  { path: "forged", of: "ours", to: "jose", atMost: 1.0 },
];

export const START_TARGET = { of: "ours", to: "jose", atMost: 1.5 };
/** KiB after gzip. */
export const UPLOAD_TARGET = 256;
/** KV reads of a request, at most. */
export const KV_TARGETS = { unseen: 1, same: 0 };
