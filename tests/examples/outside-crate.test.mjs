// A crate outside the repository that depends on the package as it would be published: it is compiled
// from the .crate file, not from the sources next to this file.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build, TARGET } from "../../scripts/build.mjs";
import { must, ROOT } from "../../scripts/process.mjs";
import { assertRefused, REFRESH, startGround } from "../edge/harness.mjs";

/** Rust is compiled in here, which takes minutes on a machine that is busy. */
const COMPILES = { timeout: 15 * 60_000 };

const SOURCE = fileURLToPath(new URL("outside", import.meta.url));

/** The same folder for every run in this checkout, so that what cargo compiles is replaced. */
const FOLDER = join(
  await realpath(tmpdir()),
  `cfaccess-outside-${createHash("sha256").update(ROOT).digest("hex").slice(0, 12)}`,
);
const PACKAGE = join(FOLDER, "backstage-cfaccess");
const CRATE = join(FOLDER, "outside");

before(async () => {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(PACKAGE, { recursive: true });
  await unpack(await pack());
  await cp(SOURCE, CRATE, { recursive: true });
  await cp(join(ROOT, "rust-toolchain.toml"), join(FOLDER, "rust-toolchain.toml"));
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

function cargo(args, cwd = CRATE) {
  return must("cargo", args, { cwd, capture: "all", env: { CARGO_TARGET_DIR: TARGET } });
}

test("tests_of_a_crate_outside_run_natively_with_the_test_kit", COMPILES, async () => {
  const output = await cargo(["test", "--locked"]);
  assert.match(output, /test tests::employee_id_finds_the_user \.\.\. ok/);
});

test("worker_of_a_crate_outside_signs_a_user_in_with_its_own_resolver", COMPILES, async (t) => {
  await build(CRATE);
  const user = {
    ref: "user:default/jane",
    ent: ["user:default/jane"],
    annotations: { "acme.com/id": "7" },
  };
  const ground = await startGround({
    buildDir: join(CRATE, "build"),
    cfaccess: {
      signIn: undefined,
      catalog: { indexes: ["metadata.annotations.acme.com/id"] },
    },
    records: [["v1:annotation:acme.com/id=7", JSON.stringify({ v: 1, user })]],
  });
  t.after(() => ground.close());

  const refresh = async (custom) =>
    ground.gate.refresh(await ground.access.mint({ claims: { custom } }));
  const found = await refresh({ employee_id: "7" });
  assert.equal(found.status, 200, found.text);
  assert.equal(found.json.backstageIdentity.identity.userEntityRef, user.ref);
  const url = REFRESH.slice("/api/auth".length);
  const missing = await refresh({});
  assertRefused(missing, { status: 404, name: "NotFoundError", code: "user_not_found", url });
  assert.equal((await ground.gate.scheduled()).outcome, "ok");
});
