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
import { latencyReport } from "./latency.mjs";
import { between } from "./markers.mjs";
import { pathsReport } from "./paths.mjs";
import { profileReport } from "./profile.mjs";
import { summary } from "./summary.mjs";

const BIOME = join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");
const DOCS = join(ROOT, "docs");
const RESULTS = join(DOCS, "performance.json");

/** The report of each part, as Markdown. */
const REPORTS = {
  paths: pathsReport,
  growth: growthReport,
  crypto: cryptoReport,
  backstage: backstageReport,
  latency: latencyReport,
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
  const all = { ...(await kept()), [part]: dated };
  await writeFile(RESULTS, `${JSON.stringify(all, rounded, 2)}\n`);
  // As `npm run check` wants it.
  await must(NODE, [BIOME, "format", "--write", RESULTS], { capture: "all" });
  await writeDocuments(all);
  console.log("Written: docs/performance.json, docs/performance.md and what goes with them.");
}

/** Writes what docs/performance.json has into the documents. */
export async function writeDocuments(parts) {
  const page = join(DOCS, "performance.md");
  for (const [part, result] of Object.entries(parts)) {
    await replace(page, part, withDate(part, result));
  }
  await writeFile(join(DOCS, "performance.svg"), chart(parts.paths));
  await replace(join(ROOT, "README.md"), "bench", summary(parts));
}

/** What was measured last, by part. */
export async function kept() {
  return JSON.parse(await readFile(RESULTS, "utf8").catch(() => "{}"));
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
