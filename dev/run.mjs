// Everything that `npm run dev` runs: the Access emulator in front, the built Worker behind it, behind that
// the demo origin or a Backstage, and KV filled from catalog files.

import { mkdir } from "node:fs/promises";
import { startAccess } from "./access/index.mjs";
import { banner } from "./banner.mjs";
import { createDebugger } from "./debugger/index.mjs";
import { whenNpmEnds } from "./npm-parent.mjs";
import { asksForHelp, devOptions, usage } from "./options.mjs";
import { startOrigin } from "./origin/index.mjs";
import { startOwnBackstage } from "./own-backstage.mjs";
import { readOwnWorker } from "./own-worker.mjs";
import { CI_BOT, USERS } from "./people.mjs";
import { catalogRecords, putRecords, signingKeys } from "./seed.mjs";
import { UsageError } from "./usage-error.mjs";
import { usersOf } from "./users.mjs";
import { startWorker } from "./worker.mjs";

const TEAM = "emulator";
/** What has not closed by then is left to the end of the process. */
const STOP_LIMIT_MS = 5000;

/** Open from one side only: what both Access and the Worker let through without an assertion. */
const PUBLIC_PATHS = ["/healthcheck"];
/** The Worker's own public routes, which the backend reads without a session. */
const WORKER_PUBLIC_PATHS = ["/api/auth/.well-known/jwks.json", "/api/auth/v1/userinfo"];

/** What the stock Worker runs with. */
const STOCK = {
  cfaccess: { signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] } },
};

const OWN_PAGE = {
  says: ["It is your own Backstage. Its app-config has to say so:", "docs/local-development.md"],
};

const running = [];

/**
 * Runs it until it is told to stop.
 *
 * - `args`: as `devOptions` takes them; `command` is what they follow
 * - `dir`: a folder in which the signing keys are kept
 * - `cfaccess`: the path of the program; see seed.mjs
 * - `vars`: CFACCESS, BACKSTAGE and further vars of the Worker, as of `readOwnWorker`
 * - `choosePage(options)`: the origin without `--origin`: `{says, start?}`; without `start` the demo page
 */
export async function runDev(args, { command = "npm run dev --", ...setting }) {
  if (asksForHelp(args)) return console.log(usage(command));
  stopOnSignals();
  whenNpmEnds(end);
  try {
    await start(await devOptions(args, command), setting);
  } catch (error) {
    // What is being started when the end comes fails because of it.
    if (ending) return;
    console.error(explain(error));
    await stop();
    process.exit(1);
  }
}

async function start(options, { dir, cfaccess, choosePage, vars = STOCK }) {
  const { port, catalog } = options;
  const own = options.worker === undefined ? vars : await readOwnWorker(options.worker);
  // Without those of a file it is filled once the catalog has been read.
  const { users } = options;
  // Before everything slow, so that a port that is taken is known at once.
  const access = await started(startAccess, {
    port,
    team: TEAM,
    users,
    serviceTokens: [CI_BOT],
    bypass: [...PUBLIC_PATHS, ...WORKER_PUBLIC_PATHS],
  });
  const url = `http://localhost:${access.port}`;
  const page = options.origin === undefined ? await choosePage(options) : OWN_PAGE;

  await mkdir(dir, { recursive: true });
  const [origin, keys, records] = await Promise.all([
    started(...originOf(options, page, { baseUrl: url, access })),
    signingKeys(cfaccess, dir),
    catalogRecords(cfaccess, dir, { catalog, wranglerToml: own.wranglerToml }),
  ]);
  if (users.length === 0) users.push(...(catalog.length > 0 ? usersOf(records) : USERS));

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
      log: { forwarded: 1 },
    },
    signingKeys: keys,
    observeKv: true,
    onLog: ({ message }) => console.log(message),
  });
  // Miniflare's own handler ends the process at once.
  stopOnSignals();
  await putRecords(await worker.kv("CATALOG"), records);
  access.setUpstream(worker.url);
  const { providerId = "cfaccess" } = own.cfaccess;
  access.setControls(
    createDebugger({
      access,
      worker,
      origin: origin.url,
      records,
      refreshPath: `/api/auth/${providerId}/refresh`,
    }),
  );
  if (origin.startBackend) {
    console.log("starting Backstage's backend (some seconds) …");
    await origin.startBackend();
  }
  console.log(banner(url, page.says, users));
}

async function started(startPart, options) {
  const part = await startPart(options);
  running.push(part);
  return part;
}

function originOf({ origin, app }, page, setting) {
  if (origin !== undefined) return [startOwnBackstage, { origin, app }];
  return page.start ? [page.start, setting] : [startOrigin];
}

function explain(error) {
  if (error instanceof UsageError) return error.message;
  if (error.code === "EADDRINUSE") {
    return `Port ${error.port} is taken: stop what listens there, or choose another with --port`;
  }
  return error.stack;
}

function stopOnSignals() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.removeAllListeners(signal);
    process.on(signal, end);
  }
}

let ending = false;

async function end() {
  // One Ctrl-C may arrive several times: from the terminal, from npm, from the script between.
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(1), STOP_LIMIT_MS);
  await stop();
  process.exit(0);
}

/** Front to back, so that no request reaches a part that is already closed. */
async function stop() {
  for (const part of running) await part.close();
}
