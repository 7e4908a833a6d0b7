// `npm run deploy [-- OPTION…]`: `cfaccess doctor` on one file and one environment, and, if it finds
// nothing wrong, `wrangler deploy` of the same file and environment, which builds the Worker first.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CFACCESS, Failure, main, must, NODE, ROOT } from "./process.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const { target, rest } = deployment(args);
  await setup();
  await must("cargo", ["run", "--quiet", ...CFACCESS, "--", "doctor", ...target]);
  await must(NODE, ["node_modules/wrangler/bin/wrangler.js", "deploy", ...target, ...rest]);
});

/** Options of `wrangler deploy` that change nothing of what doctor has checked. */
const HARMLESS = {
  "dry-run": { type: "boolean" },
  "keep-vars": { type: "boolean" },
  message: { type: "string" },
  metafile: { type: "string" },
  minify: { type: "boolean" },
  outdir: { type: "string" },
  outfile: { type: "string" },
  "secrets-file": { type: "string" },
  strict: { type: "boolean" },
  tag: { type: "string" },
  "upload-source-maps": { type: "boolean" },
};

const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/**
 * What doctor and wrangler are both called with, and what wrangler alone gets. Both options are always
 * given: without `--config` wrangler may take a file that a build tool has left in
 * `.wrangler/deploy/config.json`, and without `--env` the environment of CLOUDFLARE_ENV.
 *
 * @returns {{ target: string[], rest: string[] }}
 */
export function deployment(args, { folder = ROOT, env = process.env } = {}) {
  const { values, tokens } = read(args);
  for (const name of ["config", "env"]) {
    if (tokens.filter((token) => token.name === name).length > 1) {
      throw new Failure(`--${name} is given more than once`);
    }
  }
  const config = values.config ?? theOnly(NAMES.filter((name) => existsSync(join(folder, name))));
  const target = [`--config=${config}`, `--env=${values.env ?? env.CLOUDFLARE_ENV ?? ""}`];
  const rest = tokens
    .filter(({ name }) => name in HARMLESS)
    .map(({ name, value }) => (value === undefined ? `--${name}` : `--${name}=${value}`));
  return { target, rest };
}

function read(args) {
  try {
    return parseArgs({
      args,
      options: {
        ...HARMLESS,
        config: { type: "string", short: "c" },
        env: { type: "string", short: "e" },
      },
      tokens: true,
    });
  } catch (error) {
    const known = Object.keys(HARMLESS).map((name) => `--${name}`);
    throw new Failure(
      `${error.message}\nOnly options that leave what doctor has checked as it is are passed on: ` +
        `--config, --env, ${known.join(", ")}. Write anything else into the configuration file.`,
    );
  }
}

function theOnly(found) {
  if (found.length === 1) return found[0];
  throw new Failure(
    found.length === 0
      ? `there is no ${NAMES.join(", ")}: name the file with --config`
      : `${found.join(" and ")} are both there: delete one, or name the file with --config`,
  );
}
