// `npm run dev`, started as its user starts it. Needs the built Worker and target/debug/cfaccess.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { choosePage } from "../../dev/backstage.mjs";
import { CI_BOT, USERS } from "../../dev/people.mjs";
import { childrenOf, isRunning, startDev, urlOf } from "./running.mjs";
import { cookiesOf, logIn } from "./support.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const XHR = { "X-Requested-With": "XMLHttpRequest" };
const REFRESH = "/api/auth/cfaccess/refresh";

test("every sample user gets the session that their catalog entry gives them", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0"));

  const sessions = {};
  for (const { email } of USERS) {
    const cookie = cookiesOf(await logIn({ url }, email));
    const response = await fetch(url + REFRESH, { headers: { ...XHR, cookie } });
    const { backstageIdentity, error } = await response.json();
    sessions[email] = backstageIdentity?.identity.ownershipEntityRefs ?? error.code;
  }
  const group = (name) => `group:default/${name}`;
  const user = (name) => `user:default/${name}`;
  assert.deepEqual(sessions, {
    "ingrid.solheim@meridian.example": [
      user("ingrid.solheim"),
      group("engineering"),
      group("platform"),
    ],
    "tomasz.wrona@meridian.example": [user("tomasz.wrona"), group("platform")],
    "amara.okafor+staging@meridian.example": [user("amara.okafor"), group("booking")],
    "lars.devries@meridian.example": [user("lars.devries"), group("booking"), group("engineering")],
    "mei.tanaka@meridian.example": [user("mei.tanaka"), group("operations")],
    "olga.lind@meridian.example": [user("olga.lind"), group("customs"), group("operations")],
    "jonas.weber@meridian.example": [user("jonas.weber")],
    "vera.novak@partner.example": "user_not_found",
  });
});

test("the service token is ci-bot, the page comes from the origin, and public paths are open", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0"));

  const headers = {
    "CF-Access-Client-Id": CI_BOT.clientId,
    "CF-Access-Client-Secret": CI_BOT.clientSecret,
  };
  const { backstageIdentity } = await (await fetch(url + REFRESH, { headers })).json();
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/ci-bot");
  assert.match(await (await fetch(url, { headers })).text(), /data-testid="entity-ref"/);

  assert.equal((await fetch(`${url}/healthcheck`)).status, 200);
  const { keys } = await (await fetch(`${url}/api/auth/.well-known/jwks.json`)).json();
  assert.equal(keys[0].alg, "ES256");
  assert.equal((await fetch(url + REFRESH, { headers: XHR })).status, 401);
});

test("it says that the page is the plain one, and how to have Backstage", async (t) => {
  const dev = startDev(t, "--plain", "--port", "0");
  await urlOf(dev);
  assert.match(dev.output, /It is a plain page.*Backstage itself.*\n +npm run /);
});

test("Backstage is shown once it is installed and built, unless a plain page is asked for", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cfaccess-page-"));
  t.after(() => rm(folder, { recursive: true }));
  const isNow = async (isBackstage, command, options) => {
    const page = await choosePage({ folder, ...options });
    assert.equal(page.start !== undefined, isBackstage);
    assert.match(page.says[1], command);
  };

  await isNow(false, /^npm run test:backstage -- app /);
  for (const sign of ["app/dist/.inputs", "node_modules/.package-lock.json"]) {
    await isNow(false, /^npm run test:backstage -- app /);
    await mkdir(join(folder, dirname(sign)), { recursive: true });
    await writeFile(join(folder, sign), "");
  }
  await isNow(true, /^npm run dev -- --plain$/);
  await isNow(false, /^npm run dev .*without --plain/, { plain: true });
});

test("a port that is taken is said in a sentence", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0"));
  const { port } = new URL(url);
  const second = startDev(t, "--plain", "--port", port);
  const [code] = await second.exited;
  assert.equal(code, 1);
  assert.match(second.output, new RegExp(`^Port ${port} is taken`));
  assert.equal((await fetch(`${url}/healthcheck`)).status, 200);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  test(`${signal} ends it, and nothing that it started is left`, async (t) => {
    const dev = startDev(t, "--plain", "--port", "0");
    const url = await urlOf(dev);
    const descendants = await childrenOf(dev.child.pid);
    if (process.platform === "linux") assert.notEqual(descendants.length, 0);

    // Twice, as npm and the terminal both pass it on.
    dev.child.kill(signal);
    dev.child.kill(signal);
    assert.deepEqual(await dev.exited, [0, null]);
    await assert.rejects(fetch(url));
    for (const pid of descendants) assert.ok(!isRunning(pid), `process ${pid} is left`);
  });
}

test("--help prints the usage and starts nothing", async (t) => {
  const dev = startDev(t, "--help");
  assert.deepEqual(await dev.exited, [0, null]);
  assert.match(dev.output, /^npm run dev -- \[--port PORT\]/);
});

test("wrong usage is answered with the right one", async (t) => {
  for (const args of [
    ["--port", "http"],
    ["--port", "70000"],
    ["--prot", "1"],
  ]) {
    const dev = startDev(t, ...args);
    const [code] = await dev.exited;
    assert.equal(code, 1);
    assert.match(dev.output, /npm run dev -- \[--port PORT\] \[--plain\]/);
  }
});

test("the sample users are the people of the example catalog, and one more", async () => {
  const catalog = (await readFile(`${ROOT}/examples/catalog/users.yaml`, "utf8")).toLowerCase();
  const unknown = USERS.filter(
    ({ email }) => !catalog.includes(`email: ${email.replace(/\+[^@]*/, "")}\n`),
  );
  assert.deepEqual(
    unknown.map(({ email }) => email),
    ["vera.novak@partner.example"],
  );
  assert.ok(catalog.includes(`email: ${CI_BOT.subject}\n`));
});
