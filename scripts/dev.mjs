// `npm run dev [ARGUMENT…]`: builds the Worker and the command line, then runs dev/main.mjs. With
// `--worker DIR` the Worker is the crate in DIR.

import { devOptions } from "../dev/options.mjs";
import { build } from "./build.mjs";
import { CFACCESS, Failure, handOver, main, must } from "./process.mjs";

await main(import.meta.url, async (args) => {
  // Before the build, so that a wrong argument is known at once.
  const { worker } = await devOptions(args).catch(({ message }) => {
    throw new Failure(message);
  });
  await build(worker);
  await must("cargo", ["build", ...CFACCESS]);
  await handOver("dev/main.mjs", args);
});
