// The arguments of `npm run dev`. Node.js built-ins only: they are checked before anything is installed.

import { once } from "node:events";
import { access } from "node:fs/promises";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.mjs";
import { readUsers } from "./users.mjs";

const DEFAULT_PORT = "8787";

export const usage = (command) => `${command} [--port PORT] [--plain] [--worker DIR]
      [--origin URL [--app URL]] [--catalog PATH]… [--users FILE]
  --port     default ${DEFAULT_PORT}; 0 is any free port
  --plain    the demo page, although Backstage has been built
  --worker   the crate of a Worker with code of its own, with its wrangler.toml
  --origin   the backend of your own Backstage, such as http://localhost:7007
  --app      its front end, if that has a server of its own, such as http://localhost:3000
  --catalog  catalog files or folders, in place of the sample organisation
  --users    JSON list of users who can log in: [{"email": "jane@acme.com", "groups": ["Platform"]}].
             Without it, with --catalog: every user of the catalog who has an email`;

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

export const asksForHelp = (args) => args.includes("--help") || args.includes("-h");

/**
 * `{port, plain, worker, origin, app, catalog, users}`, with absolute paths and the users of the file.
 *
 * @throws {UsageError}
 */
export async function devOptions(args, command = "npm run dev --") {
  const wrong = (what) => new UsageError(`${what}\n\n  ${usage(command)}`);
  const values = parsed(args, wrong);
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65535) throw wrong(`--port ${values.port} is no port`);
  for (const name of ["origin", "app"]) {
    const value = values[name];
    const problem = value === undefined ? undefined : problemOf(value, port);
    if (problem) throw wrong(`--${name} ${value} ${problem}`);
  }
  if (values.app !== undefined && values.origin === undefined) throw wrong("--app needs --origin");
  const worker = values.worker && resolve(values.worker);
  const usersFile = values.users && resolve(values.users);
  const catalog = values.catalog.map((path) => resolve(path));
  for (const [name, path] of [
    ["worker", worker && resolve(worker, "wrangler.toml")],
    ["users", usersFile],
    ...catalog.map((path) => ["catalog", path]),
  ]) {
    if (path === undefined) continue;
    await access(path).catch(() => {
      throw wrong(`--${name}: ${path} does not exist`);
    });
  }
  const users = usersFile === undefined ? [] : await readUsers(usersFile);
  await mustBeFree(port, wrong);
  return { ...values, port, worker, users, catalog };
}

function parsed(args, wrong) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", default: DEFAULT_PORT },
        plain: { type: "boolean", default: false },
        worker: { type: "string" },
        origin: { type: "string" },
        app: { type: "string" },
        catalog: { type: "string", multiple: true, default: [] },
        users: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    throw wrong(error.message);
  }
}

/** What is wrong with the URL of a server, if something is. */
function problemOf(text, port) {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) return "is no http URL";
  const url = new URL(text);
  if (url.pathname !== "/" || url.search || url.hash || url.username) {
    return `is more than a host and a port: give ${url.origin}`;
  }
  if (LOOPBACK.has(url.hostname) && Number(url.port) === port) {
    return "is where the emulator itself will listen: choose another port with --port";
  }
  return undefined;
}

async function mustBeFree(port, wrong) {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch ({ code, message }) {
    if (code !== "EADDRINUSE") throw wrong(`--port ${port}: ${message}`);
    throw wrong(`Port ${port} is taken: stop what listens there, or choose another with --port`);
  }
  server.close();
  await once(server, "close");
}
