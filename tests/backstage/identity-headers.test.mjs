// The Worker removes every header by which a proxy provider of Backstage knows the caller. This holds its
// list against the provider modules that are installed here.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const SCOPE = new URL("node_modules/@backstage/", import.meta.url);
const LIST = new URL("../../src/gate/header_edits.rs", import.meta.url);
/** A string that is a whole header name of a proxy. */
const HEADER = /["'`]((?:x|cf|remote)-[a-z0-9-]+)["'`]/gi;
/** No statements about the caller. */
const OTHERS = new Set(["x-requested-with", "x-forwarded-for", "x-forwarded-host"]);

test("the Worker removes every header that an installed provider reads", async () => {
  const source = await readFile(LIST, "utf8");
  const [, list] = /IDENTITY_HEADERS: &\[&str\] = &\[(.*?)\]/s.exec(source);
  const removed = new Set([...list.matchAll(/"(.+?)"/g)].map(([, name]) => name));
  const modules = (await readdir(SCOPE)).filter((name) =>
    /^plugin-auth-backend-module-.*-provider$/.test(name),
  );
  const read = await Promise.all(modules.map((name) => headersOf(new URL(`${name}/dist/`, SCOPE))));
  const names = new Set(read.flat().filter((name) => !OTHERS.has(name)));
  assert.ok(names.has("cf-access-jwt-assertion"), [...names].join());
  assert.deepEqual(
    [...names].filter((name) => !removed.has(name)),
    [],
  );
});

async function headersOf(folder) {
  const files = await readdir(folder, { recursive: true });
  const sources = files.filter((file) => file.endsWith(".js"));
  const texts = await Promise.all(sources.map((file) => readFile(new URL(file, folder), "utf8")));
  return texts.flatMap((text) => [...text.matchAll(HEADER)].map(([, name]) => name.toLowerCase()));
}
