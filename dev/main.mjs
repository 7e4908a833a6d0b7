// `npm run dev`: the Access emulator in front, the built Worker behind it, behind that the demo origin
// or, if it has been built, Backstage itself, and KV filled from examples/catalog/.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startAccess } from "./access/index.mjs";
import { choosePage, startBackstage } from "./backstage.mjs";
import { banner } from "./banner.mjs";
import { startOrigin } from "./origin/index.mjs";
import { readOwnWorker } from "./own-worker.mjs";
import { CI_BOT, USERS } from "./people.mjs";
import { catalogRecords, putRecords, signingKeys } from "./seed.mjs";
import { startWorker } from "./worker.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DEV_DIR = join(ROOT, ".dev");
const DEFAULT_PORT = "8787";
const TEAM = "emulator";
/** What has not closed by then is left to the end of the process. */
const STOP_LIMIT_MS = 5000;
const USAGE = `npm run dev -- [--port PORT] [--plain] [--worker DIR]
    PORT  default ${DEFAULT_PORT}; 0 is any free port
    DIR   the crate of a Worker with code of its own, with its wrangler.toml`;

/** Open from one side only: what both Access and the Worker let through without an assertion. */
const PUBLIC_PATHS = ["/healthcheck"];
/** The Worker's own public routes, which the backend reads without a session. */
const WORKER_PUBLIC_PATHS = ["/api/auth/.well-known/jwks.json", "/api/auth/v1/userinfo"];

/** What the stock Worker runs with. */
const STOCK = {
  cfaccess: { signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] } },
};

const running = [];

try {
  await start(options());
} catch (error) {
  console.error(explain(error));
  await stop();
  process.exit(1);
}

async function start({ port, plain, worker: dir }) {
  const own = dir === undefined ? STOCK : await readOwnWorker(dir);
  // Before everything slow, so that a port that is taken is known at once.
  const access = await started(startAccess, {
    port,
    team: TEAM,
    users: USERS,
    serviceTokens: [CI_BOT],
    bypass: [...PUBLIC_PATHS, ...WORKER_PUBLIC_PATHS],
  });
  const url = `http://localhost:${access.port}`;
  const page = await choosePage({ plain });

  await mkdir(DEV_DIR, { recursive: true });
  const [origin, keys, records] = await Promise.all([
    page.isBackstage ? started(startBackstage, { baseUrl: url, access }) : started(startOrigin),
    signingKeys(ROOT, DEV_DIR),
    catalogRecords(ROOT, DEV_DIR, own.wranglerToml),
  ]);

  const worker = await started(startWorker, {
    access,
    buildDir: own.buildDir,
    bindings: own.bindings,
    cfaccess: {
      ...own.cfaccess,
      teamName: TEAM,
      audience: [access.audience],
      serviceTokens: [{ token: CI_BOT.clientId, subject: CI_BOT.subject }],
    },
    backstage: {
      ...own.backstage,
      baseUrl: url,
      origin: origin.url,
      publicPaths: PUBLIC_PATHS,
    },
    signingKeys: keys,
    onLog: ({ message }) => console.log(message),
  });
  await putRecords(await worker.kv("CATALOG"), records);
  access.setUpstream(worker.url);
  // Before the banner: who has read it may press Ctrl-C.
  stopOnSignals();
  if (page.isBackstage) {
    console.log("starting Backstage's backend (some seconds) …");
    await origin.startBackend();
  }
  console.log(banner(url, page.says));
}

async function started(startPart, options) {
  const part = await startPart(options);
  running.push(part);
  return part;
}

function options() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: DEFAULT_PORT },
      plain: { type: "boolean", default: false },
      worker: { type: "string" },
    },
  });
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535)
    throw new Error(`--port ${values.port}: ${USAGE}`);
  return { port, plain: values.plain, worker: values.worker };
}

function explain(error) {
  if (error.code === "EADDRINUSE") {
    return `Port ${error.port} is taken: stop what listens there, or choose another:\n  ${USAGE}`;
  }
  if (error.code === "ENOENT" && error.path?.endsWith("wrangler.toml")) {
    return `--worker: ${error.path} does not exist. Name the folder of a Worker's crate:\n  ${USAGE}`;
  }
  if (error.code?.startsWith("ERR_PARSE_ARGS")) return `${error.message}\n  ${USAGE}`;
  return error.stack;
}

function stopOnSignals() {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // Until now miniflare's own handler was there, which ends the process at once.
    process.removeAllListeners(signal);
    process.on(signal, async () => {
      // One Ctrl-C may arrive several times: from the terminal, from npm, from the script between.
      if (stopping) return;
      stopping = true;
      setTimeout(() => process.exit(1), STOP_LIMIT_MS);
      await stop();
      process.exit(0);
    });
  }
}

/** Front to back, so that nobody is let in to what is already gone. */
async function stop() {
  for (const part of running) await part.close();
}
