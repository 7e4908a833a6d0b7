// The crate that docs/custom-resolvers.md describes step by step, outside the repository. It depends on
// the package as it would be published: unpacked from the .crate file.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TARGET } from "../../scripts/build.mjs";
import { must, ROOT } from "../../scripts/process.mjs";

/**
 * Makes the crate in a temporary folder, which is the same for every run of `name` in this checkout, so
 * that what cargo compiles is replaced. Returns the folder of the crate, and how to remove it.
 */
export async function documentedCrate(name) {
  const id = createHash("sha256").update(ROOT).digest("hex").slice(0, 12);
  const folder = join(await realpath(tmpdir()), `cfaccess-${name}-${id}`);
  const remove = () => rm(folder, { recursive: true, force: true });
  await remove();
  await unpack(await pack(), join(folder, "backstage-cfaccess"));

  const crate = join(folder, "my-worker");
  const files = await documentedFiles();
  assert.deepEqual([...files.keys()], ["Cargo.toml", "src/lib.rs", "wrangler.toml"]);
  for (const [file, text] of files) {
    await mkdir(dirname(join(crate, file)), { recursive: true });
    await writeFile(join(crate, file), text);
  }
  for (const file of ["rust-toolchain.toml", "Cargo.lock"]) {
    await copyFile(join(ROOT, file), join(crate, file));
  }
  return { crate, remove };
}

/** Runs cargo where the tests and builds of this checkout compile too. */
export function cargo(args, cwd) {
  return must("cargo", args, { cwd, capture: "all", env: { CARGO_TARGET_DIR: TARGET } });
}

/**
 * Packs the package. Returns the path of the .crate file. `--no-verify`, because the tests compile it;
 * `--allow-dirty`, because they also run before a change is committed.
 */
async function pack() {
  const output = await cargo(["package", "--no-verify", "--allow-dirty", "--locked"], ROOT);
  assert.doesNotMatch(output, /warning/);
  const metadata = await must("cargo", ["metadata", "--no-deps", "--format-version=1"], {
    capture: "stdout",
  });
  const [{ name, version }] = JSON.parse(metadata).packages;
  return join(TARGET, "package", `${name}-${version}.crate`);
}

/** `-m`: the times in the archive are always the same, and cargo would not see a change. */
async function unpack(archive, folder) {
  await mkdir(folder, { recursive: true });
  await must("tar", ["-xzmf", archive, "-C", folder, "--strip-components=1"], { capture: "all" });
}

/** The files of the page, by name: `<!-- NAME -->` before a fence names what is in the fence. */
async function documentedFiles() {
  const page = await readFile(join(ROOT, "docs", "custom-resolvers.md"), "utf8");
  const blocks = page.matchAll(/^( *)<!-- (.+?) -->\n *```\w+\n(.*?)^ *```/gms);
  return new Map(
    Array.from(blocks, ([, indent, name, block]) => [
      name,
      block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    ]),
  );
}
