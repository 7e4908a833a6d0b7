// `backstage-cfaccess deploy`: doctor, then wrangler, both with the same file and environment.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { deployment } from "./deployment.mjs";
import { asksForHelp } from "./help.mjs";
import { run, runNative } from "./native.mjs";

const SKIP = "--skip-doctor";

const USAGE = `backstage-cfaccess deploy [--config FILE] [--env NAME] [--dry-run] [${SKIP}] [OPTION…]
  Runs doctor, and if it finds no problem, wrangler deploy of the same file and environment.
  --config       the configuration file [default: the only wrangler.json, .jsonc or .toml of this folder]
  --env          an environment of the file [default: CLOUDFLARE_ENV, or the top level]
  --dry-run      build and check everything, and upload nothing
  ${SKIP}  where there is no native program to run doctor
  Options of wrangler deploy that leave what doctor has checked as it is are passed on.`;

export async function deploy(args) {
  if (asksForHelp(args)) return console.log(USAGE);
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
