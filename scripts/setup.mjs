// What has to be on the machine before anything else can run. Every command comes through here;
// when nothing is missing it says nothing and takes a moment. Node.js built-ins only.

import { createHash } from "node:crypto";
import { access, constants, copyFile, readdir, readFile, rename, stat } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { withLock } from "./lock.mjs";
import { all, Failure, main, must, NODE, PATH, ROOT, run, seconds } from "./process.mjs";

const TOOLS = join(ROOT, ".tools");

/** Everything, side by side: npm waits for the network while cargo uses the processor. */
export async function setup() {
  await all([npmPackages(), bindgenTool()]);
}

/** node_modules as package-lock.json has them. */
export const npmPackages = once(async () => {
  if (await npmIsCurrent()) return;
  await withLock(join(TOOLS, "npm.lock"), async () => {
    if (await npmIsCurrent()) return;
    // npm deletes node_modules first: it must not itself be running on the Node.js in there.
    const path = PATH.split(delimiter).filter((dir) => !dir.includes("node_modules"));
    await step("installing the npm packages (about 20 s)", () =>
      must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        env: { PATH: path.join(delimiter) },
        capture: "all",
      }),
    );
  });
});

async function npmIsCurrent() {
  const installed = await modified("node_modules/.package-lock.json");
  return installed >= (await modified("package-lock.json")) && exists(NODE);
}

/** The toolchain of rust-toolchain.toml, with its components and targets. */
export const rustToolchain = once(async () => {
  if ((await missingFromRust()).length === 0) return;
  await withLock(join(TOOLS, "rust.lock"), installRust);
});

async function installRust() {
  const { channel, components, targets } = await wantedRust();
  if ((await run("rustup", ["--version"], { capture: "all" })).code !== 0) {
    const missing = (await missingFromRust()).join(", ");
    throw new Failure(
      `Rust lacks ${missing}, and there is no rustup to install it: see https://rustup.rs`,
    );
  }
  // An overriding RUSTUP_TOOLCHAIN is the user's own: only what it lacks is added to it.
  if (!process.env.RUSTUP_TOOLCHAIN) {
    const installed = await must("rustup", ["toolchain", "list"], { capture: "all" });
    if (!installed.split("\n").some((line) => line.startsWith(channel))) {
      await step(`installing Rust ${channel} (about 30 s)`, () =>
        must("rustup", ["toolchain", "install", channel, "--profile", "minimal"], {
          capture: "all",
        }),
      );
    }
  }
  const missing = await missingFromRust();
  if (missing.length === 0) return;
  await step(`adding to Rust: ${missing.join(", ")}`, async () => {
    await must("rustup", ["component", "add", ...components], { capture: "all" });
    await must("rustup", ["target", "add", ...targets], { capture: "all" });
  });
}

/** What rust-toolchain.toml asks for and the toolchain in force does not have. */
async function missingFromRust() {
  const { channel, components, targets } = await wantedRust();
  const { code, output } = await run("rustc", ["--print", "sysroot"], { capture: "all" });
  if (code !== 0) return [`toolchain ${channel}`];
  const sysroot = output.trim();
  const programs = { clippy: "cargo-clippy", rustfmt: "rustfmt" };
  const wanted = [
    ...components.map((name) => [name, join(sysroot, "bin", programs[name])]),
    ...targets.map((name) => [name, join(sysroot, "lib", "rustlib", name, "lib")]),
  ];
  const found = await Promise.all(wanted.map(([, path]) => exists(path)));
  return wanted.filter((_, index) => !found[index]).map(([name]) => name);
}

const wantedRust = once(async () => {
  const toml = await readFile(join(ROOT, "rust-toolchain.toml"), "utf8");
  const list = (key) =>
    [...(toml.match(new RegExp(`^${key} = \\[(.*)\\]`, "m"))?.[1] ?? "").matchAll(/"(.+?)"/g)].map(
      ([, name]) => name,
    );
  return {
    channel: toml.match(/^channel = "(.+)"/m)[1],
    components: list("components"),
    targets: list("targets"),
  };
});

