// What the tests of the emulator share: the emulator in front of the demo origin, and a browser's
// few habits.

import { startAccess } from "../../dev/access/index.mjs";
import { startOrigin } from "../../dev/origin/index.mjs";

export const SERVICE_TOKEN = {
  clientId: "11111111111111111111111111111111.access",
  clientSecret: "s".repeat(64),
};

/** Starts both, and closes both when the test ends. */
export async function startEmulator(t, options = {}) {
  const origin = await startOrigin();
  const access = await startAccess({
    upstream: origin.url,
    serviceTokens: [SERVICE_TOKEN],
    ...options,
  });
  t.after(() => Promise.all([access.close(), origin.close()]));

  /** A navigation, as a browser asks for a page, that follows no redirect. */
  const get = (path, headers = {}, init = {}) =>
    fetch(access.url + path, {
      redirect: "manual",
      headers: { accept: "text/html", ...headers },
      ...init,
    });
  return { access, origin, get };
}

/** Picks a user on the login page. Returns the answer to the form. */
export function logIn(access, email, redirectUrl = "/") {
  return fetch(`${access.url}/cdn-cgi/access/login`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ email, redirect_url: redirectUrl }),
  });
}

/** The Cookie header of a browser that has got this answer. */
export function cookiesOf(response) {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}

export const sessionOf = (assertion) => ({ cookie: `CF_Authorization=${assertion}` });

export const claimsOf = (assertion) => partOf(assertion, 1);
export const headerOf = (assertion) => partOf(assertion, 0);

function partOf(assertion, index) {
  return JSON.parse(Buffer.from(assertion.split(".")[index], "base64url").toString());
}
