// Running a Worker in workerd with the emulator as its Access and the demo origin behind it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { startWorker } from "../../dev/worker.mjs";
import { sessionOf, startEmulator } from "./support.mjs";

const buildDir = fileURLToPath(new URL("stand-in", import.meta.url));

/** Emulator, Worker and origin, in a row. */
async function startAll(t, options = {}) {
  const { access, origin, get } = await startEmulator(t);
  const worker = await startWorker({
    access,
    buildDir,
    cfaccess: { teamName: access.team, audience: [access.audience] },
    backstage: { origin: origin.url },
    signingKeys: { keys: [] },
    ...options,
  });
  t.after(() => worker.close());
  access.setUpstream(worker.url);
  return { access, origin, get, worker };
}

test("vars arrive as JSON, the secret as text, and KV as it was filled", async (t) => {
  const { access, get, worker } = await startAll(t);
  await (await worker.kv("CATALOG")).put("jane", "a record");
  const seen = await (await get("/bindings", sessionOf(await access.mint()))).json();
  assert.equal(seen.url, `${access.url}/bindings`);
  assert.equal(seen.CFACCESS.teamName, "emulator");
  assert.match(seen.BACKSTAGE.origin, /^http/);
  assert.equal(seen.SIGNING_KEYS, '{"keys":[]}');
  assert.equal(seen.jane, "a record");
});

test("the team's domain is the emulator, and every request to it is on record", async (t) => {
  const { access, worker } = await startAll(t);
  const certs = await (await fetch(`${worker.url}/cdn-cgi-of-team/certs`)).json();
  assert.equal(certs.keys[0].kid, access.keys.current.kid);

  const headers = { authorization: await access.mint({ user: "bob@example.com" }) };
  const identity = await (
    await fetch(`${worker.url}/cdn-cgi-of-team/get-identity`, { headers })
  ).json();
  assert.equal(identity.email, "bob@example.com");

  assert.deepEqual(
    (await worker.outbound()).map(({ url }) => url),
    ["certs", "get-identity"].map(
      (name) => `https://emulator.cloudflareaccess.com/cdn-cgi/access/${name}`,
    ),
  );
  await worker.clearOutbound();
  assert.deepEqual(await worker.outbound(), []);
});

test("a redirect of the team's domain is handed to the Worker, not followed", async (t) => {
  const { access, worker } = await startAll(t);
  access.setFault({ certs: { status: 302, headers: { location: "https://evil.example/" } } });
  const certs = `${worker.url}/cdn-cgi-of-team/certs`;
  const response = await fetch(certs, { redirect: "manual" });
  assert.equal(response.status, 302);
  assert.equal((await worker.outbound()).length, 1);
});

test("the origin can be made unreachable, and reached again", async (t) => {
  const { origin, worker } = await startAll(t);
  await worker.setOutages({ [new URL(origin.url).host]: "unreachable" });
  assert.equal((await fetch(`${worker.url}/healthcheck`)).status, 502);
  await worker.setOutages();
  assert.equal((await fetch(`${worker.url}/healthcheck`)).status, 200);
});

test("chunks and WebSockets go all the way to the origin and back", async (t) => {
  const { access, get } = await startAll(t);
  const session = sessionOf(await access.mint());
  const response = await get("/stream?chunks=2&ms=400", session);
  const arrivals = [];
  for await (const chunk of response.body) arrivals.push([Date.now(), chunk.length]);
  assert.ok(arrivals.at(-1)[0] - arrivals[0][0] >= 300);

  const socket = new WebSocket(`${access.url.replace("http", "ws")}/ws`, { headers: session });
  await once(socket, "open");
  socket.send("ping");
  assert.equal(String((await once(socket, "message"))[0]), "ping");
  socket.close();
  await once(socket, "close");
});

test("what the Worker logs can be read", async (t) => {
  const { worker } = await startAll(t);
  await fetch(`${worker.url}/healthcheck`);
  const lines = worker.logs.map(({ level, message }) => ({ level, message }));
  assert.deepEqual(lines, [{ level: "log", message: "forwarding /healthcheck" }]);
});

test("KV can be watched, and made to fail", async (t) => {
  const { worker } = await startAll(t, { observeKv: true });
  await (await worker.kv("CATALOG")).put("jane", "a record");
  const bindings = async () => {
    const response = await fetch(`${worker.url}/bindings`);
    return response.ok ? (await response.json()).jane : response.status;
  };

  assert.equal(await bindings(), "a record");
  assert.deepEqual(await worker.kvCalls(), [{ binding: "CATALOG", method: "get", key: "jane" }]);
  await worker.setKvOutages({ CATALOG: "unreachable" });
  assert.equal(await bindings(), 500);
  await worker.setKvOutages();
  assert.equal(await bindings(), "a record");
});

test("KV outlives the Worker in a directory, if one is given", async (t) => {
  const persist = await mkdtemp(join(tmpdir(), "cfaccess-kv-"));
  t.after(() => rm(persist, { recursive: true }));
  const options = { buildDir, cfaccess: {}, backstage: {}, persist };

  const first = await startWorker(options);
  await (await first.kv("CATALOG")).put("jane", "kept");
  await first.close();

  const second = await startWorker(options);
  t.after(() => second.close());
  assert.equal(await (await second.kv("CATALOG")).get("jane"), "kept");
});
