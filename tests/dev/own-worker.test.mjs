// `npm run dev -- --worker DIR`: whose module runs, and what its wrangler.toml decides. The module is
// the stock Worker's; tests/examples/dev.test.mjs runs another.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readOwnWorker } from "../../dev/own-worker.mjs";
import { startDev, urlOf } from "./running.mjs";
import { cookiesOf, logIn } from "./support.mjs";

const BUILD = fileURLToPath(new URL("../../build", import.meta.url));

async function workerDir(t, wranglerToml) {
  const dir = await mkdtemp(join(tmpdir(), "own-worker-"));
  t.after(() => rm(dir, { recursive: true }));
  if (wranglerToml !== undefined) await writeFile(join(dir, "wrangler.toml"), wranglerToml);
  return dir;
}

test("sign_in_of_its_wrangler_toml_counts_and_team_and_audience_are_the_emulators", async (t) => {
  const dir = await workerDir(
    t,
    `[vars.CFACCESS]
teamName = "acme"
audience = "${"0".repeat(64)}"
[[vars.CFACCESS.signIn.resolvers]]
resolver = "emailLocalPartMatchingUserEntityName"
dangerouslyAllowSignInWithoutUserInCatalog = true
`,
  );
  await cp(BUILD, join(dir, "build"), { recursive: true });
  const url = await urlOf(startDev(t, "--plain", "--port", "0", "--worker", dir));
  const cookie = cookiesOf(await logIn({ url }, "vera.novak@partner.example"));
  const headers = { cookie, "X-Requested-With": "XMLHttpRequest" };
  const response = await fetch(`${url}/api/auth/cfaccess/refresh`, { headers });
  const { backstageIdentity } = await response.json();
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/vera.novak");
});

test("vars_as_tables_and_as_json_are_read_and_the_others_are_bindings", async (t) => {
  const dir = await workerDir(
    t,
    `[vars]
CFACCESS = '{"providerId":"sso"}'
BACKSTAGE = { mode = "shadow" }
HR_URL = "https://hr.acme.com"
`,
  );
  const { cfaccess, backstage, bindings, buildDir } = await readOwnWorker(dir);
  assert.deepEqual([cfaccess, { ...backstage }], [{ providerId: "sso" }, { mode: "shadow" }]);
  assert.deepEqual(bindings, { HR_URL: "https://hr.acme.com" });
  assert.equal(buildDir, join(dir, "build"));
});

test("folder_without_wrangler_toml_is_refused_with_its_path", async (t) => {
  const dir = await workerDir(t);
  const dev = startDev(t, "--port", "0", "--worker", dir);
  const [code] = await dev.exited;
  assert.equal(code, 1);
  assert.match(dev.output, /^--worker: .*wrangler\.toml does not exist/);
});
