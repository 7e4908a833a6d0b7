// What Linux knows of a process: the processor time that it has used, and its memory.

import { readFile } from "node:fs/promises";
import { Failure } from "../scripts/process.mjs";

/** Clock ticks of /proc are hundredths of a second on every Linux (USER_HZ). */
const TICK_MICROSECONDS = 10_000;

/** utime + stime of a process and all its threads, in microseconds. */
export async function cpuMicros(pid) {
  const stat = await read(`/proc/${pid}/stat`);
  // The name is in parentheses and may hold anything; state is the field after it, utime the 12th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

/** The same of all processes that this one has started and that have ended. */
export async function endedChildrenMicros() {
  const stat = await read("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MICROSECONDS;
}

/** Resident memory of a process, in bytes. */
export const residentBytes = (pid) => memory(pid, "VmRSS");

/** The most that it ever had. */
export const peakBytes = (pid) => memory(pid, "VmHWM");

async function memory(pid, name) {
  const status = await read(`/proc/${pid}/status`);
  return Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))[1]) * 1024;
}

async function read(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (process.platform === "linux") throw error;
    throw new Failure("the bench reads processor time from /proc, which only Linux has");
  }
}
