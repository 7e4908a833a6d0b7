// What `cfaccess catalog` makes of an organisation: how long it takes, how large it is in KV, and
// what is written when something has changed.

import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { output } from "../children.mjs";
import { endedChildrenMicros } from "../proc.mjs";
import { startCloud } from "./cloud.mjs";
import { changed, entities, organisation } from "./org.mjs";

const LIMIT_MS = 300_000;
/** Entities go into the file in pieces of so many. */
const PIECE = 5_000;

/** Measures a size. `pairs` are the records that are found by email. */
export async function measureRecords({ cfaccess, dir, users, builds }) {
  const run = (args, options) =>
    output(cfaccess, ["catalog", ...args], { limitMs: LIMIT_MS, cwd: dir, ...options });
  const org = organisation(users);
  const before = await entitiesFile(join(dir, `${users}.json`), org);
  const after = await entitiesFile(join(dir, `${users}.later.json`), changed(org));
  const out = join(dir, `${users}.kv.json`);

  const seconds = [];
  const cpuSeconds = [];
  for (let round = 0; round < builds; round += 1) {
    const start = performance.now();
    const used = await endedChildrenMicros();
    await run(["build", before, "--out", out]);
    cpuSeconds.push(((await endedChildrenMicros()) - used) / 1e6);
    seconds.push((performance.now() - start) / 1000);
  }
  const records = JSON.parse(await readFile(out, "utf8"));
  const bytes = (text) => Buffer.byteLength(text);
  const size = ({ key, value }) => bytes(key) + bytes(value);
  const largest = records.reduce((most, { value }) => Math.max(most, bytes(value)), 0);

  const cloud = await startCloud();
  const push = async (file) => {
    await run(["push", file, ...cloud.arguments], { env: { ...process.env, ...cloud.env } });
    return cloud.counts();
  };
  try {
    return {
      users,
      groups: org.groups,
      memberships: org.people.reduce((sum, { groups }) => sum + groups.length, 0) / users,
      seconds,
      cpuSeconds,
      records: records.length,
      bytes: records.reduce((sum, record) => sum + size(record), 0),
      largest,
      first: await push(before),
      again: await push(before),
      changes: await push(after),
      pairs: records.filter(({ key }) => key.startsWith("v1:email:")).map(pairOf),
    };
  } finally {
    cloud.close();
  }
}

const pairOf = ({ key, value }) => [key, value];

async function entitiesFile(file, org) {
  const handle = await open(file, "w");
  let piece = [];
  let separator = "[";
  const flush = async () => {
    await handle.write(separator + piece.join(",\n"));
    separator = ",\n";
    piece = [];
  };
  for (const entity of entities(org)) {
    if (piece.push(JSON.stringify(entity)) === PIECE) await flush();
  }
  if (piece.length > 0) await flush();
  await handle.write("]\n");
  await handle.close();
  return file;
}
