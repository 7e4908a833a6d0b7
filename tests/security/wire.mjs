// Requests as bytes. An HTTP client would refuse to send half of what has to be tried here.

import { once } from "node:events";
import net from "node:net";

const LIMIT_MS = 5_000;

/**
 * Sends bytes on a connection of their own, and reads until the other side closes it or has answered and is
 * silent. Returns the bytes that came back, as Latin-1 text.
 */
export async function exchange(url, bytes, { silenceMs = 150 } = {}) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  let text = "";
  let silence;
  const limit = setTimeout(() => socket.destroy(), LIMIT_MS);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    clearTimeout(silence);
    silence = setTimeout(() => socket.destroy(), silenceMs);
  });
  socket.on("end", () => socket.destroy());
  socket.write(bytes);
  await once(socket, "close");
  clearTimeout(limit);
  clearTimeout(silence);
  return text;
}

/** A request as bytes. `headers` is a list of lines; the connection ends with the answer. */
export function request(line, headers = [], body = "") {
  const names = headers.map((header) => header.toLowerCase());
  const host = names.some((name) => name.startsWith("host:"))
    ? []
    : ["Host: backstage.example.com"];
  const lines = [line, ...host, ...headers, "Connection: close", "", body];
  return Buffer.from(lines.join("\r\n"), "latin1");
}

/** The status of the first answer; 0 if there is none. */
export const statusOf = (text) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);

/** The body of the first answer, its chunks joined. */
export function bodyOf(text) {
  const at = text.indexOf("\r\n\r\n");
  if (at < 0) return "";
  const body = text.slice(at + 4);
  if (!/^transfer-encoding: chunked/im.test(text.slice(0, at))) return body;
  return body.replace(/(^|\r\n)[0-9a-f]+\r\n/gi, "");
}
