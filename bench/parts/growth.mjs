// How the cost of a refresh grows with what may grow, and that memory does not.

import { AUDIENCE } from "../assertions.mjs";
import { load } from "../load/index.mjs";
import { REFRESH } from "../paths.mjs";
import { runRounds } from "../rounds.mjs";
import { median, ratio, summary, verdict } from "../statistics.mjs";

const FULL = { rounds: 9, unseen: 2_000, large: 100_000, marks: [0, 10, 25, 50, 75, 100] };
const QUICK = { rounds: 3, unseen: 1_000, large: 5_000, marks: [0, 1, 2, 5] };

/**
 * Always the same hundred people, so that nothing but the size differs, each time by another address:
 * what the isolate remembers of them does not spare it the look into KV.
 */
const ASKED = 100;
const MANY_AUDIENCES = Array.from({ length: 19 }, (_, at) => String(at).padStart(64, "0"));

/** What is varied, and which variants are compared: the first of each is what the others cost more than. */
const AXES = [
  { title: "users in the catalog", variants: ["base", "users10k", "users100k"], atMost: 1.1 },
  { title: "keys of the team", variants: ["base", "keys20"] },
  { title: "groups of a user", variants: ["groups1", "groups20", "groups400"] },
  { title: "audiences configured", variants: ["base", "audiences20"] },
];

function variants({ large }) {
  const audience = [...MANY_AUDIENCES, AUDIENCE];
  return {
    base: { size: { users: ASKED } },
    users10k: { size: { users: large / 10 } },
    users100k: { size: { users: large } },
    // Another person each time: every one of them has to be looked up.
    everyone: { catalog: "users100k", pool: "everyone" },
    keys20: { catalog: "base", keys: 20 },
    groups1: { size: { users: ASKED, groups: 1 } },
    groups20: { size: { users: ASKED, groups: 20 } },
    groups400: { size: { users: ASKED, groups: 400 } },
    audiences20: { catalog: "base", cfaccess: { audience } },
  };
}

/** What the tables call a variant on its axis. */
const SIZES = ({ large }) => ({
  users: [ASKED, large / 10, large],
  keys: [2, 20],
  groups: [1, 20, 400],
  audiences: [1, 20],
});

export async function measureGrowth({ ground, quick, generator, say }) {
  const settings = quick ? QUICK : FULL;
  const all = variants(settings);
  say("growth: making assertions");
  const pools = {
    hundred: await ground.openPool("hundred", {
      people: ASKED,
      addresses: true,
      keySets: [2, 20],
    }),
    everyone: await ground.openPool("everyone", { people: settings.large, keySets: [2] }),
  };
  const most = Math.max((settings.rounds + 1) * settings.unseen, settings.large);
  await pools.hundred.slice(0, (settings.rounds + 1) * settings.unseen);
  await pools.everyone.slice(0, most);
  const { servers, paths } = await start({ ground, all, pools, say });
  const runs = await runRounds({ generator, ground, servers, paths, settings, say });
  const memory = await measureMemory({ ground, pool: pools.everyone, settings, generator, say });
  return { settings, axes: axes(runs, settings), everyone: row(runs, "everyone"), memory };
}

/** A process for each variant, and a path for each, so that the rounds alternate between them. */
async function start({ ground, all, pools, say }) {
  const servers = {};
  const paths = {};
  for (const [name, variant] of Object.entries(all)) {
    const { size, catalog = name, keys = 2, pool = "hundred", cfaccess } = variant;
    if (size) {
      say(`growth: a catalog, ${name}`);
      await ground.fill(catalog, size);
    }
    const setup = { as: name, catalog, cache: `cache-${name}`, keys: `${pool}-${keys}`, cfaccess };
    servers[name] = await ground.contend("ours", setup);
    paths[name] = {
      contenders: [name],
      path: REFRESH,
      status: 200,
      lines: (_, round, { unseen }) => pools[pool].slice((round + 1) * unseen, unseen),
      mode: "once",
    };
  }
  return { servers, paths };
}

function axes(runs, settings) {
  const sizes = Object.values(SIZES(settings));
  return AXES.map(({ title, variants: names, atMost }, axis) => ({
    title,
    rows: names.map((name, at) => {
      const more = ratio(cpus(runs, name), cpus(runs, names[0]));
      const judged = atMost && at > 0 ? { atMost, ...verdict(more, atMost) } : {};
      return { size: sizes[axis][at], ...row(runs, name), more, ...judged };
    }),
  }));
}

const cpus = (runs, name) => runs[name][name].map(({ cpu }) => cpu);

function row(runs, name) {
  return {
    cpu: summary(cpus(runs, name)),
    kvReads: median(runs[name][name].map(({ kvReads }) => kvReads)),
  };
}

/** Memory of a fresh process after so many thousands of assertions, each of another person. */
async function measureMemory({ ground, pool, settings, generator, say }) {
  const setup = { as: "memory", catalog: "users100k", cache: "cache-memory", keys: "everyone-2" };
  const server = await ground.contend("ours", setup);
  const marks = [];
  let sent = 0;
  for (const mark of settings.marks) {
    const assertions = mark * 1_000;
    say(`growth: memory after ${assertions} assertions`);
    while (sent < assertions) {
      const count = Math.min(assertions - sent, 10_000);
      const lines = await pool.slice(sent, count);
      await load(generator, { server, path: REFRESH, status: 200, lines, mode: "once" });
      sent += count;
    }
    marks.push({ assertions, bytes: await server.memory() });
  }
  await server.close();
  return marks;
}
