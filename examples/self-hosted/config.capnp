# The Worker in workerd on a machine of your own: docs/self-hosted.md.
# Run it in a folder that has this file, kv.mjs, worker.mjs, worker.wasm, and the folders kv/catalog and kv/cache.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "cfaccess", worker = .cfaccess),
    (name = "catalog", worker = .catalog),
    (name = "cache", worker = .cache),
    (name = "catalog-files", disk = (path = "kv/catalog")),
    (name = "cache-files", disk = (path = "kv/cache", writable = true)),
    # Backstage is on the private network, Cloudflare Access on the public one.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  # Only the tunnel connects to it.
  sockets = [(name = "http", address = "127.0.0.1:8080", http = (), service = "cfaccess")],
);

const cfaccess :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "worker.wasm", wasm = embed "worker.wasm"),
  ],
  # That of wrangler.toml.
  compatibilityDate = "2026-11-17",
  globalOutbound = "internet",
  bindings = [
    (name = "CFACCESS", fromEnvironment = "CFACCESS"),
    (name = "BACKSTAGE", fromEnvironment = "BACKSTAGE"),
    (name = "SIGNING_KEYS", fromEnvironment = "SIGNING_KEYS"),
    (name = "CATALOG", kvNamespace = "catalog"),
    (name = "ACCESS_CACHE", kvNamespace = "cache"),
  ],
);

const catalog :Workerd.Worker = (
  modules = [(name = "kv.mjs", esModule = embed "kv.mjs")],
  compatibilityDate = "2026-11-17",
  bindings = [(name = "FILES", service = "catalog-files")],
);

const cache :Workerd.Worker = (
  modules = [(name = "kv.mjs", esModule = embed "kv.mjs")],
  compatibilityDate = "2026-11-17",
  bindings = [(name = "FILES", service = "cache-files")],
);
