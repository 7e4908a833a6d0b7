// What the plugins of the stock app do for a user whose token is the Worker's: the same tests for either
// set-up.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { WebSocket } from "ws";
import { parse as parseYaml } from "yaml";
import { OUTSIDE_TOKEN } from "../../dev/backstage/backend.mjs";
import { Browser, eventually, STOCK_CATALOG } from "./ground.mjs";
import { mcpTool, mcpToolNames } from "./mcp.mjs";

const INGRID = "ingrid.solheim@meridian.example";
const INGRID_REF = "user:default/ingrid.solheim";

/** Registers the tests. For the arguments see `testsOfBelief`. */
export function testsOfStockApp(ground, signedIn = async () => {}) {
  let ingrid;

  before(async () => {
    ingrid = await Browser.signedIn(ground, INGRID);
    await signedIn(ingrid);
  });

  test("the page's configuration names the public URL for every plugin, and holds no secret", async () => {
    const { text } = await ingrid.get("/");
    const [, config] = /<script type="backstage.io\/config">(.*?)<\/script>/s.exec(text);
    const data = Object.assign({}, ...JSON.parse(config).map((part) => part.data));
    assert.equal(data.backend.baseUrl, ground.url);
    for (const { target } of data.discovery?.endpoints ?? []) {
      assert.equal(target.external, `${ground.url}/api/{{pluginId}}`);
    }
    for (const secret of [OUTSIDE_TOKEN, "privateKey", "clientSecret", ground.access.audience]) {
      assert.ok(!config.includes(secret), secret);
    }
  });

  test("a notification reaches its user through the WebSocket of signals, and is listed", async () => {
    const socket = await openSignals(ingrid);
    const messages = [];
    socket.on("message", (text) => messages.push(JSON.parse(text)));
    socket.send(JSON.stringify({ action: "subscribe", channel: "notifications" }));
    const title = `Greetings at ${Date.now()}`;
    // The server does not say when it has subscribed.
    await eventually(async () => {
      await notify(INGRID_REF, title);
      return messages.some(({ channel }) => channel === "notifications");
    }, "a signal");
    socket.close();
    const { status, json, text } = await ingrid.get("/api/notifications");
    assert.equal(status, 200, text);
    assert.equal(json.notifications[0].payload.title, title);
  });

  test("the WebSocket of signals is refused without a Backstage token", async () => {
    await assert.rejects(openSignals(ingrid.holding(undefined)), /401/);
  });

  test("the scaffolder lists its template and its actions", async () => {
    const [template] = (await ingrid.get("/api/catalog/entities?filter=kind=template")).json;
    assert.equal(template.metadata.name, "greeting");
    const path = "/api/scaffolder/v2/templates/default/template/greeting/parameter-schema";
    const schema = await ingrid.get(path);
    assert.equal(schema.json?.steps[0].title, "Who to greet", schema.text);
    const actions = await ingrid.get("/api/scaffolder/v2/actions");
    assert.ok(
      actions.json?.some(({ id }) => id === "fetch:template"),
      actions.text,
    );
  });

  test("a dry run of the template writes what it should", () => dryRunOfTheTemplate(ingrid));

  test("search finds a user, user settings are kept, and the permission backend allows", async () => {
    await eventually(async () => {
      const { json } = await ingrid.get("/api/search/query?term=ingrid");
      return json?.results?.some(({ document }) => document.title === "ingrid.solheim");
    }, "the search index");
    const bucket = "/api/user-settings/buckets/test/keys/colour";
    const put = await ingrid.send("PUT", bucket, { body: { value: "blue" } });
    assert.ok(put.status < 300, put.text);
    assert.equal((await ingrid.get(bucket)).json.value, "blue");
    const answer = await ingrid.send("POST", "/api/permission/authorize", {
      body: {
        items: [
          {
            id: "1",
            permission: {
              type: "basic",
              name: "catalog.entity.create",
              attributes: { action: "create" },
            },
          },
        ],
      },
    });
    assert.equal(answer.json?.items[0].result, "ALLOW", answer.text);
  });

  test("MCP has the tools of the catalog and of the scaffolder, and they answer", async () => {
    const names = await mcpToolNames(ingrid);
    for (const plugin of ["catalog.", "scaffolder."]) {
      assert.ok(
        names.some((name) => name.startsWith(plugin)),
        names.join(),
      );
    }
    const args = { name: "ingrid.solheim", kind: "User", namespace: "default" };
    const entity = await mcpTool(ingrid, "catalog.get-catalog-entity", args);
    assert.match(JSON.stringify(entity), /ingrid\.solheim@meridian\.example/);
  });

  function openSignals(browser) {
    const socket = new WebSocket(
      `${ground.url.replace("http", "ws")}/api/signals`,
      browser.token ? [browser.token] : [],
      { headers: { cookie: browser.accessCookie } },
    );
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve(socket));
      socket.on("error", reject);
    });
  }

  /** As a plugin of the backend does it. */
  async function notify(entityRef, title) {
    const answer = await fetch(`${ground.backend.url}/api/notifications`, {
      method: "POST",
      headers: { authorization: `Bearer ${OUTSIDE_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ recipients: { type: "entity", entityRef }, payload: { title } }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
}

/** What the scaffolder's editor asks for; `caller` sends as a `Browser` does. */
export async function dryRunOfTheTemplate(caller) {
  const template = parseYaml(await readFile(STOCK_CATALOG.at(-1), "utf8"));
  const content = await readFile(new URL("fixtures/content/greeting.txt", import.meta.url));
  const { status, json, text } = await caller.send("POST", "/api/scaffolder/v2/dry-run", {
    body: {
      template,
      values: { name: "Ingrid" },
      directoryContents: [
        { path: "content/greeting.txt", base64Content: content.toString("base64") },
      ],
    },
  });
  assert.equal(status, 200, text);
  const [file] = json.directoryContents;
  assert.equal(Buffer.from(file.base64Content, "base64").toString(), "Hello Ingrid\n");
}
