// `npm run bench`, once everything that it needs is there (scripts/bench.mjs).

import { parseArgs } from "node:util";
import { Failure } from "../scripts/process.mjs";
import { endWithTheBench } from "./children.mjs";
import { startGround } from "./ground.mjs";
import { measurePaths } from "./parts/paths.mjs";
import { write } from "./report/index.mjs";

/** Each part, and how to measure it. A part's result replaces its last one in docs/. */
const PARTS = {
  paths: measurePaths,
};

const USAGE = `npm run bench -- [--quick] [--${Object.keys(PARTS).slice(1).join("] [--")}] [--all]`;

endWithTheBench();
try {
  await bench(options());
} catch (error) {
  const isOptions = error.code?.startsWith("ERR_PARSE_ARGS");
  console.error(isOptions ? `${error.message}\n  ${USAGE}` : (error.stack ?? error));
  process.exitCode = 1;
}

async function bench({ parts, quick }) {
  const say = progress();
  for (const name of parts) {
    say(`${name}: starting the services`);
    const ground = await startGround();
    let result;
    try {
      result = await PARTS[name]({ ground, quick, generator: generator(), say });
    } finally {
      await ground.close();
    }
    say("");
    await write(name, result, { keep: !quick });
  }
}

/** With wrk if scripts/bench.mjs has found or installed one, else from this process. */
function generator() {
  return { wrk: process.env.BENCH_WRK };
}

function options() {
  const names = Object.keys(PARTS).filter((name) => name !== "paths");
  const flags = Object.fromEntries(
    ["quick", "all", ...names].map((name) => [name, { type: "boolean", default: false }]),
  );
  const { values } = parseArgs({ options: flags });
  const chosen = names.filter((name) => values[name]);
  const parts = values.all ? Object.keys(PARTS) : chosen.length > 0 ? chosen : ["paths"];
  if (process.platform !== "linux") throw new Failure("the bench needs Linux: it reads /proc");
  return { parts, quick: values.quick };
}

/** What is going on: on a terminal in one line that changes, else a line each. */
function progress() {
  const { isTTY } = process.stderr;
  return (text) => {
    if (isTTY) process.stderr.write(`\r\x1b[K${text && `bench: ${text} …`}`);
    else if (text) console.error(`bench: ${text} …`);
  };
}
