// `npm run bench:catalog`, once everything that it needs is there (scripts/bench-catalog.mjs).

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withLock } from "../../scripts/lock.mjs";
import { Failure, ROOT } from "../../scripts/process.mjs";
import { endWithTheBench } from "../children.mjs";
import { KEPT, startGround } from "../ground.mjs";
import { between } from "../report/markers.mjs";
import { measureLookup } from "./lookup.mjs";
import { measureRecords } from "./records.mjs";
import { catalogReport } from "./report.mjs";
import { measureTokens } from "./token.mjs";

const FULL = { sizes: [100, 10_000, 100_000], builds: 3, rounds: 9, unseen: 2_000 };
const QUICK = { sizes: [100, 1_000, 10_000], builds: 1, rounds: 3, unseen: 500 };

const CFACCESS = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "release", "cfaccess");
const PAGE = join(ROOT, "docs", "catalog.md");

endWithTheBench();
try {
  const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
  if (process.platform !== "linux") throw new Failure("the bench needs Linux: it reads /proc");
  // Two at a time would measure each other.
  await withLock(join(KEPT, ".lock"), () => bench(values));
} catch (error) {
  console.error(error instanceof Failure ? error.message : (error.stack ?? error));
  process.exitCode = 1;
}

async function bench({ quick }) {
  const settings = quick ? QUICK : FULL;
  const say = (text) => console.error(`bench:catalog: ${text} …`);
  say("starting the services");
  const ground = await startGround();
  try {
    const sizes = [];
    for (const users of settings.sizes) {
      say(`${users} users: build and push`);
      const { dir } = ground;
      sizes.push(await measureRecords({ cfaccess: CFACCESS, dir, users, builds: settings.builds }));
    }
    const generator = { wrk: process.env.BENCH_WRK };
    const token = await measureTokens({ ground, pairs: sizes[0].pairs });
    const lookups = await measureLookup({ ground, sizes, settings, generator, say });
    const report = catalogReport({ sizes, lookups, token, settings });
    console.log(`\n${report}\n`);
    if (quick) {
      console.log("A short run: nothing is written to docs/.");
      return;
    }
    await writeFile(PAGE, between(await readFile(PAGE, "utf8"), "catalog", report));
    console.log("Written: docs/catalog.md.");
  } finally {
    await ground.close();
  }
}
