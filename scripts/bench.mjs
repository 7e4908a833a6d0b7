// `npm run bench [OPTION…]`: what it needs is built or installed, then bench/main.mjs measures.

import { spawn } from "node:child_process";
import { backstagePackages } from "./backstage.mjs";
import { build } from "./build.mjs";
import { main, must, NODE, PATH, ROOT } from "./process.mjs";
import { wrk } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  await build();
  await must("cargo", ["build", "--locked", "--bin", "cfaccess"]);
  if (args.includes("--backstage") || args.includes("--all")) await backstagePackages();
  const program = await wrk();

  const child = spawn(NODE, ["bench/main.mjs", ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH, ...(program && { BENCH_WRK: program }) },
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // What is typed at a terminal reaches the child by itself, as one of the same group.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  process.exitCode = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
});
