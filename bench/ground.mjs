// What all contenders stand on: the services that they reach, the catalog, the assertions, the keys.

import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../scripts/process.mjs";
import { openPool, PEOPLE } from "./assertions.mjs";
import { output } from "./children.mjs";
import { compatibilityDate, contend } from "./contenders.mjs";
import { buildCatalog, records } from "./people.mjs";
import { startWorkerd, writeConfig } from "./workerd.mjs";

export const KEPT = join(ROOT, ".bench");
/** Values go to the services in requests of so many. */
const BATCH = 5_000;
const CERTS = "/cdn-cgi/access/certs";

export const CFACCESS = join(
  process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"),
  "debug",
  "cfaccess",
);

/**
 * Starts the services, with a catalog of PEOPLE users in the namespace "catalog". Assertions are kept
 * for the next time in the folder `kept`.
 */
export async function startGround({ kept = KEPT } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "bench-"));
  // Also when a signal ends the bench.
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const parts = [];
  const pool = await openPool(kept);
  const services = await startServices(dir);
  const publish = (name, jwks) => services.document(`${CERTS}#${name}`, JSON.stringify(jwks));
  const ground = {
    dir,
    pool,
    services,
    signingKeys: await signingKeys(dir),
    /** Starts a contender, until the ground is closed. */
    async contend(kind, setup = {}) {
      const { signingKeys, services } = ground;
      const contender = await contend(kind, {
        dir,
        signingKeys,
        services: services.address,
        ...setup,
      });
      parts.push(contender);
      return contender;
    },
    /** A pool of its own, with the key sets of these sizes under the names `NAME-SIZE`. */
    async openPool(name, { keySets, ...pool }) {
      const another = await openPool(join(kept, name), pool);
      for (const size of keySets) await publish(`${name}-${size}`, another.jwks(size));
      return another;
    },
    /** Fills a namespace with the catalog of so many people. */
    async fill(namespace, size) {
      const file = await buildCatalog({ cfaccess: CFACCESS, dir, name: namespace, ...size });
      await services.put(namespace, await records(file));
    },
    async close() {
      for (const part of parts) await part.close();
      await services.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await publish("", pool.jwks());
  await services.put("jose-cache", [["jwks", JSON.stringify(pool.jwks())]]);
  await ground.fill("catalog", { users: PEOPLE });
  return ground;
}

async function startServices(dir) {
  const source = new URL("services.mjs", import.meta.url);
  const config = await writeConfig(join(dir, "services"), {
    modules: [["services.mjs", await readFile(source)]],
    compatibilityDate: await compatibilityDate(),
  });
  const workerd = await startWorkerd(config);
  const control = async (path, body) => {
    const answer = await controlled(workerd.url, path, body);
    if (answer.status !== 200) throw new Error(`services: ${path}: ${answer.status}`);
    return answer.body;
  };
  return {
    ...workerd,
    /** How many KV reads there have been so far, in a namespace or in all. */
    async reads() {
      return JSON.parse(await control("/reads"));
    },
    async put(namespace, pairs) {
      for (let at = 0; at < pairs.length; at += BATCH) {
        const values = Object.fromEntries(pairs.slice(at, at + BATCH));
        await control(`/kv/${namespace}`, JSON.stringify(values));
      }
    },
    clear: (namespace) => control(`/clear/${namespace}`, ""),
    /** How long each service takes from now on, in milliseconds; KV is cold again. */
    delay: (delays) => control("/delays", JSON.stringify(delays)),
    document: (name, body) => control(`/document/${encodeURIComponent(name)}`, body),
  };
}

/** A request to the services' own host; fetch() does not let it be named. */
function controlled(url, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${path}`, {
      method: body === undefined ? "GET" : "PUT",
      headers: { host: "services.control" },
      agent: false,
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body: text }));
    });
    outgoing.end(body);
  });
}

async function signingKeys(dir) {
  await output(CFACCESS, ["keygen", "--out", join(dir, "keys")], { limitMs: 60_000 });
  return readFile(join(dir, "keys", "signing-keys.json"), "utf8");
}
