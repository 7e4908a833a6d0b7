// `npm run test:backstage [NAME…]`: the tests against a real Backstage, or the test files named.
// Its packages have a folder, a lock file and an installation of their own under tests/backstage.

import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { build } from "./build.mjs";
import { withLock } from "./lock.mjs";
import { CFACCESS, Failure, main, must, NODE, PATH, ROOT, run, seconds } from "./process.mjs";
import { chromium } from "./setup.mjs";

const FOLDER = join(ROOT, "tests", "backstage");
/** What is installed, as a digest of the files that say what should be. */
const STAMP = join(FOLDER, "node_modules", ".installed");
/** A backend that hangs must not hold up everything. A file is a test too: the longest takes a minute. */
const TEST_LIMIT_MS = 10 * 60_000;
/** Nor does a test that blocks the very clock that would end it. All take some three minutes. */
const LIMIT_MS = 40 * 60_000;
/** The tests that open a browser. */
const IN_A_BROWSER = ["app.test.mjs", "dev.test.mjs"];

await main(import.meta.url, async (names) => {
  const files = (await readdir(FOLDER))
    .filter((file) => file.endsWith(".test.mjs"))
    .filter((file) => names.length === 0 || names.includes(file.replace(".test.mjs", "")));
  if (files.length === 0) throw new Failure(`no test named ${names.join(" or ")}`);
  await build();
  await must("cargo", ["build", ...CFACCESS]);
  await backstagePackages();

  // One after another: two backends at once are slow on a small machine.
  const options = ["--test", "--test-concurrency=1", `--test-timeout=${TEST_LIMIT_MS}`];
  const paths = files.map((file) => join("tests", "backstage", file));
  const inBrowser = files.some((file) => IN_A_BROWSER.includes(file));
  const env = inBrowser ? { CHROME_PATH: await chromium() } : {};
  const { code } = await run(NODE, [...options, ...paths], { env, limitMs: LIMIT_MS });
  if (code !== 0) process.exitCode = 1;
});

/** node_modules as the lock file has them, installed once and kept. */
export async function backstagePackages() {
  const wanted = await digest();
  if (await isInstalled(wanted)) return;
  await withLock(join(ROOT, ".tools", "backstage.lock"), async () => {
    if (await isInstalled(wanted)) return;
    console.error("setup: installing a Backstage (about 1 min, 750 MB) …");
    const start = performance.now();
    // npm must not itself be running on the Node.js of node_modules.
    const path = PATH.split(delimiter).filter((dir) => !dir.includes("node_modules"));
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await must("npm", ["ci", "--prefer-offline", "--fetch-retries=5", ...options], {
      cwd: FOLDER,
      env: { PATH: path.join(delimiter) },
      capture: "all",
    });
    await writeFile(STAMP, wanted);
    console.error(`setup: installing a Backstage: done in ${seconds(start)}`);
  });
}

/** By content: a fresh clone, to which an installation is brought along, has new times. */
async function digest() {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) {
    hash.update(await readFile(join(FOLDER, file)));
  }
  return hash.digest("hex");
}

async function isInstalled(wanted) {
  return (await readFile(STAMP, "utf8").catch(() => "")) === wanted;
}
