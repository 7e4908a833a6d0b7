// What the tests of this folder stand on: the Access emulator in front, the built Worker in workerd,
// and a real Backstage backend behind it, whose catalog fills the Worker's KV.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startAccess } from "../../dev/access/index.mjs";
import { freePort, startBackend } from "../../dev/backstage/backend.mjs";
import { blocksOf } from "../../dev/backstage/documented.mjs";
import { CI_BOT, USERS } from "../../dev/people.mjs";
import { putRecords } from "../../dev/seed.mjs";
import { startWorker } from "../../dev/worker.mjs";
import { startTeam } from "./team.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TEAM = "emulator";
/** What the backend reads of the Worker without a session, below the path of `backend.baseUrl`. */
const WORKER_PUBLIC_PATHS = ["/api/auth/.well-known/jwks.json", "/api/auth/v1/userinfo"];

export const EXAMPLE_CATALOG = ["org", "users"].map((name) =>
  join(ROOT, "examples", "catalog", `${name}.yaml`),
);
/** The same, and a template for the scaffolder. */
export const STOCK_CATALOG = [
  ...EXAMPLE_CATALOG,
  fileURLToPath(new URL("fixtures/greeting-template.yaml", import.meta.url)),
];

/** The set-up of docs/backstage.md that each kind of trust belongs to. */
const SET_UPS = { service: "alone", "shared-key": "shared-key" };

/**
 * Starts everything. `trust` is how the backend comes to trust the Worker's tokens; the backend is
 * configured as docs/backstage.md says.
 *
 * - `users`, `catalog`, `resolvers`: the users at Access, the users of Backstage, and how they are matched;
 *   `catalog` is the path of a file, or several, or a function of a folder that returns them
 * - `worker`, `access`: further options of startWorker and startAccess; `worker` may be a function
 *   of the set-up so far
 * - `host`, `path`: those of `backend.baseUrl`, `localhost` and none by default
 * - `configs`: further app-config, or a function of the set-up so far that returns it
 * - `env`: further environment variables of the backend
 * - `publicPaths`: what Access and the Worker let through without an assertion
 * - `authPlugin`: whether the backend has the auth plugin; by default as `trust` wants it
 * - `origin`: starts what stands between Worker and backend, given the backend's URL
 */
