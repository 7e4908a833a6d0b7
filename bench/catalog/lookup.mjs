// What a sign-in costs the Worker as the catalog grows: with an assertion that has never been seen, by
// an address that has never been looked up, so that nothing remembered answers it.

import { REFRESH } from "../paths.mjs";
import { runRounds } from "../rounds.mjs";
import { median, ratio, summary, verdict } from "../statistics.mjs";

/** Of the processor time at the smallest size. */
const AT_MOST = 1.1;

/** Measures all sizes in alternating rounds; `sizes` are the results of `measureRecords`. */
export async function measureLookup({ ground, sizes, settings, generator, say }) {
  // The same people everywhere: nothing but the size differs.
  const people = Math.min(...sizes.map(({ users }) => users));
  const pool = await ground.openPool("catalog", { people, addresses: true, keySets: [2] });
  await pool.slice(0, (settings.rounds + 1) * settings.unseen);
  const servers = {};
  const paths = {};
  for (const { users, pairs } of sizes) {
    const name = `users${users}`;
    say(`${users} users: filling KV`);
    await ground.services.put(name, pairs);
    servers[name] = await ground.contend("ours", {
      as: name,
      catalog: name,
      cache: `cache-${name}`,
      keys: "catalog-2",
    });
    paths[name] = {
      contenders: [name],
      path: REFRESH,
      status: 200,
      lines: (_, round, { unseen }) => pool.slice((round + 1) * unseen, unseen),
      mode: "once",
    };
  }
  const runs = await runRounds({ generator, ground, servers, paths, settings, say });
  const rounds = (name) => runs[name][name];
  const cpus = (name) => rounds(name).map(({ cpu }) => cpu);
  const [smallest] = Object.keys(paths);
  return Object.keys(paths).map((name) => {
    const more = ratio(cpus(name), cpus(smallest));
    const kvReads = median(rounds(name).map((round) => round.kvReads));
    return { cpu: summary(cpus(name)), more, kvReads, ...verdict(more, AT_MOST) };
  });
}
