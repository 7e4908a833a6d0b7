// `npm run build [CRATE]`: the Worker that a crate is, in CRATE/build/: worker.wasm, and worker.mjs
// to go with it. Without CRATE, this project's own.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { withLock } from "./lock.mjs";
import { all, Failure, main, must, NODE, ROOT, seconds } from "./process.mjs";
import { bindgenTool, checkBindgenVersion, npmPackages, rustToolchain } from "./setup.mjs";

const GLUE = join(ROOT, "src", "worker");

/** Where cargo compiles, whatever the crate: most of the work is in the dependencies they share. */
export const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

/**
 * What wasm-opt does to the module: for speed, as often as it gets smaller by that. Only what rustc emits
 * is enabled; with --all-features, wasm-opt writes encodings that workerd refuses.
 */
const WASM_OPT = [
  "-O3",
  "--converge",
  "--low-memory-unused",
  "--enable-bulk-memory",
  "--enable-bulk-memory-opt",
  "--enable-multivalue",
  "--enable-mutable-globals",
  "--enable-nontrapping-float-to-int",
  "--enable-reference-types",
  "--enable-sign-ext",
];

/** Builds what has changed. Returns the sizes of what is then there, in bytes. */
export async function build(crate = ROOT) {
  const start = performance.now();
  await checkBindgenVersion(join(crate, "Cargo.lock"));
  // On a fresh machine all three take long; cargo is the one to say whether the Rust has changed.
  const [bindgen, compiled] = await all([bindgenTool(), compile(crate), npmPackages()]);

  const out = join(crate, "build");
  const fresh = await withLock(join(out, ".lock"), async () => {
    const inputs = await digest(compiled, bindgen);
    if (inputs === (await readFile(join(out, ".inputs"), "utf8").catch(() => ""))) return true;
    await assemble(compiled, bindgen, out);
    await writeFile(join(out, ".inputs"), inputs);
    return false;
  });

  const sizes = await measure(out);
  const files = sizes.files.map(({ name, raw }) => `${name} ${kib(raw)}`).join(" + ");
  const time = fresh ? "up to date" : seconds(start);
  console.error(`build: ${files}; ${kib(sizes.gzip)} gzipped (${time})`);
  return sizes;
}

/** Compiles the crate. Returns the path of its wasm. */
export async function compile(crate) {
  await rustToolchain();
  const messages = await must(
    "cargo",
    [
      "rustc",
      "--release",
      "--lib",
      "--crate-type=cdylib",
      "--locked",
      "--target=wasm32-unknown-unknown",
      // Of this package only the stock Worker; another crate says itself what it needs.
      ...(resolve(crate) === resolve(ROOT) ? ["--no-default-features", "--features=entry"] : []),
      "--message-format=json-render-diagnostics",
    ],
    {
      cwd: crate,
      capture: "stdout",
      env: { CARGO_TARGET_DIR: TARGET, CARGO_ENCODED_RUSTFLAGS: REMAP.join("\x1f") },
    },
  );
  // The crate itself is what cargo names last.
  const wasm = messages
    .split("\n")
    .filter((line) => line.startsWith('{"reason":"compiler-artifact"'))
    .flatMap((line) => JSON.parse(line).filenames)
    .filter((path) => path.endsWith(".wasm"))
    .at(-1);
  if (!wasm) throw new Failure(`${crate} has no library`);
  return wasm;
}

/** What is uploaded does not name the directories of the machine it was built on. */
const REMAP = [
  `--remap-path-prefix=${process.env.CARGO_HOME ?? join(homedir(), ".cargo")}=cargo`,
  `--remap-path-prefix=${ROOT}=`,
];

/** Names a state of everything that the result depends on. */
async function digest(compiled, bindgen) {
  const sources = (await readdir(GLUE)).filter((name) => name.endsWith(".mjs")).sort();
  const hash = createHash("sha256").update(bindgen);
  for (const path of [
    compiled,
    ...sources.map((name) => join(GLUE, name)),
    join(ROOT, "package-lock.json"),
    fileURLToPath(import.meta.url),
  ]) {
    hash.update(await readFile(path));
  }
  return hash.digest("hex");
}

