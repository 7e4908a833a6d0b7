// Does what the buttons say, then looks at what has become of the session.

import { act, askOrigin, readState, readTrace, refresh } from "./api.mjs";
import { byId } from "./elements.mjs";
import { show, showLog } from "./results.mjs";

/** The log grows with the requests of other tabs too. */
const LOG_INTERVAL_MS = 3000;

/** The entity ref of who is signed in, or was last. */
let user;
/** The state that the page shows. */
let shown;

async function look() {
  const { refreshPath } = shown ?? (await readState());
  const session = await refresh(refreshPath);
  const origin = await askOrigin();
  const [sessionTrace, originTrace, state] = await Promise.all([
    readTrace(session.ray),
    readTrace(origin.ray),
    readState(),
  ]);
  shown = state;
  user = session.body?.backstageIdentity?.identity?.userEntityRef ?? user;
  show(
    {
      state,
      refresh: { ...session, trace: sessionTrace },
      origin: { ...origin, trace: originTrace },
    },
    (action, body) => change(action, body),
  );
  showControls(state);
}

/** Does it, unless something is still being done. */
async function change(action, body) {
  if (document.body.ariaBusy === "true") return;
  document.body.ariaBusy = "true";
  try {
    const done = action === "refresh" ? "Refreshed." : await act(action, body);
    await look();
    say(done);
    // A remedy is gone once it has helped: without this the keyboard would start at the top of the page again.
    if (document.activeElement === document.body) byId("verdict-title").focus();
  } catch (error) {
    say(`That failed: ${error.message}. Is the emulator still running?`);
  } finally {
    document.body.ariaBusy = "false";
  }
}

function say(text) {
  byId("outcome").hidden = false;
  byId("done").textContent = text;
}

function showControls({ session, removed, outages }) {
  byId("log-in").hidden = session !== undefined;
  byId("log-out").hidden = session === undefined;
  const button = (action) => document.querySelector(`[data-action="${action}"]`);
  button("restore").hidden = removed.length === 0;
  button("restore").textContent = `Put ${removed.join(", ")} back`;
  button("remove").textContent = user
    ? `Remove ${user} from the catalog`
    : "Remove the user from the catalog";
  // Not `disabled`: the focus would be lost.
  button("remove").ariaDisabled = String(user === undefined || removed.includes(user));
  for (const name of ["expire", "revoke"]) button(name).ariaDisabled = String(!session);
  for (const toggle of document.querySelectorAll("[data-outage]")) {
    toggle.ariaChecked = String(outages[toggle.dataset.outage]);
  }
}

byId("situation").addEventListener("click", ({ target }) => {
  const { action, outage } = target.dataset;
  if (target.ariaDisabled === "true") return;
  if (outage) change("outage", { target: outage, down: target.ariaChecked !== "true" });
  else if (action) change(action, action === "remove" ? { user } : {});
});

setInterval(async () => {
  if (document.hidden || document.body.ariaBusy === "true") return;
  const state = await readState().catch(() => undefined);
  if (state) showLog(state.lines);
}, LOG_INTERVAL_MS);

try {
  await look();
} catch (error) {
  byId("verdict-title").textContent = `The emulator does not answer: ${error.message}`;
}
document.body.ariaBusy = "false";
