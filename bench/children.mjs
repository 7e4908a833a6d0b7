// The processes that a bench starts. Whatever happens to the bench, none of them outlives it.

import { spawn } from "node:child_process";
import { once } from "node:events";

const running = new Set();

/** Starts a program, as child_process.spawn does. */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

/** Has a process that something else has started end with the bench too, at the latest. */
export function adopt(pid) {
  const child = { kill: (signal) => process.kill(pid, signal) };
  running.add(child);
  return () => running.delete(child);
}

/** Ends a process that `start` has started. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** From now on, signals end what is running, and then the bench. */
export function endWithTheBench() {
  const endAll = () => {
    for (const child of running) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  };
  process.on("exit", endAll);
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.on(signal, () => process.exit(code));
  }
}

/**
 * Runs a program to its end, in at most `limitMs`. Resolves to what it wrote to stdout. Once that
 * matches `endAt`, it is asked to end, as by Ctrl-C.
 */
export async function output(command, args, { limitMs, endAt, ...options }) {
  const child = start(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    text.out += chunk;
    if (endAt?.test(text.out)) child.kill("SIGINT");
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    text.err += chunk;
  });
  const [code] = await once(child, "close");
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${text.err}${text.out}`);
  return text.out;
}
