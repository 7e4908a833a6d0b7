// Runs in workerd around the Worker, for tests that ask for it: keeps a record of the calls to its
// KV namespaces, and lets them fail. Everything else reaches the Worker as it is.

import worker from "./worker.mjs";

/** Only startWorker() talks to this host. */
const CONTROL_HOST = "worker.control";
/** Longer than any time limit of the Worker under test. */
const HANG_MS = 10 * 60 * 1000;
const LOG_LENGTH = 1000;

const calls = [];
let outages = {};

export default {
  async fetch(request, env, ctx) {
    const { hostname } = new URL(request.url);
    if (hostname === CONTROL_HOST) return control(request);
    return worker.fetch(request, observed(env), ctx);
  },
  scheduled: (controller, env, ctx) => worker.scheduled(controller, observed(env), ctx),
};

async function control(request) {
  if (request.method === "POST") outages = await request.json();
  if (request.method === "DELETE") calls.length = 0;
  return Response.json(calls);
}

function observed(env) {
  const entries = Object.entries(env).map(([binding, value]) => [
    binding,
    value?.constructor?.name === "KvNamespace" ? observedNamespace(binding, value) : value,
  ]);
  return Object.fromEntries(entries);
}

function observedNamespace(binding, namespace) {
  const method = (name) =>
    async function call(key, ...rest) {
      calls.push({ binding, method: name, key });
      if (calls.length > LOG_LENGTH) calls.shift();
      const outage = outages[binding];
      if (outage === "hang") await scheduler.wait(HANG_MS);
      if (outage) throw new Error(`KV ${name.toUpperCase()} failed: 503 Service Unavailable`);
      return namespace[name](key, ...rest);
    };
  const names = ["get", "getWithMetadata", "put", "delete", "list"];
  return Object.fromEntries(names.map((name) => [name, method(name)]));
}
