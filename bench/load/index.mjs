// Load on a contender: one run, bounded in time and number, every answer's status counted.

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { loadFromSockets } from "./sockets.mjs";
import { loadFromWrk } from "./wrk.mjs";

/** What is in flight when a run ends is still answered, and counted, by then. */
const SETTLE_MS = 100;

const ASSERTION = "cf-access-jwt-assertion: ";

/**
 * Loads a server and reads the processor time that it takes. Any answer of another status than
 * `status`, and any that does not come, is an error: a wrong answer may well be a cheap one.
 *
 * - `server`: `{url, cpu}`
 * - `path`, `status`: what is asked, and what is to be answered
 * - `email`: what Access says of who it is, beside the assertion; nothing without it
 * - `lines`: the assertions to send, a slice of the pool, or tokens, with what stands before them in a
 *   request as `header`; none without it
 * - `mode`: "rotate" through the lines for `seconds`, or send each of them "once"
 */
export async function load(
  generator,
  { server, path, status, email, lines, mode = "rotate", seconds },
) {
  const generate = generator.wrk ? loadFromWrk : loadFromSockets;
  const before = await server.cpu();
  const run = await generate({
    wrk: generator.wrk,
    url: server.url,
    path,
    email,
    lines: lines && { header: ASSERTION, ...lines },
    mode: lines ? mode : "plain",
    seconds,
  });
  await sleep(SETTLE_MS);
  const cpu = (await server.cpu()) - before;
  check(run, { path, status });
  return {
    cpu: cpu / run.sent,
    perSecond: run.answered / run.seconds,
    p50: run.latency.p50,
    p99: run.latency.p99,
    requests: run.sent,
  };
}

function check({ sent, answered, statuses, broken }, { path, status }) {
  const right = statuses[status] ?? 0;
  if (broken > 0 || answered === 0 || right !== answered || sent - answered > 64) {
    const seen = JSON.stringify(statuses);
    throw new Error(
      `${path}: ${answered} of ${sent} answered, ${broken} broken, ${status} wanted: ${seen}`,
    );
  }
}

/** One request, for a look at its answer. */
export function ask(url, path, assertion, more = {}) {
  return new Promise((resolve, reject) => {
    const headers = { host: "backstage.example.com", ...more };
    if (assertion) headers["cf-access-jwt-assertion"] = assertion;
    const outgoing = request(`${url}${path}`, { headers, agent: false, timeout: 10_000 });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${path}: no answer`)));
    outgoing.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        body += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    outgoing.end();
  });
}
