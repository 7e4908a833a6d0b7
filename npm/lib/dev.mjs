// `backstage-cfaccess dev`: the emulator and the Worker, with the variables of this folder's wrangler file.

import { join } from "node:path";
import { configFiles } from "./deployment.mjs";
import { UsageError } from "./errors.mjs";
import { asksForHelp } from "./help.mjs";
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
  const config = asksForHelp(args) ? [] : configFiles();
  if (config.length > 1) {
    throw new UsageError(
      `${config.join(" and ")} are both there: wrangler reads one. Delete the other.`,
    );
  }
  await runDev(args, {
    command: "backstage-cfaccess dev",
    dir: join(process.cwd(), ".dev"),
    cfaccess: nativeProgram(),
    choosePage: () => PAGE,
    ...(config.length > 0 && { vars: await varsOf(config[0]) }),
  });
}

/** As `readOwnWorker` of the emulator; read by wrangler itself. */
async function varsOf(file) {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  let vars;
  try {
    ({ vars } = readConfig({ config: file }));
  } catch ({ message }) {
    throw new UsageError(`${file}: ${message}`);
  }
  const { CFACCESS, BACKSTAGE, ...bindings } = vars;
  const asObject = (name, value = {}) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value);
    } catch ({ message }) {
      throw new UsageError(`${file}: ${name} is neither an object nor JSON: ${message}`);
    }
  };
  // With a shared key, the official provider of the backend would have to reach the emulator's team.
  const { trust: _, mode: __, ...backstage } = asObject("BACKSTAGE", BACKSTAGE);
  return { cfaccess: asObject("CFACCESS", CFACCESS), backstage, bindings };
}
