// What the servers of this folder share: to listen and to close, and to pass a request on.

import { once } from "node:events";
import http from "node:http";

/** Lets a server listen on any free port of this machine. */
export async function listening(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Passes a request on to the server at `url`, and its answer back. `onAnswer` gets the latter. */
export function pass(request, response, url, onAnswer) {
  const { method, url: path, headers } = request;
  const outgoing = http.request(url, { method, path, headers, agent: false });
  outgoing.on("response", (incoming) => {
    onAnswer?.(incoming);
    response.writeHead(incoming.statusCode, incoming.headers);
    incoming.pipe(response);
  });
  outgoing.on("error", () => response.destroy());
  request.pipe(outgoing);
}
