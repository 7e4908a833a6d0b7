// A workerd process of its own for one Worker, from a generated configuration, with nothing else in
// it and nothing in front of it.

import { closeSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import packaged from "workerd";
import { end, start } from "./children.mjs";
import { cpuMicros, residentBytes } from "./proc.mjs";

/** The path of the program. The package is CommonJS made of a module with a default export. */
const workerd = packaged.default;

const START_LIMIT_MS = 20_000;

/**
 * Writes the configuration of a Worker into a folder.
 *
 * - `modules`: `[name, content]`, the main one first; the name's extension says what it is
 * - `bindings`: `{NAME: value}`: a string is a text, `{kv: namespace}` a KV namespace, any other
 *   object JSON
 * - `services`: the address of the process that serves KV and the internet; none for itself
 * - `keys`: which of its key sets the team has
 * - `compatibilityDate`
 */
export async function writeConfig(dir, options) {
  await mkdir(dir, { recursive: true });
  for (const [name, content] of options.modules) await writeFile(join(dir, name), content);
  const file = join(dir, "config.capnp");
  await writeFile(file, capnp(options));
  return file;
}

/** The configuration as text. */
export function capnp({ modules, bindings = {}, services, keys = "", compatibilityDate }) {
  const namespaces = Object.values(bindings).flatMap(({ kv }) => kv ?? []);
  const external = (name, header, value) =>
    `(name = ${text(name)}, external = (address = ${text(services)}, http = (injectRequestHeaders =` +
    ` [(name = ${text(header)}, value = ${text(value)})])))`;
  const all = [
    '(name = "worker", worker = .worker)',
    ...(services ? [external("internet", "x-bench-keys", keys)] : []),
    ...namespaces.map((name) => external(`kv-${name}`, "x-bench-namespace", name)),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    ${all.join(",\n    ")},
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [
    ${modules.map(([name]) => module(name)).join(",\n    ")},
  ],
  bindings = [
    ${Object.entries(bindings).map(binding).join(",\n    ")}
  ],
  compatibilityDate = ${text(compatibilityDate)},
  ${services ? 'globalOutbound = "internet",' : ""}
);
`;
}

const module = (name) => {
  const type = name.endsWith(".wasm") ? "wasm" : "esModule";
  return `(name = ${text(name)}, ${type} = embed ${text(name)})`;
};

function binding([name, value]) {
  if (typeof value === "string") return `(name = ${text(name)}, text = ${text(value)})`;
  if (value.kv) return `(name = ${text(name)}, kvNamespace = ${text(`kv-${value.kv}`)})`;
  return `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`;
}

/** A string of Cap'n Proto's: as JSON has it, as long as it is ASCII. */
const text = (value) => JSON.stringify(value);

/**
 * Starts workerd with a configuration file. What the Worker logs goes nowhere, as cheaply as can
 * be, or to `onLine`, line by line; what workerd itself complains of goes to `config.log`.
 */
export async function startWorkerd(config, options = {}) {
  const { limitMs = START_LIMIT_MS, args = [], onLine } = options;
  const log = openSync(`${config}.log`, "w");
  const child = start(workerd, ["serve", config, "--control-fd=3", ...args], {
    stdio: ["ignore", onLine ? "pipe" : openSync("/dev/null", "w"), log, "pipe"],
  });
  closeSync(log);
  if (onLine) createInterface({ input: child.stdout }).on("line", onLine);
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  let inspector;
  const port = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}: ${config}.log`)));
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const message = JSON.parse(line);
      if (message.event === "listen-inspector") inspector = `127.0.0.1:${message.port}`;
      if (message.event === "listen" && message.socket === "http") resolve(message.port);
    });
  });
  clearTimeout(timer);
  return {
    pid: child.pid,
    port,
    address: `127.0.0.1:${port}`,
    inspector,
    url: `http://127.0.0.1:${port}`,
    cpu: () => cpuMicros(child.pid),
    memory: () => residentBytes(child.pid),
    close: () => end(child),
  };
}
