// The same verdict as Backstage: generated catalog files are put to Backstage's own packages and to
// `cfaccess catalog build`. Users, groups and ownership must be the same, or both refuse the file.
//
// CATALOG_VERDICT_SEED repeats a run, CATALOG_VERDICT_FILES says how many files are mutated.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { verdict } from "./catalog-verdict.mjs";

const SEED = Number(process.env.CATALOG_VERDICT_SEED ?? Date.now() % 1_000_000_000);
const MUTATED = Number(process.env.CATALOG_VERDICT_FILES ?? 300);
const SCALARS_AT_A_PLACE = 10;
const ROOT = new URL("../..", import.meta.url).pathname;
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const PROGRAM = join(TARGET, "debug", "cfaccess");
const HEAD = "apiVersion: backstage.io/v1alpha1\n";
/** Without a user the command refuses; every file gets this one behind it. */
const WITNESS = `---\n${HEAD}kind: User\nmetadata: {name: witness-of-the-test}\nspec: {memberOf: []}\n`;

/** Plain scalars of every sort, and what else may stand in the place of a name. */
const SCALARS = [
  "NO",
  "yes",
  "on",
  "012",
  "0o14",
  "0b11",
  "0x1F",
  "1_000",
  "~",
  "null",
  "Null",
  "2024-01-01",
  "2024_01",
  "12:30:45",
  ".nan",
  ".inf",
  "-.INF",
  "NaN",
  "nan",
  "Infinity",
  "1e3",
  "1.",
  ".5",
  "+1",
  "true",
  "TRUE",
  "tRUE",
  "'7'",
  '"7"',
  "!!str 7",
  "!!int 7",
  "!mine 7",
  "''",
  '"a\\tb"',
  "a b",
  "a_b-c.d",
  "-a",
  "a-",
  "Ä",
  "a/b",
  "a:b",
  "group:default/a",
  "Group:a",
  "user:b",
  ":a",
  "a:",
  "/a",
  "ops/a",
  "x/y/z",
  "<<",
  "[]",
  "{}",
  "[a]",
  "{a: b}",
  "|\n      text",
  ">-\n      folded",
  "a#b",
  "a #b",
  "@a",
  "`a`",
  "%a",
  "*none",
  "&anchor a",
  "=",
  "a".repeat(63),
  "a".repeat(64),
  "12345678901234567890",
  "0.10",
  "-0",
  "1e999",
  "?a",
  "- a",
  "a, b",
  "a]",
  '"\\u0041"',
  "",
];

/** Small organisations as the well-known sources export them. */
const SHAPES = {
  msgraph: (at) => `${HEAD}kind: User
metadata:
  name: jane.doe_example.com
  annotations:
    graph.microsoft.com/user-id: 8c5d4c4f-0000-4444-8888-000000000000
    microsoft.com/email: ${at("email", "Jane.Doe@example.com")}
spec:
  profile:
    displayName: ${at("displayName", "Jane Doe")}
    email: Jane.Doe@example.com
    picture: "data:image/jpeg;base64,/9j/4AAQ"
  memberOf: [${at("memberOf", "all_staff")}, all_staff]
---
${HEAD}kind: Group
metadata:
  name: ${at("group", "all_staff")}
  title: All Staff
spec:
  type: team
  profile: {displayName: All Staff}
  children: []
`,
  okta: (at) => `${HEAD}kind: User
metadata:
  name: ${at("name", "00u1abc")}
  namespace: ${at("namespace", "default")}
  annotations: {okta.com/user-id: 00u1abc}
spec: {profile: {displayName: ${at("displayName", "Åsa Öberg")}}, memberOf: []}
---
${HEAD}kind: Group
metadata: {name: everyone, description: ${at("description", "All users in your organization")}}
spec:
  type: ${at("type", "group")}
  children: [${at("children", "other")}]
  members:
  - ${at("members", "00u1abc")}
  - default/00u1abc
`,
  ldap: (at) => `${HEAD}kind: User
metadata:
  name: jdoe
  labels: {${at("labelKey", "example.com/dept")}: ${at("label", "it")}}
  annotations:
    backstage.io/ldap-dn: "uid=jdoe,ou=people,dc=example,dc=com"
    ${at("annotationKey", "backstage.io/ldap-uuid")}: ${at("annotation", "c0ffee")}
spec:
  profile: {email: jdoe@example.com}
  memberOf:
    - ${at("memberOf", "ops/admins")}
`,
  github: (at) => `${HEAD}kind: User
metadata:
  name: octocat
  tags: [${at("tag", "java")}]
  links: [{url: ${at("url", "https://github.com/octocat")}, title: ${at("title", "Profile")}}]
  annotations: {github.com/user-login: octocat}
spec:
  profile: {displayName: Mona, picture: ${at("picture", "https://avatars.example.com/u/1")}}
  memberOf: ["group:default/a", ${at("memberOf", "b")}]
`,
  keycloak: (at) => `${HEAD}kind: Group
metadata: {name: parent-group, annotations: {keycloak.org/id: x, keycloak.org/realm: r}}
spec: {type: group, parent: ${at("parent", "root-group")}, children: [child], members: [kc-user]}
---
${HEAD}kind: User
metadata: {name: ${at("name", "kc-user")}, annotations: {keycloak.org/id: y}}
spec: {memberOf: ["${"child"}"], profile: {email: kc@example.com}}
`,
  google: (at) => `# exported
apiVersion: ${at("apiVersion", "backstage.io/v1alpha1")}
kind: ${at("kind", "User")}
metadata:
  name: ${at("name", "g.user")}
  title: ${at("title", "A user")}
  annotations: {google.com/email: g.user@example.com}
spec:
  profile: &profile {email: g.user@example.com}
  memberOf: &teams [eng, sre]
  extra: {profile: *profile, teams: *teams, <<: x}
`,
};

