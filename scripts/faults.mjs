// `npm run test:faults [-- [--write] [--only TEXT…] [--no-cells] [--no-floods]]`: every dependency of the built Worker
// fails in every way, and floods. tests/faults/expected.mjs has what is expected. --write puts the tables into
// docs/security.md.
//
//   npm run test:faults -- --only certs --only hangs     the cells whose name has both

import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { Failure, handOver, main } from "./process.mjs";

export const OPTIONS = {
  "no-cells": { type: "boolean" },
  "no-floods": { type: "boolean" },
  only: { type: "string", multiple: true },
  write: { type: "boolean" },
};

await main(import.meta.url, async (args) => {
  try {
    const { values } = parseArgs({ args, options: OPTIONS });
    const isPart = values.only || values["no-cells"] || values["no-floods"];
    if (values.write && isPart) throw new Error("--write needs every cell and every flood");
  } catch (error) {
    throw new Failure(error.message);
  }
  await build();
  await handOver("tests/faults/main.mjs", args);
});
