// The files of the debugger's page.

import { readFile } from "node:fs/promises";

const TYPES = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
};

const FILES = new Set([
  "index.html",
  "api.mjs",
  "elements.mjs",
  "page.css",
  "page.mjs",
  "remedies.mjs",
  "results.mjs",
  "time-left.mjs",
]);

const HEADERS = {
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** Answers with a file of the page; the empty name is the page itself. */
export async function answerPage(response, name) {
  const file = name === "" ? "index.html" : name;
  if (!FILES.has(file)) {
    response.writeHead(404, { ...HEADERS, "content-type": "text/plain; charset=utf-8" });
    response.end("The debugger has no such file.\n");
    return "404";
  }
  const content = await readFile(new URL(`public/${file}`, import.meta.url));
  response.writeHead(200, { ...HEADERS, "content-type": TYPES[file.split(".").at(-1)] });
  response.end(content);
  return "debugger";
}
