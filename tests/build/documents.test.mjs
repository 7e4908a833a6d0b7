// The documents agree with the source: links lead somewhere, and log fields are documented. Error codes,
// commands and configurations: tests/documents/.

import assert from "node:assert/strict";
import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../../scripts/process.mjs";

const read = (path) => readFile(join(ROOT, path), "utf8");

const DOCUMENTS = [
  "CHANGELOG.md",
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

test("docs/logs.md has every field of a log line and no other, and examples with these fields", async () => {
  const source = await read("src/gate/log_event.rs");
  const [, struct] = /pub struct LogEvent \{\n(.*?)\n\}/s.exec(source);
  const fields = [...struct.matchAll(/^ +(?:pub(?:\(super\))? )?(\w+): /gm)].map(
    ([, name]) => name,
  );
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

test("docs/security.md names tests that exist", async () => {
  const dirs = ["core", "cli", "library"].map((name) => join(ROOT, "tests", name));
  const names = await Promise.all(dirs.map((dir) => readdir(dir)));
  const paths = dirs.flatMap((dir, at) =>
    names[at].filter((name) => name.endsWith(".rs")).map((name) => join(dir, name)),
  );
  const sources = (await Promise.all(paths.map((path) => readFile(path, "utf8")))).join("\n");
  const page = await read("docs/security.md");
  const [, controls] = page.split("## Controls");
  const named = [...controls.split("## Accepted")[0].matchAll(/`([a-z0-9]+(?:_[a-z0-9]+){3,})`/g)];
  assert.ok(named.length > 30);
  for (const [, name] of named) {
    assert.match(sources, new RegExp(`#\\[test\\]\\nfn ${name}\\(`), name);
  }
});
