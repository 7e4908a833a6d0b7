// Runs in workerd around the Worker, for the debugger and for tests that ask for it: keeps a record of the
// calls to its KV namespaces, and lets them fail. Everything else reaches the Worker as it is.

import worker from "./worker.mjs";

export * from "./worker.mjs";

/** Only startWorker() talks to this host. */
const CONTROL_HOST = "worker.control";
/** Longer than any time limit of the Worker under test. */
const HANG_MS = 10 * 60 * 1000;
const LOG_LENGTH = 1000;

const calls = [];
let outages = {};

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const { hostname } = new URL(request.url);
    if (hostname === CONTROL_HOST) return control(request);
    return worker.fetch(request, observed(env, request.headers.get("cf-ray")), ctx);
  },
  scheduled: (controller, env, ctx) => worker.scheduled(controller, observed(env), ctx),
};

async function control(request) {
  if (request.method === "POST") outages = await request.json();
  if (request.method === "DELETE") calls.length = 0;
  const ray = new URL(request.url).searchParams.get("ray");
  if (ray === null) return Response.json(calls.map(({ call }) => call));
  const ofRay = calls.filter((entry) => entry.ray === ray);
  return Response.json(ofRay.map(({ call, at, ms, failed }) => ({ ...call, at, ms, failed })));
}

/** `ray` names the request that makes the calls. */
function observed(env, ray) {
  const entries = Object.entries(env).map(([binding, value]) => [
    binding,
    value?.constructor?.name === "KvNamespace" ? observedNamespace(binding, value, ray) : value,
  ]);
  return Object.fromEntries(entries);
}

function observedNamespace(binding, namespace, ray) {
  const method = (name) =>
    async function call(key, ...rest) {
      const at = Date.now();
      const entry = { call: { binding, method: name, key }, ray, at };
      calls.push(entry);
      if (calls.length > LOG_LENGTH) calls.shift();
      try {
        const outage = outages[binding];
        if (outage === "hang") await scheduler.wait(HANG_MS);
        if (outage) throw new Error(`KV ${name.toUpperCase()} failed: 503 Service Unavailable`);
        return await namespace[name](key, ...rest);
      } catch (error) {
        entry.failed = error.message;
        throw error;
      } finally {
        entry.ms = Date.now() - at;
      }
    };
  const names = ["get", "getWithMetadata", "put", "delete", "list"];
  return Object.fromEntries(names.map((name) => [name, method(name)]));
}
