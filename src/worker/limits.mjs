// Time limits. In JavaScript, since each promise, timer and closure that is made from the other side
// costs a crossing of its own, and these stand on the path of every request.

const LATE = "no answer in time";

/**
 * Waits for a promise, but not longer than `milliseconds`: then it fails. What the promise stands
 * for goes on unobserved.
 *
 * The timer is not cleared when the promise settles first: to clear it costs as much as to set it, it
 * does nothing when it fires, and it ends with its request at the latest.
 */
export function within(milliseconds, promise) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(LATE)), milliseconds);
    promise.then(resolve, reject);
  });
}

/**
 * Sends a request on, with its headers edited, to `url` or to where it was going. The limit is for
 * the headers of the response: a long download or a WebSocket lives on. Redirects are the caller's
 * to follow.
 *
 * @param bodiless Whether its body stays behind.
 * @param removed Names of headers to take off, a line each.
 * @param set Names and values of headers to set, in turn, a line each.
 */
export function forward(request, url, removed, set, bodiless, milliseconds) {
  let init;
  if (removed || set) {
    const headers = new Headers(request.headers);
    for (const name of removed ? removed.split("\n") : []) headers.delete(name);
    const pairs = set ? set.split("\n") : [];
    for (let i = 0; i < pairs.length; i += 2) headers.set(pairs[i], pairs[i + 1]);
    init = { headers };
  }
  if (bodiless) {
    const { method, redirect } = request;
    return within(milliseconds, fetch(url ?? request.url, { ...init, method, redirect }));
  }
  // A request that came in has `redirect: "manual"` already, and the Fetch standard reads a Request
  // in the place of the init like any other.
  return within(milliseconds, fetch(url ? new Request(url, request) : request, init));
}

/** recovery.mjs has put a function there, unless a Worker of its own has another entry. */
const LEAVES = Symbol.for("backstage-cfaccess: leaves the instance");

let unreachable;

/** From now on, `callback(request, why, line)` answers a request whose origin does not. */
export function onUnreachable(callback) {
  unreachable = callback;
}

/**
 * Sends a request on. When its status is known, writes the line to the log: of this share of the
 * requests, and of those that the origin fails, as warnings.
 *
 * @param begun When the request came, in milliseconds since 1970.
 */
export function forwardAndLog(
  request,
  url,
  removed,
  set,
  bodiless,
  milliseconds,
  line,
  share,
  begun,
) {
  const sent = Date.now();
  // The clock stands still between two I/O operations, so this is the origin's time and no other.
  const noted = () => {
    const now = Date.now();
    return `${line.slice(0, -1)},"ms":${now - begun},"origin":${now - sent}`;
  };
  const sending = forward(request, url, removed, set, bodiless, milliseconds);
  const answered = sending.then(
    (response) => {
      const { status } = response;
      if (status >= 500) {
        console.warn(`${noted().replace('"info"', '"warn"')},"status":${status}}`);
      } else if (Math.random() < share) {
        // Only these lines stand for others.
        const sample = share < 1 ? `,"sample":${share}` : "";
        console.log(`${noted()},"status":${status}${sample}}`);
      }
      return response;
    },
    (error) => unreachable(request, error, `${noted()}}`),
  );
  request[LEAVES]?.(answered);
  return answered;
}
