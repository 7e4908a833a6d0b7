// `npm run dev`, started as its user starts it. Needs the built Worker and target/debug/cfaccess.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CI_BOT, USERS } from "../../dev/people.mjs";
import { cookiesOf, logIn } from "./support.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const XHR = { "X-Requested-With": "XMLHttpRequest" };
const REFRESH = "/api/auth/cfaccess/refresh";

/** Runs dev/main.mjs; `output` grows with what it prints. */
function startDev(t, ...args) {
  const child = spawn(process.execPath, ["dev/main.mjs", ...args], { cwd: ROOT });
  const dev = { child, output: "", exited: once(child, "close") };
  t.after(async () => {
    child.kill("SIGTERM");
    await dev.exited;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      dev.output += text;
    });
  }
  return dev;
}

/** The URL that the banner names. */
async function urlOf(dev) {
  const ended = dev.exited.then(() => "ended");
  while (!dev.output.includes("Ctrl-C")) {
    const next = Promise.race([once(dev.child.stdout, "data"), ended]);
    if ((await next) === "ended") throw new Error(dev.output);
  }
  return /http:\/\/localhost:\d+/.exec(dev.output)[0];
}

test("every sample user gets the session that their catalog entry gives them", async (t) => {
  const url = await urlOf(startDev(t, "--port", "0"));

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
  const url = await urlOf(startDev(t, "--port", "0"));

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

test("a port that is taken is said in a sentence", async (t) => {
  const url = await urlOf(startDev(t, "--port", "0"));
  const { port } = new URL(url);
  const second = startDev(t, "--port", port);
  const [code] = await second.exited;
  assert.equal(code, 1);
  assert.match(second.output, new RegExp(`^Port ${port} is taken`));
  assert.equal((await fetch(`${url}/healthcheck`)).status, 200);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} ends it, and nothing that it started is left`, async (t) => {
    const dev = startDev(t, "--port", "0");
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

test("wrong usage is answered with the right one", async (t) => {
  for (const args of [
    ["--port", "http"],
    ["--port", "70000"],
    ["--prot", "1"],
  ]) {
    const dev = startDev(t, ...args);
    const [code] = await dev.exited;
    assert.equal(code, 1);
    assert.match(dev.output, /npm run dev -- \[--port PORT\]/);
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

async function childrenOf(pid) {
  const path = `/proc/${pid}/task/${pid}/children`;
  return (await readFile(path, "utf8").catch(() => "")).split(" ").filter(Boolean).map(Number);
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