/** Turns compiled Rust into the two files that are uploaded. With `names`, functions keep theirs. */
export async function assemble(compiled, bindgen, out, { names = false } = {}) {
  const stage = join(out, ".stage");
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage, { recursive: true });

  await must(bindgen, [compiled, stage]);
  // The syntax of source phase imports; workerd has the module under the older one.
  const glue = join(stage, "glue.js");
  const text = await readFile(glue, "utf8");
  const source = 'import source wasmModule from "./glue_bg.wasm"';
  if (!text.includes(source)) throw new Failure(`${glue} no longer says \`${source}\``);
  if (!/^export (function fetch\(|\{ \w+ as fetch \})/m.test(text)) {
    throw new Failure(`${compiled} answers no request: it has no #[event(fetch)]`);
  }
  const registry = "new FinalizationRegistry(";
  const rewritten = text
    .replace(source, 'import wasmModule from "./worker.wasm"')
    // So that esbuild drops those of classes that nothing uses.
    .replaceAll(registry, `/* @__PURE__ */ ${registry}`);
  await writeFile(glue, rewritten);

  const wasm = join(stage, "worker.wasm");
  const mjs = join(stage, "worker.mjs");
  await bundle(glue, mjs);
  const pruned = await prune(join(stage, "glue_bg.wasm"), mjs, names);
  const optimize = join(ROOT, "node_modules", "binaryen", "bin", "wasm-opt");
  const debug = names ? ["-g"] : [];
  await must(NODE, [optimize, pruned, "-o", wasm, ...WASM_OPT, ...debug]);
  // Renamed, so that no process reads half a file.
  await rm(join(out, ".inputs"), { force: true });
  await rename(wasm, join(out, "worker.wasm"));
  await rename(mjs, join(out, "worker.mjs"));
  await rm(stage, { recursive: true });
}

/**
 * Removes the exports that the bundle does not name: the crate `worker` exports the classes of bindings
 * that this Worker does not have. Returns the path of the module without them. wasm-metadce would do the
 * same and more, but orders the functions by use, which gzip makes 4 KiB more of.
 */
async function prune(wasm, bundled, names) {
  const { default: binaryen } = await import("binaryen");
  const words = new Set((await readFile(bundled, "utf8")).match(/[\w$]+/g));
  binaryen.setDebugInfo(names);
  const module = binaryen.readBinary(await readFile(wasm));
  const exported = Array.from({ length: module.getNumExports() }, (_, index) =>
    binaryen.getExportInfo(module.getExportByIndex(index)),
  );
  for (const { name } of exported) if (!words.has(name)) module.removeExport(name);
  const pruned = `${wasm}.pruned`;
  await writeFile(pruned, module.emitBinary());
  module.dispose();
  return pruned;
}

/** One module of src/worker/entry.mjs around the glue of some wasm. */
export async function bundle(glue, outfile) {
  const esbuild = await import("esbuild");
  await esbuild.build({
    entryPoints: [join(GLUE, "entry.mjs")],
    outfile,
    alias: { "wasm-glue": glue },
    bundle: true,
    external: ["*.wasm", "cloudflare:*"],
    inject: [join(GLUE, "microtask.mjs")],
    format: "esm",
    legalComments: "none",
    // A Worker without a handler for an event does not export one.
    logOverride: { "import-is-undefined": "silent" },
    logLevel: "warning",
    minify: true,
    // Nothing says `using`; and setting this member of a class counts as a use of it.
    define: { "Symbol.dispose": "undefined" },
    target: "es2022",
  });
}

async function measure(out) {
  const files = await Promise.all(
    ["worker.wasm", "worker.mjs"].map(async (name) => {
      const content = await readFile(join(out, name));
      return { name, raw: content.length, gzip: gzipSync(content, { level: 9 }).length };
    }),
  );
  return { files, gzip: files.reduce((sum, { gzip }) => sum + gzip, 0) };
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}

await main(import.meta.url, ([crate]) => build(crate && resolve(crate)));
