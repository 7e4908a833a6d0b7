// What the arguments of `npm test` choose.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { Failure, NODE, ROOT } from "../../scripts/process.mjs";
import { cargoArguments, selection } from "../../scripts/test.mjs";

const CARGO = ["test", "--locked", "--all-features"];

test("without arguments every suite runs but worker-build", () => {
  const { suites, files, name } = selection([]);
  assert.ok(suites.includes("core") && suites.includes("browser"));
  assert.ok(!suites.includes("worker-build"));
  assert.deepEqual([files, name], [[], undefined]);
});

test("suites, the files of one suite, and a name are told apart", () => {
  assert.deepEqual(selection(["core", "edge"]).suites, ["core", "edge"]);
  assert.deepEqual(selection(["edge", "session", "-t", "HEAD answers"]), {
    suites: ["edge"],
    files: ["session"],
    name: "HEAD answers",
  });
});

test("file without a suite, and an unknown option, are refused in words", () => {
  assert.throws(() => selection(["session"]), /no suite "session": there are core, build/);
  assert.throws(() => selection(["core", "edge", "session"]), Failure);
  assert.throws(() => selection(["--nme", "x"]), Failure);
});

test("file of core is a test target or a module", () => {
  assert.deepEqual(cargoArguments({ files: [] }), CARGO);
  assert.deepEqual(cargoArguments({ files: ["cli"], name: "x" }), [
    ...CARGO,
    ...["--test", "cli", "--", "x"],
  ]);
  assert.deepEqual(cargoArguments({ files: ["gate"] }), [...CARGO, "--", "gate::"]);
  assert.deepEqual(cargoArguments({ files: ["gate"], name: "x" }), [...CARGO, "--", "gate::x"]);
});

test("name runs the tests that have it, and one that no test has is a failure", async () => {
  const run = (name) =>
    new Promise((resolve) => {
      const args = ["scripts/test.mjs", "build", "modules", "-t", name];
      const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
      execFile(NODE, args, { cwd: ROOT, env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, output: stdout + stderr }),
      );
    });
  const found = await run("circle of three modules");
  assert.equal(found.code, 0, found.output);
  assert.match(found.output, /✔ circle of three modules/);
  const missing = await run("(no such");
  assert.equal(missing.code, 1);
  assert.match(missing.output, /no test matches modules \(no such/);
});
