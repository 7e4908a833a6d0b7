// A Worker before a scripted origin, for the tests of what is forwarded.

import assert from "node:assert/strict";
import { groundOfThisFile } from "./harness.mjs";
import { startScriptedOrigin } from "./scripted-origin.mjs";

export const ASSERTION = "cf-access-jwt-assertion";
export const EMAIL = "cf-access-authenticated-user-email";

/** To be called at the top of a file, as `groundOfThisFile`. */
export function forwardingOfThisFile() {
  const ground = groundOfThisFile({ origin: startScriptedOrigin });

  /** Sends a request with an assertion of jane's. */
  const sendAsJane = async (path, options) =>
    ground.gate.send(path, { token: await ground.access.mint(), ...options });

  /** What the origin was sent. */
  async function arrived(path, options) {
    const answer = await sendAsJane(path, options);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  return { ground, sendAsJane, arrived };
}
