// `npm run dev` as a process of its own, without the build before it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs dev/main.mjs; `output` grows with what it prints. */
export function startDev(t, ...args) {
  const child = spawn(process.execPath, ["dev/main.mjs", ...args], { cwd: ROOT });
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

export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
