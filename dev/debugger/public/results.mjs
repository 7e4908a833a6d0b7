// The sections that show what has happened.

import { decode } from "./api.mjs";
import { byId, claims, element, facts, hint, json, milliseconds, table } from "./elements.mjs";
import { remedyOf } from "./remedies.mjs";
import { countdowns } from "./time-left.mjs";

/** Of a token or a log line: what is shown beside its place in the list, or is of no use here. */
const UNSHOWN = new Set(["level", "version", "path", "method"]);

let countDown;

/**
 * Shows it all. `refresh` and `origin` are what api.mjs answers, each with its `trace`. `onRemedy(action, body)`
 * is called when a remedy is chosen that is no link.
 */
export function show({ state, refresh, origin }, onRemedy) {
  countDown ??= countdowns();
  showVerdict(state, refresh, onRemedy);
  showAssertion(state.session);
  showToken(refresh.body?.backstageIdentity?.token);
  byId("answer").replaceChildren(
    facts([
      ["Status", refresh.status],
      ["Time, as the browser sees it", milliseconds(refresh.ms)],
    ]),
    refresh.body === undefined
      ? hint("The body is no JSON.")
      : element(
          "pre",
          { tabindex: "0", "aria-label": "Body" },
          JSON.stringify(withShortToken(refresh.body), null, 2),
        ),
  );
  byId("worker").replaceChildren(...traceOf(refresh.trace));
  byId("forwarded").replaceChildren(
    facts([
      ["Request", `GET / to ${state.origin}`],
      ["Status", origin.status],
      ["Time, as the browser sees it", milliseconds(origin.ms)],
    ]),
    ...(state.outages.origin && refresh.status === 200
      ? [hint("The origin is down. Sign-in does not need it.")]
      : []),
    ...traceOf(origin.trace),
  );
  showLog(state.lines);
}

/** The newest line first. */
export function showLog(lines) {
  const shown = byId("log").dataset;
  const text = lines.join("\n");
  // A selection or a scroll position is not lost for nothing.
  if (shown.lines === text) return;
  shown.lines = text;
  const items = lines.toReversed().map((line) => element("li", {}, line));
  byId("log").replaceChildren(
    items.length > 0
      ? element("ol", { tabindex: "0", "aria-label": "Log lines, the newest first" }, ...items)
      : hint("There is no line yet."),
  );
}

function showVerdict(state, { status, ms, body, trace, retryAfter }, onRemedy) {
  const user = body?.backstageIdentity?.identity?.userEntityRef;
  const isSignedIn = status === 200 && user !== undefined;
  const code = body?.error?.code;
  const by = trace.line ? "The Worker" : "Access";
  byId("verdict").dataset.outcome = isSignedIn ? "good" : "bad";
  byId("verdict-title").textContent = isSignedIn
    ? `Signed in as ${user}`
    : `Not signed in: ${code ?? `status ${status}`}`;
  byId("verdict-detail").textContent = isSignedIn
    ? `${by} answered ${status} in ${milliseconds(ms)}.`
    : `${by} answered ${status}${body?.error?.message ? `: ${body.error.message}` : ""}`;
  byId("now").textContent = byId("verdict-title").textContent;
  const { advice, remedies } = isSignedIn
    ? { advice: "", remedies: [] }
    : remedyOf({ status, code, state, retryAfter });
  byId("verdict-advice").textContent = advice;
  byId("remedies").replaceChildren(
    ...remedies.map(({ label, href, action, body: wanted }) => {
      if (href) return element("a", { href, class: "button" }, label);
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => onRemedy(action, wanted));
      return button;
    }),
  );
}

function showAssertion(session) {
  countDown(byId("assertion-left"), session?.claims.exp);
  byId("assertion").replaceChildren(
    ...(session
      ? [claims(session.claims), json("Header", session.header)]
      : [hint("This browser has no session.")]),
  );
}

function showToken(token) {
  const decoded = token === undefined ? undefined : decode(token);
  countDown(byId("token-left"), decoded?.claims.exp);
  byId("token").replaceChildren(
    ...(decoded
      ? [claims(decoded.claims), json("Header", decoded.header), hint(`${token.length} bytes`)]
      : [hint("There is no token.")]),
  );
}

/** Every field of the log line, whatever its name, and the calls. */
function traceOf({ line, calls }) {
  if (!line) return [hint("The request did not reach the Worker, or the Worker wrote no line.")];
  const fields = Object.entries(line).filter(([name]) => !UNSHOWN.has(name));
  const rows = calls.map(({ to, what, ms, result }) => [
    to,
    what,
    milliseconds(ms),
    String(result),
  ]);
  return [
    facts(fields),
    rows.length > 0
      ? table("Calls", ["to", "what", "time", "result"], rows)
      : hint("No call: everything was in the Worker’s memory."),
    json("Log line", line),
  ];
}

/** A token of a kilobyte would hide the rest. It is shown decoded. */
function withShortToken(body) {
  const token = body?.backstageIdentity?.token;
  if (token === undefined) return body;
  const backstageIdentity = { ...body.backstageIdentity, token: `${token.slice(0, 24)}…` };
  return { ...body, backstageIdentity };
}
