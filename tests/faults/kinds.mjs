// The faults of a dependency, as they look on its socket.

import { setTimeout as sleep } from "node:timers/promises";

/** Below every time limit of the Worker. */
const SLOW_MS = 500;
/** A body that drips takes twelve seconds, which is above every time limit but that of a forwarded request. */
const DRIPS = 40;
const DRIP_MS = 300;
/** Above every limit on size. */
const HUGE_BYTES = 4 * 1024 * 1024;
const SPACES = Buffer.alloc(256 * 1024, " ");

const PAGE = "<!doctype html><title>Just a moment</title><p>Checking your browser</p>\n".repeat(4);
/** Leads to a server that answers as the dependency does, and counts who comes. */
export const ELSEWHERE = "http://elsewhere.example";

/**
 * What each kind does with a request in place of the good answer, `{status, headers, body}`. `refused` is not here: then
 * nothing listens.
 */
const ANSWERS = {
  cut: (_good, { socket }) => socket.resetAndDestroy(),
  hangs: () => {},
  async slow(good, exchange) {
    await sleep(SLOW_MS);
    whole(good, exchange);
  },
  async drips({ status, headers, body }, { response }) {
    const bytes = Buffer.from(body.padEnd(DRIPS));
    response.writeHead(status, { ...headers, "content-length": bytes.length });
    response.flushHeaders();
    for (let part = 0; part < DRIPS && !response.destroyed; part += 1) {
      await sleep(DRIP_MS);
      const at = (index) => Math.floor((index * bytes.length) / DRIPS);
      response.write(bytes.subarray(at(part), at(part + 1)));
    }
    response.end();
  },
  403: (_good, { response }) => json(response, 403, { error: "forbidden" }),
  500: (_good, { response }) => json(response, 500, { error: "internal" }),
  redirect(_good, { request, response }) {
    response.writeHead(302, { location: ELSEWHERE + request.url }).end();
  },
  HTML(_good, { response }) {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE);
  },
  truncated({ status, headers, body }, { response, socket }) {
    const bytes = Buffer.from(body);
    response.writeHead(status, { ...headers, "content-length": bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2), () => socket.end());
  },
  empty: ({ headers }, { response }) => response.writeHead(200, headers).end(),
  async huge({ headers, body }, { response }) {
    response.writeHead(200, headers);
    response.write(body);
    for (let sent = 0; sent < HUGE_BYTES && !response.destroyed; sent += SPACES.length) {
      if (response.write(SPACES)) continue;
      await drained(response);
    }
    response.end();
  },
  "wrong type": ({ headers, wrong }, exchange) =>
    whole({ status: 200, headers, body: wrong }, exchange),
  "another's": ({ headers, another }, exchange) =>
    whole({ status: 200, headers, body: another }, exchange),
  flapping(good, exchange) {
    if (exchange.call % 2 === 1) exchange.socket.resetAndDestroy();
    else whole(good, exchange);
  },
};

/** Answers a request: well, or as the kind of fault does. `call` is its number since the fault began, from 1. */
export async function answer(kind, good, exchange) {
  if (kind === undefined) whole(good, exchange);
  else await ANSWERS[kind](good, exchange);
}

/** Waits until more can be written, or the reader has left. */
export function drained(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

function whole({ status, headers, body }, { response }) {
  response.writeHead(status, headers).end(body);
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
