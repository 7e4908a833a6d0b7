// docs/machine-callers.md, with the configuration and the commands that stand there: who gets a Backstage
// token by `attachToken`, as a real backend sees it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { parse as parseToml } from "smol-toml";
import { blocksOf } from "../../dev/backstage/documented.mjs";
import { CI_BOT } from "../../dev/people.mjs";
import { Browser } from "./ground.mjs";
import { mcpTool, mcpToolNames } from "./mcp.mjs";
import { dryRunOfTheTemplate } from "./stock.mjs";

const ENTITIES = "/api/catalog/entities";
const INGRID = "ingrid.solheim@meridian.example";
/** Access lets it in, and the Worker does not know it. */
export const ANOTHER_BOT = {
  clientId: "b07d0c1b07d0c1b07d0c1b07d0c1b07d.access",
  clientSecret: "not-a-secret-either",
};

/** A program with a service token: no session, no token of Backstage, no Authorization header. */
class Machine {
  #ground;
  #headers;

  constructor(ground, headers) {
    this.#ground = ground;
    this.#headers = headers;
  }

  async send(method, path, { body, headers } = {}) {
    const answer = await fetch(this.#ground.url + path, {
      method,
      headers: { ...this.#headers, "content-type": "application/json", ...headers },
      body: body && JSON.stringify(body),
      redirect: "manual",
    });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.startsWith("application/json");
    return { status: answer.status, text, json: isJson ? JSON.parse(text) : undefined };
  }
}

const headersOf = ({ clientId, clientSecret }) => ({
  "CF-Access-Client-Id": clientId,
  "CF-Access-Client-Secret": clientSecret,
});

