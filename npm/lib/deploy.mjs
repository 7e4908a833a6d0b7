// `backstage-cfaccess deploy`: doctor, then wrangler, both with the same file and environment.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { configFile } from "./config-file.mjs";
import { UsageError } from "./errors.mjs";
import { run, runNative } from "./native.mjs";

const USAGE = `backstage-cfaccess deploy [--config FILE] [--env NAME] [--dry-run] [--skip-doctor]
  Other arguments of wrangler deploy follow after --`;

export async function deploy(args) {
  const { values, positionals } = options(args);
  const config = values.config ?? configFile();
  if (config === undefined) {
    throw new UsageError("There is no wrangler.jsonc here: `backstage-cfaccess init` writes one.");
  }
  const checked = ["--config", config];
  if (values.env !== undefined) checked.push("--env", values.env);
  if (!values["skip-doctor"]) {
    const code = await runNative(["doctor", ...checked]);
    if (code !== 0) {
      process.exitCode = code;
      return;
    }
  }
  // The command itself is not among the package's exports.
  const main = createRequire(import.meta.url).resolve("wrangler");
  const wrangler = join(dirname(main), "..", "bin", "wrangler.js");
  // Always an environment: wrangler would take one from CLOUDFLARE_ENV, which doctor has not checked.
  const target = ["--config", config, `--env=${values.env ?? ""}`];
  const further = [...(values["dry-run"] ? ["--dry-run"] : []), ...positionals];
  process.exitCode = await run(process.execPath, [wrangler, "deploy", ...target, ...further]);
}

function options(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: "string", short: "c" },
        env: { type: "string", short: "e" },
        "dry-run": { type: "boolean" },
        "skip-doctor": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(`${error.message}\n\n  ${USAGE}`);
  }
}
