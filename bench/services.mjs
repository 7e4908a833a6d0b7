// Runs in a workerd of its own: everything that the contenders reach. KV namespaces, the team's
// certs and get-identity, the origin. Which namespace or key set is meant is in a header that the
// contender's workerd adds, so that one process serves all of them alike.

/** Only the bench talks to this host. */
const CONTROL_HOST = "services.control";

const GET_IDENTITY = "/cdn-cgi/access/get-identity";
const CERTS = "/cdn-cgi/access/certs";

const namespaces = new Map();
const documents = new Map();
const reads = {};
/** Milliseconds: `certs`, `identity`, and of KV the first read of a key and later ones. */
let delays = {};
/** The keys that KV has at hand: those that were read or written since the delays were set. */
const hot = new Set();

export default {
  async fetch(request) {
    const namespace = request.headers.get("x-bench-namespace");
    if (namespace !== null) return keyValue(namespace, request);
    const { hostname, pathname } = new URL(request.url);
    if (hostname === CONTROL_HOST) return control(request, pathname);
    if (pathname === GET_IDENTITY) {
      await after(delays.identity);
      return identity(request);
    }
    if (pathname === CERTS) await after(delays.certs);
    const name = `${pathname}#${request.headers.get("x-bench-keys") ?? ""}`;
    const document = documents.get(name);
    if (document !== undefined) {
      return new Response(document, { headers: { "content-type": "application/json" } });
    }
    return new Response("from the origin");
  },
};

/** As workerd's KV binding asks: the key is the path, absence is 404. */
async function keyValue(name, request) {
  const values = namespaceOf(name);
  const { pathname } = new URL(request.url);
  const key = decodeURIComponent(pathname.slice(1));
  if (request.method === "GET") {
    reads[name] = (reads[name] ?? 0) + 1;
    const id = `${name}/${key}`;
    await after(hot.has(id) ? delays.kvHot : delays.kvCold);
    hot.add(id);
    const value = values.get(key);
    return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
  }
  if (request.method === "PUT") {
    values.set(key, await request.text());
    return new Response(null);
  }
  return new Response(null, { status: 405 });
}

/** Waits, if there is something to wait for: a timer costs. */
const after = (milliseconds) => milliseconds && scheduler.wait(milliseconds);

/** What Access knows of the person of an assertion; whose it is, is not checked here. */
function identity(request) {
  const [, payload] = request.headers.get("cookie").match(/CF_Authorization=[\w-]+\.([\w-]+)/);
  const { sub, email, iat } = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/")));
  const name = email.split("@")[0];
  const groups = [{ id: "g-1", name: "Engineering", email: "engineering@example.com" }];
  return Response.json({ id: sub, name, email, groups, amr: ["pwd"], user_uuid: sub, iat });
}

/**
 * `GET /reads`, `PUT /kv/NAMESPACE` with an object of values, `PUT /clear/NAMESPACE`,
 * `PUT /document/NAME`, `PUT /delays` with an object of them: KV is cold again.
 */
async function control(request, pathname) {
  if (pathname === "/reads") return Response.json(reads);
  if (pathname === "/delays") {
    delays = await request.json();
    hot.clear();
    return new Response(null);
  }
  const [, kind, name] = pathname.match(/^\/(kv|clear|document)\/(.+)$/);
  if (kind === "clear") {
    namespaces.delete(name);
  } else if (kind === "document") {
    documents.set(decodeURIComponent(name), await request.text());
  } else {
    const values = namespaceOf(name);
    for (const [key, value] of Object.entries(await request.json())) values.set(key, value);
  }
  return new Response(null);
}

function namespaceOf(name) {
  if (!namespaces.has(name)) namespaces.set(name, new Map());
  return namespaces.get(name);
}
