// Which file configures the Worker in this folder.

import { existsSync } from "node:fs";
import { UsageError } from "./errors.mjs";

/** In wrangler's order. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** The one wrangler file of this folder, or `undefined`. */
export function configFile() {
  const found = NAMES.filter((name) => existsSync(name));
  if (found.length > 1) {
    throw new UsageError(`There are ${found.join(" and ")}: keep one, or wrangler chooses.`);
  }
  return found[0];
}
