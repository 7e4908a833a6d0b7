// `node scripts/modules.mjs`: that the top-level modules of src/ depend on each other in one direction,
// and that the folders of JavaScript do. A circle makes a module impossible to understand, test or move
// without all the others in it.

import { readdir, readFile, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { main, ROOT } from "./process.mjs";

const SRC = join(ROOT, "src");

/** The modules that each top-level module uses, by name. */
export function dependencies(files) {
  const graph = new Map();
  for (const { path, text } of files) {
    const [module] = path.split("/");
    const name = module.replace(/\.rs$/, "");
    const uses = graph.get(name) ?? new Set();
    graph.set(name, uses);
    for (const [, used] of code(text).matchAll(/\bcrate::(\w+)/g)) {
      if (used !== name) uses.add(used);
    }
  }
  return graph;
}

/** The text without comments and without its unit tests, which may use whatever they like. */
function code(text) {
  const [before] = text.split(/^#\[cfg\(test\)\]/m);
  return before.replace(/^\s*\/\/.*$/gm, "");
}

/** A circle as the list of its modules, if there is one. */
export function circle(graph) {
  const done = new Set();
  const visit = (name, path) => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const used of graph.get(name) ?? []) {
      const found = visit(used, [...path, name]);
      if (found) return found;
    }
    done.add(name);
    return undefined;
  };
  for (const name of graph.keys()) {
    const found = visit(name, []);
    if (found) return found;
  }
  return undefined;
}

/** Items of the public API that a module imports by their short path, through the front page. */
export function throughTheFront(graph) {
  return [...graph].flatMap(([name, uses]) =>
    [...uses].filter((used) => /^[A-Z]/.test(used)).map((used) => `${name} → crate::${used}`),
  );
}

/**
 * The folders of JavaScript, and the others that each of them may import from. `dev/` is on its own, as a
 * part of what users install. Every test may import what it tests.
 */
const MAY_IMPORT = {
  scripts: ["dev", "npm"],
  dev: [],
  // tests/backstage has the packages of the real Backstage.
  bench: ["dev", "scripts", "tests"],
  tests: ["bench", "dev", "npm", "scripts", "src"],
};

/** The imports that lead to another folder, as `from → to` with the paths of both files. */
export function importsAcross(files) {
  return files.flatMap(({ path, text }) => {
    const [folder] = path.split("/");
    const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])];
    return Array.from(text.matchAll(/\b(?:from|import) ?\(?"(\.[^"]+)"/g), ([, target]) =>
      posix.join(posix.dirname(path), target),
    )
      .filter((target) => !allowed.includes(target.split("/")[0]))
      .map((target) => `${path} → ${target}`);
  });
}

/** Not of this repository, or made from it. */
const NOT_READ = ["dist", "node_modules", "target"];

/** The built Worker, beside which tests put a module that runs around it. */
const BUILT_WORKER = "./worker.mjs";

/** Imports of files that do not exist, which a test that runs rarely would not show. */
async function missing(files) {
  const found = await Promise.all(
    files.flatMap(({ path, text }) =>
      Array.from(header(text).matchAll(/^import [^"]*"(\.[^"]+)";/gm), async ([, target]) => {
        if (target === BUILT_WORKER) return [];
        const exists = await stat(join(ROOT, posix.dirname(path), target)).then(
          Boolean,
          () => false,
        );
        return exists ? [] : [`${path} → ${target}: there is no such file`];
      }),
    ),
  );
  return found.flat();
}

/** The comments and imports at the top: texts further down may be code for something else. */
function header(text) {
  return text.split(/^(?!import\b|\/\/|\/?\s?\*|\s|\}|$)/m)[0];
}

/** The modules in a folder and below it. */
async function scriptsIn(folder) {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_READ.includes(entry.name) ? [] : scriptsIn(path);
    if (!path.endsWith(".mjs")) return [];
    return [{ path, text: await readFile(join(ROOT, path), "utf8") }];
  });
  return (await Promise.all(found)).flat();
}

/** What is wrong with the modules of src/ and with the folders, as sentences. */
export async function check() {
  const paths = await readdir(SRC, { recursive: true });
  const sources = paths.filter((path) => path.endsWith(".rs") && !/^(lib\.rs|bin\b)/.test(path));
  const files = await Promise.all(
    sources.map(async (path) => ({ path, text: await readFile(join(SRC, path), "utf8") })),
  );
  const graph = dependencies(files);
  const problems = throughTheFront(graph).map(
    (it) => `${it}: import it from the module that owns it, so that the direction can be seen`,
  );
  const found = circle(graph);
  if (found) problems.push(`modules depend on each other in a circle: ${found.join(" → ")}`);
  const scripts = (await Promise.all(Object.keys(MAY_IMPORT).map(scriptsIn))).flat();
  for (const it of importsAcross(scripts)) {
    problems.push(`${it}: this folder may not import from that one`);
  }
  return [...problems, ...(await missing(scripts))];
}

await main(import.meta.url, async () => {
  const problems = await check();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
});
