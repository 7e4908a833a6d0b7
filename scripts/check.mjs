// `npm run check`: everything short of tests that a change has to satisfy. All of it runs, whatever
// fails; a step that passes is one line.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, TARGET } from "./build.mjs";
import { main, NODE, ROOT, run, seconds } from "./process.mjs";
import { setup } from "./setup.mjs";

/** Of what is uploaded, gzipped: start-up time grows with it. The project's performance target. */
const UPLOAD_BUDGET = 256 * 1024;

const WASM = "--target=wasm32-unknown-unknown";
const STOCK_WORKER = ["--no-default-features", "--features=entry"];

const STEPS = {
  "cargo fmt": () => run("cargo", ["fmt", "--check"], CAPTURED),
  "cargo fmt, tool": () => run("cargo", ["fmt", "--check"], { ...CAPTURED, cwd: TOOL }),
  "cargo fmt, bench": () => run("cargo", ["fmt", "--check"], { ...CAPTURED, cwd: BENCH_CRYPTO }),
  "cargo fmt, example": () => run("cargo", ["fmt", "--check"], { ...CAPTURED, cwd: EXAMPLE }),
  "clippy, native": () => clippy("--all-targets", "--all-features"),
  "clippy, wasm": () => clippy("--lib", WASM, ...STOCK_WORKER),
  "clippy, example": () => clippyExample("--all-targets"),
  "clippy, example, wasm": () => clippyExample("--lib", WASM),
  "rustdoc, native": () => rustdoc("--all-features"),
  "rustdoc, wasm": () => rustdoc("--lib", WASM, ...STOCK_WORKER),
  "pure core": pureCore,
  modules: () => run(NODE, ["scripts/modules.mjs"], CAPTURED),
  biome: () => run(NODE, ["node_modules/@biomejs/biome/bin/biome", "ci"], CAPTURED),
  "upload size": uploadSize,
  "wrangler deploy": dryDeploy,
};

const BARE = ["--no-default-features", "--locked"];

const CAPTURED = { capture: "all" };
const TOOL = join(ROOT, "tools", "bindgen");
const EXAMPLE = join(ROOT, "examples", "custom-resolver");
const BENCH_CRYPTO = join(ROOT, "bench", "crypto");

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
  const tree = await run("cargo", ["tree", "--edges=normal", "--prefix=none", ...BARE], CAPTURED);
  const foreign = tree.output.match(/^(js-sys|wasm-bindgen|web-sys|worker)\b.*$/gm) ?? [];
  const output = `${checked.output}${foreign.join("\n")}`;
  return { code: checked.code || tree.code || Math.min(foreign.length, 1), output };
}
