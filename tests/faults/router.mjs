// Runs in workerd beside the Worker: what it takes for the internet and for KV. Each dependency is a server of its own.

const REFRESH = "/api/auth/cfaccess/refresh";
const JWKS = "/api/auth/.well-known/jwks.json";

export default {
  fetch(request, env) {
    const { hostname, pathname } = new URL(request.url);
    return env[dependency(hostname, pathname)].fetch(request);
  },
};

function dependency(hostname, pathname) {
  if (hostname.endsWith(".cloudflareaccess.com")) {
    return pathname.endsWith("/certs") ? "certs" : "identity";
  }
  if (hostname !== "origin.example") return "elsewhere";
  if (pathname === REFRESH) return "registration";
  return pathname === JWKS ? "jwks" : "origin";
}

/** As the KV binding asks: the key is the path. */
export const catalog = { fetch: (request, env) => env.catalog.fetch(request) };

export const cache = {
  fetch: (request, env) =>
    (request.method === "GET" ? env.cacheRead : env.cacheWrite).fetch(request),
};
