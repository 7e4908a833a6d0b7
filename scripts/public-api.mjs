// `node scripts/public-api.mjs [--update]`: compares the library's public API with public-api.txt, or
// rewrites that file. A reviewer sees in the file's diff what a change means for semver.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { main, must, ROOT } from "./process.mjs";
import { publicApiTool, rustToolchain } from "./setup.mjs";

const FILE = join(ROOT, "public-api.txt");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

/** The public API with all features, one item a line. */
async function publicApi() {
  const tool = await publicApiTool();
  await rustToolchain();
  await must(
    "cargo",
    [
      "rustdoc",
      "--quiet",
      "--locked",
      "--lib",
      "--all-features",
      `--target-dir=${TARGET}`,
      "--",
      "-Zunstable-options",
      "--output-format=json",
      "--document-hidden-items",
    ],
    { capture: "all", env: { RUSTDOC: join(ROOT, "tools", "public-api", "rustdoc.sh") } },
  );
  const json = join(TARGET, "doc", "backstage_cfaccess.json");
  return must(tool, [json], { capture: "all" });
}

/** Compares with public-api.txt, or rewrites it. */
export async function checkPublicApi({ update = false } = {}) {
  const actual = await publicApi();
  if (update) await writeFile(FILE, actual);
  const recorded = await readFile(FILE, "utf8").catch(() => "");
  const output = [...difference(recorded, actual)].join("\n");
  if (recorded === actual) return { code: 0, output };
  const advice =
    "The public API is not the one in public-api.txt. If the change is intended, run\n" +
    "  node scripts/public-api.mjs --update\n" +
    "and see CONTRIBUTING.md, “Releases and semver”.";
  return { code: 1, output: `${output}\n${advice}` };
}

/** The lines that only one of two texts has. */
export function* difference(before, after) {
  const [old, now] = [before, after].map((text) => new Set(text.split("\n")));
  for (const line of old) if (!now.has(line)) yield `- ${line}`;
  for (const line of now) if (!old.has(line)) yield `+ ${line}`;
}

await main(import.meta.url, async (args) => {
  const { code, output } = await checkPublicApi({ update: args.includes("--update") });
  if (output !== "") console.error(output);
  process.exitCode = code;
});
