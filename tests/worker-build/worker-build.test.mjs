// A Worker of one's own that worker-build has built, as docs/custom-resolvers.md says.

import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { TARGET } from "../../scripts/build.mjs";
import { must } from "../../scripts/process.mjs";
import { workerBuild } from "../../scripts/setup.mjs";
import { assertRefused, REFRESH, startGround } from "../edge/harness.mjs";
import { cargo, documentedCrate } from "../examples/documented-crate.mjs";

/** Rust is compiled in here, and at first the tools too. */
const COMPILES = { timeout: 30 * 60_000 };

test("worker_of_worker_build_signs_in_forwards_and_survives_a_panic", COMPILES, async (t) => {
  const { program, env } = await workerBuild();
  const { crate, remove } = await documentedCrate("worker-build");
  t.after(remove);
  await panicsFor(crate, "panics@example.com");
  await cargo(["update", "--workspace"], crate);
  await must(program, ["--release"], {
    cwd: crate,
    env: { ...env, CARGO_TARGET_DIR: TARGET },
    capture: "all",
  });

  const buildDir = join(crate, "run");
  await mkdir(buildDir);
  await copyFile(join(crate, "build", "index.js"), join(buildDir, "worker.mjs"));
  await copyFile(join(crate, "build", "index_bg.wasm"), join(buildDir, "index_bg.wasm"));
  const ground = await startGround({ buildDir, cfaccess: { signIn: undefined } });
  t.after(() => ground.close());

  const refresh = async (user) => ground.gate.refresh(await ground.access.mint({ user }));
  const assertServed = async () => {
    const { status, text, json } = await refresh("jane@example.com");
    assert.equal(status, 200, text);
    assert.equal(json.backstageIdentity.identity.userEntityRef, "user:default/jane.doe");
  };
  await assertServed();
  const url = REFRESH.slice("/api/auth".length);
  const missing = await refresh("stranger@example.com");
  assertRefused(missing, { status: 404, name: "NotFoundError", code: "user_not_found", url });
  const token = await ground.access.mint({ user: "jane@example.com" });
  assert.equal((await ground.gate.send("/", { token })).status, 200);
  assert.equal((await ground.gate.send("/")).status, 401);
  assert.equal((await ground.gate.scheduled()).outcome, "ok");

  assert.equal((await refresh("panics@example.com")).status, 500);
  await assertServed();
});

/** Makes the documented resolver panic for this caller. */
async function panicsFor(crate, email) {
  const file = join(crate, "src", "lib.rs");
  const source = await readFile(file, "utf8");
  const line = "let email = info.email()?;";
  assert.ok(source.includes(line));
  await writeFile(file, source.replace(line, `${line}\n        assert_ne!(email, "${email}");`));
}
