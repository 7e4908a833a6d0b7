// `npm run package`: the npm package backstage-cfaccess and the package of its native program for this
// platform, as tarballs in build/npm/.

import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build, TARGET } from "./build.mjs";
import { CFACCESS, main, must, PATH, ROOT } from "./process.mjs";

const OUT = join(ROOT, "build", "npm");
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

/** Builds both. Returns the paths of the tarballs. */
export async function packages() {
  await build();
  await must("cargo", ["build", "--release", ...CFACCESS]);
  await rm(OUT, { recursive: true, force: true });
  const { version, devDependencies } = JSON.parse(await text("package.json"));
  const platform = `${process.platform}-${process.arch}`;
  const native = await nativePackage(platform, version);
  const whole = await mainPackage(platform, version, devDependencies);
  return [await packed(whole), await packed(native)];
}

async function nativePackage(platform, version) {
  const dir = join(OUT, `cli-${platform}`);
  await mkdir(dir, { recursive: true });
  await cp(join(TARGET, "release", "cfaccess"), join(dir, "cfaccess"));
  await chmod(join(dir, "cfaccess"), 0o755);
  await cp(join(ROOT, "LICENSE"), join(dir, "LICENSE"));
  await json(join(dir, "package.json"), {
    name: `@backstage-cfaccess/cli-${platform}`,
    version,
    description: `The program cfaccess for ${platform}`,
    license: "Apache-2.0",
    os: [process.platform],
    cpu: [process.arch],
  });
  return dir;
}

async function mainPackage(platform, version, devDependencies) {
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
  await must(join(TARGET, "release", "cfaccess"), [
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
    optionalDependencies: { [`@backstage-cfaccess/cli-${platform}`]: version },
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

await main(import.meta.url, packages);
