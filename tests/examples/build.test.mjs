// What `npm run build` compiles for one crate does not change what it compiles for another.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { compile } from "../../scripts/build.mjs";
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
