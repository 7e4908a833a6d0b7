// The team's domain as a backend reaches it: the emulator behind TLS, with a certificate made for
// the occasion.

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import selfsigned from "selfsigned";

/**
 * Starts it. `certificateFile` is what NODE_EXTRA_CA_CERTS has to name.
 */
export async function startTeam({ access, dir }) {
  const domain = new URL(access.issuer).hostname;
  const { cert, private: key } = await selfsigned.generate(
    [{ name: "commonName", value: domain }],
    {
      algorithm: "sha256",
      extensions: [
        { name: "basicConstraints", cA: true },
        { name: "subjectAltName", altNames: [{ type: 2, value: domain }] },
      ],
    },
  );
  const certificateFile = join(dir, "team.pem");
  await writeFile(certificateFile, cert);

  const server = https.createServer({ cert, key }, (request, response) => {
    const { method, url: path, headers } = request;
    const outgoing = http.request(access.url, { method, path, headers, agent: false });
    outgoing.on("response", (incoming) => {
      response.writeHead(incoming.statusCode, incoming.headers);
      incoming.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    request.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    certificateFile,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
