// node fill.mjs RECORDS.json DIR: replaces the catalog in DIR with the records of `cfaccess catalog build`.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [recordsFile, dir] = process.argv.slice(2);
if (dir === undefined) {
  console.error("usage: node fill.mjs RECORDS.json DIR");
  process.exit(2);
}
const records = JSON.parse(await readFile(recordsFile, "utf8"));
if (!Array.isArray(records) || records.length === 0) {
  console.error(`${recordsFile}: no records. An empty catalog would block every user`);
  process.exit(1);
}
await mkdir(dir, { recursive: true });
const old = new Set(await readdir(dir));
for (const { key, value } of records) {
  const name = createHash("sha256").update(key).digest("hex");
  // Renamed into place: the Worker never reads half a record.
  const part = join(dir, `.${name}`);
  await writeFile(part, `\n${value}`);
  await rename(part, join(dir, name));
  old.delete(name);
}
for (const name of old) await rm(join(dir, name));
console.log(`${records.length} records written, ${old.size} removed`);
