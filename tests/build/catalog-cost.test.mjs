// The table of what the cron handler costs is the one that its command prints.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { table } from "../../bench/catalog/cost.mjs";

test("docs/catalog.md has the table of bench/catalog/cost.mjs", () => {
  const docs = readFileSync(new URL("../../docs/catalog.md", import.meta.url), "utf8");
  assert.ok(docs.includes(table()), table());
});
