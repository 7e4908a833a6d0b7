// Backstage's verdict on catalog files, by its own packages: which users and groups come of a file, and
// whether it refuses one. No backend runs: the steps are those of its processing (`parseEntityYaml`, the
// default policies of `CatalogBuilder`, `BuiltinKindsEntityProcessor`).

import { createRequire } from "node:module";
import { join } from "node:path";

const FOLDER = process.env.BACKSTAGE_FOLDER ?? import.meta.dirname;
const require = createRequire(join(FOLDER, "package.json"));
const model = require("@backstage/catalog-model");
const { parseEntityYaml } = require("@backstage/plugin-catalog-node");
const backend = join(FOLDER, "node_modules/@backstage/plugin-catalog-backend/dist/processors");
const { BuiltinKindsEntityProcessor } = require(
  join(backend, "BuiltinKindsEntityProcessor.cjs.js"),
);
const yaml = require("yaml");

const LOCATION = { type: "url", target: "https://example.com/catalog-info.yaml" };
const OURS = ["User", "Group"];
const policy = model.EntityPolicies.allOf([
  new model.SchemaValidEntityPolicy(),
  new model.DefaultNamespaceEntityPolicy(),
  new model.NoForeignRootFieldsEntityPolicy(),
  new model.FieldFormatEntityPolicy(),
]);
const processor = new BuiltinKindsEntityProcessor();
const validateEnvelope = model.entityEnvelopeSchemaValidator();
const validateEntity = model.entitySchemaValidator();

/** `{ refused }`, or `{ users: { ref: [ownership] }, groups }`. */
export async function verdict(text) {
  const users = new Map();
  const groups = new Set();
  const memberOf = [];
  let results;
  try {
    results = [...parseEntityYaml(text, LOCATION)];
  } catch (error) {
    return { refused: String(error) };
  }
  const errors = results.filter((it) => it.type === "error");
  if (errors.length > 0 && !isOnlyInOthers(text)) return { refused: String(errors[0].error) };
  for (const { type, entity } of results) {
    if (type === "error" || isForeign(entity)) continue;
    const emit = ({ relation }) => relation.type === "memberOf" && memberOf.push(relation);
    let read;
    try {
      read = await accepted(structuredClone(entity), emit);
    } catch (error) {
      if (entity.kind === "Location") continue;
      return { refused: String(error) };
    }
    if (entity.kind === "Location") continue;
    const ref = model.stringifyEntityRef(read);
    if (users.has(ref) || groups.has(ref)) return { refused: `conflict: ${ref}` };
    if (entity.kind === "User") users.set(ref, new Set());
    else groups.add(ref);
  }
  for (const { source, target } of memberOf) {
    const group = model.stringifyEntityRef(target);
    if (target.kind.toLowerCase() === "group")
      users.get(model.stringifyEntityRef(source))?.add(group);
  }
  const sorted = [...users].map(([ref, of]) => [ref, [...of].sort()]);
  return { users: Object.fromEntries(sorted.sort()), groups: groups.size };
}

async function accepted(entity, emit) {
  validateEnvelope(entity);
  const pre = await processor.preProcessEntity(entity);
  const policed = await policy.enforce(pre);
  validateEntity(policed);
  if (!(await processor.validateEntityKind(policed))) throw new Error("no processor knows it");
  return processor.postProcessEntity(policed, LOCATION, emit);
}

/** Entities of other kinds and systems, which Backstage refuses one by one, are not our business. */
function isForeign(entity) {
  if (typeof entity?.kind !== "string") return false;
  const known = [...OURS, "Location"].some((it) => it.toLowerCase() === entity.kind.toLowerCase());
  const version = entity.apiVersion;
  const isOther =
    typeof version === "string" && version.trim().split("/")[0].toLowerCase() !== "backstage.io";
  return !known || isOther;
}

/** Whether every document with an error can be read and is foreign. */
function isOnlyInOthers(text) {
  return yaml.parseAllDocuments(text).every((document) => {
    try {
      const json = document.toJSON();
      if (document.errors.length === 0) return json === null || isObject(json);
      return document.errors.every(({ code }) => code === "DUPLICATE_KEY") && isForeign(json);
    } catch {
      return false;
    }
  });
}

const isObject = (json) => typeof json === "object" && !Array.isArray(json);
