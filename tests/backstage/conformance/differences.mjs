// The differences that are on purpose, each with its reason. Whatever differs must be one of them,
// and each must occur.
//
// `holds` gets a difference: `field` with its `official` and `worker` values, the `case`, its
// `configuration`, the Worker's error `code`, and what the official provider `says`. The first row
// that holds is the explanation, so the ones for single fields come last.

const NOT_FOUND = /unable to resolve user identity|had missing or empty name/;
const NO_IDENTITY = /Failed to populate access identity/;
const NO_EMAIL = /profile does not contain an email/;

const status = ({ field }) => field === "status";
const is = (official, worker) => (it) =>
  status(it) && it.official === official && [worker].flat().includes(it.worker);
const inIdentity = ({ field }) => /^(profile|providerInfo|backstageIdentity)\./.test(field);

/** What the official provider checks too, if with another status. */
const BOTH_CHECK = [
  "assertion_expired",
  "assertion_malformed",
  "assertion_not_yet_valid",
  "assertion_unsupported",
  "audience_invalid",
  "issuer_invalid",
  "key_unknown",
  "signature_invalid",
];

/** Assertions that the official provider takes for good. */
const ONLY_HERE_BAD = [
  "without exp",
  "without type",
  "type org",
  "iat in 10 minutes",
  "typ at+jwt",
  "without email",
  "empty email",
  "with a common_name too",
  "with padding",
];

const domainOf = (email) => email.slice(email.indexOf("@") + 1);
const restricts = (configuration, name) =>
  configuration.resolvers.some(
    ({ resolver, allowedDomains }) => allowedDomains && resolver === name,
  );

/** What a row is about, in the order of the tables. */
export const SUBJECTS = {
  assertion: "Which assertions are good",
  identity: "What get-identity adds",
  user: "Which user it is",
  answer: "What the answer holds",
};

const isOutage = ({ identity }) => identity.startsWith("status ");
const bothRenamed = ({ keys }) =>
  keys?.jwtHeaderName !== undefined && keys.authorizationCookieName !== undefined;

