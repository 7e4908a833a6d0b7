// `cfaccess doctor --online` against the built Worker in workerd, behind the emulator of Access. Needs the
// built Worker and target/debug/cfaccess.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TARGET } from "../../scripts/build.mjs";
import { newSigningKey, startGate } from "../edge/harness.mjs";
import { SERVICE_TOKEN, startEmulator } from "./support.mjs";

const PROGRAM = join(TARGET, "debug", "cfaccess");
const JWKS = "/api/auth/.well-known/jwks.json";
const USERINFO = "/api/auth/v1/userinfo";
const FRONT_END = "https://app.acme.io";

let folder;
let key;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cfaccess-doctor-"));
  key = await newSigningKey("key-1");
  await writeFile(join(folder, "keys.json"), JSON.stringify({ keys: [key] }));
});
after(() => rm(folder, { recursive: true }));

/** Starts emulator and Worker. `gate` and `changes` are what differs in the Worker from wrangler's file. */
async function deploy(t, { access: options, gate = {}, backstage = {} } = {}) {
  const { access, origin } = await startEmulator(t, { bypass: [JWKS, USERINFO], ...options });
  const settings = { baseUrl: access.url, origin: origin.url, ...backstage };
  const worker = await startGate({
    access,
    origin,
    backstage: settings,
    signingKeys: { keys: [key] },
    ...gate,
  });
  t.after(() => worker.close());
  access.setUpstream(worker.url);
  return { access, origin, worker, settings };
}

/** What `doctor --online` finds in the deployment: `CODE LEVEL` of each finding about it. */
async function findings({ access, settings }, { headers = true, arguments: further = [] } = {}) {
  const wrangler = {
    name: "gate",
    main: "build/worker.mjs",
    compatibility_date: "2026-11-17",
    kv_namespaces: [],
    vars: {
      CFACCESS: {
        teamName: access.team,
        audience: access.audience,
        serviceTokens: [{ token: SERVICE_TOKEN.clientId, subject: "ci-bot@example.com" }],
        signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
      },
      BACKSTAGE: settings,
    },
  };
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(wrangler));
  const credentials = [
    ["--header", `CF-Access-Client-Id: ${SERVICE_TOKEN.clientId}`],
    ["--header", "CF-Access-Client-Secret: env:ACCESS_SECRET"],
  ];
  const { stdout, stderr } = await run(
    [
      ...["doctor", "--json", "--signing-keys", "keys.json", "--online", access.url],
      ...(headers ? credentials.flat() : []),
      ...further,
    ],
    { CFACCESS_TEAM_URL: access.url, ACCESS_SECRET: SERVICE_TOKEN.clientSecret },
  );
  assert.ok(!`${stdout}${stderr}`.includes(SERVICE_TOKEN.clientSecret), stdout);
  const found = JSON.parse(stdout).findings.filter(({ code }) => code.startsWith("online-"));
  for (const { place, message, remedy } of found) assert.ok(place && message && remedy, stdout);
  return found.map(({ code, level }) => `${code} ${level}`).sort();
}

function run(args, env) {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...env } };
    execFile(PROGRAM, args, options, (_error, stdout, stderr) => resolve({ stdout, stderr }));
  });
}

describe("doctor --online", () => {
  test("finds nothing in a deployment that works, and asks it all", async (t) => {
    const deployment = await deploy(t);
    assert.deepEqual(await findings(deployment), []);
    const { access, worker } = deployment;
    assert.equal(access.calls.certs > 0, true);
    const routes = await worker.lines(
      ({ route }) => ["jwks", "userinfo", "health"].includes(route),
      3,
    );
    assert.deepEqual([...new Set(routes.map(({ route }) => route))].sort(), [
      "health",
      "jwks",
      "userinfo",
    ]);
  });

  test("says what it could not ask without a service token", async (t) => {
    const found = await findings(await deploy(t), { headers: false });
    assert.deepEqual(found, ["online-health note"]);
  });

  test("finds public routes that are behind Access", async (t) => {
    const found = await findings(await deploy(t, { access: { bypass: [] } }));
    assert.deepEqual(found, ["online-jwks error", "online-userinfo error"]);
  });

  test("asks the host of discovery.endpoints for the public routes", async (t) => {
    const deployment = await deploy(t, { access: { bypass: [] } });
    const target = {
      internal: `${deployment.worker.url}/api/{{pluginId}}`,
      external: `${deployment.access.url}/api/{{pluginId}}`,
    };
    const app = { discovery: { endpoints: [{ plugins: ["auth"], target }] } };
    await writeFile(join(folder, "app-config.json"), JSON.stringify(app));
    const further = ["--app-config", "app-config.json"];
    assert.deepEqual(await findings(deployment, { arguments: further }), []);
  });

  test("finds a signing key that is not deployed", async (t) => {
    const keys = [await newSigningKey("old")];
    const found = await findings(await deploy(t, { gate: { signingKeys: { keys } } }));
    assert.deepEqual(found, ["online-jwks error"]);
  });

  test("finds a host without Access once, and a preflight that is answered", async (t) => {
    const backstage = { corsOrigins: [FRONT_END] };
    const deployment = await deploy(t, { access: { bypass: ["/"] }, backstage });
    const found = await findings(deployment, { headers: true });
    assert.deepEqual(found, ["online-health note", "online-refresh warning"]);
  });

  test("finds a preflight that Access answers", async (t) => {
    const found = await findings(await deploy(t, { backstage: { corsOrigins: [FRONT_END] } }));
    assert.deepEqual(found, ["online-preflight error"]);
  });

  test("finds a preflight that the deployed Worker refuses", async (t) => {
    const deployment = await deploy(t, { access: { bypass: ["/"] } });
    deployment.settings.corsOrigins = [FRONT_END];
    const found = await findings(deployment);
    assert.ok(found.includes("online-preflight error"), found.join(", "));
  });

  test("finds a configuration that the Worker refuses, once", async (t) => {
    const found = await findings(await deploy(t, { gate: { cfaccess: "{}" } }));
    assert.deepEqual(found, ["online-health error"]);
  });

  test("finds a catalog that does not answer", async (t) => {
    const deployment = await deploy(t, { gate: { observeKv: true } });
    await deployment.worker.setKvOutages({ CATALOG: "unreachable" });
    assert.deepEqual(await findings(deployment), ["online-health error"]);
  });

  test("finds a route that leads past the Worker", async (t) => {
    const deployment = await deploy(t, { access: { bypass: ["/"] } });
    deployment.access.setUpstream(deployment.origin.url);
    const found = await findings(deployment);
    assert.ok(found.includes("online-refresh error"), found.join(", "));
  });

  test("finds certs of a team that do not answer", async (t) => {
    const deployment = await deploy(t);
    await findings(deployment);
    deployment.access.setFault({ certs: { status: 503 } });
    assert.deepEqual(await findings(deployment), ["online-certs error"]);
  });
});
