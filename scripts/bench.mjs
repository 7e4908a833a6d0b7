// `npm run bench [OPTION…]`: what it needs is built or installed, then bench/main.mjs measures.

import { join } from "node:path";
import { backstagePackages } from "./backstage.mjs";
import { build } from "./build.mjs";
import { CFACCESS, handOver, main, must, ROOT } from "./process.mjs";
import { wrk } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  if (args.includes("--help") || args.includes("--documents"))
    return handOver("bench/main.mjs", args);
  await build();
  await build(join(ROOT, "bench", "custom"));
  await must("cargo", ["build", ...CFACCESS]);
  const withBackstage = ["--all", "--backstage", "--latency"];
  if (args.some((arg) => withBackstage.includes(arg))) await backstagePackages();
  const program = await wrk();
  await handOver("bench/main.mjs", args, program ? { BENCH_WRK: program } : {});
});
