// The main part: what each path through the Worker costs beside its peers, its first request, its
// size.

import { checkAll, tokensOf } from "../answers.mjs";
import { CONTENDERS, uploadBytes } from "../contenders.mjs";
import { KV_TARGETS, PATHS, START_TARGET, TARGETS, TURN, UPLOAD_TARGET } from "../paths.mjs";
import { joined, runRounds } from "../rounds.mjs";
import { startUps } from "../start-up.mjs";
import { median, ratio, summary, verdict } from "../statistics.mjs";

/**
 * Each sitting has processes of its own: how the memory of one happens to be laid out is the same for
 * all its rounds. wrk counts its time in whole seconds.
 */
const FULL = { sittings: 3, rounds: 3, seconds: 2, unseen: 4_000, starts: 21 };
const QUICK = { sittings: 1, rounds: 3, seconds: 1, unseen: 1_500, starts: 4 };

export async function measurePaths({ ground, quick, only, generator, say }) {
  const settings = quick ? QUICK : FULL;
  const paths = chosen(only);
  const { sittings, rounds, unseen } = settings;
  // Not in the middle of a round.
  await ground.pool.slice(0, TURN + (sittings * rounds + 1) * unseen);
  const all = [];
  for (let sitting = 0; sitting < sittings; sitting += 1) {
    say(`sitting ${sitting + 1} of ${sittings}`);
    const from = sitting * rounds;
    all.push(await sit({ generator, ground, paths, settings, from, say }));
  }
  const runs = joined(all);
  const starts = only ? undefined : await startUps({ ground, starts: settings.starts, say });
  return {
    settings: { ...settings, load: generator.wrk ? "wrk" : "sockets" },
    rows: Object.entries(runs).flatMap(([path, byContender]) =>
      Object.entries(byContender).map(([contender, list]) => row(path, contender, list)),
    ),
    starts: Object.entries(starts ?? {}).map(([contender, list]) => ({
      contender,
      milliseconds: summary(list),
    })),
    upload: await uploads(),
    targets: [
      ...TARGETS.filter(({ path }) => runs[path]).map((target) =>
        judged(target, runs[target.path]),
      ),
      ...(starts ? [startTarget(starts)] : []),
      ...Object.entries(KV_TARGETS)
        .filter(([path]) => runs[path])
        .map(([path, atMost]) => kvTarget(path, atMost, runs)),
      await uploadTarget(),
    ],
  };
}

/** A few rounds with fresh processes. */
async function sit({ ground, ...options }) {
  const servers = {};
  for (const name of Object.keys(CONTENDERS)) servers[name] = await ground.contend(name);
  await checkAll(servers, ground);
  ground.tokens = await tokensOf(servers.ours, ground);
  const runs = await runRounds({ ground, servers, ...options });
  await checkAll(servers, ground);
  for (const server of Object.values(servers)) await server.close();
  return runs;
}

function chosen(only) {
  if (only === undefined) return PATHS;
  return Object.fromEntries(only.map((name) => [name, PATHS[name]]));
}

function row(path, contender, runs) {
  const middle = (name) => median(runs.map((run) => run[name]));
  return {
    path,
    contender,
    cpu: summary(runs.map(({ cpu }) => cpu)),
    perSecond: middle("perSecond"),
    p50: middle("p50"),
    p99: middle("p99"),
    kvReads: middle("kvReads"),
    requests: runs.reduce((sum, { requests }) => sum + requests, 0),
  };
}

/** A target on processor time, with what was measured. */
function judged({ path, of, to, atMost }, runs) {
  const cpu = (name) => runs[name].map((run) => run.cpu);
  const measured = ratio(cpu(of), cpu(to));
  return { kind: "cpu", path, of, to, atMost, measured, ...verdict(measured, atMost) };
}

function startTarget(starts) {
  const { of, to, atMost } = START_TARGET;
  const measured = ratio(starts[of], starts[to]);
  return { kind: "start", to, atMost, measured, ...verdict(measured, atMost) };
}

function kvTarget(path, atMost, runs) {
  const measured = summary(runs[path].ours.map(({ kvReads }) => kvReads));
  // A set of keys is read now and then, and belongs to no request.
  const reached = measured.median <= atMost + 0.01;
  return {
    kind: "kv",
    path,
    atMost,
    measured,
    reached,
    sure: true,
    text: reached ? "reached" : "missed",
  };
}

async function uploads() {
  const names = ["ours", "jose", "hono"];
  return Promise.all(
    names.map(async (contender) => ({ contender, kib: (await uploadBytes(contender)) / 1024 })),
  );
}

async function uploadTarget() {
  const kib = (await uploadBytes("ours")) / 1024;
  const measured = summary([kib]);
  return { kind: "upload", atMost: UPLOAD_TARGET, measured, ...verdict(measured, UPLOAD_TARGET) };
}
