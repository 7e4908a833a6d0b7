// `npm run dev -- --worker examples/custom-resolver`, without the build before it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startDev, urlOf } from "../dev/running.mjs";
import { cookiesOf, logIn } from "../dev/support.mjs";

test("example_in_place_of_the_stock_worker_signs_a_sample_user_in", async (t) => {
  const args = ["--plain", "--port", "0", "--worker", "examples/custom-resolver"];
  const url = await urlOf(startDev(t, ...args));
  const cookie = cookiesOf(await logIn({ url }, "mei.tanaka@meridian.example"));
  const headers = { cookie, "X-Requested-With": "XMLHttpRequest" };

  const response = await fetch(`${url}/api/auth/cfaccess/refresh`, { headers });
  const { backstageIdentity } = await response.json();
  assert.deepEqual(backstageIdentity.identity.ownershipEntityRefs, [
    "user:default/mei.tanaka",
    "group:default/operations",
    "group:idp/operations",
  ]);

  const whoami = await fetch(`${url}/whoami`, { headers });
  assert.equal((await whoami.json()).email, "mei.tanaka@meridian.example");
});
