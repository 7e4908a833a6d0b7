// Outages of the certs and get-identity endpoints, for tests.

import { setTimeout as sleep } from "node:timers/promises";

/** Far more than any sane reader takes, and still quick to send. */
const HUGE_BODY = 32 * 1024 * 1024;

/**
 * Answers in place of an endpoint, or not at all. Returns true if the fault has dealt with the
 * request; a fault of only `delayMs` lets the endpoint answer after that time.
 *
 * A fault is `{status?, headers?, body?, delayMs?, hang?, huge?}`. `hang` keeps the connection
 * open without a byte until the emulator closes. `huge` (true, or a number of bytes) pads the
 * endpoint's own document with white space, so that only a limit on size can refuse it.
 */
export async function answerWithFault(fault, response, document) {
  if (!fault) return false;
  if (fault.hang) return true;
  if (fault.delayMs) await sleep(fault.delayMs);
  if (fault.huge) {
    const size = fault.huge === true ? HUGE_BODY : fault.huge;
    response.writeHead(fault.status ?? 200, { "content-type": "application/json" });
    response.end(JSON.stringify(document).padEnd(size));
    return true;
  }
  if (fault.status === undefined && fault.body === undefined) return false;
  const body = fault.body ?? "";
  response.writeHead(fault.status ?? 200, {
    "content-type": "application/json",
    ...fault.headers,
  });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
  return true;
}
