// The requests of the page: to the refresh route as Backstage's sign-in page sends it, to the origin, and to the
// emulator.

/** The header makes Access answer an ended session with a status and not with its login page. */
const AS_BACKSTAGE = { headers: { "X-Requested-With": "XMLHttpRequest" }, credentials: "include" };

export const readState = () => read("state");

/** The log line and the calls of one request. */
export const readTrace = (ray) => read(`trace?ray=${encodeURIComponent(ray)}`);

/** Does something to the set-up. Resolves to a sentence that says what. */
export async function act(name, body = {}) {
  const response = await fetch(name, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.err);
  if (name === "rotate") {
    return `Key ${short(answer.current)} signs from now on. ${short(answer.previous)} is still published, earlier keys are not.`;
  }
  return answer.done;
}

const short = (kid) => `${kid.slice(0, 8)}…`;

/** `{status, ms, ray, retryAfter, body}`; `body` is `undefined` if it is no JSON. */
export async function refresh(path) {
  const { response, ...rest } = await timed(path);
  return { ...rest, body: await response.json().catch(() => undefined) };
}

/** The front page of the origin, of which only the head is read. */
export async function askOrigin() {
  const { response, ...rest } = await timed("/");
  await response.body?.cancel();
  return rest;
}

async function timed(path) {
  const started = performance.now();
  const response = await fetch(path, { ...AS_BACKSTAGE, cache: "no-store", redirect: "manual" });
  return {
    response,
    status: response.status,
    ms: performance.now() - started,
    ray: response.headers.get("cf-ray"),
    retryAfter: response.headers.get("retry-after"),
  };
}

async function read(path) {
  const response = await fetch(path, { cache: "no-store" });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.err);
  return answer;
}

/** Header and claims of a token. Nothing is verified: the page only shows them. */
export function decode(token) {
  const [header, claims] = token.split(".").slice(0, 2).map(partOf);
  return { header, claims };
}

function partOf(part) {
  const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
    character.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes));
}
