// What the tests of `cfaccess doctor` call right and wrong, as wrangler and workerd see it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "smol-toml";
import workerd from "workerd";
import { unstable_readConfig as readConfig } from "wrangler";

const DOCTOR = new URL("../cli/doctor/", import.meta.url).pathname;
const FLAGS = new URL("../../src/cli/doctor/flags.rs", import.meta.url);

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "doctor-"));
});
after(() => rm(folder, { recursive: true }));

test("wrangler takes the right configurations, in every environment", async () => {
  const names = await readdir(join(DOCTOR, "right"));
  assert.ok(names.length >= 17);
  for (const name of names) {
    const config = join(DOCTOR, "right", name);
    const { definedEnvironments } = readConfig({ config }, { hideWarnings: true });
    for (const env of definedEnvironments) readConfig({ config, env }, { hideWarnings: true });
  }
});

test("wrangler refuses the seeds that are said to be refused, and no other", async () => {
  const seeds = (await readFile(join(DOCTOR, "mistakes", "seeds.ndjson"), "utf8"))
    .trim()
    .split("\n");
  const toml = (await readFile(join(DOCTOR, "mod.rs"), "utf8")).match(
    /GOOD: &str = r#"(.*?)"#;/s,
  )[1];
  const config = join(folder, "wrangler.json");
  for (const seed of seeds.map((line) => JSON.parse(line))) {
    // Those are changes of a configuration with environments, which the test in Rust makes.
    if (seed.base) continue;
    const good = parse(toml);
    for (const [pointer, value] of Object.entries(seed.change)) change(good, pointer, value);
    await writeFile(config, JSON.stringify(good));
    const read = () => readConfig({ config }, { hideWarnings: true });
    if (seed.wrangler === "refuses") assert.throws(read, undefined, seed.name);
    else assert.doesNotThrow(read, seed.name);
  }
});

test("workerd knows the compatibility flags of doctor", async () => {
  const source = await readFile(FLAGS, "utf8");
  const [flags, experimental] = source.split("EXPERIMENTAL");
  const pairs = [...flags.matchAll(/\("(\w+)", "(\w*)"\)/g)].map(([, on, off]) => [on, off]);
  assert.ok(pairs.length > 100);
  const enabled = await complaints(pairs.map(([on]) => on));
  assert.deepEqual(
    enabled.filter((line) => /No such|experimental|contradictory/.test(line)),
    [],
  );
  const both = pairs.filter(([, off]) => off);
  const contradictory = (await complaints(both.flat())).filter((line) =>
    line.includes("contradictory"),
  );
  assert.equal(contradictory.length, both.length);
  const names = [...experimental.split("];")[0].matchAll(/"(\w+)"/g)].map(([, name]) => name);
  const refused = (await complaints(names)).filter((line) => line.includes("is experimental"));
  assert.equal(refused.length, names.length);
});

/** Puts a value at a JSON pointer, or removes what is there by `null`; missing objects are made. */
function change(config, pointer, value) {
  const keys = pointer.slice(1).split("/");
  const last = keys.pop();
  let object = config;
  for (const key of keys) {
    object[key] ??= {};
    object = object[key];
  }
  if (value === null) delete object[last];
  else object[last] = value;
}

/** What workerd says of a Worker with these flags and a date on which none is the default. */
async function complaints(flags) {
  const list = flags.map((flag) => JSON.stringify(flag)).join(", ");
  const file = join(folder, "flags.capnp");
  await writeFile(
    file,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)]);
const worker :Workerd.Worker = (
  modules = [(name = "main", esModule = "export default {}")],
  compatibilityDate = "2020-01-01",
  compatibilityFlags = [${list}],
);
`,
  );
  // It ends by itself, because it listens nowhere.
  return new Promise((resolve) => {
    execFile(workerd.default, ["serve", file], { timeout: 60_000 }, (_, _stdout, stderr) =>
      resolve(stderr.split("\n").filter(Boolean)),
    );
  });
}
