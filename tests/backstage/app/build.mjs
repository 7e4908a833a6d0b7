// Builds the app into app/dist with esbuild alone, if its sources or packages have changed.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const APP = fileURLToPath(new URL(".", import.meta.url));
const DIST = join(APP, "dist");

/** The folder with the built app. */
export async function buildApp() {
  const inputs = await digest();
  const stamp = join(DIST, ".inputs");
  if ((await readFile(stamp, "utf8").catch(() => "")) === inputs) return DIST;
  await rm(DIST, { recursive: true, force: true });
  await mkdir(DIST, { recursive: true });
  await build({
    // Aliases are resolved from here, whoever has started this.
    absWorkingDir: join(APP, ".."),
    entryPoints: [join(APP, "src", "index.jsx")],
    outdir: DIST,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    minify: true,
    logLevel: "error",
    define: {
      "process.env.NODE_ENV": '"production"',
      "process.env.APP_CONFIG": "undefined",
      global: "globalThis",
    },
    alias: { "csv-stringify/lib/sync": "csv-stringify/lib/browser/sync.js" },
    loader: { ".svg": "dataurl", ".woff2": "dataurl", ".woff": "dataurl", ".ttf": "dataurl" },
  });
  await writeFile(stamp, inputs);
  return DIST;
}

async function digest() {
  const hash = createHash("sha256");
  const sources = (await readdir(join(APP, "src"))).map((name) => join("src", name));
  for (const file of ["build.mjs", ...sources.sort(), "../package-lock.json"]) {
    hash.update(await readFile(join(APP, file)));
  }
  return hash.digest("hex");
}
