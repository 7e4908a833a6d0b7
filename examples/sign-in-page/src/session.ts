// The session of Cloudflare Access, as far as a page can know it.

const LOGOUT = "/cdn-cgi/access/logout";
/** Access answers a request with this header with a status instead of a redirect to its login page. */
export const XHR_HEADERS = { "X-Requested-With": "XMLHttpRequest" };

/** Ends the session, and stays on the page that Access shows then. */
export function goToLogout() {
  window.location.assign(LOGOUT);
}

/** Ends the session, and loads this page again: Access asks for a login and returns the user here. */
export async function logInAgain() {
  try {
    // The answer clears the cookie. Where it redirects to does not matter.
    await fetch(LOGOUT, { credentials: "same-origin", redirect: "manual", cache: "no-store" });
  } catch {
    return goToLogout();
  }
  window.location.reload();
}

type State = "signing-in" | "signed-in" | "ended";
let state: State = "signing-in";
const listeners = new Set<() => void>();

/** For `useSyncExternalStore`. */
export function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export const hasEnded = () => state === "ended";

export function setState(next: State) {
  state = next;
  for (const listener of listeners) listener();
}

/** How long the user is left alone after closing the dialog, for example to copy unsaved text. */
const QUIET_MS = 60_000;
let quietUntil = 0;

/** The user has closed the dialog. The first refused request after the quiet time opens it again. */
export function dismiss() {
  quietUntil = Date.now() + QUIET_MS;
  setState("signed-in");
}

let running: Promise<void> | undefined;

/**
 * Asks the refresh route whether the session has ended. A 401 of another route does not say so: the
 * backend also refuses a request without a Backstage token. While one question is open, no other is
 * sent. Nothing is asked before the sign-in, whose page shows its own error.
 */
export function checkSession(refreshUrl: string): Promise<void> {
  if (state !== "signed-in" || Date.now() < quietUntil) return Promise.resolve();
  running ??= ask(refreshUrl).finally(() => {
    running = undefined;
  });
  return running;
}

async function ask(refreshUrl: string) {
  const options: RequestInit = { credentials: "include", headers: XHR_HEADERS, redirect: "manual" };
  // Without a network nothing is known of the session.
  const response = await fetch(refreshUrl, options).catch(() => undefined);
  if (response?.status === 401 || response?.type === "opaqueredirect") setState("ended");
}
