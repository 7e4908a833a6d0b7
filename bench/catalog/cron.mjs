// What a run of the scheduled handler costs: the processor time of a workerd that has nothing else to
// do, and the memory of the Rust code, with as many users as there may be. KV and the origin are in this process, so
// that neither is in the figures.
//
//   node bench/catalog/cron.mjs [USERS…]      prints the table of docs/catalog.md

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parse as parseToml } from "smol-toml";
import packaged from "workerd";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SIZES = [100, 1_000, 10_000, 100_000];
/** Ticks of /proc are hundredths of a second: what is short is done often. */
const TICK_MS = 10;
const LONG_ENOUGH_MS = 1_000;
const MANY_GROUPS = 400;

/** A user of an organisation: 10 to 30 groups, and one in a thousand has 400. */
function person(index, generation) {
  const count = index % 1_000 === 999 ? MANY_GROUPS : 10 + (index % 21);
  const group = (i) => `team-${String((index * 7 + i * 13) % 2_000).padStart(4, "0")}`;
  const name = `user-${String(index).padStart(6, "0")}`;
  const groups = Array.from({ length: count }, (_, i) => group(i));
  if (generation > 0 && index % 100 === generation % 100) groups.push(`moved-${generation}`);
  return { name, email: `${name}@example.com`, displayName: `User Number ${index}`, groups };
}

/** As a running catalog has it. */
function entity({ name, email, displayName, groups }) {
  const relation = (group) => ({
    type: "memberOf",
    targetRef: `group:default/${group}`,
    target: { kind: "group", namespace: "default", name: group },
  });
  return {
    kind: "User",
    metadata: { namespace: "default", name },
    spec: { profile: { email, displayName } },
    relations: groups.map(relation),
  };
}

/** As KV holds it (src/catalog/record.rs). */
function pairs({ name, email, displayName, groups }) {
  const ref = `user:default/${name}`;
  const ent = [ref, ...new Set(groups.map((group) => `group:default/${group}`))];
  const value = JSON.stringify({ v: 1, user: { ref, ent, email, displayName } });
  const digest = createHash("sha256").update(value).digest("hex").slice(0, 32);
  return [`v1:email:${email}`, `v1:ref:${ref}`].map((key) => [key, digest]);
}

/** KV (of which a run reads only digests) and the origin. */
async function startWorld() {
  const world = { users: 0, generation: 0, kv: new Map(), keys: null, counts: {}, lines: [] };
  const count = (what) => {
    world.counts[what] = (world.counts[what] ?? 0) + 1;
  };
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url, "http://x");
    if (request.headers["x-bench"] === "origin") {
      count("pages");
      const start = Number(searchParams.get("cursor") ?? 0);
      const end = Math.min(start + Number(searchParams.get("limit")), world.users);
      const items = [];
      for (let i = start; i < end; i += 1) items.push(entity(person(i, world.generation)));
      const pageInfo = end < world.users ? { nextCursor: String(end) } : {};
      response.end(JSON.stringify({ items, totalItems: world.users, pageInfo }));
      return;
    }
    const key = decodeURIComponent(pathname.slice(1));
    if (request.method === "PUT") {
      count("writes");
      if (!world.kv.has(key)) world.keys = null;
      world.kv.set(key, request.headers["cf-kv-metadata"]);
    } else if (request.method === "DELETE") {
      count("deletes");
      world.kv.delete(key);
      world.keys = null;
    } else {
      count("lists");
      world.keys ??= [...world.kv.keys()].sort();
      const start = Number(searchParams.get("cursor") ?? 0);
      const prefix = searchParams.get("prefix") ?? "";
      const found =
        prefix === "v1:" ? world.keys : world.keys.filter((it) => it.startsWith(prefix));
      const names = found.slice(start, start + 1_000);
      const keys = names.map((name) => ({ name, metadata: world.kv.get(name) }));
      const isLast = start + 1_000 >= found.length;
      const rest = isLast
        ? { list_complete: true }
        : { list_complete: false, cursor: String(start + 1_000) };
      response.end(JSON.stringify({ keys, ...rest }));
      return;
    }
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  world.address = `127.0.0.1:${server.address().port}`;
  world.close = () => server.close();
  world.fill = (users) => {
    Object.assign(world, { users, generation: 0, keys: null });
    world.kv = new Map();
    for (let i = 0; i < users; i += 1) {
      for (const [key, h] of pairs(person(i, 0))) world.kv.set(key, JSON.stringify({ h }));
    }
  };
  return world;
}

