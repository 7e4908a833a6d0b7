// Forms of a JWS, algorithms, references to keys, and claims (RFC 7515, 7518, 7519; RFC 8725).

import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { SERVICE, VICTIM } from "../ground.mjs";
import { tokenAttacks, tokenControls } from "../judge.mjs";

const b64 = (text) => Buffer.from(text).toString("base64url");
const rsa = (bits = 2048) => generateKeyPairSync("rsa", { modulusLength: bits });
const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256" });

export async function forms({ access }) {
  const good = await access.mint();
  const other = await access.mint({ user: "bob@example.com" });
  const [header, payload, signature] = good.split(".");
  const parts = (...list) => list.join(".");
  const texts = {
    empty: "",
    dot: ".",
    "two dots": "..",
    "three dots": "...",
    "no signature": parts(header, payload, ""),
    "no signature part": parts(header, payload),
    "no payload": parts(header, "", signature),
    "no header": parts("", payload, signature),
    "a fourth part": parts(header, payload, signature, "x"),
    "five parts, as a JWE": parts(header, "", "x", payload, signature),
    "padding of the signature": `${good}==`,
    "padding of the payload": parts(header, `${payload}=`, signature),
    "the signature of another assertion": parts(header, payload, other.split(".")[2]),
    "the payload of another assertion": parts(header, other.split(".")[1], signature),
    "payload and signature exchanged": parts(header, signature, payload),
    "a space inside": parts(header, `${payload.slice(0, 9)} ${payload.slice(9)}`, signature),
    "a tab inside": parts(header, payload, `${signature.slice(0, 9)}\t${signature.slice(9)}`),
    "a NUL at the end": `${good}\0`,
    "Bearer before": `Bearer ${good}`,
    "two, with a comma": `${good},${good}`,
    "two, with a comma and a space": `${good}, ${other}`,
    "JSON serialization": JSON.stringify({ payload, protected: header, signature }),
    "a wrong last character": good.slice(0, -1) + (good.at(-1) === "A" ? "B" : "A"),
    "lower case": good.toLowerCase(),
    "standard base64": parts(header, payload, `+/${signature.slice(2)}`),
    "percent encoding": good.replaceAll(".", "%2E"),
    "64 KiB of signature": parts(header, payload, "A".repeat(65_536 - 2_000)),
    "a signature of zeros": parts(header, payload, Buffer.alloc(256).toString("base64url")),
    "a signature of ones": parts(header, payload, Buffer.alloc(256, 255).toString("base64url")),
    "half a signature": parts(header, payload, signature.slice(0, 171)),
  };
  const head = JSON.parse(Buffer.from(header, "base64url"));
  const body = Buffer.from(payload, "base64url").toString();
  const said = (name, headerText, payloadText) => {
    texts[name] = access.signText(headerText, payloadText);
  };
  said("kid twice in the header", JSON.stringify(head).replace("{", `{"kid":"x",`), body);
  said("alg twice in the header", JSON.stringify(head).replace("{", `{"alg":"none",`), body);
  said(
    "email twice in the payload",
    JSON.stringify(head),
    body.replace("{", `{"email":"boss@example.com",`),
  );
  said("aud twice in the payload", JSON.stringify(head), body.replace("{", `{"aud":["x"],`));
  said("exp twice in the payload", JSON.stringify(head), body.replace("{", `{"exp":99999999999,`));
  said(
    "an escaped second email",
    JSON.stringify(head),
    body.replace("{", `{"em\\u0061il":"boss@example.com",`),
  );
  said("a payload that is a list", JSON.stringify(head), `[${body}]`);
  said("a payload that is a string", JSON.stringify(head), JSON.stringify(body));
  said("a payload that is null", JSON.stringify(head), "null");
  said("text after the payload", JSON.stringify(head), `${body}{}`);
  said("a header that is a list", `[${JSON.stringify(head)}]`, body);
  said("an empty header", "{}", body);
  said(
    "a payload that is no UTF-8",
    JSON.stringify(head),
    Buffer.from([0x7b, 0xff, 0x7d]).toString("latin1"),
  );
  said("a payload of 10,000 brackets", JSON.stringify(head), "[".repeat(10_000));
  const attacks = Object.entries(texts).flatMap(([name, token]) => tokenAttacks(name, token));
  // A bit of each part, all over.
  for (const [at, part] of [header, payload, signature].entries()) {
    const bytes = Buffer.from(part, "base64url");
    const step = Math.ceil(bytes.length / 40);
    for (let position = 0; position < bytes.length; position += step) {
      const flipped = Buffer.from(bytes);
      flipped[position] ^= 1 << (position % 8);
      const list = [header, payload, signature];
      list[at] = flipped.toString("base64url");
      const name = `bit ${position * 8 + (position % 8)} of part ${at + 1}`;
      attacks.push(...tokenAttacks(name, list.join(".")).slice(0, 4));
    }
  }
  return { attacks, controls: tokenControls(good) };
}

