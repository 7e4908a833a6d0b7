// The crate that docs/custom-resolvers.md describes, on the packaged crate: its tests, its Worker in
// workerd, and `npm run dev` with it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "../../scripts/build.mjs";
import { startDev, urlOf } from "../dev/running.mjs";
import { cookiesOf, logIn } from "../dev/support.mjs";
import { assertRefused, REFRESH, startGround } from "../edge/harness.mjs";
import { cargo, documentedCrate } from "./documented-crate.mjs";

/** Rust is compiled in here, which takes minutes on a machine that is busy. */
const COMPILES = { timeout: 15 * 60_000 };

const own = {};
before(async () => Object.assign(own, await documentedCrate("outside")), COMPILES);
after(() => own.remove?.());

test("tests_of_the_documented_crate_run_natively_with_the_test_kit", COMPILES, async () => {
  const output = await cargo(["test"], own.crate);
  assert.match(output, /test tests::user_is_found_by_email \.\.\. ok/);
});

test("documented_worker_signs_a_user_in_with_its_own_resolver", COMPILES, async (t) => {
  await build(own.crate);
  const ground = await startGround({
    buildDir: join(own.crate, "build"),
    cfaccess: { signIn: undefined },
  });
  t.after(() => ground.close());

  const refresh = async (user) => ground.gate.refresh(await ground.access.mint({ user }));
  const found = await refresh("jane@example.com");
  assert.equal(found.status, 200, found.text);
  assert.equal(found.json.backstageIdentity.identity.userEntityRef, "user:default/jane.doe");
  const url = REFRESH.slice("/api/auth".length);
  const missing = await refresh("nobody@example.com");
  assertRefused(missing, { status: 404, name: "NotFoundError", code: "user_not_found", url });
  assert.equal((await ground.gate.scheduled()).outcome, "ok");
});

test("documented_worker_runs_behind_the_emulator", async (t) => {
  const url = await urlOf(startDev(t, "--plain", "--port", "0", "--worker", own.crate));
  const cookie = cookiesOf(await logIn({ url }, "mei.tanaka@meridian.example"));
  const headers = { cookie, "X-Requested-With": "XMLHttpRequest" };
  const response = await fetch(`${url}/api/auth/cfaccess/refresh`, { headers });
  const { backstageIdentity } = await response.json();
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/mei.tanaka");
});
