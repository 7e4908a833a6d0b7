// `npm test [-- SUITE… [FILE…] [-t NAME]]`: every test, the suites named, the files named of one suite, or the
// tests with a name that contains NAME. A suite that fails does not stop the rest. `worker-build` runs only if
// it is named.
//
//   npm test -- core                         the Rust tests
//   npm test -- core cli                     one test target; or a module: npm test -- core gate
//   npm test -- edge session -t "HEAD"       one file, tests by name

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, TARGET } from "./build.mjs";
import { packages } from "./package.mjs";
import { CFACCESS, Failure, main, NODE, ROOT, run, seconds } from "./process.mjs";
import { chromium, rustToolchain } from "./setup.mjs";

/** No test waits for ever for what does not come. The slowest takes some ten seconds. */
const TEST_LIMIT_MS = 180_000;
/** Nor does a suite, should a test block the very clock that would end it. */
const SUITE_LIMIT_MS = 20 * 60_000;

const EXAMPLE = join(ROOT, "examples", "custom-resolver");

/** The line of a test. A file in which no test has the name is reported as one that passed. */
const SOME_TEST = /^\s*[✔✖] (?!tests\/\S+\.test\.mjs )/m;

/** The test targets of Cargo.toml. Any other file of `core` is a module of one of them. */
const TARGETS = ["cli", "core", "documents", "library"];

/** Each suite, and how to run it or a part of it: resolves to whether it passed. */
const SUITES = {
  core: (part) => cargoTests(part),
  build: (part) => nodeTests("tests/build", part),
  dev: async (part) => (await cli()) && nodeTests("tests/dev", part),
  edge: (part) => nodeTests("tests/edge", part),
  examples: async (part) =>
    (await cli()) &&
    (await exampleTests()) &&
    (await buildExamples()) &&
    nodeTests("tests/examples", part),
  "worker-build": (part) => nodeTests("tests/worker-build", part),
  // Compiled before the tests, which have a time limit.
  package: async (part) =>
    (await packages()) && nodeTests("tests/package", part, { CHROME_PATH: await chromium() }),
  bench: async (part) =>
    (await cli()) && (await build(join(ROOT, "bench", "custom"))) && nodeTests("tests/bench", part),
  browser: async (part) =>
    (await cli()) && nodeTests("tests/browser", part, { CHROME_PATH: await chromium() }),
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

/**
 * What the arguments choose.
 *
 * @returns {{ suites: string[], files: string[], name?: string }}
 */
export function selection(args) {
  const { values, positionals } = parsed(args);
  const end = positionals.findIndex((it) => !Object.hasOwn(SUITES, it));
  const suites = end < 0 ? positionals : positionals.slice(0, end);
  const files = end < 0 ? [] : positionals.slice(end);
  if (files.length > 0 && suites.length !== 1) {
    throw new Failure(
      `no suite "${files[0]}": there are ${Object.keys(SUITES).join(", ")}. ` +
        "A file follows its suite, as in `npm test -- edge session`",
    );
  }
  const all = Object.keys(SUITES).filter((it) => !ON_DEMAND.includes(it));
  return { suites: suites.length === 0 ? all : suites, files, name: values.name };
}

function parsed(args) {
  try {
    const options = { name: { type: "string", short: "t" } };
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Failure(error.message);
  }
}

/** The arguments of `cargo test` for the files and the name chosen. */
export function cargoArguments({ files, name }) {
  const targets = files.filter((file) => TARGETS.includes(file));
  const modules = files.filter((file) => !TARGETS.includes(file));
  const filters =
    modules.length > 0 ? modules.map((file) => `${file}::${name ?? ""}`) : name ? [name] : [];
  return [
    ...["test", "--locked", "--all-features"],
    ...targets.flatMap((target) => ["--test", target]),
    ...(filters.length > 0 ? ["--", ...filters] : []),
  ];
}

await main(import.meta.url, async (args) => {
  const { suites: chosen, ...part } = selection(args);
  await (chosen.every((name) => name === "core") ? rustToolchain() : build());

  const results = [];
  for (const name of chosen) {
    console.log(`\n── ${name} ──`);
    const start = performance.now();
    const passed = await SUITES[name](part);
    results.push({ name, passed, time: seconds(start) });
  }
  console.log("");
  for (const { name, passed, time } of results) {
    console.log(`${name.padEnd(12)} ${passed ? "passed" : "FAILED"} (${time})`);
  }
  if (results.some(({ passed }) => !passed)) process.exitCode = 1;
});

async function cargoTests(part) {
  return someTests(part, "cargo", cargoArguments(part), /^test result: ok\. [1-9]/m);
}

async function nodeTests(dir, part, env) {
  const names = (await readdir(join(ROOT, dir)).catch(() => [])).filter((name) =>
    name.endsWith(".test.mjs"),
  );
  const isChosen = (name) =>
    part.files.some((file) => name === `${file}.test.mjs` || name === file);
  const chosen = part.files.length === 0 ? names : names.filter(isChosen);
  if (chosen.length === 0 || chosen.length < part.files.length) {
    const stems = names.map((name) => name.replace(".test.mjs", ""));
    console.error(`${dir} has ${stems.join(", ")}; not ${part.files.join(" or ")}`);
    return false;
  }
  const args = ["--test", "--test-reporter=spec", `--test-timeout=${TEST_LIMIT_MS}`];
  if (part.name !== undefined) args.push(`--test-name-pattern=${escaped(part.name)}`);
  args.push(...chosen.map((name) => join(dir, name)));
  return someTests(part, NODE, args, SOME_TEST, { env, limitMs: SUITE_LIMIT_MS });
}

/** A text as a pattern that matches it. */
function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Runs tests. A name that no test has is a failure, which both runners take for a success. */
async function someTests({ files, name }, command, args, someRan, options) {
  if (name === undefined && files.length === 0) return passes(command, args, options);
  const { code, output } = await run(command, args, { ...options, capture: "stdout" });
  process.stdout.write(output);
  if (code === 0 && !someRan.test(output)) {
    console.error(`no test matches ${[...files, name].filter(Boolean).join(" ")}`);
    return false;
  }
  return code === 0;
}

async function passes(command, args, options) {
  const { code, output } = await run(command, args, options);
  process.stderr.write(output);
  return code === 0;
}
