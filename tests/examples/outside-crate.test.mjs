// The crate that docs/custom-resolvers.md describes step by step, outside the repository. It depends on
// the package as it would be published: unpacked from the .crate file, not on the sources next to this
// file.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { build, TARGET } from "../../scripts/build.mjs";
import { must, ROOT } from "../../scripts/process.mjs";
import { startDev, urlOf } from "../dev/running.mjs";
import { cookiesOf, logIn } from "../dev/support.mjs";
import { assertRefused, REFRESH, startGround } from "../edge/harness.mjs";

/** Rust is compiled in here, which takes minutes on a machine that is busy. */
const COMPILES = { timeout: 15 * 60_000 };

/** The same folder for every run in this checkout, so that what cargo compiles is replaced. */
const FOLDER = join(
  await realpath(tmpdir()),
  `cfaccess-outside-${createHash("sha256").update(ROOT).digest("hex").slice(0, 12)}`,
);
const PACKAGE = join(FOLDER, "backstage-cfaccess");
const CRATE = join(FOLDER, "my-worker");

before(async () => {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(PACKAGE, { recursive: true });
  await unpack(await pack());

  const files = await documentedFiles();
  assert.deepEqual([...files.keys()], ["Cargo.toml", "src/lib.rs", "wrangler.toml"]);
  for (const [name, text] of files) {
    await mkdir(dirname(join(CRATE, name)), { recursive: true });
    await writeFile(join(CRATE, name), text);
  }
  for (const name of ["rust-toolchain.toml", "Cargo.lock"]) {
    await copyFile(join(ROOT, name), join(CRATE, name));
  }
}, COMPILES);

after(() => rm(FOLDER, { recursive: true, force: true }));

/**
 * Packs the package. Returns the path of the .crate file. `--no-verify`, because the tests compile it;
 * `--allow-dirty`, because they also run before a change is committed.
 */
async function pack() {
  const output = await cargo(["package", "--no-verify", "--allow-dirty", "--locked"], ROOT);
  assert.doesNotMatch(output, /warning/);
  const metadata = await must("cargo", ["metadata", "--no-deps", "--format-version=1"], {
    capture: "stdout",
  });
  const [{ name, version }] = JSON.parse(metadata).packages;
  return join(TARGET, "package", `${name}-${version}.crate`);
}

/** `-m`: the times in the archive are always the same, and cargo would not see a change. */
function unpack(archive) {
  return must("tar", ["-xzmf", archive, "-C", PACKAGE, "--strip-components=1"], { capture: "all" });
}

/** The files of the page, by name: `<!-- NAME -->` before a fence names what is in the fence. */
async function documentedFiles() {
  const page = await readFile(join(ROOT, "docs", "custom-resolvers.md"), "utf8");
  const blocks = page.matchAll(/^( *)<!-- (.+?) -->\n *```\w+\n(.*?)^ *```/gms);
  return new Map(
    Array.from(blocks, ([, indent, name, block]) => [
      name,
      block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
    ]),
  );
}

function cargo(args, cwd = CRATE) {
  return must("cargo", args, { cwd, capture: "all", env: { CARGO_TARGET_DIR: TARGET } });
}

test("tests_of_the_documented_crate_run_natively_with_the_test_kit", COMPILES, async () => {
  const output = await cargo(["test"]);
  assert.match(output, /test tests::user_is_found_by_email \.\.\. ok/);
});

test("documented_worker_signs_a_user_in_with_its_own_resolver", COMPILES, async (t) => {
  await build(CRATE);
  const ground = await startGround({
    buildDir: join(CRATE, "build"),
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
  const url = await urlOf(startDev(t, "--plain", "--port", "0", "--worker", CRATE));
  const cookie = cookiesOf(await logIn({ url }, "mei.tanaka@meridian.example"));
  const headers = { cookie, "X-Requested-With": "XMLHttpRequest" };
  const response = await fetch(`${url}/api/auth/cfaccess/refresh`, { headers });
  const { backstageIdentity } = await response.json();
  assert.equal(backstageIdentity.identity.userEntityRef, "user:default/mei.tanaka");
});
