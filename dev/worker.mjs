// Runs the built Worker in workerd, through miniflare, with the Access emulator in the place of
// Cloudflare's team domain. The Worker itself is the one that is deployed, unchanged.

import { readdir, readFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Log, LogLevel, Miniflare } from "miniflare";
import { parse as parseToml } from "smol-toml";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const DEV = join(ROOT, "dev");
const MODULE_TYPES = { ".mjs": "esm", ".js": "esm", ".wasm": "wasm" };
const LOG_LENGTH = 1000;

/**
 * Starts the Worker.
 *
 * Options:
 * - `cfaccess`, `backstage`: the vars CFACCESS and BACKSTAGE, an object or a string of JSON
 * - `signingKeys`: the secret SIGNING_KEYS, a string or an object
 * - `access`: the emulator (or its `{url}`) that plays the team's domain
 * - `kvNamespaces`: names of KV bindings, default CATALOG and ACCESS_CACHE
 * - `persist`: a directory in which KV outlives the run
 * - `bindings`: further bindings, strings or JSON values; `undefined` leaves a binding out
 * - `buildDir`: the folder with worker.mjs and worker.wasm, default build/
 * - `compatibilityDate`, `compatibilityFlags`: default those of wrangler.toml
 * - `observeKv`: true for kvCalls() and outages of KV, which need a module around the Worker
 * - `port`: where the Worker itself listens on 127.0.0.1, default any
 * - `onLog`: called with each `{level, message}` the Worker logs
 */
export async function startWorker(options = {}) {
  const { compatibilityDate, compatibilityFlags } = { ...(await compatibility()), ...options };
  const kvNamespaces = options.kvNamespaces ?? ["CATALOG", "ACCESS_CACHE"];
  const logs = [];
  const env = {
    ...bindingsOf({
      CFACCESS: options.cfaccess,
      BACKSTAGE: options.backstage,
      SIGNING_KEYS: asText(options.signingKeys),
      ...options.bindings,
    }),
    ...Object.fromEntries(kvNamespaces.map((name) => [name, { type: "kv", id: name }])),
  };
  const settings = {
    host: "127.0.0.1",
    log: new Log(LogLevel.ERROR),
    // Miniflare would ask the network for a sample `request.cf` and report to its makers.
    cf: false,
    telemetry: { enabled: false },
    enableDevRegistry: false,
    resourcePersistencePath: options.persist,
    handleStructuredLogs({ level, message }) {
      logs.push({ level, message, at: Date.now() });
      if (logs.length > LOG_LENGTH) logs.shift();
      options.onLog?.({ level, message });
    },
    workers: [
      {
        config: {
          name: "worker",
          compatibilityDate,
          compatibilityFlags,
          manifest: await workerManifest(options),
          env,
        },
        dev: {
          outboundService: { type: "worker", worker: "internet" },
          // Past miniflare's own Worker, which compresses answers and so holds streams back.
          unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port ?? 0 }],
        },
      },
      {
        config: {
          name: "internet",
          compatibilityDate,
          manifest: await manifestOf(DEV, "internet.mjs", ["internet.mjs"]),
          env: options.access ? { ACCESS: externalServer(options.access.url) } : {},
        },
      },
    ],
  };
  const mf = new Miniflare(settings);
  const directUrl = async () => (await mf.unsafeGetDirectURL("worker")).origin;
  const url = await directUrl();

  /** Talks to the module in which a Worker of this miniflare is observed. */
  const control = async (worker, init, search = "") => {
    const fetcher = await mf.getWorker(worker);
    return (await fetcher.fetch(`http://${worker}.control/${search}`, init)).json();
  };
  const setOutages = (worker, outages) =>
    control(worker, { method: "POST", body: JSON.stringify(outages) });

  return {
    url,
    mf,
    /** Every line of the Worker: `{level, message, at}`. */
    logs,
    /** A KV namespace of the Worker, with get, put, delete and list. */
    kv: (name) => mf.getKVNamespace(name, "worker"),
    /**
     * Every request that the Worker has sent out: `{method, url, headers, at}`, with `status` or `failed`, and
     * `ms` until the head of the response. `since` leaves out those before, in milliseconds since 1970.
     */
    outbound: (since = 0) => control("internet", {}, `?since=${since}`),
    clearOutbound: () => control("internet", { method: "DELETE" }),
    /** Outages by host and port, as in `{"127.0.0.1:7007": "unreachable"}`; or "hang". */
    setOutages: (outages = {}) => setOutages("internet", outages),
    /** Every call to KV: `{binding, method, key}`. Needs `observeKv`, like the next three. */
    kvCalls: () => control("worker"),
    /** Those of the request with this ray id, with `at`, `ms` and `failed`. */
    kvCallsOf: (ray) => control("worker", {}, `?ray=${encodeURIComponent(ray)}`),
    clearKvCalls: () => control("worker", { method: "DELETE" }),
    /** Outages by binding, as in `{CATALOG: "unreachable"}`; or "hang". */
    setKvOutages: (outages = {}) => setOutages("worker", outages),
    /** Runs the cron handler. */
    scheduled: async (init) => (await mf.getWorker("worker")).scheduled(init),
    /**
     * Starts workerd anew: the Worker's memory is empty and outages are over, KV is as it was. Resolves to
     * the new URL.
     */
    async restart() {
      await mf.setOptions(settings);
      return directUrl();
    },
    close: () => mf.dispose(),
  };
}

async function compatibility() {
  const wrangler = parseToml(await readFile(join(ROOT, "wrangler.toml"), "utf8"));
  return {
    compatibilityDate: wrangler.compatibility_date,
    compatibilityFlags: wrangler.compatibility_flags,
  };
}

async function workerManifest({ buildDir = join(ROOT, "build"), observeKv = false }) {
  const manifest = await manifestOf(buildDir, "worker.mjs");
  if (!observeKv) return manifest;
  const around = await manifestOf(DEV, "observed-kv.mjs", ["observed-kv.mjs"]);
  const modules = { ...around.modules, ...manifest.modules };
  return { ...manifest, modules, mainModule: around.mainModule };
}

async function manifestOf(modulesRoot, mainModule, names) {
  const files = names ?? (await readdir(modulesRoot)).filter((name) => moduleType(name));
  const modules = await Promise.all(
    files.map(async (name) => {
      const type = moduleType(name);
      const encoding = type === "esm" ? "utf8" : undefined;
      return [name, { type, contents: await readFile(join(modulesRoot, name), encoding) }];
    }),
  );
  return { mainModule, modulesRoot, modules: Object.fromEntries(modules) };
}

const moduleType = (name) => MODULE_TYPES[extname(name)];

function bindingsOf(values) {
  const bindings = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    bindings.map(([name, value]) => [
      name,
      typeof value === "string" ? { type: "text", value } : { type: "json", value },
    ]),
  );
}

function asText(value) {
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

function externalServer(url) {
  return { type: "external", address: new URL(url).host, http: {} };
}
