// Load without wrk: sixteen connections, each with one request at a time, from this process. It
// takes more processor time than wrk, which belongs to no contender.

import { open } from "node:fs/promises";
import net from "node:net";

const CONNECTIONS = 16;
const HEADERS_END = Buffer.from("\r\n\r\n");
const CHUNKS_END = Buffer.from("0\r\n\r\n");

/** Resolves to what `loadFromWrk` does. */
export async function loadFromSockets({ url, path, email, lines, mode, seconds }) {
  const { hostname, port } = new URL(url);
  const texts = lines ? await linesOf(lines) : [];
  const run = { sent: 0, answered: 0, broken: 0, statuses: {}, times: [], over: false };
  const start = performance.now();
  const timer = seconds && setTimeout(() => stop(run), seconds * 1000);
  run.next = () => {
    if (run.over || (mode === "once" && run.sent === texts.length)) return undefined;
    const assertion = texts.length > 0 ? texts[run.sent % texts.length] : undefined;
    run.sent += 1;
    return requestText(path, assertion && `${lines.header}${assertion}\r\n`, email);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => converse({ hostname, port }, run)));
  clearTimeout(timer);
  const { sent, answered, broken, statuses, times } = run;
  times.sort((left, right) => left - right);
  const at = (part) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 1000);
  return {
    sent,
    answered,
    broken,
    statuses,
    seconds: (performance.now() - start) / 1000,
    latency: { p50: at(0.5), p99: at(0.99), max: at(0.999999) },
  };
}

function stop(run) {
  run.over = true;
}

async function linesOf({ file, offset, count }) {
  const handle = await open(file);
  const lines = [];
  for await (const line of handle.readLines({ start: offset })) {
    if (lines.push(line) === count) break;
  }
  await handle.close();
  return lines;
}

function requestText(path, header = "", email = undefined) {
  const emailHeader = email ? `cf-access-authenticated-user-email: ${email}\r\n` : "";
  return `GET ${path} HTTP/1.1\r\nHost: backstage.example.com\r\n${emailHeader}${header}\r\n`;
}

/** One connection: a request, its answer, the next request, until there is none. */
function converse(address, run) {
  return new Promise((resolve) => {
    const socket = net.connect(address.port, address.hostname).setNoDelay();
    let received = Buffer.alloc(0);
    let sentAt = 0;
    const next = () => {
      const text = run.next();
      if (text === undefined) return socket.end();
      sentAt = performance.now();
      socket.write(text);
    };
    socket.on("connect", next);
    socket.on("data", (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const answer = answerIn(received);
      if (answer === undefined) return;
      received = received.subarray(answer.length);
      run.times.push(performance.now() - sentAt);
      run.answered += 1;
      run.statuses[answer.status] = (run.statuses[answer.status] ?? 0) + 1;
      next();
    });
    socket.on("error", () => {
      run.broken += 1;
    });
    socket.on("close", resolve);
  });
}

/** The status and the length of the answer at the start of these bytes, if it is complete. */
export function answerIn(bytes) {
  const end = bytes.indexOf(HEADERS_END);
  if (end < 0) return undefined;
  const head = bytes.latin1Slice(0, end).toLowerCase();
  const status = head.slice(9, 12);
  const bodyAt = end + HEADERS_END.length;
  const sized = head.match(/^content-length: (\d+)/m);
  if (sized) {
    const length = bodyAt + Number(sized[1]);
    return bytes.length < length ? undefined : { status, length };
  }
  if (!head.includes("transfer-encoding: chunked")) return { status, length: bodyAt };
  // A body here is JSON or a word, in which the last chunk's mark does not occur.
  const last = bytes.indexOf(CHUNKS_END, bodyAt);
  return last < 0 ? undefined : { status, length: last + CHUNKS_END.length };
}
