// `npm run dev -- --worker DIR`: what wrangler.toml of another crate's Worker says.

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse as parseToml } from "smol-toml";

/**
 * The folder of a Worker's module and the vars of its wrangler.toml. `cfaccess` and `backstage` are
 * the vars of that name as objects, `bindings` are the others.
 */
export async function readOwnWorker(dir) {
  const wranglerToml = join(resolve(dir), "wrangler.toml");
  const { vars = {} } = parseToml(await readFile(wranglerToml, "utf8"));
  const { CFACCESS, BACKSTAGE, ...bindings } = vars;
  return {
    wranglerToml,
    buildDir: join(resolve(dir), "build"),
    cfaccess: asObject(CFACCESS),
    backstage: asObject(BACKSTAGE),
    bindings,
  };
}

/** A var is a table, or a string of JSON. */
function asObject(value = {}) {
  return typeof value === "string" ? JSON.parse(value) : value;
}
