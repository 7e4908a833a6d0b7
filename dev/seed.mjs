// What the Worker needs before it can answer, made with the project's own command line: signing
// keys, and the catalog's records.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { exportJWK, generateKeyPair } from "jose";
import { UsageError } from "./usage-error.mjs";

const run = promisify(execFile);
const SAMPLE = fileURLToPath(new URL("../examples/catalog/", import.meta.url));
/** Its records, which only the npm package has. */
const SAMPLE_RECORDS = new URL("../examples/records.json", import.meta.url);

/**
 * The key set for the secret SIGNING_KEYS: made once, so that tokens outlive a restart. `cfaccess` is the
 * path of the program, or `undefined` on a platform that has none.
 */
export async function signingKeys(cfaccess, dir) {
  const file = join(dir, "signing-keys.json");
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return kept;
  if (cfaccess === undefined) await writeFile(file, await keySet(), { mode: 0o600 });
  else await call(cfaccess, ["keygen", "--out", dir]);
  return readFile(file, "utf8");
}

async function keySet() {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: crypto.randomUUID(), alg: "ES256" };
  return JSON.stringify({ keys: [key] });
}

/**
 * The records of catalog files, as `wrangler kv bulk put` would take them. `wranglerToml` names the
 * annotations that users are found by. Without the program there are only those of the sample
 * organisation.
 */
export async function catalogRecords(cfaccess, dir, { catalog = [], wranglerToml }) {
  if (cfaccess === undefined) {
    const platform = `${process.platform}-${process.arch}`;
    if (catalog.length > 0) {
      throw new UsageError(`--catalog: there is no cfaccess program for ${platform} to read it`);
    }
    return JSON.parse(await readFile(SAMPLE_RECORDS, "utf8"));
  }
  const file = join(dir, "kv.json");
  const config = wranglerToml === undefined ? [] : ["--config", wranglerToml];
  const paths = catalog.length > 0 ? catalog : [SAMPLE];
  await call(cfaccess, ["catalog", "build", ...paths, "--out", file, ...config]);
  return JSON.parse(await readFile(file, "utf8"));
}

/** Writes records into a namespace. */
export function putRecords(namespace, records) {
  return Promise.all(
    records.map(({ key, value, metadata }) => namespace.put(key, value, { metadata })),
  );
}

async function call(cfaccess, args) {
  try {
    await run(cfaccess, args);
  } catch (error) {
    const reason =
      error.code === "ENOENT"
        ? "it is not built: `npm run dev` builds it first"
        : error.stderr?.trim() || error.message;
    throw new Error(`cfaccess ${args[0]}: ${reason}`);
  }
}