/** Registers the tests. Access has both service tokens. */
export function testsOfMachineCallers(ground, { authPlugin }) {
  const machine = new Machine(ground, headersOf(CI_BOT));
  let blocks;
  let workers;

  before(async () => {
    blocks = await blocksOf("machine-callers.md", {
      url: ground.url,
      team: ground.access.team,
      audience: ground.access.audience,
    });
    for (const [name, block] of blocks) blocks.set(name, withBot(block));
    const { vars } = parseToml(blocks.get("wrangler: machine-callers"));
    const start = async (attachToken) => {
      const backstage = { ...vars.BACKSTAGE, ...attachToken, publicPaths: [] };
      const worker = await ground.startWorker({ cfaccess: vars.CFACCESS, backstage });
      await ground.fill(worker);
      return worker;
    };
    workers = { documented: await start(), users: await start({ attachToken: "non-browser" }) };
    ground.access.setUpstream(workers.documented.url);
  });
  after(() => ground.access.setUpstream(ground.worker.url));

  /** The page's service token is an example, and so is its subject. */
  const withBot = (block) =>
    block
      .replaceAll(`${"1".repeat(32)}.access`, CI_BOT.clientId)
      .replaceAll(`ci-bot@${ground.access.team}.com`, CI_BOT.subject);

  test("the documented curl command reads the catalog", async () => {
    const { clientId, clientSecret } = CI_BOT;
    const env = { ...process.env, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret };
    const command = blocks.get("shell: curl");
    const { stdout } = await promisify(execFile)("sh", ["-c", command], {
      env,
      maxBuffer: 16 * 1024 * 1024,
    });
    const names = JSON.parse(stdout).map(({ metadata }) => metadata.name);
    assert.ok(names.includes("ci-bot"), names.join());
  });

  test("a program is the user of its service token, and makes a dry run of a template", async () => {
    const { json, text } = await machine.send("GET", "/api/probe/whoami");
    assert.equal(json?.userInfo?.userEntityRef, "user:default/ci-bot", text);
    await dryRunOfTheTemplate(machine);
  });

  test("an MCP client with the documented configuration calls tools", async (t) => {
    // A path that Access lets anyone through to has no assertion, so there is no token to attach.
    ground.access.setBypass(ground.access.bypass.filter((path) => !path.includes("/mcp-actions/")));
    t.after(() => ground.access.setBypass(ground.access.bypass));
    const { url, headers } = JSON.parse(blocks.get("mcp")).mcpServers.backstage;
    assert.equal(url, `${ground.url}/api/mcp-actions/v1`);
    const secret = { "CF-Access-Client-Secret": CI_BOT.clientSecret };
    const client = new Machine(ground, { ...headers, ...secret });
    assert.ok((await mcpToolNames(client)).length > 0);
    const name = { name: "ci-bot", kind: "User", namespace: "default" };
    const entity = await mcpTool(client, "catalog.get-catalog-entity", name);
    assert.match(JSON.stringify(entity), /ci-bot@meridian\.example/);
    if (!authPlugin) return;
    const { userInfo } = await mcpTool(client, "auth.who-am-i");
    assert.equal(userInfo.userEntityRef, "user:default/ci-bot");
  });

  test("a service token that is not configured is 403, and the backend sees nothing of it", async () => {
    const another = new Machine(ground, headersOf(ANOTHER_BOT));
    const path = `${ENTITIES}?another-bot`;
    const { status, json, text } = await another.send("GET", path);
    assert.equal(status, 403, text);
    assert.equal(json.error.code, "service_token_unknown");
    assert.ok(!ground.backend.log().includes(path));
  });

  test("an Authorization header of the caller's own is what the backend gets", async () => {
    const authorization = "Bearer of.the.caller";
    const { status, json } = await machine.send("GET", ENTITIES, { headers: { authorization } });
    assertRefusedByBackend({ status, json });
  });

  test("a service token whose request a page could have caused gets no token", async () => {
    for (const header of [{ origin: ground.url }, { "sec-fetch-site": "same-origin" }]) {
      assertRefusedByBackend(await machine.send("GET", ENTITIES, { headers: header }));
    }
  });

  test("with service-tokens no user gets a token, whatever the request shows", async () => {
    assertRefusedByBackend(await withoutBrowser());
  });

  test("with non-browser a user whose request shows no browser gets one, and a browser's request none", async () => {
    ground.access.setUpstream(workers.users.url);
    try {
      assert.equal((await withoutBrowser()).status, 200);
      const browser = new Browser(ground, await ground.access.mint({ user: INGRID }));
      // An XHR of the page, and a navigation.
      assertRefusedByBackend(await browser.get(ENTITIES));
      assertRefusedByBackend(await browser.get(ENTITIES, { headers: { accept: "text/html" } }));
      const form = {
        "content-type": "application/x-www-form-urlencoded",
        origin: "https://evil.example.com",
        "sec-fetch-site": "cross-site",
      };
      const path = "/api/catalog/locations";
      assertRefusedByBackend(await browser.send("POST", path, { headers: form, body: {} }));
      const headers = { authorization: "Bearer of.the.caller" };
      assertRefusedByBackend(await withoutBrowser(headers));
    } finally {
      ground.access.setUpstream(workers.documented.url);
    }
  });

  /** As `cloudflared access curl` sends it: the session in a header, no cookie. */
  async function withoutBrowser(further) {
    const token = await ground.access.mint({ user: INGRID });
    // fetch would add Sec-Fetch-Mode, as a browser does.
    const args = ["--silent", "--write-out", "\n%{http_code}", ground.url + ENTITIES];
    const headers = { "cf-access-token": token, ...further };
    for (const [name, value] of Object.entries(headers)) args.push("--header", `${name}: ${value}`);
    const { stdout } = await promisify(execFile)("curl", args, { maxBuffer: 16 * 1024 * 1024 });
    const end = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(end)), json: JSON.parse(stdout.slice(0, end)) };
  }
}

/** The request has reached the backend, without a token that is good there. */
function assertRefusedByBackend({ status, json, text }) {
  assert.equal(status, 401, text);
  assert.equal(json.error.name, "AuthenticationError");
  // The Worker's own refusals have a code.
  assert.equal(json.error.code, undefined);
}
