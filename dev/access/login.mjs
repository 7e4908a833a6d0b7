// Logging in and out of the emulator.

import { DEBUGGER_PATH, loginPage, signedOutPage } from "./pages.mjs";
import { APP_SESSION_COOKIE, AUTHORIZATION_COOKIE } from "./session.mjs";

/** A login form is two short fields. */
const MAX_FORM_BYTES = 8 * 1024;

const HTML_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; " +
    "frame-ancestors 'none'",
};

export function showLogin(response, users, redirectUrl) {
  response.writeHead(200, HTML_HEADERS);
  response.end(loginPage(users, localTarget(redirectUrl)));
}

/** `openSession(user)` answers the assertion, its nonce and its life in seconds. */
export async function acceptLogin(request, response, users, openSession) {
  const form = new URLSearchParams(await readForm(request));
  const user = users.find(({ email }) => email === form.get("email"));
  if (!user) return refuse(response, 403, "No such sample user.");
  const { assertion, nonce, seconds } = await openSession(user);
  response.writeHead(303, {
    location: localTarget(form.get("redirect_url")),
    "cache-control": "no-store",
    "set-cookie": sessionCookies({ assertion, nonce, seconds }),
  });
  response.end();
}

/** The cookies of a session that lasts `seconds`. */
export function sessionCookies({ assertion, nonce, seconds }) {
  return [
    setCookie(AUTHORIZATION_COOKIE, assertion, seconds),
    setCookie(APP_SESSION_COOKIE, nonce, seconds),
  ];
}

export function showSignedOut(response) {
  response.writeHead(200, {
    ...HTML_HEADERS,
    "set-cookie": sessionCookies({ assertion: "", nonce: "", seconds: 0 }),
  });
  response.end(signedOutPage());
}

/**
 * Where to go after login: a path of this origin, or "/". Both the text and what a browser makes
 * of it are checked: "/.//evil.example" looks local and resolves to "//evil.example".
 */
export function localTarget(redirectUrl) {
  if (!redirectUrl?.startsWith("/")) return "/";
  const base = "http://emulator.invalid";
  const target = URL.canParse(redirectUrl, base) ? new URL(redirectUrl, base) : undefined;
  if (target?.origin !== base || target.pathname.startsWith("//")) return "/";
  // Back to the login page, or straight out again, is nowhere to go.
  const { pathname } = target;
  if (pathname.startsWith("/cdn-cgi/access/") && pathname !== DEBUGGER_PATH) return "/";
  return target.pathname + target.search + target.hash;
}

function setCookie(name, value, seconds) {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;
}

async function readForm(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > MAX_FORM_BYTES) return "";
  }
  return text;
}

function refuse(response, status, message) {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${message}\n`);
}
