// `npm run dev` as a process of its own, without the build before it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs dev/main.mjs; `output` grows with what it prints. */
export function startDev(t, ...args) {
  return watch(t, spawn(process.execPath, ["dev/main.mjs", ...args], { cwd: ROOT }));
}

/** The same of any program that runs it. */
export function watch(t, child) {
  const dev = { child, output: "", exited: once(child, "close") };
  t.after(async () => {
    child.kill("SIGTERM");
    await dev.exited;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      dev.output += text;
    });
  }
  return dev;
}

/** The URL that the banner names. */
export async function urlOf(dev) {
  const ended = dev.exited.then(() => "ended");
  while (!dev.output.includes("Ctrl-C")) {
    const next = Promise.race([once(dev.child.stdout, "data"), ended]);
    if ((await next) === "ended") throw new Error(dev.output);
  }
  return /http:\/\/localhost:\d+/.exec(dev.output)[0];
}

export async function childrenOf(pid) {
  const path = `/proc/${pid}/task/${pid}/children`;
  return (await readFile(path, "utf8").catch(() => "")).split(" ").filter(Boolean).map(Number);
}

/** Children and their children, as far as Linux tells. */
export async function descendantsOf(pid) {
  const children = await childrenOf(pid);
  return [...children, ...(await Promise.all(children.map(descendantsOf))).flat()];
}

/** Waits until none of these processes runs. Resolves to those that still run after `limitMs`. */
export async function leftOf(pids, limitMs = 15_000) {
  const end = Date.now() + limitMs;
  while (pids.some(isRunning) && Date.now() < end) await sleep(50);
  return pids.filter(isRunning);
}

export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
