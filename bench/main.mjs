// `npm run bench`, once everything that it needs is there (scripts/bench.mjs).

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { withLock } from "../scripts/lock.mjs";
import { Failure } from "../scripts/process.mjs";
import { endWithTheBench } from "./children.mjs";
import { addBeside } from "./contenders.mjs";
import { KEPT, startGround } from "./ground.mjs";
import { measureCrypto } from "./parts/crypto.mjs";
import { measureGrowth } from "./parts/growth.mjs";
import { measurePaths } from "./parts/paths.mjs";
import { measureProfile } from "./parts/profile.mjs";
import { compareWithBeside, PATHS } from "./paths.mjs";
import { kept, write, writeDocuments } from "./report/index.mjs";

/** Each part, and how to measure it. A whole part's result replaces its last one in docs/. */
const PARTS = {
  paths: measurePaths,
  growth: measureGrowth,
  crypto: measureCrypto,
  backstage: measureBackstage,
  latency: measureLatency,
  profile: measureProfile,
};

/** Not among `--all`: it shows where the time goes, and measures nothing that is kept. */
const NOT_KEPT = "profile";
const KEPT_PARTS = Object.keys(PARTS).filter((name) => name !== NOT_KEPT);

/** Only these two parts need the packages of a Backstage. */
async function measureBackstage(options) {
  const part = await import("./parts/backstage.mjs");
  return part.measureBackstage(options);
}

async function measureLatency(options) {
  const part = await import("./parts/latency.mjs");
  return part.measureLatency(options);
}

const USAGE =
  `npm run bench -- [--quick] [--path NAME…] [--${KEPT_PARTS.slice(1).join("] [--")}]` +
  " [--all] [--beside DIR] | --profile [--path NAME…] | --documents";

endWithTheBench();
try {
  const chosen = options();
  if (chosen.help) console.log(USAGE);
  else if (chosen.documents) await writeDocuments(await kept());
  // Two at a time would measure each other.
  else await withLock(join(KEPT, ".lock"), () => bench(chosen));
} catch (error) {
  const isOptions = error.code?.startsWith("ERR_PARSE_ARGS");
  if (isOptions) console.error(`${error.message}\n  ${USAGE}`);
  else console.error(error instanceof Failure ? error.message : (error.stack ?? error));
  process.exitCode = 1;
}

async function bench({ parts, quick, only, isBeside }) {
  const say = progress();
  for (const name of parts) {
    say(`${name}: starting the services`);
    const ground = await startGround();
    let result;
    try {
      result = await PARTS[name]({ ground, quick, only, generator: generator(), say });
    } finally {
      await ground.close();
    }
    say("");
    await write(name, result, {
      keep: name !== NOT_KEPT && !quick && only === undefined && !isBeside,
    });
  }
}

/** With wrk if scripts/bench.mjs has found or installed one, else from this process. */
function generator() {
  return { wrk: process.env.BENCH_WRK };
}

function options() {
  const names = Object.keys(PARTS).filter((name) => name !== "paths");
  const flags = Object.fromEntries(
    ["help", "documents", "quick", "all", ...names].map((name) => [
      name,
      { type: "boolean", default: false },
    ]),
  );
  const path = { type: "string", multiple: true };
  const beside = { type: "string" };
  const { values } = parseArgs({ options: { ...flags, path, beside } });
  if (values.beside) {
    addBeside(resolve(values.beside));
    compareWithBeside();
  }
  for (const name of values.path ?? []) {
    if (!Object.hasOwn(PATHS, name)) throw new Failure(`no path "${name}": ${Object.keys(PATHS)}`);
  }
  const chosen = values.all ? KEPT_PARTS : names.filter((name) => values[name]);
  const parts = chosen.length > 0 ? chosen : ["paths"];
  if (process.platform !== "linux") throw new Failure("the bench needs Linux: it reads /proc");
  const { help, documents, quick, path: only } = values;
  return { help, documents, parts, quick, only, isBeside: Boolean(values.beside) };
}

/** What is going on: on a terminal in one line that changes, else a line each. */
function progress() {
  const { isTTY } = process.stderr;
  return (text) => {
    if (isTTY) process.stderr.write(`\r\x1b[K${text && `bench: ${text} …`}`);
    else if (text) console.error(`bench: ${text} …`);
  };
}