export async function startGround({
  trust = "service",
  host = "localhost",
  path = "",
  users = USERS,
  catalog = EXAMPLE_CATALOG,
  resolvers = [{ resolver: "emailMatchingUserEntityProfileEmail" }],
  authPlugin = trust === "shared-key",
  configs = [],
  env,
  publicPaths = [],
  worker: workerOptions,
  backstage,
  access: accessOptions,
  origin: startOrigin,
} = {}) {
  const parts = [];
  const started = (part) => {
    parts.unshift(part);
    return part;
  };
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-backstage-"));
  const ground = {
    dir,
    async close() {
      for (const part of parts) await part.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    const access = started(
      await startAccess({
        team: TEAM,
        users,
        serviceTokens: [CI_BOT],
        bypass: [...WORKER_PUBLIC_PATHS.map((route) => path + route), ...publicPaths],
        ...accessOptions,
      }),
    );
    const url = `http://${host}:${access.port}${path}`;
    const team = authPlugin ? started(await startTeam({ access, dir })) : undefined;
    const port = await freePort();
    const backendUrl = `http://127.0.0.1:${port}`;
    const origin = startOrigin && started(await startOrigin(backendUrl));

    const keys = join(dir, "keys");
    await cfaccess(["keygen", "--out", keys]);
    const signingKeys = JSON.parse(await readFile(join(keys, "signing-keys.json"), "utf8"));

    const cfaccessConfig = {
      teamName: TEAM,
      audience: access.audience,
      serviceTokens: [{ token: CI_BOT.clientId, subject: CI_BOT.subject }],
      signIn: { resolvers },
    };
    Object.assign(ground, { access, url, team, keys, signingKeys, cfaccessConfig });
    ground.startWorker = async (options = {}) =>
      started(
        await startWorker({
          access,
          signingKeys,
          ...options,
          cfaccess: { ...cfaccessConfig, ...options.cfaccess },
          backstage: {
            baseUrl: url,
            origin: origin?.url ?? backendUrl,
            trust,
            publicPaths,
            ...backstage,
            ...options.backstage,
          },
        }),
      );
    const worker = await ground.startWorker(workerOptions);
    access.setUpstream(worker.url);
    Object.assign(ground, { worker });

    const blocks = await blocksOf("backstage.md", { url, team: TEAM, audience: access.audience });
    const documented = join(dir, "app-config.documented.yaml");
    await writeFile(documented, blocks.get(`app-config: ${SET_UPS[trust]}`));
    const trusted = {
      service: [documented],
      "shared-key": [
        documented,
        join(keys, "app-config.auth.yaml"),
        { auth: { providers: { cfaccess: cfaccessConfig } } },
      ],
    };
    const backend = started(
      await startBackend({
        port,
        baseUrl: url,
        dir,
        catalog: await settled(catalog, dir),
        configs: [...trusted[trust], ...(await settled(configs, ground))],
        team,
        env,
      }),
    );
    Object.assign(ground, { backend });

    const records = await recordsOf(await backend.entities(), dir);
    ground.fill = async (another) => putRecords(await another.kv("CATALOG"), records);
    await ground.fill(worker);
    return ground;
  } catch (error) {
    await ground.close();
    throw error;
  }
}

const settled = (value, argument) => (typeof value === "function" ? value(argument) : value);

/** The KV records of what a running catalog answers. */
export async function recordsOf(entities, dir) {
  await mkdir(join(dir, "catalog"), { recursive: true });
  const [from, out] = ["entities.json", "kv.json"].map((name) => join(dir, "catalog", name));
  await writeFile(from, JSON.stringify(entities));
  await cfaccess(["catalog", "build", from, "--out", out]);
  return JSON.parse(await readFile(out, "utf8"));
}

/** The project's command line, as `cargo build` leaves it. */
export async function cfaccess(args, env = {}) {
  const program = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", "cfaccess");
  return promisify(execFile)(program, args, { env: { ...process.env, ...env } });
}

/** A person's browser: behind Access, with the session's token once signed in. */
export class Browser {
  #ground;
  #assertion;
  token;

  /** One that has logged in at Access and been given a session by the Worker. */
  static async signedIn(ground, user) {
    const browser = new Browser(ground, await ground.access.mint({ user }));
    const { status, json, text } = await browser.get("/api/auth/cfaccess/refresh");
    if (status !== 200) throw new Error(`the refresh of ${user} answers ${status}: ${text}`);
    browser.session = json;
    browser.token = json.backstageIdentity.token;
    return browser;
  }

  /** The cookie of its Access session. */
  get accessCookie() {
    return this.#assertion && `CF_Authorization=${this.#assertion}`;
  }

  /** No browser at all: a client with a Backstage token, and without a session at Access. */
  static outside(ground, token) {
    const client = new Browser(ground);
    client.token = token;
    return client;
  }

  constructor(ground, assertion) {
    this.#ground = ground;
    this.#assertion = assertion;
  }

  /** The same browser with another token. */
  holding(token) {
    const other = new Browser(this.#ground, this.#assertion);
    other.token = token;
    return other;
  }

  get(path, options) {
    return this.send("GET", path, options);
  }

  /** A request through Access; `cookie` in addition to Access's own, instead of the token. */
  async send(method, path, { cookie, body, headers: further } = {}) {
    const headers = {
      cookie: [this.accessCookie, cookie].filter(Boolean).join("; "),
      "x-requested-with": "XMLHttpRequest",
    };
    if (this.token && !cookie) headers.authorization = `Bearer ${this.token}`;
    if (body) headers["content-type"] = "application/json";
    Object.assign(headers, further);
    const answer = await fetch(this.#ground.url + path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      redirect: "manual",
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Calls `probe` until it answers something truthy. */
export async function eventually(probe, what, limit = 60_000) {
  const until = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > until) throw new Error(`${what}: not within ${limit} ms`);
    await sleep(100);
  }
}
