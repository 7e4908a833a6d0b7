// RustCrypto beside WebCrypto, inside a Worker: what the choice between them stands on.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "../../scripts/build.mjs";
import { ROOT } from "../../scripts/process.mjs";
import { compatibilityDate } from "../contenders.mjs";
import { ask, load } from "../load/index.mjs";
import { ratio, summary, turned } from "../statistics.mjs";
import { startWorkerd, writeConfig } from "../workerd.mjs";

const CRATE = join(ROOT, "bench", "crypto");
/** As in the crate. */
const COUNT = 10;
const NOTHING = "/nothing";
const OPERATIONS = {
  "RS256 verify, 2048 bit": ["/verify/web", "/verify/rust"],
  "ES256 sign": ["/sign/web", "/sign/rust"],
};
const FULL = { rounds: 9, seconds: 2 };
const QUICK = { rounds: 3, seconds: 1 };

export async function measureCrypto({ ground, quick, generator, say }) {
  const settings = quick ? QUICK : FULL;
  say("crypto: building the Worker");
  await build(CRATE);
  const material = await materialOf(ground);
  const server = await start(ground.dir, material);
  try {
    await checkSignatures(server, material);
    const paths = [NOTHING, ...Object.values(OPERATIONS).flat()];
    const cpu = Object.fromEntries(paths.map((path) => [path, []]));
    for (let round = -1; round < settings.rounds; round += 1) {
      say(`crypto: round ${round + 1} of ${settings.rounds}`);
      for (const path of turned(paths, round + 1)) {
        const run = await load(generator, {
          server,
          path,
          status: 200,
          seconds: settings.seconds,
        });
        if (round >= 0) cpu[path].push(run.cpu);
      }
    }
    return {
      settings,
      rows: Object.entries(OPERATIONS).map(([title, pair]) => row(title, pair, cpu)),
    };
  } finally {
    await server.close();
  }
}

/** What one operation takes: a request's cost less that of a request that does nothing. */
function row(title, [web, rust], cpu) {
  const each = (path) => cpu[path].map((micros, at) => (micros - cpu[NOTHING][at]) / COUNT);
  return {
    title,
    web: summary(each(web)),
    rust: summary(each(rust)),
    times: ratio(each(rust), each(web)),
  };
}

/** An assertion and the key that it is signed with; a key to sign with. */
async function materialOf({ pool, signingKeys }) {
  const [header, payload, signature] = (await pool.line(0)).split(".");
  const { n, e } = pool.jwks().keys.at(-1);
  const { d, x, y } = JSON.parse(signingKeys).keys[0];
  return { n, e, message: `${header}.${payload}`, signature, d, x, y };
}

async function start(dir, material) {
  const names = ["worker.mjs", "worker.wasm"];
  const modules = await Promise.all(
    names.map(async (name) => [name, await readFile(join(CRATE, "build", name))]),
  );
  const options = { modules, bindings: { MATERIAL: material } };
  return startWorkerd(
    await writeConfig(join(dir, "crypto"), {
      ...options,
      compatibilityDate: await compatibilityDate(),
    }),
  );
}

/** Both sign what a third one verifies. */
async function checkSignatures({ url }, { x, y, message }) {
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
  for (const path of OPERATIONS["ES256 sign"]) {
    const { status, body } = await ask(url, path);
    const signature = Buffer.from(body, "base64url");
    const signed = { key, dsaEncoding: "ieee-p1363" };
    assert.ok(status === 200 && verify("sha256", Buffer.from(message), signed, signature), path);
  }
}
