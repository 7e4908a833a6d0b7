// What `npm run build` compiles for one crate does not change what it compiles for another.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { build, compile } from "../../scripts/build.mjs";
import { ROOT } from "../../scripts/process.mjs";

const EXAMPLE = join(ROOT, "examples", "custom-resolver");

async function exportsOf(crate) {
  const module = await WebAssembly.compile(await readFile(await compile(crate)));
  return WebAssembly.Module.exports(module).map(({ name }) => name);
}

test("worker of this package and of the example both answer requests, in any order of building", async () => {
  for (const crate of [ROOT, EXAMPLE, resolve(ROOT)]) {
    const names = await exportsOf(crate);
    assert.ok(
      names.some((name) => name.startsWith("fetch_")),
      `${crate}: ${names}`,
    );
  }
});

test("crate without a lock file is refused with what to do", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cfaccess-no-lock-"));
  t.after(() => rm(folder, { recursive: true }));
  await assert.rejects(build(folder), {
    message: `${join(folder, "Cargo.lock")} is missing: run \`cargo generate-lockfile\` in that folder`,
  });
});
