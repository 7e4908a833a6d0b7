// What a refusal or an outage means, and what the user can do about it. docs/errors.md has every code.

const LOG_IN = "/cdn-cgi/access/login?redirect_url=%2Fcdn-cgi%2Faccess%2Femulator%2F";
const LOG_OUT = "/cdn-cgi/access/logout";

const SIGN_IN_AGAIN = { label: "Sign in again", href: LOG_IN };
const ANOTHER_USER = { label: "Log out", href: LOG_OUT };

const ENDED = { advice: "The Access session has ended.", remedies: [SIGN_IN_AGAIN] };

const BY_CODE = {
  access_session_missing: {
    advice: "Access has no session for this browser. The Worker has not seen the request.",
    remedies: [SIGN_IN_AGAIN],
  },
  assertion_expired: ENDED,
  identity_refused: ENDED,
  key_unknown: {
    advice: "Access does not publish the key of this assertion any more.",
    remedies: [SIGN_IN_AGAIN],
  },
  signature_invalid: ENDED,
  user_not_found: {
    advice: "The catalog has no user with this email. Add the user, or log in as another.",
    remedies: [ANOTHER_USER],
  },
  user_ambiguous: {
    advice:
      "Several users of the catalog have this email. Change all but one, or log in as another user.",
    remedies: [ANOTHER_USER],
  },
  domain_not_allowed: {
    advice: "Users of this email domain may not sign in.",
    remedies: [ANOTHER_USER],
  },
  requirement_not_met: {
    advice: "A rule of signIn.require refuses this user.",
    remedies: [ANOTHER_USER],
  },
  misconfigured: {
    advice: "The configuration is broken. The log line names every problem.",
    remedies: [],
  },
};

const OUTAGES = {
  certs: "the certs endpoint",
  identity: "get-identity",
  kv: "KV",
  origin: "the origin",
};

/**
 * `{advice, remedies}`: a sentence, and links `{label, href}` or actions `{label, action, body?}`.
 *
 * @param {{status: number, code?: string, state: object, retryAfter: ?string}} refusal
 */
export function remedyOf({ status, code, state, retryAfter }) {
  const known = BY_CODE[code] ?? { advice: "", remedies: [] };
  const remedies = [...known.remedies];
  let { advice } = known;
  if (code === "user_not_found" && state.removed.length > 0) {
    remedies.unshift({ label: "Put the user back", action: "restore" });
  }
  const down = Object.keys(OUTAGES).filter((target) => state.outages[target]);
  if (status >= 500 && down.length > 0) {
    advice ||= `Down now: ${down.map((target) => OUTAGES[target]).join(", ")}.`;
    for (const target of down) {
      remedies.push({
        label: `Bring ${OUTAGES[target]} up`,
        action: "outage",
        body: { target, down: false },
      });
    }
  } else if (status >= 500 && retryAfter) {
    advice ||= `The Worker asks again after a pause: refresh in ${retryAfter} s, or empty its memory.`;
    remedies.push({ label: "Empty the Worker’s memory", action: "forget" });
  }
  return { advice, remedies };
}
