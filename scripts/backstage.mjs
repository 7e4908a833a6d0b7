// `npm run test:backstage [NAME…]`: the tests against a real Backstage, or the test files named.
// Its packages have a folder, a lock file and an installation of their own under tests/backstage.

import { readdir, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { build } from "./build.mjs";
import { withLock } from "./lock.mjs";
import { Failure, main, must, NODE, PATH, ROOT, run, seconds } from "./process.mjs";
import { chromium } from "./setup.mjs";

const FOLDER = join(ROOT, "tests", "backstage");
/** A backend that hangs must not hold up everything. */
const TEST_LIMIT_MS = 300_000;

await main(import.meta.url, async (names) => {
  const files = (await readdir(FOLDER))
    .filter((file) => file.endsWith(".test.mjs"))
    .filter((file) => names.length === 0 || names.includes(file.replace(".test.mjs", "")));
  if (files.length === 0) throw new Failure(`no test named ${names.join(" or ")}`);
  await build();
  await must("cargo", ["build", "--locked", "--bin", "cfaccess"]);
  await backstagePackages();

  // One after another: two backends at once are slow on a small machine.
  const options = ["--test", "--test-concurrency=1", `--test-timeout=${TEST_LIMIT_MS}`];
  const paths = files.map((file) => join("tests", "backstage", file));
  const env = files.includes("app.test.mjs") ? { CHROME_PATH: await chromium() } : {};
  const { code } = await run(NODE, [...options, ...paths], { env });
  if (code !== 0) process.exitCode = 1;
});

/** node_modules as the lock file has them, installed once and kept. */
export async function backstagePackages() {
  if (await isCurrent()) return;
  await withLock(join(ROOT, ".tools", "backstage.lock"), async () => {
    if (await isCurrent()) return;
    console.error("setup: installing a Backstage (about 1 min, 750 MB) …");
    const start = performance.now();
    // npm must not itself be running on the Node.js of node_modules.
    const path = PATH.split(delimiter).filter((dir) => !dir.includes("node_modules"));
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await must("npm", ["ci", ...options], {
      cwd: FOLDER,
      env: { PATH: path.join(delimiter) },
      capture: "all",
    });
    console.error(`setup: installing a Backstage: done in ${seconds(start)}`);
  });
}

async function isCurrent() {
  const modified = (path) =>
    stat(join(FOLDER, path)).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  const installed = await modified("node_modules/.package-lock.json");
  return installed > 0 && installed >= (await modified("package-lock.json"));
}
