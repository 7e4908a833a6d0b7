// `node scripts/configuration.mjs [--update]`: the tables of docs/configuration.md are those of
// schema/configuration.schema.json. Says which differ, or writes them.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, main, ROOT } from "./process.mjs";

const PAGE = join(ROOT, "docs", "configuration.md");
const SCHEMA = join(ROOT, "schema", "configuration.schema.json");

/** The page with the tables of the schema. */
export async function rendered() {
  const schema = JSON.parse(await readFile(SCHEMA, "utf8"));
  const page = await readFile(PAGE, "utf8");
  const after = page.replace(/<!-- schema: (\w+) -->\n.*?<!-- end -->/gs, (_, name) => {
    const rows = rowsOf(schema.definitions[name]).map((cells) => `| ${cells.join(" | ")} |\n`);
    const head = "| key | default | meaning |\n| --- | --- | --- |\n";
    return `<!-- schema: ${name} -->\n\n${head}${rows.join("")}\n<!-- end -->`;
  });
  return { before: page, after };
}

/** Key, default and meaning of each key; an object without a description stands for its members. */
function rowsOf({ properties, required = [] }, prefix = "") {
  return Object.entries(properties).flatMap(([name, value]) => {
    const isGroup = value.properties !== undefined && value.description === undefined;
    if (isGroup) return rowsOf(value, `${prefix}${name}.`);
    const see = value["x-see"] === undefined ? "" : `; see ${value["x-see"]}`;
    const usual = required.includes(name) ? "required" : defaultOf(value);
    return [[`\`${prefix}${name}\``, usual, `${value.description}${see}`]];
  });
}

function defaultOf(value) {
  if (value["x-default"] !== undefined) return value["x-default"];
  if (value.default === undefined) return "none";
  const text = typeof value.default === "string" ? value.default : inline(value.default);
  return `\`${text}\``;
}

/** An object as it stands in a line of TOML. */
function inline(value) {
  if (typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${name} = ${inline(member)}`);
  return `{${members.join(", ")}}`;
}

await main(import.meta.url, async (args) => {
  const { before, after } = await rendered();
  if (before === after) return;
  if (!args.includes("--update")) {
    throw new Failure("docs/configuration.md: run node scripts/configuration.mjs --update");
  }
  await writeFile(PAGE, after);
});
