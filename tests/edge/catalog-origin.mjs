// A Backstage of which there is only `/api/catalog/entities/by-query`: its users, page by page, to
// whoever has the token.

import { once } from "node:events";
import http from "node:http";

export const CATALOG_TOKEN = "catalog-token";

/** A user as a running catalog has it. `email` may be `null` for none. */
export function catalogUser(name, groups = [], { email = `${name}@example.com` } = {}) {
  return {
    kind: "User",
    metadata: { namespace: "default", name },
    spec: { profile: { displayName: name, ...(email === null ? {} : { email }) } },
    relations: groups.map((group) => ({
      type: "memberOf",
      targetRef: `group:default/${group}`,
      target: { kind: "group", namespace: "default", name: group },
    })),
  };
}

/**
 * Starts it. `requests` is what has arrived.
 *
 * - `users`: to be set; the entities
 * - `answerWith(t, handler)`: until the test ends, `handler(page)` changes what is answered: it gets
 *   `{items, totalItems, pageInfo}` and returns an object, the text of a body, or a status
 */
export async function startCatalogOrigin({ users = [] } = {}) {
  const origin = { users, requests: [], answerWith, close };
  let change = (page) => page;

  const server = http.createServer(({ method, url, headers }, response) => {
    origin.requests.push({ method, url, headers });
    const { pathname, searchParams } = new URL(url, "http://origin");
    const isHere = pathname === "/api/catalog/entities/by-query";
    const isAllowed = headers.authorization === `Bearer ${CATALOG_TOKEN}`;
    const answer = isHere ? (isAllowed ? change(page(searchParams)) : 401) : 404;
    const [status, body] = typeof answer === "number" ? [answer, "{}"] : [200, answer];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin.url = `http://127.0.0.1:${server.address().port}`;

  /** The cursor is the number of users before it, in base64 as Backstage's own are. */
  function page(query) {
    const cursor = query.get("cursor");
    const start = cursor === null ? 0 : Number(Buffer.from(cursor, "base64").toString());
    const end = start + Number(query.get("limit"));
    const next = Buffer.from(String(end)).toString("base64");
    return {
      items: origin.users.slice(start, end),
      totalItems: origin.users.length,
      pageInfo: end < origin.users.length ? { nextCursor: next } : {},
    };
  }

  function answerWith(t, handler) {
    change = handler;
    t.after(() => {
      change = (page) => page;
    });
  }

  async function close() {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  return origin;
}
