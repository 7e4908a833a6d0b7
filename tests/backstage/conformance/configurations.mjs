// The configurations that are compared: each is given to the official provider and to a Worker as
// it stands here. With a `thorough` one each kind of everything is tried once.

const email = { resolver: "emailMatchingUserEntityProfileEmail" };
const localPart = { resolver: "emailLocalPartMatchingUserEntityName" };
const anybody = { dangerouslyAllowSignInWithoutUserInCatalog: true };
const corp = { allowedDomains: ["corp.example"] };

const OTHER_HEADER = { jwtHeaderName: "X-Our-Assertion" };
const OTHER_COOKIE = { authorizationCookieName: "our_cookie" };

/** By the part of the provider's id behind "cfaccess-". */
export const CONFIGURATIONS = {
  email: { resolvers: [email], thorough: true },
  "local-part": { resolvers: [localPart] },
  "email-then-local-part": { resolvers: [email, localPart] },
  "local-part-then-email": { resolvers: [localPart, email] },
  "email-or-anybody": { resolvers: [{ ...email, ...anybody }] },
  "local-part-or-anybody": { resolvers: [{ ...localPart, ...anybody }], thorough: true },
  "email-or-anybody-then-local-part": { resolvers: [{ ...email, ...anybody }, localPart] },
  "email-then-local-part-or-anybody": { resolvers: [email, { ...localPart, ...anybody }] },
  "local-part-of-domain": { resolvers: [{ ...localPart, ...corp }] },
  "local-part-of-domain-then-email": { resolvers: [{ ...localPart, ...corp }, email] },
  "local-part-of-domain-or-anybody": { resolvers: [{ ...localPart, ...corp, ...anybody }] },
  "local-part-of-no-domain": { resolvers: [{ ...localPart, allowedDomains: [] }] },
  "local-part-of-capital-domain": {
    resolvers: [{ ...localPart, allowedDomains: ["Corp.Example", "other.example"] }],
  },
  "email-of-domain": { resolvers: [{ ...email, ...corp }] },
  "email-of-domain-then-local-part": { resolvers: [{ ...email, ...corp }, localPart] },
  "email-twice": {
    resolvers: [email, { ...email, ...anybody }],
    workersOwn: { exposeAssertion: true },
  },
  "other-header": { resolvers: [email], keys: OTHER_HEADER, thorough: true },
  "other-cookie": { resolvers: [email], keys: OTHER_COOKIE, thorough: true },
  "other-names": {
    resolvers: [email],
    keys: { ...OTHER_HEADER, ...OTHER_COOKIE },
    thorough: true,
  },
};

export const SERVICE_TOKENS = [
  { token: "11111111111111111111111111111111.access", subject: "ci-bot@corp.example" },
  { token: "22222222222222222222222222222222.access", subject: "no-such-bot@corp.example" },
  { token: "33333333333333333333333333333333.access", subject: "Jane.Doe+bot@corp.example" },
];
