// A crate outside the repository that depends on the package as it would be published: it is compiled
// from the .crate file, not from the sources next to this file.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "../../scripts/build.mjs";
import { must, ROOT } from "../../scripts/process.mjs";
import { startGround } from "../edge/harness.mjs";

/** Rust is compiled in here. On a machine that does other things too, that takes minutes. */
const COMPILES = { timeout: 15 * 60_000 };

const NAME = "backstage-cfaccess";
const MANIFEST = `
[package]
name = "outside"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
backstage-cfaccess = { path = "PACKAGE", default-features = false, features = ["worker"] }
worker = "0.8"

[dev-dependencies]
backstage-cfaccess = { path = "PACKAGE", default-features = false, features = ["testing"] }
`;

const LIBRARY = `
use backstage_cfaccess::{CfAccess, Rejection, UserQuery, worker as cfaccess};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, Result, event};

fn app() -> CfAccess {
    CfAccess::new().sign_in(async |info, ctx| {
        let id = info.result.attribute("employee_id").ok_or_else(Rejection::not_found)?;
        ctx.sign_in_with_catalog_user(UserQuery::annotation("acme.com/id", id)).await
    })
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, ctx: Context) -> Result<Response> {
    Ok(cfaccess::fetch(app, &request, &env, &ctx).await)
}

#[cfg(test)]
mod tests {
    use backstage_cfaccess::testing::{Catalog, Identity, Trial};

    #[test]
    fn employee_id_finds_the_user() {
        let catalog = Catalog::new().user("jane", |it| it.annotation("acme.com/id", "7"));
        let trial = Trial::of(super::app()).config(INDEXES).catalog(catalog);
        let caller = Identity::user("jane@acme.com").attribute("employee_id", "7");
        assert_eq!(trial.sign_in(&caller).unwrap().user(), "user:default/jane");
        let other = trial.sign_in(&Identity::user("joe@acme.com")).unwrap_err();
        assert_eq!((other.status(), other.code()), (404, "user_not_found"));
    }

    const INDEXES: &str = r#"{"catalog": {"indexes": ["metadata.annotations.acme.com/id"]}}"#;
}
`;

/** The same folder for every run of this checkout, so that cargo does not pile up what it compiles. */
const FOLDER = join(
  await realpath(tmpdir()),
  `cfaccess-outside-${createHash("sha256").update(ROOT).digest("hex").slice(0, 12)}`,
);
const CRATE = join(FOLDER, "outside");
/** What the tests and the build of this checkout have compiled is compiled. */
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

before(async () => {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(join(CRATE, "src"), { recursive: true });
  const packaging = join(FOLDER, "target");
  const output = await cargo(
    ["package", "--no-verify", "--allow-dirty", "--locked", "--offline"],
    ROOT,
    packaging,
  );
  assert.doesNotMatch(output, /warning/);

  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const packaged = `${NAME}-${version}`;
  const archive = join(packaging, "package", `${packaged}.crate`);
  // -m: with the archive's own times, which are always the same, cargo would see no change.
  await must("tar", ["-xzmf", archive, "-C", FOLDER], { capture: "all" });

  const manifest = MANIFEST.replaceAll("PACKAGE", join(FOLDER, packaged));
  // The profiles of this repository, so that cargo finds compiled what it compiles with them.
  const profiles = (await readFile(join(ROOT, "Cargo.toml"), "utf8")).match(
    /^\[profile\.release\]\n(?:(?!\[).*\n)*/m,
  )[0];
  await writeFile(join(CRATE, "Cargo.toml"), `${manifest}\n${profiles}`);
  await writeFile(join(CRATE, "src", "lib.rs"), LIBRARY);
  // The same versions, so that nothing has to be downloaded.
  for (const file of ["Cargo.lock", "rust-toolchain.toml"]) {
    await copyFile(join(ROOT, file), join(CRATE, file));
  }
  await cargo(["update", "--workspace", "--offline"]);
}, COMPILES);

after(() => rm(FOLDER, { recursive: true, force: true }));

function cargo(args, cwd = CRATE, target = TARGET) {
  return must("cargo", args, { cwd, capture: "all", env: { CARGO_TARGET_DIR: target } });
}

test("tests of a crate outside run natively with the test kit", COMPILES, async () => {
  const output = await cargo(["test", "--locked", "--offline"]);
  assert.match(output, /test tests::employee_id_finds_the_user \.\.\. ok/);
});

test("a Worker outside signs a user in with its own resolver, in workerd", COMPILES, async (t) => {
  process.env.CARGO_TARGET_DIR = TARGET;
  process.env.CARGO_NET_OFFLINE = "true";
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
  assert.equal(found.json.backstageIdentity.identity.userEntityRef, "user:default/jane");
  const missing = await refresh({});
  assert.equal(missing.status, 404, missing.text);
  assert.equal(missing.json.error.code, "user_not_found");
});