/** The path of tools/bindgen, compiled. */
export const bindgenTool = once(async () => {
  await checkBindgenVersion(join(ROOT, "Cargo.lock"));
  return compiledTool("bindgen", "bindgen", "the wasm-bindgen tool (about 45 s alone)");
});

/** The path of tools/public-api, compiled. */
export const publicApiTool = once(() =>
  compiledTool("public-api", "public-api-list", "the tool that lists the public API (about 20 s)"),
);

/**
 * The programs of worker-build and wasm-bindgen from crates.io, in the versions of Cargo.lock, and the
 * others that worker-build calls from npm: it would download all of them from GitHub. Returns the path of
 * worker-build, and the variables with which it takes these.
 */
export const workerBuild = once(async () => {
  const lock = join(ROOT, "Cargo.lock");
  const version = await lockedVersion(lock, "worker");
  const bindgenVersion = await lockedVersion(lock, "wasm-bindgen");
  const root = join(TOOLS, `worker-build-${version}-${bindgenVersion}`);
  const bin = (name) => join(root, "bin", name);
  const crates = { "worker-build": version, "wasm-bindgen-cli": bindgenVersion };
  await withLock(join(TOOLS, "worker-build.lock"), async () => {
    for (const [name, number] of Object.entries(crates)) {
      if (await exists(bin(name.replace("-cli", "")))) continue;
      const args = ["install", "--locked", "--quiet", "--root", root, `${name}@${number}`];
      await step(`building ${name} (about 2 min)`, () =>
        must("cargo", [...args, "--target-dir", join(TOOLS, "target")]),
      );
    }
  });
  await npmPackages();
  const npm = (name) => join(ROOT, "node_modules", ".bin", name);
  return {
    program: bin("worker-build"),
    env: {
      WASM_BINDGEN_BIN: bin("wasm-bindgen"),
      WASM_OPT_BIN: npm("wasm-opt"),
      ESBUILD_BIN: npm("esbuild"),
    },
  };
});

