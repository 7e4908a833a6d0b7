// The first request of a fresh isolate: from the start of workerd until the whole answer is there.

import { CONTENDERS, configure } from "./contenders.mjs";
import { ask } from "./load/index.mjs";
import { REFRESH } from "./paths.mjs";
import { turned } from "./statistics.mjs";
import { startWorkerd } from "./workerd.mjs";

/** The contenders, and two that have a part of what ours does; the build beside is one if there is one. */
const names = () => [
  "hello",
  "compiled",
  "instantiated",
  "ours",
  "jose",
  ...(CONTENDERS.beside ? ["beside"] : []),
];

/** Returns for each contender the list of its starts: milliseconds. */
export async function startUps({ ground, starts, say }) {
  const { dir, signingKeys, services, pool } = ground;
  const assertion = await pool.line(0);
  const configs = {};
  for (const name of names()) {
    const setup = { dir, as: `start-${name}`, signingKeys, services: services.address };
    // Of its own, so that none of our starts finds the keys that another one has left in KV.
    configs[name] = await configure(name, { ...setup, cache: "start-cache" });
  }
  const results = Object.fromEntries(names().map((name) => [name, []]));
  // One round more than is counted: the first reads files that no cache has yet.
  for (let round = -1; round < starts; round += 1) {
    say(`start ${round + 2} of ${starts + 1}`);
    for (const name of turned(names(), round + 1)) {
      await services.clear("start-cache");
      const result = await firstAnswer(configs[name], assertion);
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}

async function firstAnswer(config, assertion) {
  const begin = performance.now();
  const server = await startWorkerd(config);
  try {
    const { status, body } = await ask(server.url, REFRESH, assertion);
    const milliseconds = performance.now() - begin;
    if (status !== 200) throw new Error(`the first answer is ${status}: ${body}`);
    return milliseconds;
  } finally {
    await server.close();
  }
}
