// What belongs here: what `npm run build` leaves in build/, looked at from outside.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url));

test("the module imports its wasm and nothing that workerd does not have", async () => {
  const module = String(await read("build/worker.mjs"));
  const imports = [...module.matchAll(/\bfrom\s*"([^"]+)"|\bimport\s*"([^"]+)"/g)];
  const names = imports.map(([, from, bare]) => from ?? bare);
  assert.ok(names.includes("./worker.wasm"));
  const foreign = names.filter((name) => name !== "./worker.wasm" && !/^cloudflare:/.test(name));
  assert.deepEqual(foreign, []);
});

test("the wasm is one that a plain engine accepts", async () => {
  assert.equal(WebAssembly.validate(await read("build/worker.wasm")), true);
});

test("neither file names a directory of the machine it was built on", async () => {
  for (const file of ["build/worker.mjs", "build/worker.wasm"]) {
    const text = (await read(file)).toString("latin1");
    for (const path of [homedir(), fileURLToPath(new URL("../..", import.meta.url))]) {
      assert.ok(!text.includes(join(path, "/")), `${file} has ${path}`);
    }
  }
});

test("a callback of a replaced instance says what recovery.mjs listens for", async () => {
  const stale = /const STALE = "(.+)";/.exec(await read("src/worker/recovery.mjs"))[1];
  const glue = String(await read("build/worker.mjs")).split(stale).length - 1;
  assert.ok(glue >= 2, "wasm-bindgen words it otherwise");
});

test("neither the module nor its source lets a failed request through to the origin", async () => {
  for (const file of ["build/worker.mjs", "src/worker/entry.mjs", "src/worker/recovery.mjs"]) {
    assert.doesNotMatch(String(await read(file)), /passThroughOnException/);
  }
});

test("wrangler.toml asks for a date that workerd knows, and for no setting that opens a way in", async () => {
  const { parse } = await import("smol-toml");
  const config = parse(String(await read("wrangler.toml")));
  const { version } = JSON.parse(await read("node_modules/workerd/package.json"));
  const [, year, month, day] = /^\d+\.(\d{4})(\d\d)(\d\d)\./.exec(version);
  assert.ok(config.compatibility_date <= `${year}-${month}-${day}`);
  assert.equal(config.workers_dev, false);
  assert.equal(config.preview_urls, false);
  assert.equal(config.cache, undefined);
  assert.ok(!(config.compatibility_flags ?? []).includes("global_fetch_strictly_public"));
});
