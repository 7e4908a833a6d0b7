// Running other programs: where things are, and one way to start them.

import { spawn } from "node:child_process";
import { constants, homedir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { whenNpmEnds } from "../dev/npm-parent.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const BIN = join(ROOT, "node_modules", ".bin");

/** The Node.js that the project brings along: miniflare and wrangler refuse to run under 20. */
export const NODE = join(BIN, "node");

/** PATH with the project's programs first, and cargo even where no profile has added it. */
export const PATH = [BIN, process.env.PATH, join(homedir(), ".cargo", "bin")].join(delimiter);

/** Something went wrong that its message explains: shown without a stack. */
export class Failure extends Error {}

/** Programs that run, as functions that pass a signal on. */
const running = new Set();
/** A signal has come. What fails from then on fails because of it. */
let ending = false;

/**
 * Runs a program from the project's root in the terminal it was started from. `capture` collects
 * what it writes instead: "all" of it, or "stdout" alone. A program that runs longer than `limitMs`
 * is ended. Never rejects: a program that cannot be started has code 127.
 *
 * The program is in a process group of its own, so that a signal to this process ends the processes that
 * the program has started too. `asks` leaves it in this group: only there can it read from the terminal.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { cwd = ROOT, env = {}, capture, limitMs, asks } = {}) {
  return new Promise((resolve) => {
    const output = [];
    const ownGroup = !asks && process.platform !== "win32";
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH, ...env },
      stdio: STDIO[capture],
      timeout: limitMs,
      detached: ownGroup,
    });
    passSignalsTo(child, (signal) => kill(ownGroup ? -child.pid : child.pid, signal));
    child.stdout?.on("data", (chunk) => output.push(chunk));
    child.stderr?.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: `${error.message}\n` }));
    child.on("close", (code) =>
      resolve({ code: code ?? 1, output: Buffer.concat(output).toString() }),
    );
  });
}

const STDIO = {
  all: ["ignore", "pipe", "pipe"],
  stdout: ["ignore", "pipe", "inherit"],
  undefined: "inherit",
};

/** As `run`, for a program without which there is no going on. */
export async function must(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) {
    const cause = output === "" ? "" : `:\n${output}`;
    throw new Failure(`\`${[command, ...args].join(" ")}\` failed${cause}`);
  }
  return output;
}

/**
 * Runs a script of the project in the place of this one: its output, its signals, its exit status are
 * ours.
 */
export async function handOver(script, args, env = {}) {
  const child = spawn(NODE, [script, ...args], {
    cwd: ROOT,
    env: { ...process.env, PATH, ...env },
    stdio: "inherit",
  });
  passSignalsTo(child, (signal) => {
    // What is typed at a terminal reaches the child by itself, as one of the same group.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
  process.exitCode = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

function passSignalsTo(child, pass) {
  if (child.pid === undefined) return;
  running.add(pass);
  child.on("close", () => running.delete(pass));
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Ends the programs that run before this process ends, which would leave them behind. */
function endWithOthers() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end(signal));
  whenNpmEnds(() => end("SIGTERM"));
}

async function end(signal) {
  if (ending) return;
  ending = true;
  const passes = [...running];
  for (const pass of passes) pass(signal);
  for (let waited = 0; running.size > 0 && waited < END_LIMIT_MS; waited += END_STEP_MS) {
    await sleep(END_STEP_MS);
  }
  // What is left of a group may ignore the signal.
  for (const pass of passes) pass("SIGKILL");
  process.exit(process.exitCode ?? 128 + constants.signals[signal]);
}

/** Longer than the limit of dev/run.mjs. */
const END_LIMIT_MS = 8000;
const END_STEP_MS = 20;

/** All results, once every promise has settled: a failure leaves nothing running behind it. */
export async function all(promises) {
  const outcomes = await Promise.allSettled(promises);
  const failed = outcomes.find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
  return outcomes.map(({ value }) => value);
}

/** Runs a script's body if the script was started by itself rather than imported. */
export async function main(url, body) {
  if (process.argv[1] === undefined || fileURLToPath(url) !== process.argv[1]) return;
  endWithOthers();
  try {
    await body(process.argv.slice(2));
  } catch (error) {
    if (ending) return;
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** What cargo builds of the command line: without the Worker's dependencies, which it does not use. */
export const CFACCESS = ["--bin=cfaccess", "--no-default-features", "--features=cli", "--locked"];
