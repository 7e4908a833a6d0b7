// What to tell a user whose sign-in was refused, by the error code of the Worker's answer.

/** What the user can do: log in again, log in with another account, or try again. */
export type Remedy = "log-in-again" | "change-account" | "try-again";

export type Reason = { title: string; advice: string; remedy: Remedy };

const ENDED: Reason = {
  title: "Your session has ended",
  advice: "Log in again. You return to this page.",
  remedy: "log-in-again",
};
const NOT_ACCEPTED: Reason = {
  title: "Your login was not accepted",
  advice:
    "Log in again. If this message comes back, ask your platform team to compare the Access application with the configuration of Backstage's sign-in.",
  remedy: "log-in-again",
};
const UNAVAILABLE: Reason = {
  title: "Sign-in is temporarily unavailable",
  advice: "Try again in a minute.",
  remedy: "try-again",
};
const NOT_ALLOWED: Reason = {
  title: "Your account may not use this Backstage",
  advice: "Log in again with another account, or ask your platform team for access.",
  remedy: "change-account",
};
const NOT_FOUND: Reason = {
  title: "You are not in the catalog yet",
  advice:
    "Ask your platform team to add a user with your email address to Backstage's catalog, then try again.",
  remedy: "change-account",
};
const AMBIGUOUS: Reason = {
  title: "Two users have your email address",
  advice: "Ask your platform team to correct the catalog, then try again.",
  remedy: "change-account",
};

const BY_CODE: Record<string, Reason> = {
  assertion_missing: ENDED,
  assertion_expired: ENDED,
  identity_refused: ENDED,
  assertion_not_yet_valid: {
    title: "Your login is not valid yet",
    advice: "The clocks of two servers differ. Try again in a minute.",
    remedy: "try-again",
  },
  assertion_malformed: NOT_ACCEPTED,
  assertion_unsupported: NOT_ACCEPTED,
  issuer_invalid: NOT_ACCEPTED,
  audience_invalid: NOT_ACCEPTED,
  type_invalid: NOT_ACCEPTED,
  subject_invalid: NOT_ACCEPTED,
  expiry_missing: NOT_ACCEPTED,
  key_unknown: NOT_ACCEPTED,
  signature_invalid: NOT_ACCEPTED,
  domain_not_allowed: {
    title: "Your email domain is not allowed",
    advice:
      "Log in again with an account of another domain, or ask your platform team to allow yours.",
    remedy: "change-account",
  },
  service_token_unknown: NOT_ALLOWED,
  user_not_found: NOT_FOUND,
  user_ambiguous: AMBIGUOUS,
  misconfigured: {
    title: "Sign-in is not set up correctly",
    advice: "Ask your platform team to run “cfaccess doctor”.",
    remedy: "try-again",
  },
};

const BY_STATUS: Record<number, Reason> = {
  401: ENDED,
  403: NOT_ALLOWED,
  404: NOT_FOUND,
  409: AMBIGUOUS,
};

const UNREACHABLE: Reason = {
  title: "Backstage cannot be reached",
  advice: "Check your network connection, then try again.",
  remedy: "try-again",
};

/** The error of a failed refresh, as Backstage's `ResponseError` has it. */
export type RefreshError = Error & {
  response?: Response;
  body?: { error?: { code?: unknown } };
};

/** The reason, with what support needs to find the request in the logs. */
export function reasonOf(error?: RefreshError): Reason & { code?: string; ray?: string } {
  const response = error?.response;
  if (!response) return UNREACHABLE;
  const sent = error.body?.error?.code;
  const code = typeof sent === "string" ? sent : undefined;
  const reason = (code && BY_CODE[code]) || BY_STATUS[response.status] || UNAVAILABLE;
  return { ...reason, code, ray: response.headers.get("cf-ray") ?? undefined };
}
