// Runs the cells and the floods, and prints the tables. scripts/faults.mjs starts it.

import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endWithTheBench } from "../../bench/children.mjs";
import { between } from "../../bench/report/markers.mjs";
import { OPTIONS } from "../../scripts/faults.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { prepare, runCell } from "./cell.mjs";
import { cells } from "./expected.mjs";
import { FLOODS, runFlood } from "./floods.mjs";
import { openFolder } from "./instance.mjs";
import { cellsTable, floodsTable } from "./report.mjs";
import { createTeam } from "./team.mjs";

const DOCUMENT = join(ROOT, "docs", "security.md");
const WAITING_AT_ONCE = 12;
const BUSY_AT_ONCE = Math.max(2, availableParallelism());
/** How many cells that are off are tried again. If there are more, it is not the machine. */
const MOST_AGAIN = 40;

const { values: options } = parseArgs({ options: OPTIONS });
endWithTheBench();
const begun = performance.now();
const [folder, team] = await Promise.all([openFolder(), createTeam()]);
const results = [];
const floods = [];
try {
  const ground = await prepare(folder, team);
  const isChosen = (name) => (options.only ?? []).every((text) => name.includes(text));
  const nameOf = ({ title, state, fault }) => `${title}, ${state}: ${fault}`;
  const all = options["no-cells"] ? [] : cells();
  const chosen = all.filter((cell) => isChosen(nameOf(cell)));
  const run = (cell) => reported(nameOf(cell), () => runCell(cell, ground));
  const lanes = { waiting: WAITING_AT_ONCE, busy: BUSY_AT_ONCE };
  await Promise.all(
    Object.entries(lanes).map(([lane, atOnce]) =>
      inParallel(
        // What waits longest begins first.
        chosen
          .filter((cell) => laneOf(cell) === lane)
          .sort((a, b) => b.expected.ms - a.expected.ms),
        atOnce,
        async (cell) => results.push({ ...cell, ...(await run(cell)) }),
      ),
    ),
  );
  // A machine that is too busy lets time limits pass. Alone, everything must be as expected.
  for (const result of results.filter(({ off }) => off.length > 0).slice(0, MOST_AGAIN)) {
    console.log(`again, alone: ${nameOf(result)}`);
    Object.assign(result, await run(result));
  }
  // One after another: their memory is measured.
  for (const [name, flood] of options["no-floods"] ? [] : Object.entries(FLOODS)) {
    if (!isChosen(name)) continue;
    floods.push({ name, ...flood, ...(await reported(name, () => runFlood(flood, ground))) });
  }
} finally {
  await folder.close();
}
const text = [results.length > 0 && cellsTable(results), floods.length > 0 && floodsTable(floods)]
  .filter(Boolean)
  .join("\n\n");
const off = [...results, ...floods].filter((it) => it.off.length > 0);
console.log(`\n${text}\n`);
const seconds = Math.round((performance.now() - begun) / 1000);
const parts = `${results.length} cells and ${floods.length} floods`;
console.log(`${parts}: ${off.length} off, in ${seconds} s`);
if (options.write) {
  const document = await readFile(DOCUMENT, "utf8");
  await writeFile(DOCUMENT, between(document, "faults", text));
}
process.exitCode = off.length > 0 ? 1 : 0;

/** The result; what is off in it is printed. */
async function reported(name, act) {
  const result = await act().catch((error) => ({ off: [error.stack] }));
  for (const problem of result.off) console.log(`✖ ${name}\n    ${problem}`);
  return result;
}

/** In most cells of these faults nothing is done but to wait. */
function laneOf({ fault }) {
  return fault === "hangs" || fault === "drips" ? "waiting" : "busy";
}

async function inParallel(items, atOnce, act) {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
