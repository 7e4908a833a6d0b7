// The demo origin: what stands where Backstage would. A page that signs in as Backstage's own
// sign-in page does, and a few routes that show what a request is like when it arrives.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";

const REQUESTS_KEPT = 1000;

const PAGE = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.mjs": ["page.mjs", "text/javascript; charset=utf-8"],
};

const PAGE_HEADERS = {
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** Starts the origin. `requests` is what has arrived so far: `{method, url, headers}`. */
export async function startOrigin({ port = 0, host = "127.0.0.1" } = {}) {
  const requests = [];
  const remember = ({ method, url, headers }) => {
    requests.push({ method, url, headers });
    if (requests.length > REQUESTS_KEPT) requests.shift();
  };

  const server = http.createServer((request, response) => {
    remember(request);
    answer(request, response).catch((error) => {
      if (response.headersSent) response.destroy();
      else json(response, 500, { error: String(error) });
    });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    remember(request);
    if (pathOf(request) !== "/ws") return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
    });
  });
  server.listen(port, host);
  await once(server, "listening");

  return {
    url: `http://${host}:${server.address().port}`,
    requests,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const webSocket of sockets.clients) webSocket.terminate();
      await closed;
    },
  };
}

async function answer(request, response) {
  const url = new URL(request.url, "http://origin");
  const milliseconds = Number(url.searchParams.get("ms") ?? 500);
  switch (url.pathname) {
    case "/healthcheck":
      return json(response, 200, { status: "ok" });
    case "/api/echo":
      return echo(request, response);
    case "/redirect":
      response.writeHead(302, { location: url.searchParams.get("to") ?? "/" });
      return response.end();
    case "/slow":
      await sleep(milliseconds);
      return json(response, 200, { waited: milliseconds });
    case "/stream":
      return stream(response, Number(url.searchParams.get("chunks") ?? 5), milliseconds);
    default:
      return page(response, url.pathname);
  }
}

async function echo(request, response) {
  const body = [];
  for await (const chunk of request) body.push(chunk);
  const { method, url, headers } = request;
  json(response, 200, { method, url, headers, body: Buffer.concat(body).toString() });
}

/** A chunk a time, each sent when it is made: a proxy that collects answers is found out. */
async function stream(response, chunks, milliseconds) {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  for (let i = 1; i <= chunks; i += 1) {
    response.write(`chunk ${i} of ${chunks}\n`);
    if (i < chunks) await sleep(milliseconds);
  }
  response.end();
}

async function page(response, path) {
  if (!Object.hasOwn(PAGE, path))
    return json(response, 404, { error: "the origin has no such page" });
  const [file, type] = PAGE[path];
  const content = await readFile(new URL(`public/${file}`, import.meta.url));
  response.writeHead(200, { ...PAGE_HEADERS, "content-type": type });
  response.end(content);
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
}

const pathOf = ({ url }) => new URL(url, "http://origin").pathname;
