// What the cron handler asks of Backstage and of KV in a day, and what that costs in a month: arithmetic on
// the sizes of pages, the rules of a run (src/catalog/import/sync.rs), the processor time that
// bench/catalog/cron.mjs has measured, and Cloudflare's prices (docs/costs.md).
//
//   node bench/catalog/cost.mjs      prints the table of docs/catalog.md

import { fileURLToPath } from "node:url";

const PAGE = 200;
const KV_PAGE = 1_000;
/** The share of the users that changes in a day; each has two records. */
const CHANGED = 0.01;
const DAYS = 30;
/** Writes of one first run (docs/catalog.md). */
const WRITES_OF_A_RUN = 892;
const PRICE = { list: 5 / 1e6, write: 5 / 1e6, delete: 5 / 1e6, cpuMs: 0.02 / 1e6 };
/** Milliseconds of a run with nothing to do, measured. */
const CPU_MS = new Map([
  [1_000, 103],
  [10_000, 1_160],
  [100_000, 11_730],
]);

/** Cron triggers by their minutes. */
const ROWS = [
  [1_000, 5],
  [10_000, 5],
  [10_000, 15],
  [100_000, 15],
  [100_000, 60],
];

function day(users, minutes) {
  const runs = (24 * 60) / minutes;
  const records = 2 * users;
  const changed = CHANGED * users;
  // Changes come in as many runs as there are changed users, at the most.
  const writing = Math.min(runs, changed);
  return {
    calls: runs * Math.ceil(users / PAGE),
    // The records with the marker and the turn; the state twice, and once more after a claim.
    lists: runs * (Math.ceil((records + 2) / KV_PAGE) + 2),
    // The marker; the claim, the turn and the records.
    writes: runs + 2 * writing + 2 * changed,
    deletes: writing,
    cpuMs: runs * CPU_MS.get(users),
  };
}

const number = (value) => Math.round(value).toLocaleString("en");

/** The lines of the table. */
export function table() {
  const lines = [
    "| users | cron every | `by-query` calls a day | KV lists a day | KV writes a day | CPU a day | a month, if nothing were included | first run, KV empty |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
  ];
  for (const [users, minutes] of ROWS) {
    const { calls, lists, writes, deletes, cpuMs } = day(users, minutes);
    const { list, write, cpuMs: cpu } = PRICE;
    const cost = DAYS * (lists * list + writes * write + deletes * PRICE.delete + cpuMs * cpu);
    const first = Math.ceil((2 * users) / WRITES_OF_A_RUN);
    const hours = (first * minutes) / 60;
    const long = hours < 48 ? `${hours.toFixed(1)} h` : `${Math.round(hours / 24)} days`;
    lines.push(
      `| ${number(users)} | ${minutes} min | ${number(calls)} | ${number(lists)} | ${number(writes)} | ${number(cpuMs / 1_000)} s | $${cost.toFixed(2)} | ${first} runs, ${long} |`,
    );
  }
  return lines.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(table());
