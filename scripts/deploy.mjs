// `npm run deploy [ARGUMENT…]`: wrangler deploy, which builds the Worker first (wrangler.toml).

import { main, must, NODE } from "./process.mjs";
import { setup } from "./setup.mjs";

await main(import.meta.url, async (args) => {
  await setup();
  await must(NODE, ["node_modules/wrangler/bin/wrangler.js", "deploy", ...args]);
});
