// `npm run deploy`: doctor and wrangler are called with the same file and environment.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deployment } from "../../npm/lib/deployment.mjs";

let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "deploy-"));
  await writeFile(join(folder, "wrangler.jsonc"), "{}");
});

after(() => rm(folder, { recursive: true }));

const of = (args, env = {}) => deployment(args, { folder, env });

test("file_and_environment_are_always_named_in_every_spelling_of_the_options", () => {
  for (const [args, env, config, name] of [
    [[], {}, "wrangler.jsonc", ""],
    [[], { CLOUDFLARE_ENV: "staging" }, "wrangler.jsonc", "staging"],
    [["--env", "prod"], { CLOUDFLARE_ENV: "staging" }, "wrangler.jsonc", "prod"],
    [["--env=prod"], {}, "wrangler.jsonc", "prod"],
    [["-e", "prod", "-c", "other.toml"], {}, "other.toml", "prod"],
    [["-eprod", "--config=other.toml"], {}, "other.toml", "prod"],
    [["--config", "other.toml", "--env="], { CLOUDFLARE_ENV: "x" }, "other.toml", ""],
  ]) {
    assert.deepEqual(of(args, env).target, [`--config=${config}`, `--env=${name}`]);
  }
});

test("options_that_change_what_was_checked_are_refused", () => {
  for (const args of [
    ["src/other.js"],
    ["--name", "other"],
    ["--var", "BACKSTAGE:{}"],
    ["--route", "example.com/*"],
    ["--cwd", ".."],
    ["--compatibility-date", "2020-01-01"],
    ["--", "other.js"],
    ["--config", "a.toml", "-c", "b.toml"],
    ["--env", "a", "--env=b"],
  ]) {
    assert.throws(() => of(args), { name: "Error" }, args.join(" "));
  }
});

test("harmless_options_reach_wrangler_alone", () => {
  const { target, rest } = of(["--dry-run", "--outdir", "out", "-e", "prod"]);
  assert.deepEqual(rest, ["--dry-run", "--outdir=out"]);
  assert.deepEqual(target, ["--config=wrangler.jsonc", "--env=prod"]);
});

test("several_files_or_none_are_refused_unless_one_is_named", async () => {
  const none = join(folder, "absent");
  assert.throws(() => deployment([], { folder: none, env: {} }), /there is no wrangler\.json/);
  await writeFile(join(folder, "wrangler.toml"), "");
  assert.throws(() => of([]), /wrangler\.jsonc and wrangler\.toml are both there/);
  assert.equal(of(["-c", "wrangler.toml"]).target[0], "--config=wrangler.toml");
});
