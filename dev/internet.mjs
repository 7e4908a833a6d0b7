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

    outbound.push({
      method: request.method,
      url: request.url,
      headers: Object.fromEntries(request.headers),
    });
    if (outbound.length > LOG_LENGTH) outbound.shift();

    const outage = outages[url.host];
    if (outage === "unreachable") throw new Error("Network connection lost.");
    if (outage === "hang") await scheduler.wait(HANG_MS);
    const isAccess = env.ACCESS && url.hostname.endsWith(".cloudflareaccess.com");
    return isAccess ? env.ACCESS.fetch(request) : fetch(request);
  },
};

async function control(request) {
  if (request.method === "POST") outages = await request.json();
  if (request.method === "DELETE") outbound.length = 0;
  return Response.json(outbound);
}
