// `npm run dev [ARGUMENT…]`: builds the Worker and the command line, then runs dev/main.mjs. With
// `--worker DIR` the Worker is the crate in DIR.

import { asksForHelp, devOptions, usage } from "../dev/options.mjs";
import { UsageError } from "../dev/usage-error.mjs";
import { build } from "./build.mjs";
import { CFACCESS, Failure, handOver, main, must } from "./process.mjs";

await main(import.meta.url, async (args) => {
  if (asksForHelp(args)) return console.log(usage("npm run dev --"));
  // Before the build, so that a wrong argument is known at once.
  const { worker } = await devOptions(args).catch((error) => {
    throw error instanceof UsageError ? new Failure(error.message) : error;
  });
  await build(worker);
  await must("cargo", ["build", ...CFACCESS]);
  await handOver("dev/main.mjs", args);
});
