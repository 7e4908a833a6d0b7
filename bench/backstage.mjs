// A real Backstage with the official provider, which reaches the same services as the Workers.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, startBackend } from "../dev/backstage/backend.mjs";
import { startTeam } from "../tests/backstage/team.mjs";
import { AUDIENCE, TEAM } from "./assertions.mjs";
import { adopt } from "./children.mjs";
import { entities } from "./people.mjs";
import { cpuMicros } from "./proc.mjs";

/** A catalog of a thousand would take Backstage minutes to read. */
export const USERS = 200;

/** The backend, its catalog read; the services are the team that its provider reaches. */
export async function startBackstage({ dir, services }) {
  const catalog = join(dir, "backstage-catalog.yaml");
  const documents = entities({ users: USERS }).map(({ relations, ...entity }) =>
    JSON.stringify(entity),
  );
  await writeFile(catalog, documents.join("\n---\n"));
  const access = { issuer: `https://${TEAM}.cloudflareaccess.com`, url: services.url };
  const team = await startTeam({ access, dir });
  const port = await freePort();
  const provider = {
    teamName: TEAM,
    audience: AUDIENCE,
    signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
  };
  const backend = await startBackend({
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    dir,
    catalog,
    configs: [
      join(dir, "keys", "app-config.auth.yaml"),
      { auth: { providers: { cfaccess: provider } } },
    ],
    team,
    few: true,
  }).catch(async (error) => {
    await team.close();
    throw error;
  });
  const release = adopt(backend.pid);
  return {
    url: backend.url,
    cpu: () => cpuMicros(backend.pid),
    async close() {
      await backend.close();
      release();
      await team.close();
    },
  };
}
