// What becomes of figures: tables, the chart, the places in documents where they go.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CONTENDERS } from "../../bench/contenders.mjs";
import { PATHS, TARGETS } from "../../bench/paths.mjs";
import { chart } from "../../bench/report/chart.mjs";
import { between } from "../../bench/report/markers.mjs";
import { costTable, targetTable } from "../../bench/report/paths.mjs";
import { summary } from "../../bench/report/summary.mjs";

const cpu = (median) => ({ median, low: median - 5, high: median + 5, rounds: 5 });
const ROWS = Object.entries(PATHS).flatMap(([path, { contenders }]) =>
  contenders.map((contender, at) => ({
    path,
    contender,
    cpu: cpu(100 + at * 1_000),
    perSecond: 2_000,
    p50: 5_000,
    p99: 9_000,
    kvReads: 1,
  })),
);

test("a table has as many cells in each line as in its head", () => {
  const result = {
    rows: ROWS,
    targets: TARGETS.map((target) => ({
      kind: "cpu",
      ...target,
      measured: cpu(6),
      text: "missed",
    })),
  };
  for (const text of [costTable(result), targetTable(result)]) {
    const [head, rule, ...rows] = text.split("\n").map((line) => line.split("|").length);
    assert.ok(rows.length > 0);
    assert.deepEqual(new Set([head, rule, ...rows]).size, 1);
  }
});

test("the chart is well-formed, has a bar for each row and says in words what it shows", () => {
  const machine = { cpu: 'A "CPU" <of> R&D', cores: 2, workerd: "1" };
  const svg = chart({ rows: ROWS, measured: "2026-01-01", machine });
  assertWellFormed(svg);
  assert.equal(svg.match(/<rect /g).length, ROWS.length);
  const ours = ROWS.filter(({ contender }) => CONTENDERS[contender].isOurs);
  assert.equal(svg.match(/class="bar ours"/g).length, ours.length);
  assert.match(svg, /prefers-color-scheme: dark/);
  const [, width] = svg.match(/viewBox="0 0 (\d+) /);
  for (const [, x, length] of svg.matchAll(/<rect [^>]*x="(\d+)"[^>]*width="([\d.]+)"/g)) {
    assert.ok(Number(x) + Number(length) < Number(width));
  }
  for (const { path } of ROWS) assert.ok(svg.includes(PATHS[path].title));
});

test("a document keeps everything but what is between the markers", () => {
  const document = "before\n<!-- a:begin (by x) -->\nold\n<!-- a:end -->\nafter\n";
  const once = between(document, "a", "new");
  assert.equal(once, "before\n<!-- a:begin (by x) -->\n\nnew\n\n<!-- a:end -->\nafter\n");
  assert.equal(between(once, "a", "new"), once);
  assert.throws(() => between(document, "b", "new"), /no markers "b"/);
});

test("the documents have their markers", async () => {
  const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
  between(await read("README.md"), "bench", "");
  const page = await read("docs/performance.md");
  for (const part of ["paths", "growth", "crypto", "backstage", "latency"]) between(page, part, "");
});

test("the summary has a bar for each, as long as its processor time", () => {
  const targets = [{ path: "rotated", to: "jose", measured: cpu(0.25) }];
  const text = summary({ paths: { targets }, backstage: { rows: [{ measured: cpu(0.05) }] } });
  const bars = text.split("\n").flatMap((line) => line.match(/(█+) ([\d.]+)/)?.slice(1) ?? []);
  assert.deepEqual(
    bars.map((part) => (part.startsWith("█") ? part.length : Number(part))),
    [2, 1, 10, 4, 48, 20],
  );
});

test("the README and docs/performance.md have the figures of docs/performance.json", async () => {
  const read = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
  const parts = JSON.parse(await read("docs/performance.json"));
  const readme = await read("README.md");
  assert.equal(between(readme, "bench", summary(parts)), readme);
});

/** Every element is closed in its turn, and no stray < or & is in a text. */
function assertWellFormed(xml) {
  const open = [];
  const text = xml.replace(
    /<(\/?)([a-z]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>/gi,
    (_, end, name, __, empty) => {
      if (end) assert.equal(open.pop(), name);
      else if (!empty) open.push(name);
      return "";
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(text, /<|&(?!\w+;)/);
}
