// `npm run fuzz [-- [--seconds N] [--only NAME…] [--replay FILE] [--minimise]]`: the targets of fuzz/ with the compiler of
// rust-toolchain.toml, each for N seconds (20) and as many at once as there are processors. `--minimise` then replaces
// fuzz/corpus/ by the fewest inputs with the same coverage. `--replay` runs one input that `--only` crashed on.

import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TARGET } from "./build.mjs";
import { all, Failure, main, must, ROOT, run } from "./process.mjs";
import { onPath, rustToolchain } from "./setup.mjs";

const FUZZ = join(ROOT, "fuzz");

/** As cargo-fuzz has them, without a sanitizer: that needs a nightly compiler, and the code has no `unsafe`. */
const FLAGS = [
  "--cfg=fuzzing",
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
  "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/** A target may use this much for one input: seconds and MB. */
const LIMITS = ["-timeout=10", "-rss_limit_mb=1024"];

const OPTIONS = {
  minimise: { type: "boolean" },
  only: { type: "string", multiple: true },
  replay: { type: "string" },
  seconds: { type: "string", default: "20" },
};

await main(import.meta.url, async (args) => {
  const { minimise, only, replay, seconds } = options(args);
  const targets = await targetNames();
  const names = only ?? targets;
  const unknown = names.find((name) => !targets.includes(name));
  if (unknown) throw new Failure(`there is no target ${unknown}: ${targets.join(", ")}`);
  const programs = await build(names);
  if (replay) {
    process.exitCode = (await run(join(programs, names[0]), [...LIMITS, replay])).code;
    return;
  }
  const results = await inTurns(names, (name) => fuzz(programs, name, seconds));
  report(results);
  if (results.some(({ crashed }) => crashed)) process.exitCode = 1;
  else if (minimise) await inTurns(names, (name) => minimised(programs, name));
});

function options(args) {
  try {
    const { values } = parseArgs({ args, options: OPTIONS });
    const seconds = Number(values.seconds);
    if (!(Number.isInteger(seconds) && seconds > 0)) throw new Error("--seconds takes a number");
    if (values.replay && values.only?.length !== 1) throw new Error("--replay needs one --only");
    return { ...values, seconds };
  } catch (error) {
    throw new Failure(error.message);
  }
}

async function targetNames() {
  const files = await readdir(join(FUZZ, "fuzz_targets"));
  return files.map((file) => file.replace(/\.rs$/, "")).sort();
}

/** Returns the folder of the programs. */
async function build(names) {
  await rustToolchain();
  const version = await must("rustc", ["-vV"], { capture: "stdout" });
  // With a target named, build scripts and procedural macros do not get the flags, with which they do not link.
  const host = version.match(/^host: (.+)$/m)[1];
  const target = join(TARGET, "fuzz");
  const args = ["build", "--release", "--locked", "--quiet", `--target=${host}`];
  console.error("fuzz: building the targets (about 3 min the first time) …");
  const bins = names.map((name) => `--bin=${name}`);
  await must("cargo", [...args, `--target-dir=${target}`, ...bins], {
    cwd: FUZZ,
    env: { CARGO_ENCODED_RUSTFLAGS: FLAGS.join("\x1f"), CXX: await cxx() },
  });
  return join(target, host, "release");
}

/** The compiler for libFuzzer, whose source is in the crate libfuzzer-sys. */
export async function cxx() {
  if (process.env.CXX) return process.env.CXX;
  for (const name of ["g++", "clang++", "c++"]) {
    if (await onPath(name)) return name;
  }
  throw new Failure("libFuzzer is C++: install g++ or clang, or set CXX to a C++ compiler");
}

async function fuzz(programs, name, seconds) {
  const found = join(FUZZ, "found", name);
  const artifacts = join(FUZZ, "artifacts", name);
  await mkdir(found, { recursive: true });
  await mkdir(artifacts, { recursive: true });
  const { code, output } = await run(
    join(programs, name),
    [
      ...LIMITS,
      `-max_total_time=${seconds}`,
      `-dict=${join(FUZZ, "dictionary.txt")}`,
      `-artifact_prefix=${artifacts}/`,
      "-print_final_stats=1",
      found,
      ...(await inputs(name)),
    ],
    { capture: "all" },
  );
  const last = (pattern) => [...output.matchAll(pattern)].at(-1)?.[1] ?? "–";
  return {
    name,
    crashed: code !== 0,
    executions: last(/^stat::number_of_executed_units: (\d+)/gm),
    before: last(/^#\d+\s+INITED cov: (\d+)/gm),
    coverage: last(/^#\d+\s.* cov: (\d+)/gm),
    corpus: last(/^#\d+\s.* corp: (\S+)/gm),
    input: last(/Test unit written to (.+)$/gm),
    output,
  };
}

async function inputs(name) {
  const folders = await Promise.all(
    ["corpus", "seeds"].map(async (kind) => {
      const folder = join(FUZZ, kind, name);
      return (await readdir(folder).catch(() => [])).length > 0 ? [folder] : [];
    }),
  );
  return folders.flat();
}

/** The corpus: of everything that was found, few inputs that reach as many edges. */
async function minimised(programs, name) {
  const corpus = join(FUZZ, "corpus", name);
  const merged = `${corpus}.new`;
  await rm(merged, { recursive: true, force: true });
  await mkdir(merged, { recursive: true });
  const found = join(FUZZ, "found", name);
  const from = [found, ...(await inputs(name))];
  const args = ["-set_cover_merge=1", "-use_counters=0", ...LIMITS, merged, ...from];
  await must(join(programs, name), args, { capture: "all" });
  await rm(corpus, { recursive: true, force: true });
  await rm(found, { recursive: true });
  await rename(merged, corpus);
  const files = await Promise.all(
    (await readdir(corpus)).map((file) => readFile(join(corpus, file))),
  );
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  console.log(`fuzz/corpus/${name}: ${files.length} inputs, ${bytes} bytes`);
}

function report(results) {
  const row = (cells) =>
    console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(14))).join(""));
  row(["target", "executions", "coverage", "corpus", "crashes"]);
  for (const { name, executions, before, coverage, corpus, crashed } of results) {
    row([name, executions, `${before} → ${coverage}`, corpus, crashed ? "1" : "0"]);
  }
  for (const { name, crashed, input, output } of results) {
    if (!crashed) continue;
    console.log(`\n${output.split("\n").slice(-60).join("\n")}`);
    console.log(`${name} ended at the input ${input}\nTo see it again:`);
    console.log(`  npm run fuzz -- --only ${name} --replay ${input}`);
  }
}

/** As many at once as there are processors. */
async function inTurns(names, body) {
  const results = [];
  const waiting = names.entries();
  const turns = Array.from({ length: availableParallelism() }, async () => {
    for (const [index, name] of waiting) results[index] = await body(name);
  });
  await all(turns);
  return results;
}
