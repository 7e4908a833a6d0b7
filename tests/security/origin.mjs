// An origin that keeps a record of everything that arrives: whatever is not supposed to arrive is an attack that
// got through.

import { once } from "node:events";
import http from "node:http";

/**
 * Starts it. `arrivals` has `{method, url, rawHeaders, headers}`; `arrivalsOf(id)` those with this id in the header
 * X-Attack or in the URL.
 */
export async function startRecordingOrigin() {
  const arrivals = [];
  const byId = new Map();
  const note = ({ method, url, headers, rawHeaders }) => {
    const arrival = { method, url, headers, rawHeaders };
    arrivals.push(arrival);
    const ids = new Set([headers["x-attack"], ...(url.match(/attack-\d+/g) ?? [])]);
    for (const id of ids) byId.set(id, [...(byId.get(id) ?? []), arrival]);
  };
  // As lenient as origins are that take what others refuse.
  const server = http.createServer({ insecureHTTPParser: true }, (request, response) => {
    note(request);
    request.resume();
    response.end("origin");
  });
  server.on("upgrade", (request, socket) => {
    note(request);
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    arrivals,
    arrivalsOf: (id) => byId.get(id) ?? [],
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
