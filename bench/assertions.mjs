// Assertions: as many as are asked for, all different and all genuine, in a file with one a line.
// The file is kept for the next run as long as the assertions are good.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from "node:crypto";
import { appendFile, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { issuerOf, userClaims } from "../dev/access/assertion.mjs";
import { emailOf } from "./people.mjs";

export const TEAM = "bench";
export const AUDIENCE = "be".repeat(32);
/**
 * How many people there are, if nothing else is said: so many that whoever comes round again has been
 * forgotten by an isolate that remembers people for a minute.
 */
export const PEOPLE = 20_000;

const LIFE_SECONDS = 24 * 3600;
/** A kept file must last for the longest run. */
const SPARE_SECONDS = 4 * 3600;
/** As many as the thread pool of Node.js signs at once, and then some. */
const BATCH = 64;
/** A file is read and written in pieces of so many lines. */
const PIECE = 5_000;

const signAsync = promisify(sign);
const base64url = (data) => Buffer.from(data).toString("base64url");

/**
 * A pool of assertions of so many people: line i of its file is one of person i modulo `people`. With
 * `addresses`, each has an address of its own, `name+i@`, which no request has looked up before.
 *
 * - `slice(from, count)`: `{file, offset, count}` of some lines, made if there are not so many yet
 * - `line(index)`: one of them
 * - `forged(count)`: a slice of assertions signed with a key that the team does not have
 * - `jwks(size)`: the team's key set, with the key that signs as the last of `size`
 */
export async function openPool(dir, { people = PEOPLE, addresses = false } = {}) {
  await mkdir(dir, { recursive: true });
  const state = await keptState(dir, { people, addresses });
  const file = join(dir, "assertions.txt");
  /** Where each line begins, and where the last one ends. */
  const offsets = [0];
  const note = (text) => {
    for (const line of text.split("\n")) {
      if (line !== "") offsets.push(offsets.at(-1) + line.length + 1);
    }
  };
  note(await readFile(file, "utf8").catch(() => ""));

  const extend = async (count) => {
    while (offsets.length - 1 < count) {
      const from = offsets.length - 1;
      const text = await mintLines(state.key, state, from, Math.min(PIECE, count - from));
      await appendFile(file, text);
      note(text);
    }
  };
  const slice = async (from, count) => {
    await extend(from + count);
    return { file, offset: offsets[from], count };
  };
  return {
    slice,
    async line(index) {
      const { offset } = await slice(index, 1);
      const handle = await open(file);
      const length = offsets[index + 1] - 1 - offset;
      const { buffer } = await handle.read({ buffer: Buffer.alloc(length), position: offset });
      await handle.close();
      return buffer.toString();
    },
    async forged(count) {
      const path = join(dir, "forged.txt");
      const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      await writeFile(path, await mintLines(privateKey, state, 0, count));
      return { file: path, offset: 0, count };
    },
    jwks: (size = 2) => ({ keys: [...otherKeys(size - 1), state.jwk] }),
  };
}

/** The key and the time of a kept pool, or a new one. */
async function keptState(dir, { people, addresses }) {
  const file = join(dir, "state.json");
  const now = Math.floor(Date.now() / 1000);
  const kept = await readFile(file, "utf8").then(JSON.parse, () => undefined);
  const isFresh = kept?.issuedAt + LIFE_SECONDS > now + SPARE_SECONDS;
  if (isFresh && kept.people === people && kept.addresses === addresses) {
    return { ...kept, key: createPrivateKey({ key: kept.privateJwk, format: "jwk" }) };
  }
  await rm(join(dir, "assertions.txt"), { force: true });
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const state = {
    people,
    addresses,
    issuedAt: now,
    jwk: publicJwk(privateKey),
    privateJwk: privateKey.export({ format: "jwk" }),
  };
  await writeFile(file, JSON.stringify(state));
  return { ...state, key: privateKey };
}

function publicJwk(privateKey) {
  const { kty, n, e } = createPublicKey(privateKey).export({ format: "jwk" });
  const kid = createHash("sha256").update(n).digest("hex");
  return { kid, kty, alg: "RS256", use: "sig", e, n };
}

function otherKeys(count) {
  return Array.from({ length: count }, () =>
    publicJwk(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
  );
}

async function mintLines(key, { issuedAt, jwk, people, addresses }, from, count) {
  const header = base64url(JSON.stringify({ alg: "RS256", kid: jwk.kid, typ: "JWT" }));
  const terms = {
    audience: AUDIENCE,
    issuer: issuerOf(TEAM),
    issuedAt,
    expiresAt: issuedAt + LIFE_SECONDS,
  };
  const mint = async (index) => {
    const plain = emailOf(index % people);
    const email = addresses ? plain.replace("@", `+${index}@`) : plain;
    const claims = userClaims({ email }, terms);
    const input = `${header}.${base64url(JSON.stringify(claims))}`;
    return `${input}.${base64url(await signAsync("sha256", Buffer.from(input), key))}\n`;
  };
  let lines = "";
  for (let at = 0; at < count; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, i) =>
      mint(from + at + i),
    );
    lines += (await Promise.all(batch)).join("");
  }
  return lines;
}
