// `npm run size`: which crate how much of the module's code comes from, before wasm-opt and without
// compression. What is uploaded is smaller; what dominates it is the same.

import { readFile } from "node:fs/promises";
import { compile } from "./build.mjs";
import { Failure, main, ROOT } from "./process.mjs";

const SECTION = { custom: 0, import: 2, code: 10, data: 11 };
const FUNCTION_NAMES = 1;

/** Code of a module: `{crates: Map(name → bytes), code, data}`, in bytes. */
export function measure(module) {
  const names = functionNames(module);
  const crates = new Map();
  const bodies = codeSizes(module);
  const imported = importedFunctions(module);
  for (const [index, size] of bodies.entries()) {
    const name = names.get(imported + index) ?? "";
    // They tell wasm-bindgen of types, and are gone when it has read them.
    if (name.includes("describe")) continue;
    const crate = crateOf(name);
    crates.set(crate, (crates.get(crate) ?? 0) + size);
  }
  const code = [...crates.values()].reduce((sum, size) => sum + size, 0);
  return { crates, code, data: sections(module).get(SECTION.data)?.length ?? 0 };
}

/**
 * The crate that a symbol is of: the first path component of either mangling (`_ZN4core3fmt…`,
 * `_RNv…Cs…_4core…`); of an implementation for a type of another crate, the crate of the type.
 */
export function crateOf(name) {
  const legacy = name.match(/^_ZN(\d+)(.*)$/);
  if (legacy) {
    const first = legacy[2].slice(0, Number(legacy[1]));
    const inner = first.startsWith("_$LT$") ? first.match(/([a-z][a-z0-9_]*)\.\./)?.[1] : first;
    return inner ?? "other";
  }
  const v0 = name.match(/C[a-zA-Z0-9]*_(\d+)(.*)$/);
  return v0 ? v0[2].slice(0, Number(v0[1])) : "other";
}

function reader(bytes) {
  let at = 0;
  const number = () => {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at];
      at += 1;
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
  };
  const take = (length) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = () => new TextDecoder().decode(take(number()));
  return { number, take, text, byte: () => take(1)[0], isOver: () => at >= bytes.length };
}

/** Sections by id; the custom ones under their names. */
function sections(module) {
  const found = new Map();
  const input = reader(module.subarray(8));
  while (!input.isOver()) {
    const id = input.byte();
    const content = input.take(input.number());
    if (id !== SECTION.custom) found.set(id, content);
    else found.set(reader(content).text(), content);
  }
  return found;
}

function codeSizes(module) {
  const input = reader(sections(module).get(SECTION.code));
  return Array.from({ length: input.number() }, () => input.take(input.number()).length);
}

function importedFunctions(module) {
  return WebAssembly.Module.imports(new WebAssembly.Module(module)).filter(
    ({ kind }) => kind === "function",
  ).length;
}

function functionNames(module) {
  const section = sections(module).get("name");
  if (!section) throw new Failure("the module has no names");
  const input = reader(section);
  input.text();
  const names = new Map();
  while (!input.isOver()) {
    const kind = input.byte();
    const content = reader(input.take(input.number()));
    if (kind !== FUNCTION_NAMES) continue;
    for (let left = content.number(); left > 0; left -= 1) {
      const index = content.number();
      names.set(index, content.text());
    }
  }
  return names;
}

await main(import.meta.url, async () => {
  const module = await readFile(await compile(ROOT));
  const { crates, code, data } = measure(module);
  const row = (name, bytes) => `${name.padEnd(24)} ${(bytes / 1024).toFixed(1).padStart(7)} KiB`;
  const sorted = [...crates].sort(([, left], [, right]) => right - left);
  for (const [name, bytes] of sorted.slice(0, 20)) console.log(row(name, bytes));
  const rest = sorted.slice(20).reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(row(`${sorted.slice(20).length} others`, rest));
  console.log(row("all code", code));
  console.log(row("data", data));
});
