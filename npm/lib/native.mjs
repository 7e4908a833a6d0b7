// The native program `cfaccess`, which is a package of its own for each platform.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { UsageError } from "./errors.mjs";

const require = createRequire(import.meta.url);
const PLATFORM = `${process.platform}-${process.arch}`;
const PROGRAM = process.platform === "win32" ? "cfaccess.exe" : "cfaccess";

/** The path of the program, or `undefined` on a platform that has none. */
export function nativeProgram() {
  try {
    return require.resolve(`@backstage-cfaccess/cli-${PLATFORM}/${PROGRAM}`);
  } catch {
    return undefined;
  }
}

/** Runs it in this terminal. Resolves to its exit status. */
export async function runNative(args) {
  const program = nativeProgram();
  if (program === undefined) {
    throw new UsageError(
      `There is no native program for ${PLATFORM}, so that \`${args[0]}\` cannot run here. ` +
        "`init`, `dev` and `deploy --skip-doctor` can.",
    );
  }
  return run(program, args);
}

/** Runs a program in this terminal. Resolves to its exit status. */
export function run(program, args) {
  const child = spawn(program, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // What is typed at a terminal reaches the child by itself.
    process.on(signal, () => signal === "SIGINT" || child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
