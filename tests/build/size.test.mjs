// What belongs here: scripts/size.mjs tells the crate of a function from its symbol.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crateOf, measure } from "../../scripts/size.mjs";

test("the crate of a symbol is told from both manglings, and of an implementation from its type", () => {
  for (const [symbol, crate] of [
    ["_ZN18backstage_cfaccess4gate4Gate6decide17h0123456789abcdefE", "backstage_cfaccess"],
    ["_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core"],
    [
      "_ZN80_$LT$backstage_cfaccess..json..Unique$u20$as$u20$serde_core..de..Deserialize$GT$11deserialize17hE",
      "backstage_cfaccess",
    ],
    ["_RNvMs0_NtCsjqx8TIyZbP9_8dlmalloc8dlmallocINtB5_8Dlmalloc", "dlmalloc"],
    ["fetch", "other"],
  ]) {
    assert.equal(crateOf(symbol), crate, symbol);
  }
});

test("a module is measured by its names, and what only tells of types is left out", () => {
  const bytes = (...parts) => parts.flatMap((part) => (Array.isArray(part) ? part : [part]));
  const text = (value) => [value.length, ...Buffer.from(value)];
  const section = (id, content) => [id, content.length, ...content];
  const names = [
    [0, ...text("_ZN4core1aE")],
    [1, ...text("_ZN4core1bE")],
    [2, ...text("__wbindgen_describe_x")],
  ].flat();
  const module = Uint8Array.from(
    bytes(
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, 0, 0]),
      section(3, [3, 0, 0, 0]),
      section(10, [3, 2, 0, 0x0b, 3, 0, 1, 0x0b, 2, 0, 0x0b]),
      section(0, [...text("name"), 1, names.length + 1, 3, ...names]),
    ),
  );
  const { crates, code, data } = measure(module);
  assert.deepEqual([...crates], [["core", 5]]);
  assert.deepEqual([code, data], [5, 0]);
});
