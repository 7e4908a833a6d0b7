// `npm run test:backstage [-- [--newest] NAME…]`: the tests against a real Backstage, or the test files
// named. Its packages have a folder, a lock file and an installation of their own under tests/backstage.
//
// --newest runs a copy of that folder, tests/backstage-newest, with the newest version of every Backstage
// package. Nothing of it is committed.

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { build } from "./build.mjs";
import { withLock } from "./lock.mjs";
import { CFACCESS, Failure, main, must, NODE, PATH, ROOT, run, seconds } from "./process.mjs";
import { chromium } from "./setup.mjs";

const PINNED = join(ROOT, "tests", "backstage");
const NEWEST = join(ROOT, "tests", "backstage-newest");
/** A backend that hangs must not hold up everything. A file is a test too: the longest takes a minute. */
const TEST_LIMIT_MS = 10 * 60_000;
/** Nor does a test that blocks the very clock that would end it. All take some six minutes. */
const LIMIT_MS = 40 * 60_000;
/** The tests that open a browser. */
const IN_A_BROWSER = [
  "addresses.test.mjs",
  "app.test.mjs",
  "dev.test.mjs",
  "first-call.test.mjs",
  "own-backstage.test.mjs",
  "sign-in-page.test.mjs",
];
/** It needs neither a Worker nor a front end. */
const ONLY_PACKAGES = "catalog-verdict.test.mjs";
/** It needs the Backstage that `npm run dev` shows, which is the pinned one. */
const ONLY_PINNED = ["dev.test.mjs"];

await main(import.meta.url, async (args) => {
  const isNewest = args.includes("--newest");
  const names = args.filter((arg) => arg !== "--newest");
  const files = (await readdir(PINNED))
    .filter((file) => file.endsWith(".test.mjs"))
    .filter((file) => names.length === 0 || names.includes(file.replace(".test.mjs", "")))
    .filter((file) => !isNewest || !ONLY_PINNED.includes(file));
  if (files.length === 0) throw new Failure(`no test named ${names.join(" or ")}`);
  const needsWorker = files.some((file) => file !== ONLY_PACKAGES);
  if (needsWorker) await build();
  await must("cargo", ["build", ...CFACCESS]);
  const folder = isNewest ? await newestPackages() : await backstagePackages();
  if (needsWorker) await frontEnds(folder);

  // One after another: two backends at once are slow on a small machine.
  const options = ["--test", "--test-concurrency=1", `--test-timeout=${TEST_LIMIT_MS}`];
  const paths = files.map((file) => join(folder, file));
  const inBrowser = files.some((file) => IN_A_BROWSER.includes(file));
  const env = { BACKSTAGE_FOLDER: folder };
  if (inBrowser) env.CHROME_PATH = await chromium();
  const { code } = await run(NODE, [...options, ...paths], { env, limitMs: LIMIT_MS });
  if (code !== 0) process.exitCode = 1;
});

/** node_modules as the lock file has them, installed once and kept. Returns the folder. */
export function backstagePackages() {
  return installed(PINNED, ["ci", "--prefer-offline"]);
}

/** The same folder, with the newest versions. They are installed again when the copy has changed. */
async function newestPackages() {
  const kept = ["node_modules", "package-lock.json"];
  for (const name of await readdir(NEWEST).catch(() => [])) {
    if (!kept.includes(name)) await rm(join(NEWEST, name), { recursive: true });
  }
  await mkdir(NEWEST, { recursive: true });
  const made = new Set(["node_modules", "dist", "package-lock.json"]);
  await cp(PINNED, NEWEST, {
    recursive: true,
    filter: (path) => !made.has(path.split("/").at(-1)),
  });
  const manifest = JSON.parse(await readFile(join(PINNED, "package.json"), "utf8"));
  for (const name of Object.keys(manifest.dependencies)) {
    if (name.startsWith("@backstage/")) {
      const view = ["view", name, "version", "--json"];
      manifest.dependencies[name] = JSON.parse(await must("npm", view, { capture: "stdout" }));
    }
  }
  await writeFile(join(NEWEST, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return installed(NEWEST, ["install"]);
}

async function installed(folder, args) {
  // What is installed, as a digest of the files that say what should be.
  const stamp = join(folder, "node_modules", ".installed");
  const isCurrent = async () =>
    (await readFile(stamp, "utf8").catch(() => "")) === (await digest(folder));
  if (await isCurrent()) return folder;
  await withLock(join(ROOT, ".tools", "backstage.lock"), async () => {
    if (await isCurrent()) return;
    console.error("setup: installing a Backstage (2 to 4 min, 1.7 GB) …");
    const start = performance.now();
    // npm must not itself be running on the Node.js of node_modules.
    const path = PATH.split(delimiter).filter((dir) => !dir.includes("node_modules"));
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await must("npm", [...args, "--fetch-retries=5", ...options], {
      cwd: folder,
      env: { PATH: path.join(delimiter) },
      capture: "all",
    });
    await writeFile(stamp, await digest(folder));
    console.error(`setup: installing a Backstage: done in ${seconds(start)}`);
  });
  return folder;
}

/** By content: a fresh clone, to which an installation is brought along, has new times. */
async function digest(folder) {
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json"]) {
    hash.update(await readFile(join(folder, file)).catch(() => ""));
  }
  return hash.digest("hex");
}

async function frontEnds(folder) {
  const { buildFrontEnds } = await import(join(folder, "front-end.mjs"));
  await withLock(join(ROOT, ".tools", "front-end.lock"), buildFrontEnds);
}
