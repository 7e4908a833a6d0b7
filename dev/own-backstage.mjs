// `npm run dev -- --origin URL`: a Backstage of one's own in the place of the demo origin.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { ACCESS_HEADERS, forward, forwardUpgrade } from "./access/forward.mjs";
import { UsageError } from "./options.mjs";

/** What the backend answers. Everything else is the front end's. */
const BACKEND_PATHS = /^\/(api|\.well-known|\.backstage)(\/|$|\?)/;

/**
 * The origin to forward to: `origin`, the backend's URL, or with `app`, the URL of a front end that has a
 * server of its own (`yarn start`), a server that sends each path to one of the two.
 */
export async function startOwnBackstage({ origin, app }) {
  if (app === undefined) return { url: origin, close: async () => {} };
  const target = ({ url }) => new URL(BACKEND_PATHS.test(url) ? origin : app);
  const server = http.createServer((request, response) =>
    forward(request, response, target(request), accessHeadersOf(request)),
  );
  const tunnels = new Set();
  server.on("upgrade", (request, socket, head) => {
    const to = target(request);
    const tunnel = forwardUpgrade(request, socket, head, to, accessHeadersOf(request));
    tunnels.add(tunnel);
    tunnel.on("close", () => tunnels.delete(tunnel));
  });
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const tunnel of tunnels) tunnel.destroy();
      await closed;
    },
  };
}

/** `forward` drops the headers of Access, which the Worker has checked here. */
function accessHeadersOf({ rawHeaders }) {
  return rawHeaders.filter((_, at) => ACCESS_HEADERS.has(rawHeaders[at - (at % 2)].toLowerCase()));
}

/** The users of a JSON file: a list of `{email, name?, groups?, country?, custom?}`. */
export async function readUsers(file) {
  const wrong = (why) => new UsageError(`--users ${file}: ${why}`);
  let users;
  try {
    users = JSON.parse((await readFile(file, "utf8")).replace(/^\uFEFF/, ""));
  } catch (error) {
    throw wrong(error.message);
  }
  if (!Array.isArray(users) || users.length === 0) {
    throw wrong('it must be a list such as [{"email": "jane@acme.com", "groups": ["Platform"]}]');
  }
  for (const [at, { email, groups = [] }] of users.map((user) => user ?? {}).entries()) {
    if (typeof email !== "string" || !email.includes("@")) {
      throw wrong(`user ${at + 1} has no email`);
    }
    if (!Array.isArray(groups)) throw wrong(`groups of ${email} must be a list`);
  }
  return users.map((user) => ({ name: user.email, note: "", groups: [], ...user }));
}

/** A user for each email of the catalog records. */
export function usersOf(records) {
  const users = records
    .filter(({ key }) => key.startsWith("v1:email:"))
    .map(({ value }) => JSON.parse(value).user)
    .filter(Boolean)
    .map(({ ref, email, displayName = ref }) => ({
      email,
      name: displayName,
      note: ref,
      groups: [],
    }));
  if (users.length === 0) throw new UsageError("--catalog: no user has an email to log in with");
  return users;
}
