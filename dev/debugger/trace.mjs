// What the Worker did for one request: its log line, and its calls as they are seen from outside.

import { setTimeout as sleep } from "node:timers/promises";

/** A line is written after the response. */
const LINE_LIMIT_MS = 1000;
const STEP_MS = 25;

/**
 * `{line, calls}` of the request with this ray id: its log line as an object, or `null`, and the calls
 * `{to, what, ms, result}` in their order. `ms` is absent while a call has not ended.
 */
export async function traceOf(ray, { access, worker }) {
  const entry = access.log.findLast((it) => it.ray === ray);
  // Access has answered itself.
  if (!entry?.outcome.startsWith("forwarded")) return { line: null, calls: [] };
  const line = await lineOf(entry, worker);
  const [kv, outbound] = await Promise.all([
    worker.kvCallsOf(ray),
    worker.outbound(entry.timing.started),
  ]);
  const calls = [
    ...kv.map((it) => ({ ...it, to: `KV ${it.binding}`, what: `${it.method} ${it.key}` })),
    ...outbound.filter((it) => isOf(it, entry)).map((it) => ({ ...it, ...described(it) })),
  ];
  return {
    line,
    calls: calls
      .toSorted((one, other) => one.at - other.at)
      .map(({ to, what, ms, status, failed }) => ({
        ...{ to, what, ms },
        result: failed ?? status ?? (ms === undefined ? "pending" : "ok"),
      })),
  };
}

async function lineOf(entry, worker) {
  for (let waited = 0; waited < LINE_LIMIT_MS; waited += STEP_MS) {
    for (const { at, message } of worker.logs.toReversed()) {
      if (at < entry.timing.started) break;
      const line = parsed(message);
      if (line && isLineOf(line, entry)) return line;
    }
    await sleep(STEP_MS);
  }
  return null;
}

/** A Worker of an earlier version does not log the ray id. */
function isLineOf(line, { ray, method, path }) {
  if (line.ray !== undefined) return line.ray === ray;
  return line.method === method && line.path === path.split("?")[0];
}

/** What is forwarded carries the ray id. The Worker's own requests are those of the time between. */
function isOf({ headers, at }, { ray, timing }) {
  const carried = headers["cf-ray"];
  if (carried !== undefined) return carried === ray;
  return at >= timing.started && at <= (timing.ended ?? Number.POSITIVE_INFINITY);
}

function described({ method, url }) {
  const { hostname, pathname } = new URL(url);
  if (!hostname.endsWith(".cloudflareaccess.com"))
    return { to: "origin", what: `${method} ${pathname}` };
  return { to: pathname.split("/").at(-1), what: method };
}

function parsed(message) {
  try {
    const line = JSON.parse(message);
    return typeof line === "object" ? line : undefined;
  } catch {
    return undefined;
  }
}
