// Runs in workerd around the Worker: moves its clock, lets its signing fail, and lets it trap. Everything else reaches the Worker as it
// is.

import worker from "./worker.mjs";

export * from "./worker.mjs";

/** Only the suite talks to this host. */
const CONTROL_HOST = "control.faults";
const SLOW_MS = 500;

let aheadMs = 0;
let fault;
let signatures = 0;
/** After how many calls of the clock the Worker traps. */
let trapAfter = Infinity;

const { now } = Date;
Date.now = () => {
  trapAfter -= 1;
  if (trapAfter < 0) {
    trapAfter = Infinity;
    // To the module this is as a trap of its own: its stack is cut off midway.
    throw new WebAssembly.RuntimeError("unreachable");
  }
  return now.call(Date) + aheadMs;
};

const sign = SubtleCrypto.prototype.sign;
SubtleCrypto.prototype.sign = async function signed(algorithm, key, message) {
  signatures += 1;
  // A view of the memory of the module, which goes on.
  const copy = Uint8Array.from(message);
  const signature = () => sign.call(this, algorithm, key, copy);
  switch (fault) {
    case "cut":
      throw new Error("the signing failed");
    case "flapping":
      if (signatures % 2 === 1) throw new Error("the signing failed");
      return signature();
    case "hangs":
      return new Promise(() => {});
    case "slow":
      await scheduler.wait(SLOW_MS);
      return signature();
    case "truncated":
      return (await signature()).slice(0, 32);
    case "empty":
      return new ArrayBuffer(0);
    case "wrong type":
      return undefined;
    case "another's":
      return new Uint8Array(64).fill(7).buffer;
    default:
      return signature();
  }
};

export default {
  ...worker,
  async fetch(request, env, ctx) {
    if (new URL(request.url).hostname !== CONTROL_HOST) return worker.fetch(request, env, ctx);
    const change = await request.json();
    if ("trapAfter" in change) trapAfter = change.trapAfter;
    if ("aheadMs" in change) aheadMs = change.aheadMs;
    if ("fault" in change) {
      fault = change.fault ?? undefined;
      signatures = 0;
    }
    return Response.json({ signatures });
  },
};
