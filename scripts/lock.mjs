// One process at a time: two builds in one checkout wait for each other.

import { mkdir, open, readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { isRunning } from "../dev/npm-parent.mjs";

/** Calls `body` while holding the lock file at `path`. A lock whose process is gone is void. */
export async function withLock(path, body) {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 0; !(await take(path)); attempt += 1) {
    const holder = Number(await readFile(path, "utf8").catch(() => ""));
    if (holder && !isRunning(holder)) await unlink(path).catch(() => {});
    else if (attempt === 10) console.error(`waiting for process ${holder}, which holds ${path}`);
    await setTimeout(100);
  }
  try {
    return await body();
  } finally {
    await unlink(path);
  }
}

async function take(path) {
  try {
    const file = await open(path, "wx");
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}
