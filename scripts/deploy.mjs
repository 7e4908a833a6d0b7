// `npm run deploy [-- OPTION…]`: `cfaccess doctor` on one file and one environment, and, if it finds
// nothing wrong, `wrangler deploy` of the same file and environment, which builds the Worker first.

import { deployment } from "../npm/lib/deployment.mjs";
import { CFACCESS, Failure, main, must, NODE, ROOT } from "./process.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  const { target, rest } = options(args);
  await setup();
  await must("cargo", ["run", "--quiet", ...CFACCESS, "--", "doctor", ...target]);
  const wrangler = ["node_modules/wrangler/bin/wrangler.js", "deploy", ...target, ...rest];
  await must(NODE, wrangler, { asks: true });
});

function options(args) {
  try {
    return deployment(args, { folder: ROOT });
  } catch (error) {
    throw new Failure(error.message);
  }
}
