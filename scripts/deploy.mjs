// `npm run deploy [ARGUMENT…]`: what `cfaccess doctor` says of wrangler.toml, and, if it finds nothing
// wrong, wrangler deploy, which builds the Worker first (wrangler.toml).

import { CFACCESS, main, must, NODE } from "./process.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  await setup();
  const env = environmentOf(args);
  await must("cargo", ["run", "--quiet", ...CFACCESS, "--", "doctor", ...env]);
  await must(NODE, ["node_modules/wrangler/bin/wrangler.js", "deploy", ...args]);
});

/** wrangler's `--env NAME`, in any of its spellings, as doctor takes it. */
function environmentOf(args) {
  const at = args.findIndex((arg) => /^(--env|-e)(=|$)/.test(arg));
  if (at < 0) return [];
  const name = args[at].includes("=") ? args[at].split("=")[1] : args[at + 1];
  return name ? ["--env", name] : [];
}
