// `npm run dev [ARGUMENT…]`: builds the Worker and the command line, then runs dev/main.mjs.

import { build } from "./build.mjs";
import { CFACCESS, handOver, main, must } from "./process.mjs";

await main(import.meta.url, async (args) => {
  await build();
  await must("cargo", ["build", ...CFACCESS]);
  await handOver("dev/main.mjs", args);
});
