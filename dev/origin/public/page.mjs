// Signs in the way Backstage's ProxiedSignInPage does: one request to the refresh route, with the
// header that makes Access answer an ended session with a status and not with a login page.

const element = (id) => document.getElementById(id);

/** What to do about a refusal, by the code of the Worker. */
const ADVICE = {
  user_not_found: "The catalog has no user with this email. Add the user, or log out.",
  user_ambiguous: "Several users of the catalog have this email.",
  domain_not_allowed: "Users of this email domain may not sign in.",
  access_session_missing: "Your Cloudflare Access session has ended. Sign in again to go on.",
  assertion_expired: "Your Cloudflare Access session has ended. Sign in again to go on.",
  identity_refused: "Cloudflare Access has ended this session. Sign in again to go on.",
  misconfigured: "The Worker's configuration is broken. Its log names every problem.",
};
const ENDED = new Set([
  "access_session",
  "access_session_missing",
  "assertion_expired",
  "identity_refused",
]);
const ANOTHER_USER = new Set(["user_not_found", "user_ambiguous", "domain_not_allowed"]);

try {
  const response = await fetch("/api/auth/cfaccess/refresh", {
    headers: { "X-Requested-With": "XMLHttpRequest" },
    credentials: "include",
  });
  const body = await response.json().catch(() => undefined);
  if (response.ok && body?.backstageIdentity) showSession(body);
  else showRefusal(response.status, body?.error);
} catch (error) {
  showError("The refresh route cannot be reached", error.message, "network_error");
} finally {
  element("waiting").hidden = true;
}

function showSession({ profile = {}, backstageIdentity }) {
  const { token, identity } = backstageIdentity;
  const name = profile.displayName ?? profile.email ?? identity.userEntityRef;
  element("initials").textContent = initialsOf(name);
  element("display-name").textContent = name;
  element("email").textContent = profile.email ?? "";
  element("entity-ref").textContent = identity.userEntityRef;
  element("ownership-refs").replaceChildren(
    ...identity.ownershipEntityRefs.map((ref) => {
      const item = document.createElement("li");
      item.textContent = ref;
      return item;
    }),
  );
  const expiry = new Date(claimsOf(token).exp * 1000);
  element("token-expiry").dateTime = expiry.toISOString();
  element("token-expiry").textContent = expiry.toLocaleString();
  element("session").hidden = false;
}

function showRefusal(status, error) {
  if (error?.code) {
    return showError("You are not signed in", ADVICE[error.code] ?? error.message, error.code);
  }
  if (status === 401) {
    return showError("Your Access session has ended", "Sign in again to go on.", "access_session");
  }
  showError("You are not signed in", error?.message ?? "The answer is not a session.", status);
}

function showError(title, message, code) {
  element("error-title").textContent = title;
  element("error-message").textContent = message;
  element("error-code").textContent = code;
  element("sign-in-again").hidden = !ENDED.has(code);
  element("another-user").hidden = !ANOTHER_USER.has(code);
  element("error").hidden = false;
}

function initialsOf(name) {
  const words = name.split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => word[0] ?? "").join("");
}

/** The token is for the backend; the page only reads from it how long it lives. */
function claimsOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(atob(payload));
}
