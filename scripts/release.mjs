// `npm run release -- VERSION`: sets the version everywhere and gives "Unreleased" of CHANGELOG.md its name and date.
// Commits and pushes nothing. `--check TAG` says what of a tag does not fit, `--notes TAG` prints its section.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Failure, main, must, ROOT } from "./process.mjs";

const CRATE = "backstage-cfaccess";
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/** Every file that has the version, with what stands before it. */
const LOCKED = new RegExp(`(^name = "${CRATE}"\nversion = ")([^"]+)`, "m");
export const PLACES = {
  "Cargo.toml": [LOCKED],
  "Cargo.lock": [LOCKED],
  "bench/custom/Cargo.lock": [LOCKED],
  "fuzz/Cargo.lock": [LOCKED],
  "examples/custom-resolver/Cargo.lock": [LOCKED],
  "tests/examples/faulty/Cargo.lock": [LOCKED],
  "package.json": [/("version": ")([^"]+)/],
  "package-lock.json": [
    /(^ {2}"version": ")([^"]+)/m,
    new RegExp(`("packages": \\{\\s+"": \\{\\s+"name": "${CRATE}",\\s+"version": ")([^"]+)`),
  ],
};

/** The version of each place of a file. */
export function versionsOf(name, text) {
  return PLACES[name].map((pattern) => {
    const found = pattern.exec(text);
    if (found === null) throw new Failure(`${name}: the version was not found`);
    return found[2];
  });
}

/** The file with another version. */
export function withVersion(name, text, version) {
  versionsOf(name, text);
  return PLACES[name].reduce((all, pattern) => all.replace(pattern, `$1${version}`), text);
}

/** The changelog with the unreleased section under this version. */
export function withRelease(changelog, version, date) {
  const unreleased = sectionOf(changelog, "Unreleased");
  if (unreleased === undefined || unreleased === "") {
    throw new Failure('CHANGELOG.md: the section "Unreleased" is missing or empty');
  }
  if (sectionOf(changelog, version) !== undefined) {
    throw new Failure(`CHANGELOG.md has a section ${version} already`);
  }
  return changelog.replace("## Unreleased\n", `## Unreleased\n\n## ${version} - ${date}\n`);
}

/** The text of a section, without its heading; `undefined` if there is none. */
export function sectionOf(changelog, version) {
  const parts = changelog.split(/^## /m);
  const section = parts.find((part) => part.split(/[\s]/, 1)[0] === version);
  return section?.slice(section.indexOf("\n")).trim();
}

const read = (name) => readFile(join(ROOT, name), "utf8");

async function release(version) {
  const changed = await must("git", ["status", "--porcelain"], { capture: "stdout" });
  if (changed !== "") throw new Failure(`commit or stash first:\n${changed}`);
  const date = new Date().toISOString().slice(0, 10);
  const texts = { "CHANGELOG.md": withRelease(await read("CHANGELOG.md"), version, date) };
  for (const name of Object.keys(PLACES)) {
    texts[name] = withVersion(name, await read(name), version);
  }
  // Nothing is written before everything has been found.
  for (const [name, text] of Object.entries(texts)) await writeFile(join(ROOT, name), text);
  console.log(`version ${version} is set. Look at it with git diff, then:

  git commit --all --message "Version ${version}"
  git tag --annotate v${version} --message "Version ${version}"
  git push origin HEAD v${version}`);
}

async function check(tag) {
  const version = tag.replace(/^v/, "");
  const problems = [];
  for (const name of Object.keys(PLACES)) {
    const others = versionsOf(name, await read(name)).filter((it) => it !== version);
    if (others.length > 0) problems.push(`${name} has ${others.join(" and ")}, not ${version}`);
  }
  if (!sectionOf(await read("CHANGELOG.md"), version)) {
    problems.push(`CHANGELOG.md has no section ${version}`);
  }
  if (problems.length > 0) throw new Failure(problems.join("\n"));
}

function arguments_(args) {
  try {
    const options = { check: { type: "string" }, notes: { type: "string" } };
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new Failure(error.message);
  }
}

await main(import.meta.url, async (args) => {
  const { values, positionals } = arguments_(args);
  if (values.check !== undefined) return check(values.check);
  if (values.notes !== undefined) {
    const section = sectionOf(await read("CHANGELOG.md"), values.notes.replace(/^v/, ""));
    if (!section) throw new Failure(`CHANGELOG.md has no section ${values.notes}`);
    return console.log(section);
  }
  const [version, ...rest] = positionals;
  if (rest.length > 0 || !VERSION.test(version ?? "")) {
    throw new Failure("usage: npm run release -- VERSION, such as 1.2.3");
  }
  return release(version);
});
