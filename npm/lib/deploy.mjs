// `backstage-cfaccess deploy`: doctor, then wrangler, both with the same file and environment.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { deployment } from "./deployment.mjs";
import { run, runNative } from "./native.mjs";

const SKIP = "--skip-doctor";

export async function deploy(args) {
  const { target, rest } = deployment(args.filter((arg) => arg !== SKIP));
  if (!args.includes(SKIP)) {
    const code = await runNative(["doctor", ...target]);
    if (code !== 0) {
      process.exitCode = code;
      return;
    }
  }
  // The command itself is not among the package's exports.
  const main = createRequire(import.meta.url).resolve("wrangler");
  const wrangler = join(dirname(main), "..", "bin", "wrangler.js");
  process.exitCode = await run(process.execPath, [wrangler, "deploy", ...target, ...rest]);
}
