// A Worker in place of the built one, so that the way it is run can be tested without it: fetches
// what the real one fetches, and shows what it is given.

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/bindings") {
      const { CFACCESS, BACKSTAGE, SIGNING_KEYS } = env;
      return Response.json({
        url: request.url,
        CFACCESS,
        BACKSTAGE,
        SIGNING_KEYS,
        jane: await env.CATALOG.get("jane"),
      });
    }
    if (url.pathname.startsWith("/cdn-cgi-of-team/")) {
      const path = url.pathname.replace("/cdn-cgi-of-team/", "/cdn-cgi/access/");
      const headers = { cookie: `CF_Authorization=${request.headers.get("authorization")}` };
      return fetch(`https://${env.CFACCESS.teamName}.cloudflareaccess.com${path}`, {
        headers,
        redirect: "manual",
      });
    }
    console.log(`forwarding ${url.pathname}`);
    try {
      const target = new URL(url.pathname + url.search, env.BACKSTAGE.origin);
      return await fetch(new Request(target, request));
    } catch {
      return new Response("origin unreachable", { status: 502 });
    }
  },
};
