// The rounds: in each of them every contender is measured once on every path, those of one path
// right after each other, and never always in the same order.

import { load } from "./load/index.mjs";
import { turned } from "./statistics.mjs";

/**
 * Measures. Returns for each path and contender the list of its rounds:
 * `{[path]: {[contender]: [{cpu, perSecond, p50, p99, requests, kvReads}]}}`.
 *
 * - `paths`: as PATHS
 * - `servers`: the contenders, running
 * - `settings`: `rounds`, `seconds` of a run, number of `unseen` assertions of a run
 * - `from`: the number of the first round, if others went before
 * - `say(text)`: progress
 */
export async function runRounds({ generator, ground, servers, paths, settings, from = 0, say }) {
  const { rounds } = settings;
  const runs = {};
  const measure = async (name, contender, round) => {
    const { path, status, email, lines, tokens, mode, turnsBefore } = paths[name];
    // Made before anything is measured, if they have to be made.
    const slice = tokens ? ground.tokens : await lines?.(ground.pool, round, settings);
    const server = servers[contender];
    if (turnsBefore) await load(generator, { server, path, status, lines: slice, mode: "once" });
    const before = await readsOf(ground);
    const run = await load(generator, {
      server,
      path,
      status: contender === "hello" ? 200 : status,
      email,
      lines: slice,
      mode,
      seconds: settings.seconds,
    });
    return { ...run, kvReads: ((await readsOf(ground)) - before) / run.requests };
  };
  for (const [name, { contenders }] of Object.entries(paths)) {
    runs[name] = Object.fromEntries(contenders.map((contender) => [contender, []]));
  }
  say("warming up");
  for (const [name, { contenders }] of Object.entries(paths)) {
    for (const contender of contenders) await measure(name, contender, -1);
  }
  for (let round = from; round < from + rounds; round += 1) {
    say(`round ${round + 1}`);
    for (const [name, { contenders }] of Object.entries(paths)) {
      for (const contender of turned(contenders, round)) {
        runs[name][contender].push(await measure(name, contender, round));
      }
    }
  }
  return runs;
}

/** The rounds of several sittings as one list. */
export function joined(sittings) {
  const [first] = sittings;
  return Object.fromEntries(
    Object.entries(first).map(([path, byContender]) => [
      path,
      Object.fromEntries(
        Object.keys(byContender).map((contender) => [
          contender,
          sittings.flatMap((runs) => runs[path][contender]),
        ]),
      ),
    ]),
  );
}

/** Reads of KV so far, in all namespaces. */
async function readsOf({ services }) {
  return Object.values(await services.reads()).reduce((sum, number) => sum + number, 0);
}
