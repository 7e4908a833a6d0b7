// `npm run dev [ARGUMENT…]`: builds the Worker and the command line, then runs dev/main.mjs. With
// `--worker DIR` the Worker is the crate in DIR.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { CFACCESS, handOver, main, must, ROOT } from "./process.mjs";

await main(import.meta.url, async (args) => {
  await build(workerDir(args));
  await must("cargo", ["build", ...CFACCESS]);
  await handOver("dev/main.mjs", args);
});

/** dev/main.mjs is the one to judge the arguments. */
function workerDir(args) {
  const options = { worker: { type: "string" } };
  const { worker } = parseArgs({ args, options, strict: false }).values;
  return typeof worker === "string" ? resolve(worker) : ROOT;
}
