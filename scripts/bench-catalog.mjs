// `npm run bench:catalog [-- --quick]`: how the catalog grows, and what of it grows with it. What it
// needs is built or installed, then bench/catalog/main.mjs measures.

import { build } from "./build.mjs";
import { CFACCESS, handOver, main, must } from "./process.mjs";
import { wrk } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  await build();
  // Both: the ground of every bench makes its own catalog with the command of the tests.
  await must("cargo", ["build", ...CFACCESS]);
  await must("cargo", ["build", "--release", ...CFACCESS]);
  const program = await wrk();
  await handOver("bench/catalog/main.mjs", args, program ? { BENCH_WRK: program } : {});
});
