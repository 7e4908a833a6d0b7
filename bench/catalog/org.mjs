// An organisation of any size, always the same one: its users and groups as catalog files have them,
// and what it looks like after a while.

import { emailOf } from "../people.mjs";

/**
 * How many groups the users of a hundred have: most a few, some tens, one four hundred. Every
 * hundred is alike, so that the sizes differ in nothing but the number of users.
 */
const GROUPS_OF_A_HUNDRED = [
  ...Array.from({ length: 50 }, (_, at) => 3 + (at % 7)),
  ...Array.from({ length: 30 }, (_, at) => 10 + (at % 16)),
  ...Array.from({ length: 14 }, (_, at) => 26 + 4 * at),
  ...Array.from({ length: 5 }, (_, at) => 90 + 25 * at),
  400,
];

/** The groups are a tree: a division has departments, a department teams. */
const BRANCHES = 8;
const AREAS = ["payments", "platform", "data", "mobile", "risk", "search", "sales", "identity"];

export const MOST_GROUPS = Math.max(...GROUPS_OF_A_HUNDRED);
/** The first of those in a hundred with the most groups. */
export const BUSIEST = GROUPS_OF_A_HUNDRED.indexOf(MOST_GROUPS);

/** All names of a group are about as long, whatever the number of groups. */
export const groupName = (index) =>
  `${AREAS[index % AREAS.length]}-engineering-${String(index).padStart(5, "0")}`;

/** The organisation with so many users: their groups by number, and how many groups there are. */
export function organisation(users) {
  const groups = Math.max(600, Math.ceil(users / 10));
  const people = Array.from({ length: users }, (_, index) => ({
    index,
    name: `Person ${index}`,
    groups: choose(groups, GROUPS_OF_A_HUNDRED[index % 100], index),
  }));
  return { groups, people };
}

/**
 * The same organisation when one in a hundred is different: of ten of these eight have changed a
 * group, one has another name, one has gone and a new one has come. Of less than ten the groups.
 */
export function changed({ groups, people }) {
  const later = people.map((person, at) => {
    if (at % 100 !== 50) return person;
    switch (Math.floor(at / 100) % 10) {
      case 8:
        return { ...person, name: `${person.name} Married` };
      case 9:
        return { ...person, index: people.length + at };
      default: {
        const other = (person.groups[0] + 1) % groups;
        return { ...person, groups: [...new Set([other, ...person.groups.slice(1)])] };
      }
    }
  });
  return { groups, people: later };
}

/** The entities: one half of the memberships is said by the users, the other by the groups. */
export function* entities({ groups, people }) {
  const members = Array.from({ length: groups }, () => []);
  for (const { index, name, groups: own } of people) {
    const said = own.filter((_, at) => at % 2 === 0);
    for (const group of own.filter((_, at) => at % 2 === 1)) members[group].push(`person${index}`);
    yield entity("User", `person${index}`, {
      profile: { displayName: name, email: emailOf(index) },
      memberOf: said.map(groupName),
    });
  }
  for (let group = 0; group < groups; group += 1) {
    const children = Array.from({ length: BRANCHES }, (_, at) => group * BRANCHES + at + 1);
    yield entity("Group", groupName(group), {
      type: group === 0 ? "division" : "team",
      ...(group > 0 && { parent: groupName(Math.floor((group - 1) / BRANCHES)) }),
      children: children.filter((child) => child < groups).map(groupName),
      members: members[group],
    });
  }
}

function entity(kind, name, spec) {
  return {
    apiVersion: "backstage.io/v1alpha1",
    kind,
    metadata: { name, namespace: "default" },
    spec,
  };
}

/** So many different groups, the first ones more often than the last. */
function choose(groups, count, seed) {
  const random = generator(seed);
  const chosen = new Set();
  while (chosen.size < count) chosen.add(Math.floor(groups * random() ** 2));
  return [...chosen];
}

/** Numbers from 0 to 1 that look random and are always the same (mulberry32). */
function generator(seed) {
  let state = seed + 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
}
