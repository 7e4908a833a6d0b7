// The end of the npm that has started this process. npm that is killed, or gets SIGINT alone, passes nothing on.

import { execFileSync } from "node:child_process";

const INTERVAL_MS = 250;

/** Calls `end` once the npm or npx above this process is gone. Without npm it does nothing. */
export function whenNpmEnds(end) {
  if (process.env.npm_command === undefined || process.platform === "win32") return;
  const parent = process.ppid;
  const npm = npmAbove(parent);
  const isGone = () => process.ppid !== parent || (npm !== undefined && !isRunning(npm));
  setInterval(() => isGone() && end(), INTERVAL_MS).unref();
}

/** npm starts a shell that starts this process, and some shells outlive npm. */
function npmAbove(parent) {
  try {
    const line = execFileSync("ps", ["-o", "ppid=,args=", "-p", String(parent)])
      .toString()
      .trim();
    return /^\d+ \S*sh -c /.test(line) ? Number.parseInt(line, 10) : undefined;
  } catch {
    // There is no `ps`: the parent alone is watched.
    return undefined;
  }
}

/** Whether there is such a process, of whatever user. */
export function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
