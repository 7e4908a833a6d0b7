// `npm test [SUITE…]`: every test, or the suites named. A suite that fails does not stop the rest.
// `worker-build` runs only if it is named.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { build, TARGET } from "./build.mjs";
import { packages } from "./package.mjs";
import { CFACCESS, Failure, main, NODE, ROOT, run, seconds } from "./process.mjs";
import { chromium, rustToolchain } from "./setup.mjs";

/** No test waits for ever for what does not come. The slowest takes some ten seconds. */
const TEST_LIMIT_MS = 180_000;
/** Nor does a suite, should a test block the very clock that would end it. */
const SUITE_LIMIT_MS = 20 * 60_000;

const EXAMPLE = join(ROOT, "examples", "custom-resolver");

/** Each suite, and how to run it: resolves to whether it passed. */
const SUITES = {
  core: () => passes("cargo", ["test", "--locked", "--all-features"]),
  build: () => nodeTests("tests/build"),
  dev: async () => (await cli()) && nodeTests("tests/dev"),
  edge: () => nodeTests("tests/edge"),
  examples: async () =>
    (await cli()) &&
    (await exampleTests()) &&
    (await buildExamples()) &&
    nodeTests("tests/examples"),
  "worker-build": () => nodeTests("tests/worker-build"),
  // Compiled before the tests, which have a time limit.
  package: async () => (await packages()) && nodeTests("tests/package"),
  bench: async () => (await cli()) && nodeTests("tests/bench"),
  browser: async () =>
    (await cli()) && nodeTests("tests/browser", { CHROME_PATH: await chromium() }),
};

/** Not among those that run if none is named: its tools take minutes to compile, once. */
const ON_DEMAND = ["worker-build"];

/** The command, which fills the catalogs of `npm run dev` and of the bench. */
const cli = () => passes("cargo", ["build", ...CFACCESS]);

/** The example's own tests, as its author runs them. */
const exampleTests = () =>
  passes("cargo", ["test", "--locked"], { cwd: EXAMPLE, env: { CARGO_TARGET_DIR: TARGET } });

/** The example, and a Worker whose resolvers fail. */
async function buildExamples() {
  for (const crate of [EXAMPLE, join(ROOT, "tests", "examples", "faulty")]) await build(crate);
  return true;
}

await main(import.meta.url, async (names) => {
  for (const name of names) {
    if (!Object.hasOwn(SUITES, name)) {
      throw new Failure(`no suite "${name}": there are ${Object.keys(SUITES).join(", ")}`);
    }
  }
  const chosen =
    names.length === 0 ? Object.keys(SUITES).filter((it) => !ON_DEMAND.includes(it)) : names;
  await (chosen.every((name) => name === "core") ? rustToolchain() : build());

  const results = [];
  for (const name of chosen) {
    console.log(`\n── ${name} ──`);
    const start = performance.now();
    const passed = await SUITES[name]();
    results.push({ name, passed, time: seconds(start) });
  }
  console.log("");
  for (const { name, passed, time } of results) {
    console.log(`${name.padEnd(12)} ${passed ? "passed" : "FAILED"} (${time})`);
  }
  if (results.some(({ passed }) => !passed)) process.exitCode = 1;
});

async function nodeTests(dir, env) {
  const files = (await readdir(join(ROOT, dir)).catch(() => []))
    .filter((name) => name.endsWith(".test.mjs"))
    .map((name) => join(dir, name));
  const limit = `--test-timeout=${TEST_LIMIT_MS}`;
  if (files.length > 0)
    return passes(NODE, ["--test", limit, ...files], { env, limitMs: SUITE_LIMIT_MS });
  console.error(`${dir} has no *.test.mjs`);
  return false;
}

async function passes(command, args, options) {
  const { code, output } = await run(command, args, options);
  process.stderr.write(output);
  return code === 0;
}
