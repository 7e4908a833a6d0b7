// Who can log in: the users of a file, or of the catalog.

import { readFile } from "node:fs/promises";
import { UsageError } from "./usage-error.mjs";

/** The users of a JSON file: a list of `{email, name?, groups?, country?, custom?}`. */
export async function readUsers(file) {
  const wrong = (why) => new UsageError(`--users ${file}: ${why}`);
  let users;
  try {
    users = JSON.parse((await readFile(file, "utf8")).replace(/^\uFEFF/, ""));
  } catch (error) {
    throw wrong(error.message);
  }
  if (!Array.isArray(users) || users.length === 0) {
    throw wrong('it must be a list such as [{"email": "jane@acme.com", "groups": ["Platform"]}]');
  }
  for (const [at, { email, groups = [] }] of users.map((user) => user ?? {}).entries()) {
    if (typeof email !== "string" || !email.includes("@")) {
      throw wrong(`user ${at + 1} has no email`);
    }
    if (!Array.isArray(groups)) throw wrong(`groups of ${email} must be a list`);
  }
  return users.map((user) => ({ name: user.email, note: "", groups: [], ...user }));
}

/** A user for each email of the catalog records. */
export function usersOf(records) {
  const users = records
    .filter(({ key }) => key.startsWith("v1:email:"))
    .map(({ value }) => JSON.parse(value).user)
    .filter(Boolean)
    .map(({ ref, email, displayName = ref }) => ({
      email,
      name: displayName,
      note: ref,
      groups: [],
    }));
  if (users.length === 0) throw new UsageError("--catalog: no user has an email to log in with");
  return users;
}
