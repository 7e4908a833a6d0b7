// A short turn of the real thing: every contender answers as it should, and the load counts it.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkAll } from "../../bench/answers.mjs";
import { CONTENDERS } from "../../bench/contenders.mjs";
import { startGround } from "../../bench/ground.mjs";
import { ask, load } from "../../bench/load/index.mjs";
import { answerIn } from "../../bench/load/sockets.mjs";
import { PATHS } from "../../bench/paths.mjs";
import { capnp } from "../../bench/workerd.mjs";
import { onPath } from "../../scripts/setup.mjs";

const FEW = 40;
const options = { skip: process.platform !== "linux" && "the bench needs /proc" };
const servers = {};
let ground;
let kept;

before(async () => {
  if (options.skip) return;
  // Not the bench's own, which may be running.
  kept = await mkdtemp(join(tmpdir(), "bench-kept-"));
  ground = await startGround({ kept });
  for (const name of Object.keys(CONTENDERS)) servers[name] = await ground.contend(name);
});
after(async () => {
  await ground?.close();
  if (kept) await rm(kept, { recursive: true });
});

test("every contender answers what it should", options, () => checkAll(servers, ground));

test("a load sends each assertion once, and counts answers and KV reads", options, async () => {
  // wrk where it is already: a test installs nothing.
  const found = await onPath("wrk");
  const generators = [{}, ...(found ? [{ wrk: found }] : [])];
  let from = 2_000;
  for (const generator of generators) {
    const before = (await ground.services.reads()).catalog;
    const run = await load(generator, {
      server: servers.jose,
      path: PATHS.unseen.path,
      status: 200,
      lines: await ground.pool.slice(from, FEW),
      mode: "once",
    });
    from += FEW;
    assert.ok(run.requests >= FEW && run.requests < FEW + 16, `${run.requests} requests`);
    assert.ok(run.cpu >= 0 && run.perSecond > 0 && run.p99 >= run.p50);
    const reads = (await ground.services.reads()).catalog - before;
    assert.equal(reads, run.requests);
  }
});

test("a wrong status ends the bench", options, async () => {
  const { path } = PATHS.forged;
  const lines = await ground.pool.forged(FEW);
  const wrong = { server: servers.ours, path, lines, mode: "once" };
  await load({}, { ...wrong, status: 401 });
  await assert.rejects(load({}, { ...wrong, status: 200 }), /200 wanted: {"401":40}/);
});

/** One after the other: a pool is not extended twice at a time. */
async function linesOf(pool, count) {
  const lines = [];
  for (let index = 0; index < count; index += 1) lines.push(await pool.line(index));
  return lines;
}

const emails = (lines) =>
  lines.map((line) => JSON.parse(Buffer.from(line.split(".")[1], "base64url")).email);

test("assertions are all different, each of the user whose turn it is", options, async () => {
  const pool = await ground.openPool("two", { people: 2, keySets: [] });
  const lines = await linesOf(pool, 3);
  const expected = ["person0@example.com", "person1@example.com", "person0@example.com"];
  assert.deepEqual(emails(lines), expected);
  assert.equal(new Set(lines).size, 3);
});

test("with addresses, no user has the same one twice", options, async () => {
  const pool = await ground.openPool("addresses", { people: 1, addresses: true, keySets: [] });
  const lines = await linesOf(pool, 2);
  assert.deepEqual(emails(lines), ["person0+0@example.com", "person0+1@example.com"]);
});

test("KV counts reads, also of what is not there", options, async () => {
  const { status } = await ask(servers.jose.url, PATHS.same.path, await ground.pool.line(5));
  assert.equal(status, 200);
  const reads = await ground.services.reads();
  assert.ok(reads.catalog > 0 && reads["jose-cache"] > 0);
});

test("an answer is complete when all of it is there", () => {
  const whole = (text) => answerIn(Buffer.from(text));
  assert.deepEqual(whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"), {
    status: "200",
    length: 40,
  });
  assert.equal(whole("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"), undefined);
  assert.equal(whole("HTTP/1.1 200 OK\r\nContent-Le"), undefined);
  const chunked = "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  assert.deepEqual(whole(chunked), { status: "401", length: chunked.length });
  assert.equal(whole(chunked.slice(0, -1)), undefined);
});

test("a configuration escapes what is in its texts", () => {
  const text = capnp({
    modules: [["a.mjs", ""]],
    bindings: { NAME: 'a "quoted"\nline', OBJECT: { a: "b" }, STORE: { kv: "people" } },
    services: "127.0.0.1:1",
    compatibilityDate: "2026-01-01",
  });
  assert.ok(text.includes('text = "a \\"quoted\\"\\nline"'));
  assert.ok(text.includes('json = "{\\"a\\":\\"b\\"}"'));
  assert.ok(text.includes('kvNamespace = "kv-people"'));
});
