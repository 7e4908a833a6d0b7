// Runs in workerd beside the Worker: what the Worker takes for the internet. The team's domain
// is the Access emulator, every other host is reached for real. Being a Worker itself, it hands
// streams, redirects and WebSockets over as they are.

/** Only startWorker() talks to this host. */
const CONTROL_HOST = "internet.control";
/** Longer than any time limit of the Worker under test. */
const HANG_MS = 10 * 60 * 1000;
const LOG_LENGTH = 1000;

const outbound = [];
let outages = {};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.hostname === CONTROL_HOST) return control(request);

    const at = Date.now();
    const { method, headers } = request;
    const entry = { method, url: request.url, headers: Object.fromEntries(headers), at };
    outbound.push(entry);
    if (outbound.length > LOG_LENGTH) outbound.shift();

    const outage = outages[url.host];
    if (outage === "unreachable") {
      Object.assign(entry, { failed: "unreachable", ms: 0 });
      throw new Error("Network connection lost.");
    }
    if (outage === "hang") await scheduler.wait(HANG_MS);
    const isAccess = env.ACCESS && url.hostname.endsWith(".cloudflareaccess.com");
    const response = await (isAccess ? env.ACCESS.fetch(request) : fetch(request));
    Object.assign(entry, { status: response.status, ms: Date.now() - at });
    return response;
  },
};

async function control(request) {
  if (request.method === "POST") outages = await request.json();
  if (request.method === "DELETE") outbound.length = 0;
  const since = Number(new URL(request.url).searchParams.get("since"));
  return Response.json(outbound.filter(({ at }) => at >= since));
}
