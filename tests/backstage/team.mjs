// The team's domain as a backend reaches it: the emulator behind TLS, with a certificate made for
// the occasion.

import { writeFile } from "node:fs/promises";
import https from "node:https";
import { join } from "node:path";
import selfsigned from "selfsigned";
import { listening, pass } from "./server.mjs";

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

  const server = https.createServer({ cert, key }, (request, response) =>
    pass(request, response, access.url),
  );
  return { ...(await listening(server)), certificateFile };
}
