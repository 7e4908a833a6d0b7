// `npm run test:security [-- [--write] [--only TEXT]]`: attacks on the built Worker, in groups. A table says how many
// were tried, refused and accepted; --write puts it into docs/security.md.

import { build } from "./build.mjs";
import { handOver, main } from "./process.mjs";

await main(import.meta.url, async (args) => {
  await build();
  await handOver("tests/security/main.mjs", args);
});
