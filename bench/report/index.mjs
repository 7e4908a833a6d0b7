// What becomes of a result: printed always; kept in docs/ as JSON, chart and tables if it is whole.

import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import packaged from "workerd";
import { must, NODE, ROOT } from "../../scripts/process.mjs";
import { backstageReport } from "./backstage.mjs";
import { chart } from "./chart.mjs";
import { cryptoReport } from "./crypto.mjs";
import { growthReport } from "./growth.mjs";
import { between } from "./markers.mjs";
import { pathsReport, summaryTable } from "./paths.mjs";
import { profileReport } from "./profile.mjs";

const BIOME = join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");
const DOCS = join(ROOT, "docs");

/** The report of each part, as Markdown. */
const REPORTS = {
  paths: pathsReport,
  growth: growthReport,
  crypto: cryptoReport,
  backstage: backstageReport,
  profile: profileReport,
};

/** Prints a part's result, and keeps it. */
export async function write(part, result, { keep }) {
  const dated = { measured: new Date().toISOString().slice(0, 10), machine: machine(), ...result };
  console.log(`\n${REPORTS[part](dated)}\n`);
  if (!keep) {
    console.log("Nothing is written to docs/.");
    return;
  }
  const file = join(DOCS, "performance.json");
  const all = JSON.parse(await readFile(file, "utf8").catch(() => "{}"));
  all[part] = dated;
  await writeFile(file, `${JSON.stringify(all, rounded, 2)}\n`);
  // As `npm run check` wants it.
  await must(NODE, [BIOME, "format", "--write", file], { capture: "all" });
  await replace(join(DOCS, "performance.md"), part, withDate(part, dated));
  if (part === "paths") {
    await writeFile(join(DOCS, "performance.svg"), chart(dated));
    await replace(join(ROOT, "README.md"), "bench", summaryTable(dated));
  }
  console.log("Written: docs/performance.json, docs/performance.md and what goes with them.");
}

function withDate(part, result) {
  const { measured, machine: where } = result;
  return `Measured on ${measured}: ${where.cpu}, ${where.cores} cores, workerd ${where.workerd}.\n\n${REPORTS[part](result)}`;
}

async function replace(file, name, text) {
  await writeFile(file, between(await readFile(file, "utf8"), name, text));
}

function machine() {
  const all = cpus();
  return {
    cpu: all[0].model.trim(),
    cores: all.length,
    node: process.version,
    workerd: packaged.version,
  };
}

/** Four digits say all that there is to say. */
function rounded(_, value) {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value;
}
