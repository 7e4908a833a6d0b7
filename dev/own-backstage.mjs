// `npm run dev -- --origin URL`: a Backstage of one's own in the place of the demo origin.

import { once } from "node:events";
import http from "node:http";
import { ACCESS_HEADERS, forward, forwardUpgrade } from "./access/forward.mjs";

/** What the backend answers. Everything else is the front end's. */
const BACKEND_PATHS = /^\/(api|\.well-known|\.backstage)(\/|$|\?)/;

/**
 * The origin to forward to: `origin`, the backend's URL, or with `app`, the URL of a front end that has a
 * server of its own (`yarn start`), a server that sends each path to one of the two.
 */
export async function startOwnBackstage({ origin, app }) {
  if (app === undefined) return { url: origin, close: async () => {} };
  const target = ({ url }) => new URL(BACKEND_PATHS.test(url) ? origin : app);
  const server = http.createServer((request, response) =>
    forward(request, response, target(request), accessHeadersOf(request)),
  );
  const tunnels = new Set();
  server.on("upgrade", (request, socket, head) => {
    const to = target(request);
    const tunnel = forwardUpgrade(request, socket, head, to, accessHeadersOf(request));
    tunnels.add(tunnel);
    tunnel.on("close", () => tunnels.delete(tunnel));
  });
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const tunnel of tunnels) tunnel.destroy();
      await closed;
    },
  };
}

/** `forward` drops the headers of Access, which the Worker has checked here. */
function accessHeadersOf({ rawHeaders }) {
  return rawHeaders.filter((_, at) => ACCESS_HEADERS.has(rawHeaders[at - (at % 2)].toLowerCase()));
}
