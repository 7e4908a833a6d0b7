// `npm run package`: the npm package backstage-cfaccess and the package of its native program for this
// platform, or for others, as tarballs in build/npm/.

import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, TARGET } from "./build.mjs";
import { CFACCESS, Failure, main, must, PATH, ROOT } from "./process.mjs";

const OUT = join(ROOT, "build", "npm");
/** This platform's program. */
const CLI = join(TARGET, "release", process.platform === "win32" ? "cfaccess.exe" : "cfaccess");
/** What the emulator needs of the packages of this repository, and wrangler for deployments. */
const DEPENDENCIES = ["jose", "miniflare", "smol-toml", "wrangler", "ws"];
/** The emulator without what only this repository has. */
const DEV = [
  "access",
  "banner.mjs",
  "debugger",
  "internet.mjs",
  "npm-parent.mjs",
  "observed-kv.mjs",
  "options.mjs",
  "origin",
  "own-backstage.mjs",
  "own-worker.mjs",
  "people.mjs",
  "run.mjs",
  "seed.mjs",
  "usage-error.mjs",
  "users.mjs",
  "worker.mjs",
];

const HERE = `${process.platform}-${process.arch}`;
const PLATFORM = /^(linux|darwin|win32)-(x64|arm64)$/;
/** A built program, as the release workflow names it. */
const PROGRAM = /^cfaccess-((?:linux|darwin|win32)-(?:x64|arm64))(?:\.exe)?$/;

/**
 * Builds the package and that of this platform's program. With `--binaries DIR` the programs are those in
 * DIR, `cfaccess-PLATFORM`, each with a package of its own. With `--platform P --binary FILE` it packs one
 * program and nothing else. Returns the paths of the tarballs.
 */
export async function packages(args = []) {
  const { platform, binary, binaries } = options(args);
  const programs = binaries === undefined ? { [HERE]: CLI } : await programsIn(binaries);
  const { version, devDependencies } = JSON.parse(await text("package.json"));
  await rm(OUT, { recursive: true, force: true });
  if (binary !== undefined) return [await packed(await nativePackage(platform, binary, version))];
  await build();
  await must("cargo", ["build", "--release", ...CFACCESS]);
  const dirs = [await mainPackage(Object.keys(programs), version, devDependencies)];
  for (const [name, program] of Object.entries(programs)) {
    dirs.push(await nativePackage(name, program, version));
  }
  const tarballs = [];
  for (const dir of dirs) tarballs.push(await packed(dir));
  return tarballs;
}

function options(args) {
  let values;
  try {
    const string = { type: "string" };
    values = parseArgs({
      args,
      options: { platform: string, binary: string, binaries: string },
    }).values;
  } catch ({ message }) {
    throw new Failure(`${message}\n  ${USAGE}`);
  }
  const { platform, binary, binaries } = values;
  if ((platform === undefined) !== (binary === undefined) || (binary && binaries)) {
    throw new Failure(`give both --platform and --binary, or --binaries, or none\n  ${USAGE}`);
  }
  if (platform !== undefined && !PLATFORM.test(platform)) {
    throw new Failure(
      `--platform ${platform}: it must be such as linux-x64, darwin-arm64 or win32-x64`,
    );
  }
  return values;
}

const USAGE = "npm run package -- [--binaries DIR | --platform PLATFORM --binary FILE]";

/** The built programs of a folder, by platform. */
export async function programsIn(dir) {
  const names = await readdir(dir).catch(({ message }) => {
    throw new Failure(`--binaries: ${message}`);
  });
  const found = names.sort().flatMap((name) => {
    const [, platform] = PROGRAM.exec(name) ?? [];
    return platform ? [[platform, join(dir, name)]] : [];
  });
  if (found.length === 0) {
    throw new Failure(`--binaries ${dir}: no file there is named such as cfaccess-linux-x64`);
  }
  return Object.fromEntries(found);
}

/** The folder of a program's package, in `out`. */
export async function nativePackage(platform, program, version, out = OUT) {
  const dir = join(out, `cli-${platform}`);
  const [os, cpu] = platform.split("-");
  const name = os === "win32" ? "cfaccess.exe" : "cfaccess";
  await mkdir(dir, { recursive: true });
  await cp(program, join(dir, name)).catch(({ message }) => {
    throw new Failure(`the program for ${platform}: ${message}`);
  });
  // An artifact that was downloaded has lost it.
  await chmod(join(dir, name), 0o755);
  await cp(join(ROOT, "LICENSE"), join(dir, "LICENSE"));
  await json(join(dir, "package.json"), {
    name: `@backstage-cfaccess/cli-${platform}`,
    version,
    description: `The program cfaccess for ${platform}`,
    license: "Apache-2.0",
    os: [os],
    cpu: [cpu],
  });
  return dir;
}

async function mainPackage(platforms, version, devDependencies) {
  const dir = join(OUT, "backstage-cfaccess");
  await cp(join(ROOT, "npm"), dir, { recursive: true });
  for (const name of DEV) await cp(join(ROOT, "dev", name), join(dir, "dev", name), RECURSIVE);
  for (const path of [
    "build/worker.mjs",
    "build/worker.wasm",
    "examples/catalog",
    "schema",
    "LICENSE",
  ]) {
    await cp(join(ROOT, path), join(dir, path), RECURSIVE);
  }
  await must(CLI, [
    ...["catalog", "build", join(ROOT, "examples", "catalog")],
    ...["--out", join(dir, "examples", "records.json")],
  ]);
  // The emulator takes the compatibility date from there.
  const wrangler = await text("wrangler.toml");
  const [line, date] = /^compatibility_date = "(.+)"$/m.exec(wrangler);
  await writeFile(join(dir, "wrangler.toml"), `${line}\n`);
  const templates = join(dir, "lib", "templates.mjs");
  const template = await readFile(templates, "utf8");
  await writeFile(templates, template.replace("COMPATIBILITY-DATE", date));
  await json(join(dir, "package.json"), {
    ...JSON.parse(await text("npm/package.json")),
    version,
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, devDependencies[name]])),
    optionalDependencies: Object.fromEntries(
      platforms.map((platform) => [`@backstage-cfaccess/cli-${platform}`, version]),
    ),
  });
  return dir;
}

const RECURSIVE = { recursive: true };

async function packed(dir) {
  const args = ["pack", "--json", "--pack-destination", OUT];
  const output = await must("npm", args, { cwd: dir, capture: "stdout", env: { PATH } });
  const [{ filename, size }] = JSON.parse(output);
  console.log(`package: ${filename}, ${(size / 1024).toFixed(0)} KiB`);
  return join(OUT, filename);
}

const text = (path) => readFile(join(ROOT, path), "utf8");
const json = (path, value) => writeFile(path, `${JSON.stringify(value, null, 2)}\n`);

await main(import.meta.url, (args) => packages(args));
