// An origin that keeps a record of everything that arrives: whatever is not supposed to arrive is an attack that
// got through.

import { once } from "node:events";
import http from "node:http";

/** Starts it. `arrivals` has `{method, url, rawHeaders, headers}`. */
export async function startRecordingOrigin() {
  const arrivals = [];
  // As lenient as origins are that take what others refuse.
  const server = http.createServer({ insecureHTTPParser: true }, (request, response) => {
    const { method, url, headers, rawHeaders } = request;
    arrivals.push({ method, url, headers, rawHeaders });
    request.resume();
    response.end("origin");
  });
  server.on("upgrade", (request, socket) => {
    const { method, url, headers, rawHeaders } = request;
    arrivals.push({ method, url, headers, rawHeaders });
    socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    arrivals,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
