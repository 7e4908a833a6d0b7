// docs/migration.md, followed step by step with the configuration that stands there. Only what an
// example must make up is replaced: host names, the team, the audience.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse as parseToml } from "smol-toml";
import { startAccess } from "../../dev/access/index.mjs";
import { freePort, startBackend } from "../../dev/backstage/backend.mjs";
import { USERS } from "../../dev/people.mjs";
import { putRecords } from "../../dev/seed.mjs";
import { startWorker } from "../../dev/worker.mjs";
import { Browser, cfaccess, EXAMPLE_CATALOG, eventually, recordsOf } from "./ground.mjs";
import { startTeam } from "./team.mjs";

const PAGE = new URL("../../docs/migration.md", import.meta.url);
const INGRID = "ingrid.solheim@meridian.example";
const INGRIDS = [
  "user:default/ingrid.solheim",
  "group:default/engineering",
  "group:default/platform",
];

describe("docs/migration.md", () => {
  const ground = {};
  const blocks = new Map();
  let team;
  let backend;
  let worker;
  let ports;
  let records;
  let signingKeys;
  /** The browser of whoever signed in during the step before. */
  let browser;

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), "cfaccess-migration-"));
    const access = await startAccess({ team: "emulator", users: USERS });
    Object.assign(ground, { dir, access, url: `http://localhost:${access.port}` });
    team = await startTeam({ access, dir });
    ports = { backend: await freePort(), worker: await freePort() };
    const text = (await readFile(PAGE, "utf8"))
      .replaceAll("https://backstage.example.com", ground.url)
      .replaceAll("https://auth-internal.example.com", `http://127.0.0.1:${ports.worker}`)
      .replaceAll("acme", access.team)
      .replaceAll("0123456789abcdef".repeat(4), access.audience);
    for (const [, name, block] of text.matchAll(/<!-- (.+?) -->\n```\w+\n(.*?)```/gs)) {
      blocks.set(name, block);
    }
    await mkdir(join(dir, "keys"));
    await cfaccess(["keygen", "--out", join(dir, "keys")]);
    signingKeys = await readFile(join(dir, "keys", "signing-keys.json"), "utf8");
  });
  after(async () => {
    await worker?.close();
    await backend?.close();
    await team?.close();
    await ground.access?.close();
    if (ground.dir) await rm(ground.dir, { recursive: true, force: true });
  });

  /** Restarts the backend with blocks of the page and files of `keygen`. */
  async function restartBackend(names, { authPlugin }) {
    await backend?.close();
    const configs = [];
    for (const [index, name] of names.entries()) {
      if (name.startsWith("keys/")) {
        assert.ok(blocks.get(`app-config: ${name}`).includes(`--config ${name}`));
        configs.push(join(ground.dir, name));
        continue;
      }
      const file = join(ground.dir, `app-config.${index}.yaml`);
      await writeFile(file, blocks.get(`app-config: ${name}`));
      configs.push(file);
    }
    backend = await startBackend({
      port: ports.backend,
      baseUrl: ground.url,
      dir: ground.dir,
      catalog: EXAMPLE_CATALOG,
      configs,
      team: authPlugin ? team : undefined,
    });
    records ??= await recordsOf(await backend.entities(), ground.dir);
  }

  /** Deploys the Worker with the vars of a block, and its route. */
  async function deploy(name) {
    await worker?.close();
    const { vars } = parseToml(blocks.get(`wrangler: ${name}`));
    worker = await startWorker({
      access: ground.access,
      cfaccess: vars.CFACCESS,
      // A routed Worker reaches its zone's origin by itself.
      backstage: { ...vars.BACKSTAGE, origin: `http://127.0.0.1:${ports.backend}` },
      signingKeys,
      port: ports.worker,
    });
    await putRecords(await worker.kv("CATALOG"), records);
    ground.access.setUpstream(worker.url);
  }

  const withoutRoute = () => ground.access.setUpstream(`http://127.0.0.1:${ports.backend}`);

  /** Signs in anew, and sees that Backstage works for this user. */
  async function works({ answeredBy }) {
    browser = await Browser.signedIn(ground, INGRID);
    assert.deepEqual(browser.session.backstageIdentity.identity.ownershipEntityRefs, INGRIDS);
    const { token } = browser.session.providerInfo;
    assert.equal(token === undefined ? "Worker" : "official provider", answeredBy);
    await tokenIsGood();
  }

  /** The token that the browser has is as good as before. */
  async function tokenIsGood() {
    await eventually(async () => {
      const { status, json } = await browser.get("/api/catalog/entities/by-query?filter=kind=user");
      return status === 200 && json.items.length > 0;
    }, "the catalog answers");
    const whoami = await browser.get("/api/probe/whoami");
    assert.deepEqual(whoami.json?.userInfo?.ownershipEntityRefs, INGRIDS, whoami.text);
  }

  async function tokenIsRefused() {
    assert.equal((await browser.get("/api/catalog/entities")).status, 401);
  }

  test("step 0: the official provider alone", async () => {
    await restartBackend(["before"], { authPlugin: true });
    withoutRoute();
    await works({ answeredBy: "official provider" });
  });

  test("step 1: in the shadow the provider answers, and the log has no differences but the provider's old claims", async () => {
    await deploy("shadow");
    await tokenIsGood();
    await works({ answeredBy: "official provider" });
    const compared = await eventually(
      () =>
        worker.logs
          .map(({ message }) => JSON.parse(message))
          .find(({ outcome }) => outcome === "compared"),
      "the comparison",
    );
    // This is the second login of the same person, and the provider remembers the first.
    const old = /^providerInfo\.(claims|cfIdentity)\./;
    assert.deepEqual(
      compared.differences.filter((field) => !old.test(field)),
      [],
    );
  });

  test("step 2: the backend takes the shared key, and open pages are reloaded once", async () => {
    await restartBackend(["before", "keys/app-config.auth.yaml"], { authPlugin: true });
    await tokenIsRefused();
    await works({ answeredBy: "official provider" });
  });

  test("step 2: then the Worker answers, and users notice nothing", async () => {
    await deploy("shared-key");
    await tokenIsGood();
    await works({ answeredBy: "Worker" });
  });

  test("step 2: users notice nothing of the way back into shadow mode", async () => {
    await deploy("shadow");
    await tokenIsGood();
    await works({ answeredBy: "official provider" });
    await deploy("shared-key");
    await tokenIsGood();
  });

  test("step 3: without the auth plugin the tokens of step 2 stay good", async () => {
    await deploy("service");
    await tokenIsGood();
    await restartBackend(["after"], { authPlugin: false });
    await tokenIsGood();
    await works({ answeredBy: "Worker" });
  });

  test("back to step 2: tokens stay good", async () => {
    await restartBackend(["before", "keys/app-config.auth.yaml"], { authPlugin: true });
    await deploy("shared-key");
    const before = browser;
    // This backend's database is new: it knows those who have come since.
    await works({ answeredBy: "Worker" });
    browser = before;
    await tokenIsGood();
  });

  test("back to the official provider with the same key: tokens stay good", async () => {
    withoutRoute();
    await tokenIsGood();
    await works({ answeredBy: "official provider" });
  });

  test("back where it began: open pages are reloaded once", async () => {
    await restartBackend(["before"], { authPlugin: true });
    await tokenIsRefused();
    await works({ answeredBy: "official provider" });
  });
});
