// What the attacks are made on: the built Worker in workerd, the emulator as its team, an origin that records.

import { startGround } from "../edge/harness.mjs";
import { startRecordingOrigin } from "./origin.mjs";
import { exchange, request, statusOf } from "./wire.mjs";

export const REFRESH = "/api/auth/cfaccess/refresh";
export const USERINFO = "/api/auth/v1/userinfo";
export const PRIVATE = "/api/catalog/entities";
export const PUBLIC = "/healthcheck";
export const VICTIM = "jane@example.com";
export const SERVICE = "11111111111111111111111111111111.access";

/**
 * Starts it all.
 *
 * - `access`, `origin`, `gate`, `signingKeys`: as in tests/edge/harness.mjs
 * - `send(url, line, headers, body)`: one request of a gate, as bytes, marked; resolves to `{id, text}`. No answer
 *   is an error: a Worker that is gone refuses nothing
 * - `arrived(id)`: what the origin has got of it
 * - `late()`: what the origin has got after `arrived` was asked
 * - `withGate(overrides, use)`: another Worker for as long as `use(gate)` runs
 * - `logs`: the lines of all Workers
 */
export async function startAttackGround() {
  const logs = [];
  const onLog = ({ message }) => logs.push(message);
  const ground = await startGround({ origin: startRecordingOrigin, onLog });
  let count = 0;
  const nextId = () => {
    count += 1;
    return `attack-${count}`;
  };
  const seen = new Map();
  const arrivalsOf = (id) => ground.origin.arrivalsOf(id);
  return {
    ...ground,
    logs,
    nextId,
    async send(url, line, headers = [], body = "") {
      const id = nextId();
      const text = await exchange(url, request(line, [`X-Attack: ${id}`, ...headers], body));
      if (statusOf(text) === 0) throw new Error(`no answer: ${text.slice(0, 200)}`);
      return { id, text };
    },
    arrived(id) {
      const found = arrivalsOf(id);
      seen.set(id, found.length);
      return found;
    },
    late: () => [...seen].filter(([id, count]) => arrivalsOf(id).length > count).map(([id]) => id),
    async withGate(overrides, use) {
      const closers = [];
      const t = { after: (close) => closers.push(close) };
      try {
        return await use(await ground.startGate(t, { onLog, ...overrides }));
      } finally {
        for (const close of closers) await close();
      }
    },
  };
}
