// The release command: every file has one version, and the changelog gets its section.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../../scripts/process.mjs";
import { PLACES, sectionOf, versionsOf, withRelease, withVersion } from "../../scripts/release.mjs";

const FILES = Object.keys(PLACES);
const read = (name) => readFile(join(ROOT, name), "utf8");

test("all files have the same version, and a new version reaches each and nothing else", async () => {
  const [version] = versionsOf("package.json", await read("package.json"));
  for (const name of FILES) {
    const before = await read(name);
    const versions = versionsOf(name, before);
    assert.deepEqual(new Set(versions), new Set([version]), name);
    const after = withVersion(name, before, "987.6.5");
    assert.equal(after.split("987.6.5").length - 1, versions.length, name);
    assert.equal(withVersion(name, after, version), before, name);
  }
});

test("unreleased changes get the version and the date, and an empty section is refused", () => {
  const changelog = "# Changelog\n\n## Unreleased\n\n- a\n\n## 0.1.0 - 2026-12-01\n\n- b\n";
  const released = withRelease(changelog, "0.2.0", "2027-01-02");
  assert.equal(sectionOf(released, "Unreleased"), "");
  assert.equal(sectionOf(released, "0.2.0"), "- a");
  assert.equal(sectionOf(released, "0.1.0"), "- b");
  assert.match(released, /^## 0\.2\.0 - 2027-01-02$/m);
  assert.throws(() => withRelease(released, "0.3.0", "2027-01-02"), /missing or empty/);
  assert.throws(() => withRelease(changelog, "0.1.0", "2027-01-02"), /already/);
});

test("every lock file that has the crate is one of the files", async () => {
  const args = ["ls-files", "*Cargo.lock"];
  const { stdout } = await promisify(execFile)("git", args, { cwd: ROOT });
  for (const name of stdout.trim().split("\n")) {
    const hasCrate = (await read(name)).includes('name = "backstage-cfaccess"\n');
    assert.equal(FILES.includes(name), hasCrate, name);
  }
});