/** A crate of tools/, compiled. The program's name has a hash of its source: if it exists, it is current. */
async function compiledTool(name, binary, what) {
  const crate = join(ROOT, "tools", name);
  const hash = createHash("sha256");
  for (const file of ["Cargo.toml", "Cargo.lock", "src/main.rs"]) {
    hash.update(await readFile(join(crate, file)));
  }
  const program = join(TOOLS, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (await exists(program)) return program;

  await rustToolchain();
  await withLock(join(TOOLS, `${name}.lock`), async () => {
    if (await exists(program)) return;
    const target = join(TOOLS, "target");
    await step(`building ${what}`, () =>
      must("cargo", ["build", "--release", "--locked", "--quiet", "--target-dir", target], {
        cwd: crate,
      }),
    );
    await copyFile(join(target, "release", binary), `${program}.new`);
    await rename(`${program}.new`, program);
  });
  return program;
}

/** wasm-bindgen's tool reads only what its library of the very same version has written. */
export async function checkBindgenVersion(lock) {
  const toolLock = join(ROOT, "tools", "bindgen", "Cargo.lock");
  if (!(await stat(lock).catch(() => undefined))) {
    throw new Failure(`${lock} is missing: run \`cargo generate-lockfile\` in that folder`);
  }
  const library = await lockedVersion(lock, "wasm-bindgen");
  const tool = await lockedVersion(toolLock, "wasm-bindgen-cli-support");
  if (library === tool) return;
  throw new Failure(
    `${lock} has wasm-bindgen ${library}, tools/bindgen has wasm-bindgen-cli-support ${tool}.\n` +
      "They must be the same. Either\n" +
      `  write "=${library}" in tools/bindgen/Cargo.toml and run\n` +
      "  cargo update --manifest-path tools/bindgen/Cargo.toml wasm-bindgen-cli-support\n" +
      `or go back with  cargo update --manifest-path ${join(dirname(lock), "Cargo.toml")} wasm-bindgen --precise ${tool}`,
  );
}

async function lockedVersion(lock, name) {
  const text = await readFile(lock, "utf8");
  return text.match(new RegExp(`^name = "${name}"\\nversion = "(.+)"`, "m"))?.[1];
}

const BROWSERS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The path of a Chromium for the browser tests: CHROME_PATH, else one found, else installed. */
export const chromium = once(async () => {
  if (process.env.CHROME_PATH) {
    if (await exists(process.env.CHROME_PATH)) return process.env.CHROME_PATH;
    throw new Failure(`CHROME_PATH is ${process.env.CHROME_PATH}, which is not a program`);
  }
  const found = await findBrowser();
  if (found) return found;
  await withLock(join(TOOLS, "chromium.lock"), async () => {
    if (!(await findBrowser())) await installBrowser();
  });
  const installed = await findBrowser();
  if (installed) return installed;
  throw new Failure("no Chromium was found: install one, or set CHROME_PATH to it");
});

/** Downloaded browsers stay inside the project. */
const DOWNLOADED = join(TOOLS, "browsers");

async function findBrowser() {
  for (const browser of BROWSERS) {
    for (const dir of browser.startsWith("/") ? [""] : PATH.split(delimiter)) {
      if (await exists(join(dir, browser))) return join(dir, browser);
    }
  }
  const files = await readdir(DOWNLOADED, { recursive: true }).catch(() => []);
  const shell = files.find((file) => /[/\\](chrome-)?headless[_-]shell$/.test(file));
  return shell && join(DOWNLOADED, shell);
}

async function installBrowser() {
  if (await canInstall()) {
    await step("installing Chromium with apt-get (about 60 s)", () => aptInstall("chromium"));
    return;
  }
  await npmPackages();
  const playwright = join(ROOT, "node_modules", "playwright-core", "cli.js");
  await step("downloading Chromium with playwright-core (about 30 s)", () =>
    must(NODE, [playwright, "install", "chromium-headless-shell"], {
      capture: "all",
      env: { PLAYWRIGHT_BROWSERS_PATH: DOWNLOADED },
    }),
  );
}

/**
 * The path of wrk, the load generator of the bench: one found, else installed where that is ours to
 * do. Undefined where it is not or fails: then the bench makes its load itself.
 */
export const wrk = once(async () => {
  const found = await onPath("wrk");
  if (found || !(await canInstall())) return found;
  await withLock(join(TOOLS, "wrk.lock"), async () => {
    if (await onPath("wrk")) return;
    await step("installing wrk with apt-get (about 10 s)", () => aptInstall("wrk")).catch(
      ({ message }) => console.error(`setup: ${message}\nsetup: going on without wrk`),
    );
  });
  return onPath("wrk");
});

/** The path of a program, if there is one of that name. */
export async function onPath(program) {
  for (const dir of PATH.split(delimiter)) {
    if (await exists(join(dir, program))) return join(dir, program);
  }
  return undefined;
}

async function canInstall() {
  const isRoot = process.getuid?.() === 0;
  return isRoot && (await run("apt-get", ["--version"], { capture: "all" })).code === 0;
}

async function aptInstall(name) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get", ["update"], { capture: "all" });
  await must("apt-get", ["install", "-y", "--no-install-recommends", name], {
    capture: "all",
    env,
  });
}

/** Does one thing that takes a while, saying so. */
async function step(what, body) {
  const start = performance.now();
  console.error(`setup: ${what} …`);
  const result = await body();
  console.error(`setup: ${what.replace(/ \(.*/, "")}: done in ${seconds(start)}`);
  return result;
}

function once(body) {
  let result;
  return () => {
    result ??= body();
    return result;
  };
}

async function exists(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function modified(path) {
  return stat(join(ROOT, path)).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

await main(import.meta.url, setup);
