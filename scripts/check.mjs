// `npm run check [-- --update-api]`: everything short of tests that a change has to satisfy. All of it runs, whatever
// fails; a step that passes is one line. `--update-api` rewrites
// public-api.txt.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, TARGET } from "./build.mjs";
import { all, main, NODE, ROOT, run, seconds } from "./process.mjs";
import { checkPublicApi } from "./public-api.mjs";
import { setup } from "./setup.mjs";

/** Of what is uploaded, gzipped: start-up time grows with it. The project's performance target. */
const UPLOAD_BUDGET = 256 * 1024;

const WASM = "--target=wasm32-unknown-unknown";
const STOCK_WORKER = ["--no-default-features", "--features=entry"];

const update = process.argv.includes("--update-api");

const STEPS = {
  "cargo fmt": () => run("cargo", ["fmt", "--check"], CAPTURED),
  "cargo fmt, tools": () => formatted(TOOLS),
  "cargo fmt, bench": () => formatted(BENCH_CRATES),
  "cargo fmt, fuzz": () => formatted([FUZZ]),
  "cargo fmt, example": () => run("cargo", ["fmt", "--check"], { ...CAPTURED, cwd: EXAMPLE }),
  "clippy, native": () => clippy("--all-targets", "--all-features"),
  "clippy, wasm": () => clippy("--lib", WASM, ...STOCK_WORKER),
  "clippy, example": () => clippyExample("--all-targets"),
  "clippy, example, wasm": () => clippyExample("--lib", WASM),
  "fuzz targets": fuzzTargets,
  "rustdoc, native": () => rustdoc("--all-features"),
  "rustdoc, wasm": () => rustdoc("--lib", WASM, ...STOCK_WORKER),
  "pure core": pureCore,
  "on worker": onWorker,
  package: packaged,
  "public API": () => checkPublicApi({ update }),
  modules: () => run(NODE, ["scripts/modules.mjs"], CAPTURED),
  biome: () => run(NODE, ["node_modules/@biomejs/biome/bin/biome", "ci"], CAPTURED),
  "upload size": uploadSize,
  "wrangler deploy": dryDeploy,
};

const BARE = ["--no-default-features", "--locked"];

const CAPTURED = { capture: "all" };
const TOOLS = ["bindgen", "public-api"].map((name) => join(ROOT, "tools", name));
const EXAMPLE = join(ROOT, "examples", "custom-resolver");
const FUZZ = join(ROOT, "fuzz");
const BENCH_CRATES = ["crypto", "custom"].map((name) => join(ROOT, "bench", name));

/** The `include` of Cargo.toml, and what cargo adds to it. */
const PACKAGED =
  /^(docs\/(configuration|custom-resolvers|doctor)\.md|src\/.+\.(rs|mjs)|tests\/.+\.(rs|json|yaml)|[A-Z]+(\.md)?|Cargo\.(lock|toml|toml\.orig)|wrangler\.toml|\.cargo_vcs_info\.json)$/;

await main(import.meta.url, async () => {
  await setup();
  for (const [name, step] of Object.entries(STEPS)) {
    const start = performance.now();
    const { code, output } = await step().catch(({ message }) => ({ code: 1, output: message }));
    console.log(`${code === 0 ? "ok    " : "FAILED"}  ${name.padEnd(21)} ${seconds(start)}`);
    if (code !== 0) {
      console.log(output);
      process.exitCode = 1;
    }
  }
});

async function formatted(crates) {
  const results = await all(
    crates.map((cwd) => run("cargo", ["fmt", "--check"], { ...CAPTURED, cwd })),
  );
  return results.find(({ code }) => code !== 0) ?? results[0];
}

function clippy(...args) {
  return run("cargo", clippyArgs(args), CAPTURED);
}

function clippyExample(...args) {
  const env = { CARGO_TARGET_DIR: TARGET };
  return run("cargo", clippyArgs(args), { ...CAPTURED, cwd: EXAMPLE, env });
}

function clippyArgs(args) {
  return ["clippy", "--quiet", "--locked", ...args, "--", "-Dwarnings"];
}

function rustdoc(...args) {
  const flags = ["--quiet", "--locked", "--no-deps", "--document-private-items"];
  return run("cargo", ["doc", ...flags, ...args], {
    ...CAPTURED,
    env: { RUSTDOCFLAGS: "-Dwarnings" },
  });
}

/** That they compile, without libFuzzer. `npm run fuzz` runs them. */
function fuzzTargets() {
  const args = ["check", "--quiet", "--locked", "--lib", "--bins"];
  const env = { CARGO_TARGET_DIR: TARGET, CUSTOM_LIBFUZZER_PATH: "/not/linked" };
  return run("cargo", args, { ...CAPTURED, cwd: FUZZ, env });
}

async function uploadSize() {
  const { gzip } = await build();
  const output = `${gzip} bytes gzipped; ${UPLOAD_BUDGET} are allowed`;
  return { code: gzip <= UPLOAD_BUDGET ? 0 : 1, output };
}

/** That wrangler accepts wrangler.toml and the module. Nothing leaves the machine. */
async function dryDeploy() {
  const out = await mkdtemp(join(tmpdir(), "dry-deploy-"));
  const wrangler = "node_modules/wrangler/bin/wrangler.js";
  try {
    return await run(NODE, [wrangler, "deploy", "--dry-run", "--outdir", out], {
      ...CAPTURED,
      env: { WRANGLER_SEND_METRICS: "false" },
    });
  } finally {
    await rm(out, { recursive: true });
  }
}

/** That without features there is no JavaScript crate, so that the core cannot use one. */
async function pureCore() {
  const checked = await run("cargo", ["check", "--quiet", "--lib", ...BARE], CAPTURED);
  const tree = await dependencies("--target=all", ...BARE);
  const foreign = tree.output.match(/^(js-sys|wasm-bindgen|web-sys|worker)\b.*$/gm) ?? [];
  const output = `${checked.output}${tree.code === 0 ? foreign.join("\n") : tree.output}`;
  return { code: checked.code || tree.code || Math.min(foreign.length, 1), output };
}

/** That the stock Worker is built on the crate `worker`. */
async function onWorker() {
  const tree = await dependencies("--locked", WASM, ...STOCK_WORKER);
  const found = /^worker v/m.test(tree.output);
  return { code: tree.code || (found ? 0 : 1), output: `no crate \`worker\` in:\n${tree.output}` };
}

function dependencies(...args) {
  return run("cargo", ["tree", "--edges=normal", "--prefix=none", ...args], CAPTURED);
}

/**
 * That the package has no warning, a README and no file that only this repository needs. What it holds
 * is compiled by tests/examples/outside-crate.test.mjs.
 */
async function packaged() {
  const args = ["package", "--list", "--locked", "--allow-dirty"];
  const { code, output } = await run("cargo", args, CAPTURED);
  const files = output.trimEnd().split("\n");
  const wrong = files.filter((line) => !PACKAGED.test(line));
  return { code: code || Math.min(wrong.length, 1), output: code ? output : wrong.join("\n") };
}
