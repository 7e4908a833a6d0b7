// A real Backstage with the official provider on Node.js, and our Worker asking get-identity as it
// does.

import assert from "node:assert/strict";
import { checkSession } from "../answers.mjs";
import { startBackstage, USERS } from "../backstage.mjs";
import { ask, load } from "../load/index.mjs";
import { REFRESH } from "../paths.mjs";
import { runRounds } from "../rounds.mjs";
import { median, ratio, summary, verdict } from "../statistics.mjs";

const FULL = { rounds: 9, seconds: 4, warmUp: 20 };
const QUICK = { rounds: 3, seconds: 2, warmUp: 10 };

const PATHS = {
  rotated: { title: `refresh, ${USERS} users in turn`, lines: USERS, atMost: 0.1 },
  same: { title: "refresh, the same assertion again", lines: 1, atMost: 0.03 },
};

export async function measureBackstage({ ground, quick, generator, say }) {
  const settings = quick ? QUICK : FULL;
  say("backstage: starting it");
  const backstage = await startBackstage(ground);
  try {
    const ours = await ground.contend("ours", {
      as: "beside-backstage",
      cfaccess: { identity: "get-identity" },
      cache: "cache-beside-backstage",
    });
    const servers = { ours, backstage };
    await check(servers, ground);
    say("backstage: warming it up");
    await load(generator, {
      server: backstage,
      path: REFRESH,
      status: 200,
      lines: await ground.pool.slice(0, USERS),
      seconds: settings.warmUp,
    });
    const paths = Object.fromEntries(
      Object.entries(PATHS).map(([name, { lines }]) => [name, pathOf(lines)]),
    );
    const runs = await runRounds({ generator, ground, servers, paths, settings, say });
    await check(servers, ground);
    return { settings, rows: Object.entries(PATHS).map(([name, path]) => row(path, runs[name])) };
  } finally {
    await backstage.close();
  }
}

const pathOf = (lines) => ({
  contenders: ["ours", "backstage"],
  path: REFRESH,
  status: 200,
  lines: (pool) => pool.slice(0, lines),
});

function row({ title, atMost }, runs) {
  const cpu = (name) => runs[name].map((run) => run.cpu);
  const measured = ratio(cpu("ours"), cpu("backstage"));
  const figures = (name) => ({
    cpu: summary(cpu(name)),
    perSecond: median(runs[name].map(({ perSecond }) => perSecond)),
    p99: median(runs[name].map(({ p99 }) => p99)),
  });
  return {
    title,
    ours: figures("ours"),
    backstage: figures("backstage"),
    atMost,
    measured,
    ...verdict(measured, atMost),
  };
}

async function check({ ours, backstage }, { pool, signingKeys }) {
  for (const index of [0, USERS - 1]) {
    for (const [server, ent] of [
      [ours, true],
      [backstage, false],
    ]) {
      const { status, body } = await ask(server.url, REFRESH, await pool.line(index));
      assert.equal(status, 200, body);
      await checkSession(JSON.parse(body), index, signingKeys, { ent });
    }
  }
}
