// The debugger of `npm run dev`: a page under the emulator's own path, what it shows, and what its buttons do.

import { sessionCookies } from "../access/login.mjs";
import { Catalog } from "./catalog.mjs";
import { Outages } from "./outages.mjs";
import { answerPage } from "./page.mjs";
import { traceOf } from "./trace.mjs";

/** A body is a short JSON object. */
const MAX_BODY_BYTES = 8 * 1024;
const LINES_SHOWN = 40;

/**
 * What answers the debugger's paths, for `setControls` of the emulator.
 *
 * - `access`, `worker`: the emulator, and the Worker with `observeKv`
 * - `origin`: the URL to which the Worker forwards
 * - `records`: `{key, value, metadata?}` of CATALOG
 * - `refreshPath`: the path of the refresh route
 */
export function createDebugger({ access, worker, origin, records, refreshPath }) {
  const outages = new Outages({ access, worker, origin });
  const catalog = new Catalog(worker, records);

  async function emptyMemory() {
    access.setUpstream(await worker.restart());
    // They are kept in workerd.
    await outages.apply();
  }

  const reads = {
    async state(request) {
      const session = await access.sessionOf(request);
      return {
        refreshPath,
        origin,
        session: session && { ...decoded(session.assertion), expired: session.expired ?? false },
        keys: { current: access.keys.current.kid, previous: access.keys.previous.kid },
        outages: outages.down,
        removed: catalog.removed,
        lines: worker.logs.slice(-LINES_SHOWN).map(({ message }) => message),
      };
    },
    trace: (_request, query) => traceOf(query.get("ray"), { access, worker }),
  };

  /** Each answers one sentence: what has been done. */
  const actions = {
    async expire(request, _body, response) {
      const session = await access.sessionOf(request);
      if (!session) return NO_SESSION;
      const cookies = sessionCookies(await access.expire(session.claims));
      response.setHeader("set-cookie", cookies);
      return "The assertion has expired.";
    },
    async revoke(request) {
      const session = await access.sessionOf(request);
      if (!session) return NO_SESSION;
      access.revoke(session.claims.email);
      return `Every session of ${session.claims.email} is revoked.`;
    },
    async remove(_request, { user }) {
      const count = await catalog.remove(user);
      if (count === 0) return `The catalog has no records of ${user}.`;
      await emptyMemory();
      return `${user} is removed from the catalog: ${count} records. The Worker's memory is empty.`;
    },
    async restore() {
      const users = await catalog.restore();
      return users.length > 0
        ? `${users.join(", ")} is back in the catalog.`
        : "No user is removed.";
    },
    async outage(_request, { target, down }) {
      if (!(await outages.set(target, down === true)))
        return `There is no "${target}" to take down.`;
      return `${NAMES[target]} is ${down ? "down" : "up again"}.`;
    },
    async forget() {
      await emptyMemory();
      return "The Worker's memory is empty, as in a new isolate. KV keeps what it has.";
    },
  };

  return async function answer(request, response, { path: name, query }) {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (isRead && Object.hasOwn(reads, name)) {
      return json(response, 200, await reads[name](request, query));
    }
    if (isRead) return answerPage(response, name);
    if (request.method === "POST" && Object.hasOwn(actions, name)) {
      const body = await bodyOf(request);
      if (!body) return json(response, 400, { err: "the body must be a short JSON object" });
      return json(response, 200, { done: await actions[name](request, body, response) });
    }
    return json(response, 404, { err: "not found" });
  };
}

const NO_SESSION = "There is no session. Sign in first.";

const NAMES = {
  certs: "The certs endpoint",
  identity: "get-identity",
  kv: "Workers KV",
  origin: "The origin",
};

/** Header and claims. The page never gets the assertion itself. */
function decoded(assertion) {
  const [header, claims] = assertion
    .split(".", 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  return { header, claims };
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) return undefined;
  }
  try {
    const body = JSON.parse(text || "{}");
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}

function json(response, status, body) {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
  });
  response.end(JSON.stringify(body));
  return String(status);
}
