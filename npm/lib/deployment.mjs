// One file and one environment, for doctor and for wrangler.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./errors.mjs";

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
export function deployment(args, { folder = ".", env = process.env } = {}) {
  const { values, tokens } = read(args);
  for (const name of ["config", "env"]) {
    if (tokens.filter((token) => token.name === name).length > 1) {
      throw new UsageError(`--${name} is given more than once`);
    }
  }
  const config = values.config ?? theOnly(configFiles(folder));
  const target = [`--config=${config}`, `--env=${values.env ?? env.CLOUDFLARE_ENV ?? ""}`];
  const rest = tokens
    .filter(({ name }) => name in HARMLESS)
    .map(({ name, value }) => (value === undefined ? `--${name}` : `--${name}=${value}`));
  return { target, rest };
}

/** The configuration files of a folder, in wrangler's order. */
export function configFiles(folder = ".") {
  return NAMES.filter((name) => existsSync(join(folder, name)));
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
    throw new UsageError(
      `${error.message}\nOnly options that leave what doctor has checked as it is are passed on: ` +
        `--config, --env, ${known.join(", ")}. Write anything else into the configuration file.`,
    );
  }
}

function theOnly(found) {
  if (found.length === 1) return found[0];
  throw new UsageError(
    found.length === 0
      ? `there is no ${NAMES.join(", ")}: name the file with --config`
      : `${found.join(" and ")} are both there: delete one, or name the file with --config`,
  );
}
