// `backstage-cfaccess dev`: the emulator and the Worker, with the variables of this folder's wrangler file.

import { join } from "node:path";
import { configFiles } from "./deployment.mjs";
import { nativeProgram } from "./native.mjs";

const PAGE = {
  says: [
    "It is a demo page. For your own Backstage:",
    "npx backstage-cfaccess dev --origin http://localhost:7007 --catalog PATH",
  ],
};

export async function dev(args) {
  // They need miniflare, which the other commands do not.
  const { runDev } = await import("../dev/run.mjs");
  const [file] = configFiles();
  await runDev(args, {
    command: "backstage-cfaccess dev",
    dir: join(process.cwd(), ".dev"),
    cfaccess: nativeProgram(),
    choosePage: () => PAGE,
    ...(file && { vars: await varsOf(file) }),
  });
}

/** As `readOwnWorker` of the emulator; read by wrangler itself. */
async function varsOf(file) {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const { CFACCESS, BACKSTAGE, ...bindings } = readConfig({ config: file }).vars;
  const asObject = (value = {}) => (typeof value === "string" ? JSON.parse(value) : value);
  // With a shared key, the official provider of the backend would have to reach the emulator's team.
  const { trust: _, mode: __, ...backstage } = asObject(BACKSTAGE);
  return { cfaccess: asObject(CFACCESS), backstage, bindings };
}
