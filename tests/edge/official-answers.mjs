// What the official provider answered, and the same users for a Worker to be compared with it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const recordings = JSON.parse(
  await readFile(new URL("recorded/refresh.json", import.meta.url), "utf8"),
);
export const recorded = (name) => recordings.find((recording) => recording.name === name);
export const recordedUser = JSON.parse(
  recorded("valid token (jane, first call, identity fetched)").body,
);
export const recordedBot = JSON.parse(recorded("service token, permitted").body);

/** Jane as she was when the official provider answered her. */
export const { claims: JANE, cfIdentity: JANES_IDENTITY } = recordedUser.providerInfo;
export const BOB_GROUPS = ["Engineering", "Everyone"];

/** Options of the emulator with which its users are those of the recordings. */
export const ACCESS = {
  team: "testteam",
  audience: JANE.aud[0],
  sessionSeconds: 3600,
  users: [
    {
      email: JANE.email,
      sub: JANE.sub,
      name: JANES_IDENTITY.name,
      groups: JANES_IDENTITY.groups,
      identity: { idp: JANES_IDENTITY.idp, account_id: JANES_IDENTITY.account_id },
    },
    { email: "bob@example.com", name: "Bob", groups: BOB_GROUPS },
  ],
};

export async function refreshed(gate, token, init) {
  const answer = await gate.refresh(token, init);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** The text of an answer with everything that is of one moment or one key replaced. */
export function timeless(answer) {
  const copy = structuredClone(answer);
  const { claims, cfIdentity } = copy.providerInfo;
  for (const name of ["exp", "iat", "nbf"]) if (name in claims) claims[name] = 0;
  if ("iat" in cfIdentity) cfIdentity.iat = 0;
  copy.backstageIdentity.token = "token";
  assert.ok([3599, 3600].includes(copy.backstageIdentity.expiresInSeconds));
  copy.backstageIdentity.expiresInSeconds = 3600;
  return JSON.stringify(copy, null, 1);
}
