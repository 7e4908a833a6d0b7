// `npm run soak [-- [--minutes N] [--write]]`: an hour, or N minutes, of mixed traffic with faults, traps, key rotations and
// changes of the catalog at random. --write puts the figures into docs/security.md.

import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Failure, handOver, main } from "./process.mjs";

export const OPTIONS = { minutes: { type: "string" }, write: { type: "boolean" } };

await main(import.meta.url, async (args) => {
  try {
    const { values } = parseArgs({ args, options: OPTIONS });
    if (!(Number(values.minutes ?? 60) > 0)) throw new Error("--minutes takes a number");
  } catch (error) {
    throw new Failure(error.message);
  }
  await build();
  await handOver("tests/faults/soak.mjs", args);
});
