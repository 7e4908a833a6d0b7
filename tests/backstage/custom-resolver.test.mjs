// The Worker of examples/custom-resolver in front of a real Backstage: its resolver signs users in, and
// the backend's userinfo says what its ownership resolver decides.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readOwnWorker } from "../../dev/own-worker.mjs";
import { putRecords } from "../../dev/seed.mjs";
import { build } from "../../scripts/build.mjs";
import { Browser, cfaccess, EXAMPLE_CATALOG, startGround } from "./ground.mjs";

const EXAMPLE = fileURLToPath(new URL("../../examples/custom-resolver", import.meta.url));

const INGRID = {
  email: "ingrid@elsewhere.example",
  name: "Ingrid (Platform)",
  groups: ["Platform Team"],
  custom: { employee_id: "E-7" },
};

describe("a Worker with code of its own", () => {
  const ground = {};
  before(async () => {
    await build(EXAMPLE);
    const { buildDir, wranglerToml, cfaccess: own } = await readOwnWorker(EXAMPLE);
    Object.assign(
      ground,
      await startGround({
        trust: "service",
        users: [INGRID],
        resolvers: own.signIn.resolvers,
        catalog: async (dir) => [EXAMPLE_CATALOG[0], await annotatedUsers(dir)],
        worker: { buildDir, cfaccess: { catalog: own.catalog } },
      }),
    );
    // With the annotation by which the resolver finds users.
    const entities = join(ground.dir, "entities.json");
    const out = join(ground.dir, "records.json");
    await writeFile(entities, JSON.stringify(await ground.backend.entities()));
    await cfaccess(["catalog", "build", entities, "--config", wranglerToml, "--out", out]);
    const records = JSON.parse(await readFile(out, "utf8"));
    await putRecords(await ground.worker.kv("CATALOG"), records);
  });
  after(() => ground.close?.());

  test("signs a user in by employee id, and Backstage knows the ownership that it decides", async () => {
    const ingrid = await Browser.signedIn(ground, INGRID);
    const { userEntityRef, ownershipEntityRefs } = ingrid.session.backstageIdentity.identity;
    assert.equal(userEntityRef, "user:default/ingrid.solheim");
    assert.ok(ownershipEntityRefs.includes("group:idp/platform-team"));

    const { status, json, text } = await ingrid.get("/api/probe/whoami");
    assert.equal(status, 200, text);
    assert.equal(json.userInfo.userEntityRef, userEntityRef);
    assert.deepEqual(json.userInfo.ownershipEntityRefs, ownershipEntityRefs);
    assert.equal((await ingrid.get("/api/catalog/entities?filter=kind=user")).status, 200);
  });

  test("refuses a contractor with the code of the resolver", async () => {
    const custom = { ...INGRID.custom, type: "contractor" };
    const contractor = new Browser(
      ground,
      await ground.access.mint({ user: { ...INGRID, custom } }),
    );
    const { status, json } = await contractor.get("/api/auth/cfaccess/refresh");
    assert.deepEqual([status, json.error.code], [403, "contractor"]);
  });
});

/** The example's users; one has an employee id. */
async function annotatedUsers(dir) {
  const text = await readFile(EXAMPLE_CATALOG[1], "utf8");
  const file = join(dir, "users.yaml");
  const annotated = text.replace(
    "  name: ingrid.solheim\n",
    '  name: ingrid.solheim\n  annotations:\n    acme.com/id: "e-7"\n',
  );
  assert.notEqual(annotated, text);
  await writeFile(file, annotated);
  return file;
}
