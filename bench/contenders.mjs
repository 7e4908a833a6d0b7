// Who is measured: our Worker as it is deployed, and the peers, each bundled as wrangler would.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { parse as parseToml } from "smol-toml";
import { ROOT } from "../scripts/process.mjs";
import { AUDIENCE, TEAM } from "./assertions.mjs";
import { startWorkerd, writeConfig } from "./workerd.mjs";

const SOURCES = fileURLToPath(new URL("contenders", import.meta.url));
const BASE_URL = "https://backstage.example.com";

/** The contenders by name. `title` is what the tables call them. */
export const CONTENDERS = {
  ours: { title: "this Worker", isOurs: true, modules: ourModules, bindings: ourBindings },
  identity: {
    title: "this Worker, get-identity asked",
    isOurs: true,
    modules: ourModules,
    bindings: (setup) =>
      ourBindings({ cache: "cache-of-identity", cfaccess: { identity: "get-identity" }, ...setup }),
  },
  custom: {
    title: "a Worker of one's own on the library",
    isOurs: true,
    modules: () => modulesIn(join(ROOT, "bench", "custom", "build")),
    bindings: (setup) =>
      // Its resolver is in its code.
      ourBindings({ cache: "cache-of-custom", cfaccess: { signIn: undefined }, ...setup }),
  },
  jose: { title: "Worker with jose", modules: () => peer("jose"), bindings: joseBindings },
  joseIdentity: {
    title: "Worker with jose, get-identity asked",
    modules: () => peer("jose"),
    bindings: (setup) => ({ ...joseBindings(setup), IDENTITY: "get-identity" }),
  },
  hono: {
    title: "@hono/cloudflare-access, forwarding",
    modules: () => peer("hono"),
    bindings: () => ({ TEAM, AUDIENCE }),
  },
  forward: { title: "Worker that only forwards", modules: () => peer("forward") },
  hello: { title: 'Worker that says "hello"', modules: () => peer("hello") },
};

/** What has only a part of our start. */
const STARTS = {
  compiled: {
    title: "that, with our wasm compiled",
    modules: () => withOurWasm(HELLO),
  },
  instantiated: {
    title: "that, with our wasm instantiated",
    modules: () => withOurWasm(`${INSTANTIATE}\n${HELLO}`),
  },
};

const HELLO = 'export default { fetch: () => new Response("hello") };';
/** Nothing of the module is called, so its imports may do nothing. */
const INSTANTIATE = `
const imports = {};
for (const { module, name, kind } of WebAssembly.Module.imports(wasm)) {
  if (kind !== "function") throw new Error(kind);
  imports[module] ??= {};
  imports[module][name] = () => {};
}
new WebAssembly.Instance(wasm, imports);`;

/** A Worker in JavaScript beside our wasm. */
async function withOurWasm(source) {
  const [, wasm] = await ourModules();
  return [["main.mjs", `import wasm from "./worker.wasm";\n${source}`], wasm];
}

/** One of them. */
export const contender = (name) => CONTENDERS[name] ?? STARTS[name];

/** Another build of this Worker as a contender: before and after a change in one run. */
export function addBeside(folder) {
  CONTENDERS.beside = {
    title: "the build beside",
    isOurs: true,
    modules: () => modulesIn(folder),
    bindings: (setup) => ourBindings({ cache: "cache-of-beside", ...setup }),
  };
}

function ourModules() {
  return modulesIn(join(ROOT, "build"));
}

async function modulesIn(folder) {
  const names = ["worker.mjs", "worker.wasm"];
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))]));
}

/**
 * - `signingKeys`: the key set of SIGNING_KEYS, as text
 * - `cfaccess`, `backstage`: laid over the configuration
 * - `catalog`, `cache`: the namespaces
 */
function ourBindings({ signingKeys, cfaccess, backstage, catalog = "catalog", cache = "cache" }) {
  return {
    CFACCESS: {
      teamName: TEAM,
      audience: [AUDIENCE],
      identity: "claims",
      signIn: { resolvers: [{ resolver: "emailMatchingUserEntityProfileEmail" }] },
      ...cfaccess,
    },
    BACKSTAGE: { baseUrl: BASE_URL, ...backstage },
    SIGNING_KEYS: signingKeys,
    CATALOG: { kv: catalog },
    ACCESS_CACHE: { kv: cache },
  };
}

function joseBindings({ signingKeys, catalog = "catalog" }) {
  return {
    TEAM,
    AUDIENCE,
    ISSUER: `${BASE_URL}/api/auth`,
    SIGNING_KEYS: signingKeys,
    CATALOG: { kv: catalog },
    ACCESS_CACHE: { kv: "jose-cache" },
  };
}

/** A peer, bundled and minified: one module. */
async function peer(name) {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCES, `${name}.mjs`)],
    bundle: true,
    conditions: ["workerd", "worker", "browser"],
    format: "esm",
    legalComments: "none",
    minify: true,
    target: "es2022",
    write: false,
  });
  return [["worker.mjs", outputFiles[0].contents]];
}

/** Writes the configuration of a contender. `as` tells several of one kind apart. */
export async function configure(kind, { dir, as = kind, services, keys, ...setup }) {
  const { modules, bindings = () => ({}) } = contender(kind);
  return writeConfig(join(dir, as), {
    modules: await modules(),
    bindings: bindings(setup),
    services,
    keys,
    compatibilityDate: await compatibilityDate(),
  });
}

/** Starts a contender in a workerd of its own. */
export async function contend(kind, setup) {
  return startWorkerd(await configure(kind, setup));
}

/** What a contender uploads, in bytes after gzip. */
export async function uploadBytes(kind) {
  const modules = await CONTENDERS[kind].modules();
  return modules.reduce((sum, [, content]) => sum + gzipSync(content, { level: 9 }).length, 0);
}

export async function compatibilityDate() {
  return parseToml(await readFile(join(ROOT, "wrangler.toml"), "utf8")).compatibility_date;
}
