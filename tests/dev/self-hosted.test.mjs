// docs/self-hosted.md: the Worker in workerd alone, with the files of examples/self-hosted, behind the emulator.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { USERS } from "../../dev/people.mjs";
import { catalogRecords, signingKeys } from "../../dev/seed.mjs";
import { TARGET } from "../../scripts/build.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { sessionOf, startEmulator } from "./support.mjs";

const PROGRAM = join(TARGET, "debug", "cfaccess");
const EXAMPLE = join(ROOT, "examples", "self-hosted");
const REFRESH = "/api/auth/cfaccess/refresh";
const { default: WORKERD } = createRequire(createRequire(import.meta.url).resolve("miniflare"))(
  "workerd",
);

let dir;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "cfaccess-self-hosted-"));
});

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The folder of docs/self-hosted.md. What differs: the port, and the emulator in Cloudflare's place. */
async function folder(access) {
  for (const name of ["kv.mjs", "fill.mjs"]) await copyFile(join(EXAMPLE, name), join(dir, name));
  for (const name of ["worker.mjs", "worker.wasm"]) {
    await copyFile(join(ROOT, "build", name), join(dir, name));
  }
  await copyFile(join(ROOT, "dev", "internet.mjs"), join(dir, "internet.mjs"));
  for (const name of ["catalog", "cache"]) await mkdir(join(dir, "kv", name), { recursive: true });
  const port = await freePort();
  const config = await readFile(join(EXAMPLE, "config.capnp"), "utf8");
  const wrangler = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const [, date] = /^compatibility_date = "(.+)"$/m.exec(wrangler);
  assert.ok(config.includes(`compatibilityDate = "${date}"`), "the date of wrangler.toml");
  const stand = `(name = "stand-in", worker = (
      modules = [(name = "internet.mjs", esModule = embed "internet.mjs")],
      compatibilityDate = "${date}",
      bindings = [(name = "ACCESS", service = "access")],
      globalOutbound = "internet")),
    (name = "access", external = (address = "${new URL(access.url).host}", http = ())),
    (name = "cfaccess",`;
  await writeFile(
    join(dir, "config.capnp"),
    config
      .replace("127.0.0.1:8080", `127.0.0.1:${port}`)
      .replace('globalOutbound = "internet"', 'globalOutbound = "stand-in"')
      .replace('(name = "cfaccess",', stand),
  );
  return port;
}

/** Starts workerd. Resolves when it answers. */
async function startWorkerd(t, port, env) {
  const child = spawn(WORKERD, ["serve", "config.capnp"], {
    cwd: dir,
    env: { ...process.env, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  t.after(async () => {
    child.kill();
    await once(child, "close");
    await rm(dir, { recursive: true });
  });
  for (let tries = 0; tries < 200; tries += 1) {
    assert.equal(child.exitCode, null, output);
    if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(output);
}

test("users sign in and reach the origin, and files keep keys and identities", async (t) => {
  const { access, origin, get } = await startEmulator(t, { users: USERS });
  const port = await folder(access);
  await catalogRecords(PROGRAM, dir, {});
  const fill = () =>
    promisify(execFile)(process.execPath, ["fill.mjs", "kv.json", "kv/catalog"], { cwd: dir });
  assert.match((await fill()).stdout, /^\d+ records written, 0 removed/);
  await startWorkerd(t, port, {
    CFACCESS: JSON.stringify({
      teamName: access.team,
      audience: access.audience,
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
    }),
    BACKSTAGE: JSON.stringify({ baseUrl: access.url, origin: origin.url }),
    SIGNING_KEYS: await signingKeys(PROGRAM, dir),
  });
  access.setUpstream(`http://127.0.0.1:${port}`);

  const [user] = USERS;
  const session = sessionOf(await access.mint({ user: user.email }));
  const refresh = await get(REFRESH, { ...session, accept: "application/json" });
  const body = await refresh.json();
  assert.equal(refresh.status, 200, JSON.stringify(body));
  assert.match(body.backstageIdentity.identity.userEntityRef, /^user:default\//);
  assert.equal((await get("/", session)).status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 401);
  assert.ok((await readdir(join(dir, "kv", "cache"))).length >= 2);
});
