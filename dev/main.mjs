// `npm run dev`. Without `--origin` it shows Backstage itself, if it has been built, or a demo page.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { choosePage } from "./backstage.mjs";
import { runDev } from "./run.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

await runDev(process.argv.slice(2), {
  dir: join(ROOT, ".dev"),
  cfaccess: join(TARGET, "debug", "cfaccess"),
  choosePage,
});
