// What belongs here: what workerd makes of a trap. The entry is the real one and so is the trap; the
// glue is a few lines, because the Worker itself has no request that makes it panic.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { parse } from "smol-toml";
import { bundle } from "../../scripts/build.mjs";

/** (module (func (export "panic") unreachable)) */
const WASM = Buffer.from(
  "0061736d010000000104016000000302010007090105" + "70616e696300000a05010300000b",
  "hex",
);

const GLUE = `
import module from "./worker.wasm";

const LEAVES = Symbol.for("backstage-cfaccess: leaves the instance");
let wasm = new WebAssembly.Instance(module).exports;
let resets = 0;

export function __wbg_reset_state() {
  wasm = new WebAssembly.Instance(module).exports;
  resets += 1;
}

export async function scheduled() {
  wasm.panic();
}

export function fetch(request) {
  const instance = wasm;
  const later = (delay, body) => new Promise((resolve) => {
    setTimeout(() => {
      if (instance !== wasm) throw new Error("Cannot invoke closure from previous WASM instance");
      queueMicrotask(() => body(resolve));
    }, delay);
  });
  switch (new URL(request.url).pathname) {
    case "/panic": return instance.panic();
    case "/panic-later": return later(50, () => instance.panic());
    case "/forward": {
      const answer = new Promise((resolve) => {
        setTimeout(() => resolve(new Response("from the origin")), 300);
      });
      request[LEAVES](answer);
      return answer;
    }
    case "/slow": return later(300, (resolve) => resolve(new Response("slow")));
    default: return Promise.resolve(new Response(String(resets)));
  }
}
`;

let miniflare;
let url;

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), "panic-"));
  await writeFile(join(dir, "glue.js"), GLUE);
  await bundle(join(dir, "glue.js"), join(dir, "worker.mjs"));
  const contents = String(await readFile(join(dir, "worker.mjs")));
  await rm(dir, { recursive: true });

  const config = await readFile(new URL("../../wrangler.toml", import.meta.url), "utf8");
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      compatibilityDate: parse(config).compatibility_date,
      log: new Log(LogLevel.NONE),
      // What the Worker logs is not of interest, and there will be much of it.
      handleStructuredLogs: () => {},
      modules: [
        { type: "ESModule", path: "worker.mjs", contents },
        { type: "CompiledWasm", path: "worker.wasm", contents: WASM },
      ],
    }),
  );
  url = await miniflare.ready;
});

after(() => miniflare.dispose());

let resets;
beforeEach(async () => {
  resets = Number(await (await get("/")).text());
});

const get = (path) => fetch(new URL(path, url), { signal: AbortSignal.timeout(5000) });

async function assertReplaced() {
  assert.equal(Number(await (await get("/")).text()), resets + 1);
}

async function assertEnded(response) {
  assert.equal(response.status, 500);
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal((await response.json()).error.code, "internal");
}

test("a panic at once is answered, and the next request is served", async () => {
  await assertEnded(await get("/panic"));
  await assertReplaced();
});

test("a panic after an await is answered, and the next request is served", async () => {
  await assertEnded(await get("/panic-later"));
  await assertReplaced();
});

test("a panic in one request ends another that is waiting, at once", async () => {
  const slow = get("/slow");
  const start = performance.now();
  await assertEnded(await get("/panic-later"));
  await assertEnded(await slow);
  assert.ok(performance.now() - start < 250, "it waited for what it was waiting for");
  await assertReplaced();
});

test("a panic does not end a request that is being forwarded", async () => {
  const forwarded = get("/forward");
  await assertEnded(await get("/panic-later"));
  assert.equal(await (await forwarded).text(), "from the origin");
  await assertReplaced();
});

test("callbacks of the old instance do no harm to the requests in the new one", async () => {
  const old = get("/slow");
  await assertEnded(await get("/panic-later"));
  const next = await get("/slow");
  assert.equal(next.status, 200);
  assert.equal(await next.text(), "slow");
  await assertEnded(await old);
  await assertReplaced();
});

test("a client that went away is no obstacle", async () => {
  const gone = new AbortController();
  const slow = fetch(new URL("/slow", url), { signal: gone.signal });
  setTimeout(() => gone.abort(), 20);
  await assert.rejects(slow);
  await assertEnded(await get("/panic-later"));
  await assertReplaced();
});

test("a scheduled event that panics has failed", async () => {
  const worker = await miniflare.getWorker();
  const { outcome } = await worker.scheduled({ cron: "* * * * *" });
  assert.equal(outcome, "exception");
  await assertReplaced();
});
