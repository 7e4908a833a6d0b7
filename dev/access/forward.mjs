// Hands an admitted request to the upstream, and its answer back, without touching either beyond
// the headers that are Access's own.

import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";

/** Headers that only Access may set, or that are meant for Access alone. */
export const ACCESS_HEADERS = new Set([
  "cf-access-authenticated-user-email",
  "cf-access-client-id",
  "cf-access-client-secret",
  "cf-access-jwt-assertion",
]);

/** Headers about one connection, not about the message. */
const CONNECTION_HEADERS = new Set(["connection", "keep-alive", "proxy-connection"]);

/** What Access tells the upstream of an admitted caller. */
export function accessHeaders({ assertion, claims }) {
  const headers = ["Cf-Access-Jwt-Assertion", assertion];
  if (claims.email) headers.push("Cf-Access-Authenticated-User-Email", claims.email);
  return headers;
}

/**
 * `injected` is a flat list of header names and values, like `rawHeaders`. They replace the caller's headers
 * of these names.
 */
export function forward(request, response, upstream, injected) {
  const replaced = namesOf(injected);
  const headers = [
    ...without(
      request.rawHeaders,
      (name) => CONNECTION_HEADERS.has(name) || name === "upgrade" || replaced.has(name),
    ),
    ...injected,
  ];
  const { request: open } = upstream.protocol === "https:" ? https : http;
  // One connection per request: a kept-alive one may close just as the next request is written.
  const outgoing = open(upstream, {
    method: request.method,
    path: request.url,
    headers,
    agent: false,
  });
  outgoing.on("response", (incoming) => {
    const answered = without(
      incoming.rawHeaders,
      (name) => CONNECTION_HEADERS.has(name) || name === "transfer-encoding",
    );
    response.writeHead(incoming.statusCode, incoming.statusMessage, answered);
    response.flushHeaders();
    incoming.pipe(response);
    incoming.on("error", () => response.destroy());
  });
  outgoing.on("error", () => {
    // An upstream that answers without reading the whole body may reset the rest of it.
    if (response.headersSent) return;
    response.writeHead(502, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: "Access emulator: the upstream cannot be reached" }));
  });
  outgoing.on("close", () => {
    request.unpipe(outgoing);
    request.resume();
  });
  response.on("close", () => outgoing.destroy());
  outgoing.flushHeaders();
  request.pipe(outgoing);
}

/** A WebSocket (or any other) upgrade: after the request's head, bytes both ways. */
export function forwardUpgrade(request, socket, head, upstream, injected) {
  const replaced = namesOf(injected);
  const headers = [...without(request.rawHeaders, (name) => replaced.has(name)), ...injected];
  const tunnel = connect(upstream);
  const close = () => {
    socket.destroy();
    tunnel.destroy();
  };
  for (const end of [socket, tunnel]) {
    end.on("error", close);
    end.on("close", close);
  }
  tunnel.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines(headers)}\r\n`, "latin1");
  tunnel.write(head);
  socket.pipe(tunnel).pipe(socket);
  return tunnel;
}

function connect({ protocol, hostname, port }) {
  return protocol === "https:"
    ? tls.connect({ host: hostname, port: Number(port) || 443, servername: hostname })
    : net.connect({ host: hostname, port: Number(port) || 80 });
}

const namesOf = (headers) =>
  new Set(headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));

function without(rawHeaders, dropped) {
  const kept = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (ACCESS_HEADERS.has(name) || dropped(name)) continue;
    kept.push(rawHeaders[i], rawHeaders[i + 1]);
  }
  return kept;
}

function lines(rawHeaders) {
  let text = "";
  for (let i = 0; i < rawHeaders.length; i += 2) {
    text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  return text;
}
