// The origin of a Backstage with a front end: the app's files, and everything under /api from the
// backend. What app-config says is in the page, as the official app backend puts it there.

import { readFile } from "node:fs/promises";
import http from "node:http";
import { extname, join } from "node:path";
import { listening, pass } from "../server.mjs";
import { buildApp } from "./build.mjs";

const TYPES = { ".js": "text/javascript", ".css": "text/css" };

const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self' data:; connect-src 'self'; base-uri 'self'; frame-ancestors 'none'",
};

/** Starts it in front of a backend. `baseUrl` is where browsers reach it, a function. */
export async function startAppOrigin({ backendUrl, baseUrl }) {
  const dist = await buildApp();
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://origin");
    if (pathname.startsWith("/api/")) return pass(request, response, backendUrl);
    serve(pathname, response).catch(() => response.destroy());
  });

  async function serve(pathname, response) {
    const type = TYPES[extname(pathname)];
    if (!type) {
      response.writeHead(200, PAGE_HEADERS);
      return response.end(page(baseUrl()));
    }
    const content = await readFile(join(dist, pathname)).catch(() => undefined);
    response.writeHead(content ? 200 : 404, { "content-type": `${type}; charset=utf-8` });
    response.end(content);
  }

  return listening(server);
}

function page(baseUrl) {
  const data = {
    app: { title: "Meridian Freight", baseUrl },
    organization: { name: "Meridian Freight" },
    backend: { baseUrl },
  };
  const config = JSON.stringify([{ context: "app", data }]).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Meridian Freight</title>
    <link rel="stylesheet" href="/index.css">
    <script type="backstage.io/config">${config}</script>
  </head>
  <body>
    <div id="root"></div>
    <script type="module" src="/index.js"></script>
  </body>
</html>
`;
}
