// Runs in a workerd of its own: everything that the contenders reach. KV namespaces, the team's
// certs and get-identity, the origin. Which namespace or key set is meant is in a header that the
// contender's workerd adds, so that one process serves all of them alike.

/** Only the bench talks to this host. */
const CONTROL_HOST = "services.control";

const GET_IDENTITY = "/cdn-cgi/access/get-identity";

const namespaces = new Map();
const documents = new Map();
const reads = {};

export default {
  fetch(request) {
    const namespace = request.headers.get("x-bench-namespace");
    if (namespace !== null) return keyValue(namespace, request);
    const { hostname, pathname } = new URL(request.url);
    if (hostname === CONTROL_HOST) return control(request, pathname);
    if (pathname === GET_IDENTITY) return identity(request);
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
    const value = values.get(key);
    return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
  }
  if (request.method === "PUT") {
    values.set(key, await request.text());
    return new Response(null);
  }
  return new Response(null, { status: 405 });
}

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
 * `PUT /document/NAME`.
 */
async function control(request, pathname) {
  if (pathname === "/reads") return Response.json(reads);
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