export const DIFFERENCES = [
  {
    about: "user",
    what: "the configuration `allowedDomains: []`",
    official: "every sign-in gets 403",
    worker: "503 `misconfigured`, and `doctor` says so before that",
    why: "an empty list would block every user, so it is a configuration error",
    holds: (it) =>
      it.code === "misconfigured" && it.case.configuration === "local-part-of-no-domain",
  },
  {
    about: "answer",
    what: "a preflight, `OPTIONS`",
    official: "200 with a list of methods as HTML",
    worker: "204, with CORS headers for a configured origin",
    why: "what a browser expects, without a call to the origin",
    holds: (it) => it.case.method === "OPTIONS" && is(200, 204)(it),
  },
  {
    about: "assertion",
    what: "`exp` missing, `type` other than `app`, `iat` in the future, a foreign `typ`, no email, user and service token at once, padded base64",
    official: "accepted, if get-identity plays along",
    worker: "401 with a code",
    why: "the account's keys sign other tokens too, and no assertion of Access looks like that",
    holds: (it) =>
      ONLY_HERE_BAD.includes(it.case.assertion) &&
      status(it) &&
      it.worker === 401 &&
      !["assertion_missing", "identity_refused"].includes(it.code),
  },
  {
    about: "assertion",
    what: "an assertion that is expired, forged, malformed or for another application",
    official: "500",
    worker: "401 with a code",
    why: "it is the caller's error, and a page can tell “log in again” from “broken”",
    holds: (it) => is(500, 401)(it) && BOTH_CHECK.includes(it.code),
  },
  {
    about: "assertion",
    what: "`nbf` up to 30 seconds ahead",
    official: "500",
    worker: "accepted",
    why: "the clocks of two locations differ; just after the login that would be an error",
    holds: (it) =>
      it.case.assertion === "nbf in 20 seconds" &&
      status(it) &&
      it.official === 500 &&
      /"nbf" claim/.test(it.says),
  },
  {
    about: "assertion",
    what: "a service token that is not configured",
    official: "401",
    worker: "403",
    why: "it has identified itself well, and is not let in",
    holds: (it) => is(401, 403)(it) && it.code === "service_token_unknown",
  },
  {
    about: "identity",
    what: "get-identity says 401 or 403",
    official: "500",
    worker: "401 `identity_refused`",
    why: "Access has ended the session",
    holds: (it) => is(500, 401)(it) && it.code === "identity_refused" && NO_IDENTITY.test(it.says),
  },
  {
    about: "identity",
    what: "a person, with both `jwtHeaderName` and `authorizationCookieName` renamed",
    official: "500: get-identity is asked under the new names alone, which Access does not know",
    worker: "signs in: get-identity is asked under Access's own cookie name too",
    why: "what renames them stands between Access and here, not before Access",
    holds: (it) =>
      bothRenamed(it.configuration) &&
      !isOutage(it.case) &&
      is(500, [200, 404, 409])(it) &&
      NO_IDENTITY.test(it.says),
  },
  {
    about: "identity",
    what: "get-identity is down, or answers something else than its document",
    official: "500",
    worker: "goes on with the signed claims, without name and groups",
    why: "missing profile data does not block sign-in",
    holds: (it) =>
      isOutage(it.case) && is(500, [200, 403, 404, 409])(it) && NO_IDENTITY.test(it.says),
  },
  {
    about: "identity",
    what: "get-identity's document has no email, or another than the assertion",
    official: "the document's email decides: 500, or another user",
    worker: "the signed email decides; a document about another user is not used",
    why: "the identity of a user must come from what is signed",
    holds: (it) =>
      (is(500, [200, 403, 404, 409])(it) && NO_EMAIL.test(it.says)) ||
      (it.case.identity === "another user's email" &&
        (inIdentity(it) || (status(it) && it.worker !== 401)) &&
        !isOfItsOwn(it.field)) ||
      (it.case.identity === "the email in capitals" &&
        (it.field === "profile.email" || is(403, [200, 404, 409])(it))),
  },
  {
    about: "identity",
    what: "another assertion of the same `sub`, or of the same service token",
    official: "gets the claims, profile and user of the first, which are kept without end",
    worker: "is judged by itself",
    why: "groups, names and emails change; a new login brings the new ones",
    holds: (it) =>
      (it.case.sub !== undefined && inIdentity(it) && !isOfItsOwn(it.field)) ||
      (it.case.serviceToken !== undefined && it.field === "providerInfo.claims"),
  },
  {
    about: "user",
    what: "`allowedDomains` of `emailMatchingUserEntityProfileEmail`",
    official: "read, and ignored",
    worker: "enforced: 403",
    why: "who writes it means it",
    holds: (it) =>
      status(it) &&
      it.worker === 403 &&
      it.code === "domain_not_allowed" &&
      restricts(it.configuration, "emailMatchingUserEntityProfileEmail"),
  },
  {
    about: "user",
    what: "`dangerouslyAllowSignInWithoutUserInCatalog`, and a name with `/`, spaces or control characters",
    official: "signs in, as a ref that can be read in two ways",
    worker: "404 `user_not_found`",
    why: "no token is issued to such a ref",
    holds: (it) =>
      is(200, 404)(it) &&
      it.code === "user_not_found" &&
      it.configuration.resolvers.some(
        (options) => options.dangerouslyAllowSignInWithoutUserInCatalog,
      ),
  },
  {
    about: "user",
    what: "`allowedDomains`, and an email whose domain differs in case",
    official: "403",
    worker: "allowed, and goes on to the user or to 404",
    why: "domains have no case",
    holds: (it) =>
      is(403, [200, 404, 409])(it) &&
      it.configuration.resolvers.some(({ allowedDomains }) => {
        const domain = domainOf(it.case.email);
        return (
          allowedDomains?.some((allowed) => allowed.toLowerCase() === domain.toLowerCase()) &&
          !allowedDomains.includes(domain)
        );
      }),
  },
  {
    about: "user",
    what: "a user that no resolver finds",
    official: "500",
    worker: "404 `user_not_found`",
    why: "it is not a fault of the server, and can be told from one",
    holds: (it) => is(500, 404)(it) && it.code === "user_not_found" && NOT_FOUND.test(it.says),
  },
  {
    about: "answer",
    what: "`cache-control`",
    official: "none",
    worker: "`no-store`",
    why: "a session must not come out of a cache",
    holds: ({ field, official, worker }) =>
      field === "cache-control" && official === undefined && worker === "no-store",
  },
  {
    about: "answer",
    what: "errors",
    official: "name and message",
    worker: "also a stable `code`",
    why: "for pages, dashboards and tests",
    holds: ({ field, official }) => field === "error.code" && official === undefined,
  },
  {
    about: "answer",
    what: "an error's message",
    official: "may quote the request or what is behind",
    worker: "a fixed sentence",
    why: "nothing leaks",
    holds: ({ field }) => field === "error.message",
  },
  {
    about: "answer",
    what: "`providerInfo.token`, the raw assertion",
    official: "readable by the page's JavaScript",
    worker: "only with `exposeAssertion`",
    why: "it is a credential, and no part of Backstage needs it there",
    holds: ({ field, worker }) => field === "providerInfo.token" && worker === undefined,
  },
  {
    about: "answer",
    what: "`ent` in the Backstage token",
    official: "left out by default",
    worker: "there by default",
    why: "userinfo answers from the token, without a look at the catalog",
    holds: ({ field, official }) =>
      field === "backstageIdentity.token.ent" && official === undefined,
  },
  {
    about: "answer",
    what: "`profile.displayName` when get-identity has no name",
    official: "missing",
    worker: "the catalog's, if it has one",
    why: "it is at hand",
    holds: ({ field, official }) => field === "profile.displayName" && official === undefined,
  },
  {
    about: "answer",
    what: "`expiresInSeconds` of an `exp` with a fraction",
    official: "with the fraction",
    worker: "whole seconds",
    why: "Access writes whole seconds",
    holds: (it) =>
      it.case.assertion === "exp with a fraction" && it.field === "providerInfo.expiresInSeconds",
  },
];

/** Fields that have rows of their own, whoever the identity is of. */
function isOfItsOwn(field) {
  return ["providerInfo.token", "backstageIdentity.token.ent"].includes(field);
}

/** The row that explains a difference. */
export const explanationOf = (difference) => DIFFERENCES.find(({ holds }) => holds(difference));
