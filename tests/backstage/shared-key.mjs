// What only a Backstage with its auth plugin has. The tests are for the set-up "shared key".

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { GITHUB_TOKEN } from "./github.mjs";
import { Browser } from "./ground.mjs";
import { mcpTool, mcpToolNames } from "./mcp.mjs";

const INGRID = "ingrid.solheim@meridian.example";
const INGRID_REF = "user:default/ingrid.solheim";
const INGRIDS = [INGRID_REF, "group:default/engineering", "group:default/platform"];
const CALLBACK = "http://127.0.0.1:8055/callback";

/** A client without a secret, which the auth plugin knows by its configuration. */
export const MCP_CLIENT = {
  auth: { staticClients: [{ clientId: "an-mcp-client", redirectUris: [CALLBACK] }] },
};

/** Registers the tests. For the arguments see `testsOfBelief`; `ground.github` is the stand-in. */
export function testsOfTheAuthPlugin(ground, signedIn) {
  let ingrid;

  before(async () => {
    ingrid = await Browser.signedIn(ground, INGRID);
    await signedIn(ingrid);
  });

  test("GitHub's start redirects to GitHub, and its callback hands the page GitHub's token", async () => {
    const start = "/api/auth/github/start?env=production&scope=read:user&flow=popup";
    const answer = await ingrid.get(`${start}&origin=${encodeURIComponent(ground.url)}`);
    assert.equal(answer.status, 302, answer.text);
    const github = new URL(answer.headers.get("location"));
    assert.equal(github.origin, ground.github.url);
    const back = new URL(github.searchParams.get("redirect_uri"));
    assert.equal(back.href, `${ground.url}/api/auth/github/handler/frame`);

    const redirect = await fetch(github, { redirect: "manual" });
    const { pathname, search } = new URL(redirect.headers.get("location"));
    // The one before it deletes an old cookie of another path.
    const [cookie] = answer.headers.getSetCookie().at(-1).split(";");
    const frame = await ingrid.get(pathname + search, { cookie });
    assert.equal(frame.status, 200, frame.text);
    const [, encoded] = /decodeURIComponent\('(.*?)'\)/.exec(frame.text);
    const { type, response } = JSON.parse(decodeURIComponent(encoded));
    assert.equal(type, "authorization_response");
    assert.equal(response?.providerInfo.accessToken, GITHUB_TOKEN);
    assert.equal(response.profile.email, INGRID);
  });

  test("the OpenID configuration names the public URL", async () => {
    const { status, json, text } = await ingrid.get("/api/auth/.well-known/openid-configuration");
    assert.equal(status, 200, text);
    assert.equal(json.issuer, `${ground.url}/api/auth`);
    assert.equal(json.authorization_endpoint, `${ground.url}/api/auth/v1/authorize`);
  });

  test("MCP has the action who-am-i of the auth plugin", async () => {
    assert.ok((await mcpToolNames(ingrid)).includes("auth.who-am-i"));
    const { userInfo } = await mcpTool(ingrid, "auth.who-am-i");
    assert.deepEqual(userInfo, { userEntityRef: INGRID_REF, ownershipEntityRefs: INGRIDS });
  });

  test("`backstage-cli auth login` finds the metadata of its client, without a session", async () => {
    const url = `${ground.url}/api/auth/.well-known/oauth-client/cli.json`;
    const answer = await fetch(url);
    assert.equal(answer.status, 200);
    const { client_id, redirect_uris } = await answer.json();
    assert.deepEqual([client_id, redirect_uris], [url, [CALLBACK]]);
  });

  test("an MCP client finds its authorisation server, is authorised by the user, and calls a tool", async () => {
    const resource = `${ground.url}/.well-known/oauth-protected-resource/api/mcp-actions/v1`;
    const { authorization_servers } = await (await fetch(resource)).json();
    assert.deepEqual(authorization_servers, [`${ground.url}/api/auth`]);

    const verifier = randomBytes(32).toString("base64url");
    const client = { client_id: "an-mcp-client", redirect_uri: CALLBACK };
    const query = new URLSearchParams({
      ...client,
      response_type: "code",
      scope: "openid",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    const authorize = await ingrid.get(`/api/auth/v1/authorize?${query}`);
    assert.equal(authorize.status, 302, authorize.text);
    const consent = new URL(authorize.headers.get("location"));
    assert.match(consent.href, new RegExp(`^${ground.url}/oauth2/authorize/`));

    // What the button of the consent page sends.
    const session = consent.pathname.split("/").at(-1);
    const approve = `/api/auth/v1/sessions/${session}/approve`;
    const { json, text } = await ingrid.send("POST", approve, { body: {} });
    assert.ok(json?.redirectUrl, text);
    const code = new URL(json.redirectUrl).searchParams.get("code");

    // The client has no session at Access.
    const grant = { ...client, grant_type: "authorization_code", code, code_verifier: verifier };
    const answer = await fetch(`${ground.url}/api/auth/v1/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(grant),
    });
    const { access_token: token } = await answer.json();
    assert.equal(answer.status, 200);
    const { userInfo } = await mcpTool(Browser.outside(ground, token), "auth.who-am-i");
    assert.equal(userInfo.userEntityRef, INGRID_REF);
  });
}
