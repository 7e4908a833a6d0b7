// One cell of the table: a dependency with a fault, met by a Worker in a state.

import { setTimeout as sleep } from "node:timers/promises";
import { ask, isRefused } from "./ask.mjs";
import { startInstance } from "./instance.mjs";
import { startServices } from "./services.mjs";

export const REQUESTS = 100;
/** The first requests come one after another, so that a pause can begin. */
const ONE_BY_ONE = 3;
/** Then so many at once. */
const AT_ONCE = 10;
/** Of ten requests, six are what the dependency is for, two are beside it, two must be refused. */
const MIX = [
  "main",
  "main",
  "main",
  "main",
  "main",
  "main",
  "beside",
  "beside",
  "missing",
  "forged",
];
const USERS = 20;
/** Assertions for after the fault. */
const SPARE = 3;

/** What all cells share: people, their assertions, and what a Worker has cached for them. */
export async function prepare(folder, team) {
  const callers = [];
  for (let at = 0; at < REQUESTS + SPARE; at += 1) callers.push(await team.mint(at % USERS));
  const ground = { folder, team, callers, cached: [] };
  const services = await startServices(team, usersOf(callers));
  const instance = await startInstance(folder, team, services, { trust: "shared-key" });
  for (const caller of callers.slice(0, REQUESTS)) await ask("refresh", { instance, team, caller });
  for (let tries = 0; services.cache.size < REQUESTS + USERS && tries < 100; tries += 1) {
    await sleep(50);
  }
  ground.cached = [...services.cache];
  await instance.close();
  await services.close();
  return ground;
}

const usersOf = (callers) => callers.slice(0, USERS).map(({ user }) => user);

/**
 * Runs it.
 *
 * @returns {Promise<{ off: string[], words: object, slowest: number, calls: number }>} `off` has what is not as
 *   expected
 */
export async function runCell({ dependency, state, fault, kinds, expected }, ground) {
  const { folder, team, callers } = ground;
  const services = await startServices(team, usersOf(callers), {
    cached: state === "cold" ? [] : ground.cached,
  });
  let instance;
  try {
    instance = await startInstance(folder, team, services, kinds.backstage);
    const run = { ...ground, instance, services, kinds, callers };
    if (state === "warm" || state === "stale") await warmUp(run);
    const move = async (seconds) => {
      services.aheadMs += seconds * 1000;
      await instance.control({ aheadMs: services.aheadMs });
    };
    if (state === "stale") await move(kinds.staleAfter);
    const setFault = (kind) =>
      dependency === "signing"
        ? instance.control({ fault: kind ?? null })
        : services.of[dependency].setFault(kind);

    services.writesArrive = dependency !== "cacheWrite";
    instance.lines.length = 0;
    for (const it of Object.values(services.of)) it.calls = 0;
    await setFault(fault);
    const asked = await askAll(run, expected.atOnce ?? AT_ONCE);
    // What is done after the answers, and the lines of it.
    await sleep(expected.settles ?? 300);
    const calls = services.of[dependency]?.calls ?? 0;
    const lines = instance.lines.map((line) => JSON.stringify(line));

    await setFault(undefined);
    services.writesArrive = true;
    await move(expected.recovers ?? kinds.recovers);
    const before = services.registered.length;
    const after = [];
    for (const caller of callers.slice(REQUESTS)) {
      after.push(await ask(kinds.main, { instance, team, caller }));
    }
    const registered = services.registered.length - before;
    const off = judge({
      asked,
      calls,
      lines,
      expected,
      kinds,
      services,
      callers,
      after,
      registered,
    });
    if (instance.hasEnded()) off.push(`workerd has ended: ${instance.complaints.join(" ")}`);
    return { off, asked, calls, lines };
  } finally {
    await instance?.close();
    await services.close();
  }
}

async function warmUp(run) {
  await askInOrder(run, 0, AT_ONCE);
}

async function askOne({ instance, team, callers, kinds }, at) {
  const role = MIX[at % MIX.length];
  const answer = await ask(kinds[role] ?? role, { instance, team, caller: callers[at] });
  return { role, at, ...answer };
}

async function askAll(run, atOnce) {
  const asked = [];
  for (let at = 0; at < ONE_BY_ONE; at += 1) asked.push(await askOne(run, at));
  return [...asked, ...(await askInOrder(run, ONE_BY_ONE, atOnce))];
}

/** The requests from number `first` on, so many at once. */
async function askInOrder(run, first, atOnce) {
  const asked = [];
  let next = first;
  const loop = async () => {
    while (next < REQUESTS) asked.push(await askOne(run, next++));
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return asked;
}

function judge(it) {
  const { asked, calls, lines, expected, kinds, services, callers, after, registered } = it;
  const off = [];
  for (const role of ["main", "beside"]) {
    const allowed = expected[role].split(" | ");
    const others = asked.filter((one) => one.role === role && !allowed.includes(one.word));
    if (others.length > 0)
      off.push(`${kinds[role]}: ${count(others)} instead of ${expected[role]}`);
    const slow = asked.filter((one) => one.role === role && one.ms > expected.ms);
    if (slow.length > 0) {
      const longest = Math.max(...slow.map(({ ms }) => ms));
      off.push(`${kinds[role]}: ${Math.round(longest)} ms, over ${expected.ms}`);
    }
  }
  const open = asked.filter(({ role }) => role === "missing" || role === "forged");
  const accepted = open.filter((one) => !isRefused(one));
  if (accepted.length > 0) off.push(`unverified: ${count(accepted)}`);
  const wrong = [...asked, ...after].filter((one) => one.wrong);
  if (wrong.length > 0) off.push(`wrong: ${wrong[0].wrong} (${wrong.length} times)`);
  const known = new Set(callers.map(({ assertion }) => assertion));
  const unverified = services.forwarded.filter(
    ({ id, assertion }) => !id?.startsWith("good-") || !known.has(assertion),
  );
  if (unverified.length > 0) off.push(`${unverified.length} unverified requests were forwarded`);
  if (services.elsewhere > 0) off.push(`${services.elsewhere} redirects were followed`);
  if (calls > expected.calls) off.push(`${calls} calls, over ${expected.calls}`);
  if (expected.log && !lines.some((line) => expected.log.test(line))) {
    off.push(`no line of the log names it (${expected.log})`);
  }
  const good = kinds.good;
  const bad = after.filter(({ word }) => word !== good);
  if (bad.length > 0) off.push(`after the fault: ${count(bad)} instead of ${good}`);
  if (expected.registers && registered === 0) {
    off.push("after the fault: not registered");
  }
  return off;
}

/** `12 × 200 full, 3 × 503 keys_unavailable` */
export function count(answers) {
  const counts = new Map();
  for (const { word } of answers) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, times]) => `${times} × ${word}`).join(", ");
}
