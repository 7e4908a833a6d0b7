// `npm run dev -- --origin`: the emulator and the Worker in front of a Backstage that is started apart.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { devOptions } from "../../dev/options.mjs";
import { startOrigin } from "../../dev/origin/index.mjs";
import { UsageError } from "../../dev/usage-error.mjs";
import { startDev, urlOf } from "./running.mjs";
import { cookiesOf, logIn } from "./support.mjs";

const REFRESH = "/api/auth/cfaccess/refresh";
const CATALOG = `
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: jane }
spec: { profile: { email: jane@acme.com, displayName: Jane Doe }, memberOf: [platform] }
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: platform }
spec: { type: team, children: [] }
`;

async function folder(t) {
  const dir = await mkdtemp(join(tmpdir(), "cfaccess-own-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

test("requests go to the backend or to the front end, and users come from the catalog", async (t) => {
  const dir = await folder(t);
  const catalog = join(dir, "org.yaml");
  await writeFile(catalog, CATALOG);
  const backend = await startOrigin();
  const app = http.createServer((request, response) => response.end(`front end ${request.url}`));
  app.listen(0, "127.0.0.1");
  await once(app, "listening");
  t.after(async () => {
    await backend.close();
    app.close();
    app.closeAllConnections();
  });

  const urls = ["--origin", backend.url, "--app", `http://127.0.0.1:${app.address().port}`];
  const dev = startDev(t, ...urls, "--catalog", catalog, "--port", "0");
  const url = await urlOf(dev);
  assert.match(dev.output, /Log in as\n +jane@acme.com +user:default\/jane\n/);

  const cookie = cookiesOf(await logIn({ url }, "jane@acme.com"));
  const get = (path) => fetch(url + path, { headers: { cookie } });
  const { backstageIdentity } = await (await get(REFRESH)).json();
  assert.deepEqual(backstageIdentity.identity.ownershipEntityRefs, [
    "user:default/jane",
    "group:default/platform",
  ]);
  assert.equal(await (await get("/catalog?filters=x")).text(), "front end /catalog?filters=x");
  assert.equal(await (await get("/apiary")).text(), "front end /apiary");
  assert.match(await (await get("/cdn-cgi/access/emulator/")).text(), /<title>Debugger/);
  const echo = await (await get("/api/echo")).json();
  assert.equal(echo.headers["cf-access-authenticated-user-email"], "jane@acme.com");
  assert.ok(echo.headers["cf-access-jwt-assertion"]);

  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers: { cookie } });
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  assert.equal(response.statusCode, 200, "the front end of this test has no WebSocket");
});

test("users of a file log in, with their groups and attributes", async (t) => {
  const page = await readFile(new URL("../../docs/local-development.md", import.meta.url), "utf8");
  const [, documented] = /<!-- users -->\n```json\n(.*?)```/s.exec(page);
  const users = join(await folder(t), "users.json");
  // As an editor on Windows writes it.
  await writeFile(users, `\uFEFF${documented}`);
  const backend = await startOrigin();
  t.after(() => backend.close());
  const url = await urlOf(startDev(t, "--origin", backend.url, "--users", users, "--port", "0"));
  const cookie = cookiesOf(await logIn({ url }, "john@partner.example"));
  const echo = await (await fetch(`${url}/api/echo`, { headers: { cookie } })).json();
  const [, payload] = echo.headers["cf-access-jwt-assertion"].split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  assert.deepEqual(claims.custom, { type: "contractor" });
  assert.equal((await fetch(url + REFRESH, { headers: { cookie } })).status, 404);
});

test("wrong arguments are named before anything is built", async (t) => {
  const dir = await folder(t);
  const taken = http.createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const cases = [
    [["--port", "99999"], /^--port 99999 is no port/],
    [["--port", "http"], /^--port http is no port/],
    [["--port", String(taken.address().port)], /^Port \d+ is taken: stop what listens there/],
    [["--origin", "localhost:7007"], /^--origin localhost:7007 is no http URL/],
    [
      ["--origin", "http://localhost:7007/x"],
      /^--origin \S+ is more than a host and a port: give http:\/\/localhost:7007/,
    ],
    [
      ["--origin", "http://localhost:8787"],
      /^--origin \S+ is where the emulator itself will listen/,
    ],
    [
      ["--origin", "http://localhost:7007", "--app", "http://127.0.0.1:9000", "--port", "9000"],
      /^--app \S+ is where the emulator itself will listen/,
    ],
    [["--app", "http://localhost:3000"], /^--app needs --origin/],
    [["--catalog", join(dir, "none")], /^--catalog: \S+none does not exist/],
    [["--users", join(dir, "none")], /^--users: \S+none does not exist/],
    [["--worker", dir], /^--worker: \S+wrangler.toml does not exist/],
    [["--colour"], /^Unknown option '--colour'/],
    [["8787"], /^Unexpected argument '8787'/],
  ];
  for (const [args, message] of cases) {
    await assert.rejects(
      devOptions(args),
      (error) => error instanceof UsageError && message.test(error.message),
      args.join(" "),
    );
  }
});

test("a file of users that is none is named with what it must be", async (t) => {
  const users = join(await folder(t), "users.json");
  for (const [text, message] of [
    ["{", /^--users \S+: .*JSON/],
    ["{}", /must be a list such as/],
    ["[]", /must be a list such as/],
    ["[null]", /user 1 has no email/],
    ['[{"email": "a@b.example"}, {"name": "x"}]', /user 2 has no email/],
    ['[{"email": "a@b.example", "groups": "x"}]', /groups of a@b.example must be a list/],
  ]) {
    await writeFile(users, text);
    await assert.rejects(
      devOptions(["--users", users, "--port", "0"]),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