/** Changes of lines, as people and programs make them. */
const EDITS = [
  (lines, at) => lines.toSpliced(at, 1),
  (lines, at) => lines.toSpliced(at, 0, lines[at]),
  (lines, at) => lines.with(at, `${lines[at]} # a comment`),
  (lines, at) => lines.with(at, ` ${lines[at]}`),
  (lines, at) => lines.with(at, lines[at].replace(/^ {2}/, "")),
  (lines, at) => lines.with(at, lines[at].replace(/: .*/, ":")),
  (lines, at) => lines.with(at, lines[at].replace(/: .*/, ": []")),
  (lines, at) => lines.with(at, lines[at].replace(/: .*/, ": {}")),
  (lines, at) => lines.with(at, lines[at].replace(/[[\]{}]/, "")),
  (lines, at) => lines.with(at, lines[at].replace(/"/, "")),
  (lines, at) => lines.toSpliced(at, 0, "---"),
  (lines, at) => lines.toSpliced(at, 0, "owner: me"),
  (lines, at) => lines.toSpliced(at, 0, "..."),
  (lines, at) => lines.toSpliced(at, 0, "", "# nothing"),
  (lines, at) => lines.with(at, lines[at].replace("v1alpha1", "v1beta1")),
  (lines, at) => lines.with(at, lines[at].replace("backstage.io/", "acme.com/")),
  (lines, at) => lines.with(at, lines[at].replace("User", "Component")),
];

/** A generator of numbers below a limit (mulberry32). */
function random(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function files() {
  const all = [];
  const below = random(SEED);
  for (const shape of Object.values(SHAPES)) {
    const places = new Set();
    shape((place, usual) => places.add(place) && usual);
    for (const place of places) {
      for (let count = 0; count < SCALARS_AT_A_PLACE; count += 1) {
        const scalar = SCALARS[below(SCALARS.length)];
        all.push(shape((at, usual) => (at === place ? scalar : usual)));
      }
    }
  }
  const shapes = Object.values(SHAPES);
  for (let count = 0; count < MUTATED; count += 1) {
    let lines = shapes[below(shapes.length)]((_, usual) => usual)
      .trimEnd()
      .split("\n");
    for (let edits = below(3); edits >= 0; edits -= 1) {
      lines = EDITS[below(EDITS.length)](lines, below(lines.length));
    }
    all.push(`${lines.join(below(8) === 0 ? "\r\n" : "\n")}\n`);
  }
  return all.map((text) => `${text}${WITNESS}`);
}

async function ours(file) {
  const run = promisify(execFile)(PROGRAM, ["catalog", "build", file, "--out", "-"]);
  const { stdout, stderr } = await run.catch((error) => error);
  if (!stdout) return { refused: stderr };
  const users = {};
  for (const { key, value } of JSON.parse(stdout)) {
    const { user } = JSON.parse(value);
    if (key.startsWith("v1:ref:")) users[user.ref] = user.ent.slice(1).sort();
  }
  const groups = Number(/, (\d+) groups,/.exec(stderr)?.[1]);
  return { users: Object.fromEntries(Object.entries(users).sort()), groups };
}

test("users, groups and ownership are those of Backstage's own packages, for generated files", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "catalog-verdict-"));
  t.after(() => rm(folder, { recursive: true }));
  const different = [];
  const texts = files();
  let refused = 0;
  const one = async (text, index) => {
    const file = join(folder, `${index}.yaml`);
    await writeFile(file, text);
    const [expected, actual] = [await verdict(text), await ours(file)];
    refused += "refused" in expected ? 1 : 0;
    const isSame =
      "refused" in expected
        ? "refused" in actual
        : JSON.stringify(expected) === JSON.stringify(actual);
    if (!isSame) different.push({ text, expected, actual });
  };
  for (let start = 0; start < texts.length; start += 8) {
    await Promise.all(texts.slice(start, start + 8).map((text, i) => one(text, start + i)));
  }
  const same = texts.length - different.length;
  t.diagnostic(`seed ${SEED}; ${refused} files refused by both`);
  t.diagnostic(`same verdict: ${same}/${texts.length}`);
  console.log(`same verdict: ${same}/${texts.length}`);
  const shown = different
    .slice(0, 20)
    .map((it) => JSON.stringify(it, null, 1))
    .join("\n");
  assert.equal(different.length, 0, `seed ${SEED}: ${shown}`);
  assert.ok(texts.length >= 300 && refused > 100 && refused < texts.length - 100, `${refused}`);
});
