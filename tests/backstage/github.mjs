// A stand-in for GitHub Enterprise, as far as signing in with it goes: whoever comes is octo-ingrid.

import http from "node:http";
import { listening } from "./server.mjs";

export const GITHUB_TOKEN = "gho_a-token-of-the-stand-in";

const ROUTES = {
  "POST /login/oauth/access_token": {
    access_token: GITHUB_TOKEN,
    token_type: "bearer",
    scope: "read:user",
  },
  "GET /api/v3/user": {
    id: 1,
    node_id: "U_1",
    login: "octo-ingrid",
    name: "Ingrid Solheim",
    email: "ingrid.solheim@meridian.example",
  },
  "GET /api/v3/user/emails": [{ email: "ingrid.solheim@meridian.example", primary: true }],
};

/** Starts it. `config` is what `auth.providers.github.production` needs to find it. */
export async function startGithub() {
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://github");
    if (pathname === "/login/oauth/authorize") {
      const back = new URL(searchParams.get("redirect_uri"));
      back.searchParams.set("code", "a-code");
      back.searchParams.set("state", searchParams.get("state"));
      response.writeHead(302, { location: back.href });
      return response.end();
    }
    const body = ROUTES[`${request.method} ${pathname}`];
    response.writeHead(body ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? {}));
  });
  const { url, close } = await listening(server);
  const production = { enterpriseInstanceUrl: url };
  return { url, close, config: { auth: { providers: { github: { production } } } } };
}
