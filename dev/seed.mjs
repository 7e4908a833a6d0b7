// What the Worker needs before it can answer, made with the project's own command line: signing
// keys, and the catalog's records.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The key set for the secret SIGNING_KEYS: made once, so that tokens outlive a restart. */
export async function signingKeys(root, devDir) {
  const file = join(devDir, "signing-keys.json");
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return kept;
  await cfaccess(root, ["keygen", "--out", devDir]);
  return readFile(file, "utf8");
}

/**
 * The records of catalog files, as `wrangler kv bulk put` would take them. `wranglerToml` names the
 * annotations that users are found by, if it is not the project's own.
 */
export async function catalogRecords(root, devDir, { catalog = [], wranglerToml }) {
  const file = join(devDir, "kv.json");
  const config = wranglerToml === undefined ? [] : ["--config", wranglerToml];
  const paths = catalog.length > 0 ? catalog : [join(root, "examples", "catalog")];
  await cfaccess(root, ["catalog", "build", ...paths, "--out", file, ...config]);
  return JSON.parse(await readFile(file, "utf8"));
}

/** Writes records into a namespace. */
export function putRecords(namespace, records) {
  return Promise.all(
    records.map(({ key, value, metadata }) => namespace.put(key, value, { metadata })),
  );
}

async function cfaccess(root, args) {
  const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "cfaccess");
  try {
    await run(program, args, { cwd: root });
  } catch (error) {
    const reason =
      error.code === "ENOENT"
        ? "it is not built: `npm run dev` builds it first"
        : error.stderr?.trim() || error.message;
    throw new Error(`cfaccess ${args[0]}: ${reason}`);
  }
}
