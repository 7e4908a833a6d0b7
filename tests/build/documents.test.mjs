// The documents agree with the source: links lead somewhere, and log fields are documented. Error codes,
// commands and configurations: tests/documents/.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { rendered } from "../../scripts/configuration.mjs";
import { ROOT } from "../../scripts/process.mjs";

/** A command in a shell block or in code. */
const WRANGLER = /npx wrangler [a-z][^`\n|<>]*/g;

const read = (path) => readFile(join(ROOT, path), "utf8");

const DOCUMENTS = [
  "CHANGELOG.md",
  "CODE_OF_CONDUCT.md",
  "CONTRIBUTING.md",
  "README.md",
  "SECURITY.md",
  "examples/sign-in-page/README.md",
  ...(await readdir(join(ROOT, "docs")))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

/** The anchors that GitHub gives to the headings of a document. */
function anchors(markdown) {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

for (const document of DOCUMENTS) {
  test(`links of ${document} lead to a file and a heading`, async () => {
    const text = (await read(document)).replace(/```.*?```/gs, "");
    for (const [, link] of text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path, anchor] = link.split("#");
      const target = path ? join(dirname(document), path) : document;
      await assert.doesNotReject(access(join(ROOT, target)), `${link}: no such file`);
      if (anchor)
        assert.ok(anchors(await read(target)).includes(anchor), `${link}: no such heading`);
    }
  });
}

test("the commands of wrangler in the documents exist, with their options", async () => {
  const texts = await Promise.all([...DOCUMENTS, "npm/README.md"].map(read));
  const lines = texts.flatMap((text) => text.replaceAll("\\\n", " ").match(WRANGLER) ?? []);
  const commands = new Map();
  for (const line of lines) {
    const words = line.split(/\s+/).slice(2);
    const end = words.findIndex((word) => !/^[a-z]+$/.test(word));
    const name = words.slice(0, end < 0 ? undefined : end).slice(0, 3);
    const options = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.split("=")[0]);
    commands.set(name.join(" "), [...(commands.get(name.join(" ")) ?? []), ...options]);
  }
  assert.ok(commands.size >= 6, [...commands.keys()].join(", "));
  await Promise.all(
    [...commands].map(async ([name, options]) => {
      const args = ["node_modules/wrangler/bin/wrangler.js", ...name.split(" "), "--help"];
      const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
      assert.ok(stdout.includes(`wrangler ${name}`), `wrangler ${name} is not a command`);
      for (const option of options) {
        assert.ok(stdout.includes(option), `wrangler ${name} has no ${option}`);
      }
    }),
  );
});

test("the tables of docs/configuration.md are those of the schema", async () => {
  const { before, after } = await rendered();
  assert.equal(before, after, "run node scripts/configuration.mjs --update");
  assert.equal(before.match(/<!-- schema: /g).length, 2);
});

test("the schema for wrangler's file finds wrangler's own", async () => {
  const { allOf } = JSON.parse(await read("schema/wrangler.schema.json"));
  const [{ $ref }] = allOf;
  const target = join("node_modules/backstage-cfaccess/schema", $ref);
  assert.equal(target, "node_modules/wrangler/config-schema.json");
  await assert.doesNotReject(access(join(ROOT, target)));
});

test("docs/logs.md has every field of a log line and no other, and examples with these fields", async () => {
  const source = await read("src/gate/log_event.rs");
  const [, struct] = /pub struct LogEvent \{\n(.*?)\n\}/s.exec(source);
  const script = await read("src/worker/limits.mjs");
  const fields = [
    ...new Set(
      [
        ...struct.matchAll(/^ +(?:pub(?:\(super\))? )?(\w+): /gm),
        ...script.matchAll(/,"(\w+)":\$\{/g),
      ].map(([, name]) => name),
    ),
  ];
  const page = await read("docs/logs.md");
  const [, table] = /## Fields\n(.*?)\n## /s.exec(page);
  const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.ok(fields.length > 10);
  assert.deepEqual(rows.toSorted(), fields.toSorted());
  const [, examples] = /```json\n(.*?)```/s.exec(page);
  for (const line of examples.trim().split("\n")) {
    for (const name of Object.keys(JSON.parse(line))) assert.ok(fields.includes(name), name);
  }
});

test("docs/logs.md has every route", async () => {
  const source = await read("src/gate/route.rs");
  const [names] = /const fn name\(self\).*?\n {4}\}/s.exec(source);
  const routes = [...names.matchAll(/=> "(\w+)"/g)].map(([, name]) => name);
  const [row] = /^\| `route` \|.*$/m.exec(await read("docs/logs.md"));
  assert.ok(routes.length > 7);
  for (const name of routes) assert.ok(row.includes(`\`${name}\``), name);
});

test("docs/security.md names tests that exist", async () => {
  const paths = ["src", "tests"].map(async (dir) => {
    const names = await readdir(join(ROOT, dir), { recursive: true });
    return names.filter((name) => name.endsWith(".rs")).map((name) => join(ROOT, dir, name));
  });
  const files = (await Promise.all(paths)).flat();
  const sources = (await Promise.all(files.map((path) => readFile(path, "utf8")))).join("\n");
  const tests = new Set([...sources.matchAll(/#\[test\]\s+fn (\w+)\(/g)].map(([, name]) => name));
  const page = await read("docs/security.md");
  const [, controls] = page.split("## Controls");
  const named = [...controls.split("## Accepted")[0].matchAll(/`([a-z0-9]+(?:_[a-z0-9]+){3,})`/g)];
  assert.ok(named.length > 30);
  for (const [, name] of named) {
    assert.ok(tests.has(name), name);
  }
});
