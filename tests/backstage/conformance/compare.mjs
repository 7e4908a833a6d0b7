// Two answers of the refresh route, field by field.

import { isDeepStrictEqual } from "node:util";
import { compactVerify, decodeJwt, decodeProtectedHeader } from "jose";

/** Seconds that may pass between the two answers, on a machine that does much else. */
const CLOCK_SLACK = 30;

/** The differing fields: `{field, official, worker}`; a field that one lacks is undefined there. */
export async function differences(official, worker, context) {
  const [left, right] = await Promise.all([fieldsOf(official, context), fieldsOf(worker, context)]);
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return (
    names
      .filter((field) => !same(field, left[field], right[field]))
      // Of two answers of different kinds, the rest of the fields is another difference of the kind.
      .filter((field) => left.status === right.status || field === "status")
      .map((field) => ({ field, official: left[field], worker: right[field] }))
  );
}

function same(field, left, right) {
  if (/(^|\.)(iat|exp|expiresInSeconds)$/.test(field) && field.startsWith("backstageIdentity")) {
    return Math.abs(left - right) <= CLOCK_SLACK;
  }
  return isDeepStrictEqual(left, right);
}

async function fieldsOf({ status, headers, text, json }, context) {
  const fields = {
    status,
    "content-type": headers.get("content-type"),
    "cache-control": headers.get("cache-control") ?? undefined,
    "access-control-allow-origin": headers.get("access-control-allow-origin") ?? undefined,
    body: json === undefined ? text : "JSON",
  };
  if (json?.error) {
    flatten("error", json.error, fields);
    flatten("request", json.request, fields);
    flatten("response", json.response, fields);
    fields.members = Object.keys(json);
  } else if (json) {
    const { backstageIdentity, providerInfo, profile, ...rest } = json;
    fields.members = Object.keys(json);
    flatten("rest", rest, fields);
    flatten("profile", profile, fields);
    const { claims, cfIdentity, ...info } = providerInfo ?? {};
    Object.assign(fields, {
      "providerInfo.claims": claims,
      "providerInfo.cfIdentity": cfIdentity,
    });
    flatten("providerInfo", info, fields);
    const { token, ...identity } = backstageIdentity ?? {};
    flatten("backstageIdentity", identity, fields);
    await addToken(token, identity, fields, context);
  }
  return fields;
}

/** What the Backstage token says, and whether its two signatures are good. */
async function addToken(token, identity, fields, { key }) {
  const name = "backstageIdentity.token";
  const { uip, ent, ...claims } = decodeJwt(token);
  flatten(`${name}.header`, decodeProtectedHeader(token), fields);
  flatten(`${name}`, claims, fields);
  fields[`${name}.ent`] = ent;
  fields[`${name}.ent, if there, is ownershipEntityRefs`] =
    ent === undefined || isDeepStrictEqual(ent, identity.identity.ownershipEntityRefs);
  fields[`${name}.members`] = Object.keys(decodeJwt(token)).filter((member) => member !== "ent");
  fields[`${name}.life`] = claims.exp - claims.iat;
  fields[`${name} is well signed`] = await isGood(token, key);
  const { kid, alg } = decodeProtectedHeader(token);
  const limited = [
    { typ: "vnd.backstage.limited-user", alg, kid },
    { sub: claims.sub, iat: claims.iat, exp: claims.exp },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  fields[`${name}.uip is a good proof`] = await isGood([...limited, uip].join("."), key);
}

const isGood = (token, key) =>
  compactVerify(token, key).then(
    () => true,
    () => false,
  );

function flatten(prefix, value, fields) {
  for (const [name, member] of Object.entries(value ?? {})) {
    if (member !== null && typeof member === "object" && !Array.isArray(member)) {
      flatten(`${prefix}.${name}`, member, fields);
    } else {
      fields[`${prefix}.${name}`] = member;
    }
  }
}