export async function algorithms({ access }) {
  const { current } = access.keys;
  const claims = JSON.parse(Buffer.from((await access.mint()).split(".")[1], "base64url"));
  const input = (header) =>
    `${b64(JSON.stringify({ kid: current.kid, typ: "JWT", ...header }))}.${b64(JSON.stringify(claims))}`;
  const texts = {};
  for (const alg of [
    "none",
    "None",
    "NONE",
    "nOnE",
    "",
    null,
    "rs256",
    "RS256 ",
    ["RS256"],
    256,
    { a: 1 },
    "RS1",
    "HS256",
    "dir",
    "ES256K",
  ]) {
    texts[`alg ${JSON.stringify(alg)} without a signature`] = `${input({ alg })}.`;
  }
  const pems = {
    "SPKI PEM": current.publicKey.export({ type: "spki", format: "pem" }),
    "PKCS1 PEM": current.publicKey.export({ type: "pkcs1", format: "pem" }),
    "SPKI DER": current.publicKey.export({ type: "spki", format: "der" }),
    "PKCS1 DER": current.publicKey.export({ type: "pkcs1", format: "der" }),
    JWK: JSON.stringify(current.jwk),
    modulus: Buffer.from(current.jwk.n, "base64url"),
    "modulus as text": current.jwk.n,
    kid: current.kid,
    nothing: "",
  };
  for (const [hash, alg] of [
    ["sha256", "HS256"],
    ["sha384", "HS384"],
    ["sha512", "HS512"],
  ]) {
    for (const [name, secret] of Object.entries(pems)) {
      const signed = input({ alg });
      texts[`${alg} with the ${name} of the key`] =
        `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
    }
  }
  // By the right key, but with another algorithm.
  for (const [alg, options] of [
    ["RS384", ["sha384", {}]],
    ["RS512", ["sha512", {}]],
    ["PS256", ["sha256", { padding: 6, saltLength: 32 }]],
    ["RS1", ["sha1", {}]],
  ]) {
    const [hash, more] = options;
    const signed = input({ alg });
    const signature = sign(hash, Buffer.from(signed), { key: current.privateKey, ...more });
    texts[`${alg} by the team's own key`] = `${signed}.${signature.toString("base64url")}`;
    const labelled = input({ alg: "RS256" });
    const wrong = sign(hash, Buffer.from(labelled), { key: current.privateKey, ...more });
    texts[`${alg} by the team's own key, said to be RS256`] =
      `${labelled}.${wrong.toString("base64url")}`;
  }
  const curve = ec();
  for (const alg of ["ES256", "RS256"]) {
    const signed = input({ alg });
    const signature = sign("sha256", Buffer.from(signed), {
      key: curve.privateKey,
      dsaEncoding: "ieee-p1363",
    });
    texts[`ES256 by a key of the caller's, said to be ${alg}`] =
      `${signed}.${signature.toString("base64url")}`;
  }
  const ed = generateKeyPairSync("ed25519");
  const signed = input({ alg: "EdDSA" });
  texts["EdDSA by a key of the caller's"] =
    `${signed}.${sign(null, Buffer.from(signed), ed.privateKey).toString("base64url")}`;
  return {
    attacks: Object.entries(texts).flatMap(([name, token]) => tokenAttacks(name, token)),
    controls: tokenControls(await access.mint()),
  };
}

export async function keyReferences({ access }) {
  const forger = rsa();
  const jwk = {
    ...forger.publicKey.export({ format: "jwk" }),
    kid: "evil",
    alg: "RS256",
    use: "sig",
  };
  const evil = "https://evil.example.com/certs";
  const texts = {};
  const forged = async (name, header) => {
    texts[name] = await access.mint({ key: forger.privateKey, header });
  };
  await forged("another key under the team's kid", {});
  await forged("jwk in the header", { jwk, kid: "evil" });
  await forged("jwk in the header, the team's kid", { jwk });
  for (const name of ["jku", "x5u"]) {
    await forged(`${name} of the caller's`, { [name]: evil });
    await forged(`${name} of the caller's, another kid`, { [name]: evil, kid: "evil" });
    await forged(`${name} inside this network`, { [name]: "http://127.0.0.1:1/certs" });
  }
  await forged("x5c of the caller's", {
    x5c: [forger.publicKey.export({ type: "spki", format: "der" }).toString("base64")],
  });
  for (const kid of [
    "",
    "../../dev/null",
    "x' OR '1'='1",
    "0",
    "a".repeat(5_000),
    "\u0000",
    "ключ",
    " ",
    "undefined",
    "__proto__",
  ]) {
    await forged(`kid ${JSON.stringify(kid.slice(0, 24))}`, { kid });
  }
  for (const kid of [null, 1, ["a"], { a: 1 }, undefined, true]) {
    const head = JSON.stringify({ alg: "RS256", kid, typ: "JWT" });
    const body = Buffer.from((await access.mint()).split(".")[1], "base64url").toString();
    texts[`kid ${JSON.stringify(kid)} by the team's key`] = access.signText(head, body);
  }
  // Extensions that must be understood, by the team's own key.
  for (const crit of [["exp"], ["b64"], ["x"], [], ["alg"], "b64", null, ["b64", "b64"]]) {
    const head = JSON.stringify({
      alg: "RS256",
      kid: access.keys.current.kid,
      crit,
      b64: false,
      x: 1,
    });
    const body = Buffer.from((await access.mint()).split(".")[1], "base64url").toString();
    texts[`crit ${JSON.stringify(crit)}`] = access.signText(head, body);
  }
  // A key that the team has withdrawn.
  const old = await access.mint({ key: "previous" });
  return {
    attacks: Object.entries(texts).flatMap(([name, token]) => tokenAttacks(name, token)),
    controls: [...tokenControls(await access.mint()), ...tokenControls(old)],
  };
}

export async function claims({ access }) {
  const now = Math.floor(Date.now() / 1000);
  const { issuer, audience } = access;
  const wrong = {
    aud: [
      undefined,
      null,
      "",
      [],
      [""],
      "x",
      ["x"],
      audience.toUpperCase(),
      `${audience}x`,
      audience.slice(0, -1),
      ` ${audience}`,
      [[audience]],
      { 0: audience },
      1,
      [audience.slice(0, 32)],
      `${audience},x`,
    ],
    iss: [
      undefined,
      null,
      "",
      `${issuer}/`,
      issuer.replace("https", "http"),
      issuer.toUpperCase(),
      `${issuer}.evil.com`,
      issuer.replace("://", "://evil."),
      [issuer],
      issuer.replace("cloudflareaccess", "cloudflareaccesss"),
      `${issuer}#`,
      `${issuer}?`,
      "https://evil.com",
      `${issuer}@evil.com`,
      1,
    ],
    exp: [
      undefined,
      null,
      now - 1,
      now - 3600,
      0,
      -1,
      `${now + 3600}`,
      [now + 3600],
      true,
      1e300,
      -1e300,
      {},
      "never",
    ],
    nbf: [now + 3600, `${now}`, [now], 1e300, {}, true],
    iat: [now + 3600, `${now}`, [now], 1e300, {}, true],
    type: [undefined, null, "", "org", "App", ["app"], 1],
    email: [undefined, null, "", 1, [VICTIM], { a: VICTIM }, true],
    sub: [undefined, null, "", 1, ["x"]],
    common_name: [SERVICE, "x"],
  };
  const attacks = [];
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const token = await access.mint({ claims: { [name]: value } });
      attacks.push(...tokenAttacks(`${name} ${JSON.stringify(value)?.slice(0, 40)}`, token));
    }
  }
  for (const name of [
    "",
    "x",
    SERVICE.toUpperCase(),
    `${SERVICE} `,
    `${SERVICE}\0`,
    SERVICE.slice(1),
  ]) {
    const token = await access.mint({ serviceToken: name });
    attacks.push(
      ...tokenAttacks(`service token ${JSON.stringify(name)}`, token).filter((it) =>
        it.name.includes("refresh"),
      ),
    );
  }
  return {
    attacks,
    controls: [
      ...tokenControls(await access.mint()),
      ...tokenControls(await access.mint({ serviceToken: SERVICE })),
    ],
  };
}
