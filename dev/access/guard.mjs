// Who may use what the emulator alone has. It can end sessions and shows claims, so a page of another site
// that is open in the same browser must reach neither.

/** The names under which this machine is reached by itself. */
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const READS = new Set(["GET", "HEAD"]);

/**
 * Why a request is refused, or `undefined`. The check of the host is against DNS rebinding: there the
 * browser takes the other site for the emulator's own origin.
 */
export function refusalOf(request) {
  const host = `http://${request.headers.host ?? ""}`;
  if (!URL.canParse(host) || !LOOPBACK.has(new URL(host).hostname)) {
    return "the emulator is used as localhost";
  }
  if (READS.has(request.method)) return undefined;
  return isSameSite(request) ? undefined : "another site must not use the emulator";
}

/**
 * Whether the request comes from a page of this very origin, or from no page at all, such as curl. A browser
 * sends `Origin` with each POST.
 */
export function isSameSite({ headers }) {
  const site = headers["sec-fetch-site"] ?? "same-origin";
  return (
    (headers.origin ?? `http://${headers.host}`) === `http://${headers.host}` &&
    site === "same-origin"
  );
}
