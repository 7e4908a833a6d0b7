// The fuzz targets: that each is built, has seeds and is described, and what `npm run fuzz` refuses.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NODE, ROOT, run } from "../../scripts/process.mjs";

const FUZZ = join(ROOT, "fuzz");

const targets = (await readdir(join(FUZZ, "fuzz_targets"))).map((it) => it.replace(".rs", ""));

test("every fuzz target is a program, has seeds, and is in the table of the README", async () => {
  const cargo = await readFile(join(FUZZ, "Cargo.toml"), "utf8");
  const readme = await readFile(join(FUZZ, "README.md"), "utf8");
  const seeds = await readdir(join(FUZZ, "seeds"));
  assert.deepEqual(seeds.sort(), targets.sort());
  for (const name of targets) {
    assert.ok(cargo.includes(`[[bin]]\nname = "${name}"\npath = "fuzz_targets/${name}.rs"`), name);
    assert.ok(readme.includes(`\n| \`${name}\` |`), name);
    assert.notEqual((await readdir(join(FUZZ, "seeds", name))).length, 0);
  }
});

test("npm run fuzz names what is wrong with its options before it builds", async () => {
  for (const [args, message] of [
    [["--seconds", "0"], /--seconds takes a number/],
    [["--only", "none"], /there is no target none: .*decide/],
    [["--replay", "x"], /--replay needs one --only/],
    [["--faster"], /--faster/],
  ]) {
    const { code, output } = await run(NODE, ["scripts/fuzz.mjs", ...args], { capture: "all" });
    assert.equal(code, 1);
    assert.match(output, message);
    assert.doesNotMatch(output, /building/);
  }
});

test("without a C++ compiler the message says which to install", async () => {
  const env = { PATH: join(ROOT, "tests"), CXX: "" };
  const script = `import { cxx } from "./scripts/fuzz.mjs"; await cxx();`;
  const args = ["--input-type=module", "--eval", script];
  const { code, output } = await run(NODE, args, { capture: "all", env });
  assert.notEqual(code, 0);
  assert.match(output, /install g\+\+ or clang, or set CXX/);
});