/** Catches the Rust code's memory, which grows and never shrinks. */
const HOOK = `export let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};`;
const AROUND = `import { memory } from "./hook.mjs";
import worker from "./worker.mjs";
export default {
  scheduled: worker.scheduled,
  fetch: () => new Response(String(memory.buffer.byteLength)),
};`;
const TRIGGER = `export default {
  async fetch(request, env) {
    if (request.method === "POST") return env.WORKER.fetch(request);
    const { outcome } = await env.WORKER.scheduled({ scheduledTime: new Date(), cron: "" });
    return new Response(outcome);
  },
};`;

async function startWorkerd(dir, { address, lines }) {
  const { compatibility_date: date } = parseToml(
    await readFile(join(ROOT, "wrangler.toml"), "utf8"),
  );
  for (const file of ["worker.mjs", "worker.wasm"]) {
    await writeFile(join(dir, file), await readFile(join(ROOT, "build", file)));
  }
  const modules = { "around.mjs": AROUND, "hook.mjs": HOOK, "trigger.mjs": TRIGGER };
  for (const [name, text] of Object.entries(modules)) await writeFile(join(dir, name), text);
  const text = JSON.stringify;
  const external = (name) =>
    `(name = ${text(name)}, external = (address = ${text(address)}, http = (injectRequestHeaders = [(name = "x-bench", value = ${text(name)})])))`;
  const signingKey = {
    ...(await crypto.subtle
      .generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"])
      .then(({ privateKey }) => crypto.subtle.exportKey("jwk", privateKey))),
    kid: "bench",
    alg: "ES256",
    use: "sig",
  };
  const json = {
    CFACCESS: {
      teamName: "bench",
      audience: ["bench"],
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
    },
    BACKSTAGE: { baseUrl: "http://backstage.example.com", origin: "http://origin.example.com" },
    SIGNING_KEYS: { keys: [{ ...signingKey, key_ops: undefined, ext: undefined }] },
  };
  const bindings = Object.entries(json).map(
    ([name, value]) => `(name = ${text(name)}, json = ${text(text(value))})`,
  );
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "trigger", worker = .trigger),
    (name = "worker", worker = .worker),
    ${external("origin")},
    ${external("kv")},
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "trigger")],
);
const trigger :Workerd.Worker = (
  modules = [(name = "trigger.mjs", esModule = embed "trigger.mjs")],
  bindings = [(name = "WORKER", service = "worker")],
  compatibilityDate = ${text(date)},
  compatibilityFlags = ["service_binding_extra_handlers"],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "around.mjs", esModule = embed "around.mjs"),
    (name = "hook.mjs", esModule = embed "hook.mjs"),
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "worker.wasm", wasm = embed "worker.wasm"),
  ],
  bindings = [
    ${bindings.join(",\n    ")},
    (name = "CATALOG_TOKEN", text = "bench"),
    (name = "CATALOG", kvNamespace = "kv"),
    (name = "ACCESS_CACHE", kvNamespace = "kv"),
  ],
  compatibilityDate = ${text(date)},
  globalOutbound = "origin",
);
`;
  const file = join(dir, "config.capnp");
  await writeFile(file, config);
  const child = spawn(packaged.default, ["serve", file, "--experimental", "--control-fd=3"], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const note = (line) => {
    const at = line.indexOf("{");
    lines.push(at >= 0 ? line.slice(at) : line);
  };
  createInterface({ input: child.stdout }).on("line", note);
  createInterface({ input: child.stderr }).on("line", note);
  const port = await new Promise((resolve, reject) => {
    child.once("exit", (code) =>
      reject(new Error(`workerd ended with ${code}:\n${lines.join("\n")}`)),
    );
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const message = JSON.parse(line);
      if (message.event === "listen") resolve(message.port);
    });
  });
  const proc = (name) => readFile(`/proc/${child.pid}/${name}`, "utf8");
  return {
    /** utime + stime, in milliseconds. */
    async cpu() {
      const stat = await proc("stat");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    },
    /** The memory of the Rust code, in MiB. */
    async memory() {
      const response = await fetch(`http://127.0.0.1:${port}`, { method: "POST" });
      return Number(await response.text()) / 1024 / 1024;
    },
    /** A run. Returns its line in the log. */
    async run() {
      lines.length = 0;
      const response = await fetch(`http://127.0.0.1:${port}`);
      const outcome = await response.text();
      const line = () => lines.find((it) => it.includes('"task":"catalog"'));
      for (let i = 0; i < 100 && !line(); i += 1) await new Promise((done) => setTimeout(done, 10));
      if (outcome !== "ok" || !line()) throw new Error(`${outcome}: ${lines.join("\n")}`);
      return JSON.parse(line());
    },
    async close() {
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** The mean processor time of a run, in milliseconds, over as many as it takes. */
async function timed(workerd, world, before) {
  const start = await workerd.cpu();
  let runs = 0;
  let line;
  do {
    before?.();
    world.counts = {};
    line = await workerd.run();
    runs += 1;
  } while ((await workerd.cpu()) - start < LONG_ENOUGH_MS && runs < 200);
  return { cpu: ((await workerd.cpu()) - start) / runs, line, counts: world.counts };
}

/** Measures one size, in a workerd of its own. */
export async function measure(users) {
  const dir = await mkdtemp(join(tmpdir(), "bench-cron-"));
  const world = await startWorld();
  const workerd = await startWorkerd(dir, world);
  try {
    world.fill(users);
    const still = await timed(workerd, world);
    expect(still.line, { outcome: "synced", unchanged: users * 2, written: 0 });

    // Another hundredth of the users each time, and the last one's back to what they were.
    let generation = 0;
    const changed = await timed(workerd, world, () => {
      generation += 1;
      world.fill(users);
      world.generation = generation;
    });

    world.fill(0);
    world.users = users;
    const first = await timed(workerd, world, () => {
      world.kv.clear();
      world.keys = null;
    });
    return { users, still, changed, first, memory: await workerd.memory() };
  } finally {
    await workerd.close();
    world.close();
    await rm(dir, { recursive: true });
  }
}

function expect(line, wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    if (line[name] !== value) throw new Error(`${name} is not ${value}: ${JSON.stringify(line)}`);
  }
}

/** As a row of the table. */
export function row({ users, still, changed, first, memory }) {
  const ms = ({ cpu }) => (cpu < 10 ? cpu.toFixed(1) : Math.round(cpu)).toLocaleString("en");
  const { pages = 0, lists = 0 } = still.counts;
  const writes = ({ line }) => line.written.toLocaleString("en");
  return [
    users.toLocaleString("en"),
    `${pages} + ${lists}`,
    `${ms(still)} ms`,
    `${ms(changed)} ms, ${writes(changed)} writes`,
    `${ms(first)} ms, ${writes(first)} writes`,
    `${Math.round(memory)} MiB`,
  ];
}

export const HEAD = [
  "users",
  "pages + lists read",
  "CPU, nothing to do",
  "CPU, 1 % changed",
  "CPU, KV empty",
  "memory",
];

/** Prints the table. */
export async function main(sizes = SIZES) {
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(HEAD);
  line(HEAD.map(() => "---"));
  for (const users of sizes) line(row(await measure(users)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = process.argv.slice(2).map(Number);
  await main(sizes.length > 0 ? sizes : SIZES);
}
