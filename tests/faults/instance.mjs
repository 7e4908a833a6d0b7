// A workerd process of its own for one Worker and its dependencies: a fresh isolate, whose memory /proc shows.

import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse as parseToml } from "smol-toml";
import packaged from "workerd";
import { end, start } from "../../bench/children.mjs";
import { peakBytes, residentBytes } from "../../bench/proc.mjs";
import { ROOT } from "../../scripts/process.mjs";

/** The package is CommonJS made of a module with a default export. */
const workerd = packaged.default;
const HERE = join(ROOT, "tests", "faults");
const START_LIMIT_MS = 60_000;
const BASE_URL = "https://backstage.example.com";

/** Copies the built Worker and the modules beside it into a new folder, in which instances have their configurations. */
export async function openFolder() {
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-faults-"));
  const build = ["worker.mjs", "worker.wasm"].map((name) => [join(ROOT, "build", name), name]);
  const own = ["around.mjs", "router.mjs"].map((name) => [join(HERE, name), name]);
  for (const [from, name] of [...build, ...own]) await copyFile(from, join(dir, name));
  const wrangler = parseToml(await readFile(join(ROOT, "wrangler.toml"), "utf8"));
  let count = 0;
  return {
    dir,
    compatibilityDate: wrangler.compatibility_date,
    nextFile: () => join(dir, `${++count}.capnp`),
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A string of Cap'n Proto's: as JSON has it, as long as it is ASCII. */
const text = (value) => JSON.stringify(value);

function capnp({ compatibilityDate, addresses, bindings }) {
  const external = ([name, address]) =>
    `(name = ${text(name)}, external = (address = ${text(address)}, http = ()))`;
  const service = ([name]) => `(name = ${text(name)}, service = ${text(name)})`;
  const json = ([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "router", worker = .router),
    ${addresses.map(external).join(",\n    ")},
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "around.mjs", esModule = embed "around.mjs"),
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "worker.wasm", wasm = embed "worker.wasm"),
  ],
  compatibilityDate = ${text(compatibilityDate)},
  globalOutbound = "router",
  bindings = [
    (name = "CATALOG", kvNamespace = (name = "router", entrypoint = "catalog")),
    (name = "ACCESS_CACHE", kvNamespace = (name = "router", entrypoint = "cache")),
    (name = "SIGNING_KEYS", text = ${text(JSON.stringify(bindings.signingKeys))}),
    ${[
      ["CFACCESS", bindings.cfaccess],
      ["BACKSTAGE", bindings.backstage],
    ]
      .map(json)
      .join(",\n    ")},
  ],
);

const router :Workerd.Worker = (
  modules = [(name = "router.mjs", esModule = embed "router.mjs")],
  compatibilityDate = ${text(compatibilityDate)},
  bindings = [${addresses.map(service).join(", ")}],
);
`;
}

/**
 * Starts a Worker in front of `services`.
 *
 * - `lines`: what it has logged, as objects
 * - `send(path, options)`: a request, answered with `{status, headers, body, ms}`, or `{error, ms}`
 * - `control(change)`: moves its clock, `{aheadMs}`, or lets its signing fail, `{fault}`
 */
export async function startInstance(folder, team, services, backstage = {}) {
  const file = folder.nextFile();
  const addresses = Object.entries(services.of).map(([name, { address }]) => [name, address]);
  const bindings = {
    cfaccess: team.cfaccess,
    backstage: {
      baseUrl: BASE_URL,
      origin: "http://origin.example",
      log: { forwarded: 1 },
      ...backstage,
    },
    signingKeys: { keys: [team.signing] },
  };
  await writeFile(
    file,
    capnp({ compatibilityDate: folder.compatibilityDate, addresses, bindings }),
  );
  const child = start(workerd, ["serve", file, "--control-fd=3"], {
    cwd: folder.dir,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const lines = [];
  const complaints = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.startsWith("{")) lines.push(JSON.parse(line));
      else if (complaints.length < 100) complaints.push(line);
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
  const port = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`workerd ended with ${code}:\n${complaints.join("\n")}`)),
    );
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const message = JSON.parse(line);
      if (message.event === "listen" && message.socket === "http") resolve(message.port);
    });
  });
  clearTimeout(timer);
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const send = (path, options) => exchange({ port, path, agent, ...options });
  return {
    port,
    lines,
    complaints,
    send,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    memory: () => residentBytes(child.pid),
    /** The most memory that it ever had. */
    peak: () => peakBytes(child.pid),
    async control(change) {
      const body = JSON.stringify(change);
      const { status, body: answer } = await send("/", {
        method: "POST",
        headers: { host: "control.faults", "content-length": Buffer.byteLength(body) },
        body,
      });
      if (status !== 200) throw new Error(`the Worker does not take ${body}: ${status} ${answer}`);
    },
    async close() {
      agent.destroy();
      await end(child);
      await rm(file, { force: true });
    },
  };
}

/** A request and its whole answer. Never rejects: an answer that is cut off has `error`. */
function exchange({ port, path, agent, method = "GET", headers = {}, body, signal }) {
  const begun = performance.now();
  return new Promise((resolve) => {
    const done = (answer) => resolve({ ...answer, ms: performance.now() - begun });
    const request = http.request(
      { host: "127.0.0.1", port, path, method, agent, signal, headers },
      (response) => {
        const chunks = [];
        const { statusCode: status, headers } = response;
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => done({ status, headers, body: Buffer.concat(chunks).toString() }));
        response.on("error", ({ message }) => done({ status, headers, error: message, body: "" }));
      },
    );
    request.on("error", ({ message }) => done({ error: message, body: "" }));
    request.end(body);
  });
}
