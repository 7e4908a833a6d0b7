// The check that modules depend on each other in one direction.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  check,
  circle,
  dependencies,
  importsAcross,
  throughTheFront,
} from "../../scripts/modules.mjs";

const graph = (files) =>
  dependencies(Object.entries(files).map(([path, text]) => ({ path, text })));

test("modules of src have no circle, and folders import only what they may", async () => {
  assert.deepEqual(await check(), []);
});

test("circle of three modules is found and named", () => {
  const found = circle(
    graph({
      "a/mod.rs": "use crate::b::X;",
      "a/inner.rs": "use crate::a::Y;",
      "b.rs": "use crate::json;\nlet x = crate::c::f();",
      "c.rs": "use crate::{\n};\nuse crate::a::Z;",
      "json.rs": "",
    }),
  );
  assert.deepEqual(found, ["a", "b", "c", "a"]);
});

test("comments and unit tests are not dependencies", () => {
  const files = {
    "a.rs": "/// [`crate::b`]\n#[cfg(test)]\nmod tests { use crate::b; }",
    "b.rs": "use crate::a;",
  };
  assert.equal(circle(graph(files)), undefined);
});

test("import through the front page is found", () => {
  const found = throughTheFront(graph({ "a.rs": "use crate::CfAccess;" }));
  assert.deepEqual(found, ["a → crate::CfAccess"]);
});

test("import of tests/ by dev/ is found, the other direction is not", () => {
  const files = [
    { path: "dev/a/b.mjs", text: 'import { x } from "../../tests/backstage/backend.mjs";' },
    { path: "dev/c.mjs", text: 'const c = await import("../bench/main.mjs");\nimport "./d.mjs";' },
    { path: "tests/d.mjs", text: 'import { x } from "../dev/a/b.mjs";' },
  ];
  assert.deepEqual(importsAcross(files), [
    "dev/a/b.mjs → tests/backstage/backend.mjs",
    "dev/c.mjs → bench/main.mjs",
  ]);
});
