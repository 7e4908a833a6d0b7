// The way of a request through the emulator: Access's own endpoints, then the question whether
// the caller may pass, then the upstream.

import { randomBytes } from "node:crypto";
import { decodeJwt } from "jose";
import { answerWithFault } from "./fault.mjs";
import { accessHeaders, forward, forwardUpgrade } from "./forward.mjs";
import { isSameSite, refusalOf } from "./guard.mjs";
import { identityDocument } from "./identity.mjs";
import { acceptLogin, showLogin, showSignedOut } from "./login.mjs";
import { DEBUGGER_PATH } from "./pages.mjs";
import { presentedAssertion, presentedServiceToken } from "./session.mjs";

const ACCESS_PREFIX = "/cdn-cgi/access/";

export function createGate(settings) {
  const { team, issuer, users, serviceTokens, keys, sessions, calls, mint, record } = settings;
  const teamHost = new URL(issuer).hostname;
  const tunnels = new Set();
  let upstream = settings.upstream;
  let bypass = settings.bypass;
  let faults = {};
  let controls;

  /** `{pass: headers, who}` or `{refuse: "wrong service token" | "no session"}`. */
  async function admit(request, path) {
    if (settings.bypassOptions && request.method === "OPTIONS") return { pass: [], who: "options" };
    if (bypass.some((prefix) => isUnder(path, prefix))) {
      return { pass: [], who: "bypass" };
    }
    const token = presentedServiceToken(request, serviceTokens);
    if (token === "wrong") return { refuse: "wrong service token" };
    if (token !== "none") {
      const assertion = await mint({ serviceToken: token });
      return { pass: accessHeaders({ assertion, claims: {} }), who: token.clientId };
    }
    const session = await sessions.find(presentedAssertion(request));
    if (!session || (session.expired && isPage(request))) return { refuse: "no session" };
    return {
      pass: accessHeaders(session),
      who: session.claims.email ?? session.claims.common_name,
    };
  }

  async function answerAccessEndpoint(request, response, url) {
    const route = `${request.method === "HEAD" ? "GET" : request.method} ${url.pathname}`;
    switch (route) {
      case `GET ${ACCESS_PREFIX}certs`: {
        calls.certs += 1;
        const certs = keys.certs();
        if (await answerWithFault(faults.certs, response, certs)) return "fault";
        return json(response, 200, certs);
      }
      case `GET ${ACCESS_PREFIX}get-identity`:
        calls.identity += 1;
        return answerIdentity(request, response);
      case `GET ${ACCESS_PREFIX}login`:
        showLogin(response, users, url.searchParams.get("redirect_url"));
        return "login page";
      case `POST ${ACCESS_PREFIX}login`:
        if (!isSameSite(request)) return json(response, 403, { err: "another site's form" });
        calls.login += 1;
        await acceptLogin(request, response, users, openSession);
        return "login";
      case `GET ${ACCESS_PREFIX}logout`: {
        calls.logout += 1;
        const session = await sessions.find(presentedAssertion(request));
        if (session) sessions.end(session.claims);
        showSignedOut(response);
        return "logout";
      }
      default:
        return json(response, 404, { err: "not found" });
    }
  }

  /** The debugger, once there is one. Rotating the keys needs nothing but the emulator. */
  async function answerEmulator(request, response, url) {
    const refusal = refusalOf(request);
    if (refusal) return json(response, 403, { err: refusal });
    const path = url.pathname.slice(DEBUGGER_PATH.length);
    if (request.method === "POST" && path === "rotate") {
      await keys.rotate();
      const { current, previous } = keys;
      return json(response, 200, { current: current.kid, previous: previous.kid });
    }
    if (controls) return controls(request, response, { path, query: url.searchParams });
    return json(response, 404, { err: "not found" });
  }

  async function answerIdentity(request, response) {
    const assertion = presentedAssertion(request) ?? request.headers["cf-access-jwt-assertion"];
    const found = await sessions.find(assertion);
    const session = found?.expired ? undefined : found;
    const user = session && users.find(({ email }) => email === session.claims.email);
    const document =
      session && identityDocument(session.claims, user, { ip: request.socket.remoteAddress, team });
    if (await answerWithFault(faults.identity, response, document ?? {})) return "fault";
    if (!assertion) return json(response, 400, { err: "no app token set" });
    // What Access says of a bad or revoked assertion is not documented: this is a guess.
    if (!document) return json(response, 400, { err: "invalid app token" });
    return json(response, 200, document);
  }

  async function openSession(user) {
    const assertion = await mint({ user });
    const claims = decodeJwt(assertion);
    sessions.open(claims);
    return { assertion, nonce: claims.identity_nonce, seconds: settings.sessionSeconds };
  }

  async function answer(request, response, ray) {
    const url = targetOf(request);
    if (!url) return json(response, 400, { err: "bad request target" });
    if (isForeignTeam(url.hostname, teamHost)) return unknownTeam(response);
    if (url.pathname.startsWith(DEBUGGER_PATH) && url.hostname !== teamHost) {
      return answerEmulator(request, response, url);
    }
    if (url.pathname.startsWith(ACCESS_PREFIX)) return answerAccessEndpoint(request, response, url);
    if (url.hostname === teamHost) return json(response, 404, { err: "not found" });

    const { pass, who, refuse } = await admit(request, url.pathname);
    if (refuse) {
      calls.refused += 1;
      return refuseRequest(request, response, url, refuse);
    }
    if (!upstream) return json(response, 502, { error: "Access emulator: no upstream is set" });
    calls.forwarded += 1;
    forward(request, response, upstream, [...pass, "CF-Ray", ray]);
    return `forwarded ${who}`;
  }

  function onRequest(request, response) {
    const ray = newRay();
    const timing = { started: Date.now() };
    response.on("close", () => {
      timing.ended = Date.now();
    });
    const { method, url: path } = request;
    const entry = (outcome) => ({ method, path, outcome, ray, timing });
    // The upstream's answer carries it too, as Cloudflare's does.
    response.setHeader("CF-Ray", ray);
    answer(request, response, ray).then(
      (outcome) => record(entry(outcome)),
      (error) => {
        record(entry(`failed: ${error.stack}`));
        if (response.headersSent) response.destroy();
        else json(response, 500, { err: "the emulator failed, see its log" });
      },
    );
  }

  async function onUpgrade(request, socket, head) {
    // The client may be gone before it is known whether it may pass.
    socket.on("error", () => socket.destroy());
    const url = targetOf(request);
    const { pass, refuse } = url ? await admit(request, url.pathname) : { refuse: "bad target" };
    const ray = newRay();
    const outcome = refuse ? `upgrade refused: ${refuse}` : "upgrade";
    record({ method: request.method, path: request.url, outcome, ray });
    if (refuse || !upstream) {
      calls.refused += 1;
      socket.end("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    calls.forwarded += 1;
    tunnels.add(socket);
    socket.on("close", () => tunnels.delete(socket));
    forwardUpgrade(request, socket, head, upstream, [...pass, "CF-Ray", ray]);
  }

  return {
    onRequest,
    onUpgrade,
    setUpstream(url) {
      upstream = new URL(url);
    },
    /** Replaces the paths that are let through without an assertion. */
    setBypass(paths) {
      bypass = paths;
    },
    /** Replaces all faults: `{certs?, identity?}`, each as in fault.mjs; no argument ends them. */
    setFault(next = {}) {
      faults = next;
    },
    /** What answers the emulator's own paths: `(request, response, {path, query})`. */
    setControls(answerPath) {
      controls = answerPath;
    },
    closeTunnels() {
      for (const socket of tunnels) socket.destroy();
    },
  };
}

function refuseRequest(request, response, url, reason) {
  if (reason === "wrong service token") {
    return json(response, 403, { err: "forbidden: invalid service token" });
  }
  // Backstage's sign-in page sends this header so that it gets a status and not a login page. Access
  // would redirect curl; a developer is better served by a status there too.
  if (!isPage(request)) {
    return json(response, 401, {
      error: {
        name: "AuthenticationError",
        message: "There is no Cloudflare Access session",
        code: "access_session_missing",
      },
      request: { method: request.method, url: request.url },
      response: { statusCode: 401 },
    });
  }
  const wanted = encodeURIComponent(url.pathname + url.search);
  response.writeHead(302, {
    location: `${ACCESS_PREFIX}login?redirect_url=${wanted}`,
    "cache-control": "no-store",
  });
  response.end();
  return "redirected to login";
}

/** A browser that navigates. */
function isPage({ headers }) {
  return (
    headers.accept?.includes("text/html") === true &&
    headers["x-requested-with"] !== "XMLHttpRequest"
  );
}

/** As Cloudflare names a request: 16 hexadecimal digits and a data centre. */
const newRay = () => `${randomBytes(8).toString("hex")}-DEV`;

function isForeignTeam(hostname, teamHost) {
  return hostname.endsWith(".cloudflareaccess.com") && hostname !== teamHost;
}

/** Access answers for a team that does not exist with a page, not with JSON. */
function unknownTeam(response) {
  response.writeHead(404, { "content-type": "text/html; charset=utf-8" });
  response.end("<!doctype html><title>Not found</title><h1>Unable to find your Access team</h1>\n");
  return "unknown team";
}

function targetOf(request) {
  const base = `http://${request.headers.host ?? "localhost"}`;
  return URL.canParse(request.url, base) ? new URL(request.url, base) : undefined;
}

/** "/health" holds for itself and what is below it, not for "/healthy". */
function isUnder(path, prefix) {
  return path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

function json(response, status, body) {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
  });
  response.end(JSON.stringify(body));
  return String(status);
}
