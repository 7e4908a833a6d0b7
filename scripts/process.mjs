// Running other programs: where things are, and one way to start them.

import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const BIN = join(ROOT, "node_modules", ".bin");

/** The Node.js that the project brings along: miniflare and wrangler refuse to run under 20. */
export const NODE = join(BIN, "node");

/** PATH with the project's programs first, and cargo even where no profile has added it. */
export const PATH = [BIN, process.env.PATH, join(homedir(), ".cargo", "bin")].join(delimiter);

/** Something went wrong that its message explains: shown without a stack. */
export class Failure extends Error {}

/**
 * Runs a program from the project's root in the terminal it was started from. `capture` collects
 * what it writes instead: "all" of it, or "stdout" alone. A program that runs longer than `limitMs`
 * is ended. Never rejects: a program that cannot be started has code 127.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { cwd = ROOT, env = {}, capture, limitMs } = {}) {
  return new Promise((resolve) => {
    const output = [];
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH, ...env },
      stdio: STDIO[capture],
      timeout: limitMs,
    });
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
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // What is typed at a terminal reaches the child by itself, as one of the same group.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  process.exitCode = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

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
  try {
    await body(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** What cargo builds of the command line: without the Worker's dependencies, which it does not use. */
export const CFACCESS = ["--bin=cfaccess", "--no-default-features", "--features=cli", "--locked"];
