// docs/backstage.md says which versions the tests ran with. With other versions, as by --newest, the table
// is printed instead.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../docs/backstage.md", import.meta.url));
const TEMPLATE = "node_modules/@backstage/create-app/templates/default-app/packages";
const MARKS = /(<!-- Written by `npm run test:backstage`: -->\n).*?(<!-- end -->)/s;
const here = (path) => readFile(new URL(path, import.meta.url), "utf8");
const isPinned = new URL(".", import.meta.url).pathname.endsWith("/tests/backstage/");

test("docs/backstage.md has the versions", async (t) => {
  const { dependencies } = JSON.parse(await here("package.json"));
  const names = Object.keys(dependencies).filter((name) => name.startsWith("@backstage/"));
  const rows = await Promise.all(
    names.map(async (name) => {
      const { version } = JSON.parse(await here(`node_modules/${name}/package.json`));
      return `| \`${name}\` | ${version} |\n`;
    }),
  );
  const head = "\n| package | version |\n| --- | --- |\n";
  const table = `${head}| Node.js | ${process.versions.node} |\n${rows.join("")}\n`;
  if (!isPinned) return t.diagnostic(table);
  const before = await readFile(PAGE, "utf8");
  assert.match(before, MARKS);
  const after = before.replace(MARKS, (_, start, end) => start + table + end);
  if (after === before) return;
  await writeFile(PAGE, after);
  assert.fail("docs/backstage.md was out of date. It has been written: read and commit it");
});

test("the packages are those of create-app's template", async () => {
  const { dependencies } = JSON.parse(await here("package.json"));
  for (const name of ["app", "backend"]) {
    const manifest = await here(`${TEMPLATE}/${name}/package.json.hbs`);
    const [wanted] = /"dependencies": \{.*?\}\s*,\n {2}"/s.exec(manifest);
    for (const [, wants] of wanted.matchAll(/"(@backstage\/.+?)":/g)) {
      assert.ok(dependencies[wants], `package.json lacks ${wants}`);
    }
  }
});
