// Starts a Backstage backend in a process of its own, and waits until its catalog has people in it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FOLDER, TEMPLATE_ENV, templateConfig } from "./folder.mjs";

/** It takes some ten seconds; a machine that does much else may need many more. */
const READY_LIMIT_MS = 240_000;
/** The first index is made before the catalog has read its files: the next must not be ten minutes off. */
const SEARCH_SCHEDULE = {
  initialDelay: { seconds: 3 },
  frequency: { seconds: 10 },
  timeout: { minutes: 1 },
};
/** With it the catalog is read from outside, as by `cfaccess catalog push`. */
export const OUTSIDE_TOKEN = "a-token-for-whatever-reads-the-catalog-from-outside";

/**
 * Starts it.
 *
 * - `port`: see `freePort`
 * - `baseUrl`: where browsers reach it
 * - `dir`: a folder for its configuration
 * - `catalog`: the path of a catalog file, or several
 * - `configs`: further configuration, each an object or the path of a file, later ones win
 * - `team`: with it the auth plugin and its providers are installed, and reach the team
 * - `few`: only the plugins for catalog, permissions and auth, and no front end
 * - `env`: further environment variables
 */
export async function startBackend(options) {
  const { port, baseUrl, dir, catalog, configs = [], team, few = false } = options;
  const files = few ? [] : [templateConfig(FOLDER)];
  const folder = await mkdtemp(join(dir, "app-config-"));
  for (const config of [baseConfig({ port, baseUrl, catalog }), ...configs]) {
    if (typeof config === "string") {
      files.push(config);
      continue;
    }
    const file = join(folder, `app-config.${files.length}.yaml`);
    await writeFile(file, JSON.stringify(config));
    files.push(file);
  }
  const args = files.flatMap((file) => ["--config", file]);
  const env = {
    ...process.env,
    ...TEMPLATE_ENV,
    NODE_ENV: "production",
    LOG_LEVEL: "info",
    AUTH_PLUGIN: team ? "yes" : "no",
    PLUGINS: few ? "few" : "all",
    ...options.env,
  };
  delete env.NODE_TEST_CONTEXT;
  if (team) {
    env.TEAM_PORT = String(team.port);
    env.NODE_EXTRA_CA_CERTS = team.certificateFile;
    args.unshift("--require", join(FOLDER, "backend", "team-on-loopback.cjs"));
  }
  const main = join(FOLDER, "backend", "main.mjs");
  const nodeArgs = args.filter((_, at) => team && at < 2);
  const child = spawn(process.execPath, [...nodeArgs, main, ...args.slice(nodeArgs.length)], {
    cwd: FOLDER,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      log += text;
    });
  }
  const stopped = once(child, "close");
  // Whatever ends this process, the backend does not outlive it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const url = `http://127.0.0.1:${port}`;
  const backend = {
    url,
    pid: child.pid,
    log: () => log,
    /** The catalog's entities, as the backend answers them to a caller from outside. */
    async entities(query = "filter=kind=user&filter=kind=group") {
      const answer = await fetch(`${url}/api/catalog/entities?${query}`, {
        headers: { authorization: `Bearer ${OUTSIDE_TOKEN}` },
      });
      if (answer.status !== 200) throw new Error(`the catalog answers ${answer.status}`);
      return answer.json();
    },
    async close() {
      child.kill("SIGTERM");
      const killer = setTimeout(kill, 5_000);
      await stopped;
      clearTimeout(killer);
      process.off("exit", kill);
    },
  };
  try {
    await ready(backend, child);
  } catch (error) {
    await backend.close();
    throw new Error(`${error.message}; its log:\n${log}`);
  }
  return backend;
}

function baseConfig({ port, baseUrl, catalog }) {
  return {
    app: { title: "Backstage", baseUrl },
    organization: { name: "Meridian Freight" },
    backend: {
      baseUrl,
      listen: { host: "127.0.0.1", port },
      database: { client: "better-sqlite3", connection: ":memory:" },
      auth: {
        externalAccess: [
          { type: "static", options: { token: OUTSIDE_TOKEN, subject: "catalog-reader" } },
        ],
      },
    },
    catalog: {
      rules: [{ allow: ["User", "Group", "Component", "System", "Template"] }],
      locations: [catalog].flat().map((target) => ({ type: "file", target })),
    },
    permission: { enabled: true },
    search: { collators: { catalog: { schedule: SEARCH_SCHEDULE } } },
  };
}

/** Readiness comes before the files have been read, and relations are joined after that. */
async function ready(backend, child) {
  const limit = Date.now() + READY_LIMIT_MS;
  let before;
  while (Date.now() < limit) {
    if (backend.log().includes("EADDRINUSE")) throw new Error("the backend's port is taken");
    if (child.exitCode !== null) throw new Error(`the backend ended with ${child.exitCode}`);
    const entities = await backend.entities().catch(() => []);
    const now = JSON.stringify(entities.map(({ relations }) => relations));
    if (entities.some(({ kind }) => kind === "User") && now === before) return;
    before = entities.length > 0 ? now : undefined;
    await sleep(before ? 1_500 : 250);
  }
  throw new Error("the backend did not get ready");
}

/**
 * A port without a listener, from below those that systems give to outgoing connections: one of
 * those might be taken before the backend has started.
 */
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = net.createServer();
    server.listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
