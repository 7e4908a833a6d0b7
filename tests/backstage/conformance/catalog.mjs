// An organisation with everything in it that Backstage allows: odd names, namespaces, memberships
// said by users, by groups and by both, emails that several users have and that no user has.

const NAMES = [
  "jane.doe",
  "Bob",
  "MIXED-Case_Name.X",
  "0day",
  "a",
  "under_score",
  "dots.and-dashes_9",
  "x".repeat(63),
  "ops-only",
  "no-email",
  "plus",
  "capitals",
  "quote",
  "unicode",
  "turkish",
  "twin1",
  "twin2",
  "triplet1",
  "triplet2",
  "loner",
  "renamed",
  "ci-bot",
];

/** What is special about the email of some; the others have `<name>@corp.example` in lower case. */
const EMAILS = {
  "no-email": undefined,
  plus: "plus+catalog@corp.example",
  capitals: "Capitals.Lock@Corp.Example",
  quote: "o'brien@corp.example",
  unicode: "zoë@corp.example",
  turkish: "TITLE.I@corp.example",
  twin1: "twins@corp.example",
  twin2: "twins@corp.example",
  triplet1: "Triplets@corp.example",
  triplet2: "triplets@CORP.example",
  renamed: "somebody.else@corp.example",
};

const GROUPS = ["platform", "Everyone", "z-last", "a-first", "team.one", "team_two", "Staff"];
const NAMESPACES = [undefined, undefined, "ops", "a-team"];

/** The entities, as a catalog file has them. */
export function organisation(random) {
  const groups = GROUPS.flatMap((name) => [
    entity("Group", name, undefined),
    entity("Group", name, random.pick(["ops", "a-team"])),
  ]);
  const groupRefs = groups.map(({ metadata }) => refOf(metadata));
  const users = NAMES.map((name) => {
    const namespace = name === "ops-only" ? "ops" : random.pick(NAMESPACES);
    const user = entity("User", name, name.startsWith("twin") ? undefined : namespace);
    const email = Object.hasOwn(EMAILS, name) ? EMAILS[name] : `${name.toLowerCase()}@corp.example`;
    user.spec.profile = {
      ...(random.chance(70) && { displayName: `The ${name}` }),
      ...(random.chance(30) && { picture: `https://people.example/${name}.png` }),
      ...(email && { email }),
    };
    user.spec.memberOf = memberships(random, groupRefs, user.metadata.namespace);
    return user;
  });
  // One name in two namespaces: which of them a local part means is not for the test to say.
  const other = entity("User", "jane.doe", "elsewhere");
  other.spec.memberOf = ["default/platform"];
  users.push(other);

  const userRefs = users.map(({ metadata }) => refOf(metadata));
  for (const group of groups) {
    const members = random.some(userRefs, 4);
    if (members.length > 0) group.spec.members = members;
  }
  return [...groups, ...users];
}

/** Refs as people write them: whole, without the kind, in capitals, of groups that do not exist. */
function memberships(random, groupRefs, namespace) {
  const refs = random
    .some(groupRefs, 5)
    .map((ref) => random.pick([ref, `group:${ref}`, `Group:${ref}`, ref.toUpperCase()]));
  if (random.chance(15)) refs.push("nobody-made-this-group");
  if (random.chance(15)) refs.push(...refs.slice(0, 1));
  if (random.chance(15) && namespace === undefined) refs.push("platform", "default/platform");
  if (random.chance(10)) refs.push("user:default/bob");
  return refs;
}

function entity(kind, name, namespace) {
  return {
    apiVersion: "backstage.io/v1alpha1",
    kind,
    metadata: { name, ...(namespace && { namespace }) },
    spec: kind === "Group" ? { type: "team", children: [] } : {},
  };
}

const refOf = ({ name, namespace = "default" }) => `${namespace}/${name}`;
