// The people of the bench, as Backstage entities, and as KV has them.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { output } from "./children.mjs";

const LIMIT_MS = 300_000;

export const emailOf = (index) => `person${index}@example.com`;
export const refOf = (index) => `user:default/person${index}`;

/** Users and their groups, as /api/catalog/entities answers them. */
export function entities({ users, groups = 3 }) {
  const metadata = (name) => ({ name, namespace: "default" });
  const group = (name) => ({
    apiVersion: "backstage.io/v1alpha1",
    kind: "Group",
    metadata: metadata(name),
    spec: { type: "team", children: [] },
  });
  const person = (index) => ({
    apiVersion: "backstage.io/v1alpha1",
    kind: "User",
    metadata: metadata(`person${index}`),
    spec: {
      profile: { displayName: `Person ${index}`, email: emailOf(index) },
      memberOf: teams(index),
    },
    relations: teams(index).map((name) => ({
      type: "memberOf",
      targetRef: `group:default/${name}`,
    })),
  });
  const total = Math.max(groups, Math.ceil(users / 20));
  const teams = (index) =>
    Array.from({ length: groups }, (_, at) => `team-${(index + at * 7) % total}`);
  return [
    ...Array.from({ length: total }, (_, at) => group(`team-${at}`)),
    ...Array.from({ length: users }, (_, index) => person(index)),
  ];
}

/**
 * Has `cfaccess catalog build` make the records. Returns the path of its file.
 *
 * - `cfaccess`: the program
 * - `dir`: where to put files
 */
export async function buildCatalog({ cfaccess, dir, name, ...size }) {
  const input = join(dir, `${name}.entities.json`);
  const file = join(dir, `${name}.kv.json`);
  await writeFile(input, JSON.stringify(entities(size)));
  await output(cfaccess, ["catalog", "build", input, "--out", file], { limitMs: LIMIT_MS });
  return file;
}

/** The records of a file of `wrangler kv bulk put`. */
export async function records(file) {
  return JSON.parse(await readFile(file, "utf8")).map(({ key, value }) => [key, value]);
}
