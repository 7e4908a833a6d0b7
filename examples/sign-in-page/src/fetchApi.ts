// The fetch API of the app, which sends what Access needs and notices the end of the session. Both
// front-end systems take it.

import { createFetchApi, type FetchMiddleware, FetchMiddlewares } from "@backstage/core-app-api";
import type { ConfigApi, DiscoveryApi, IdentityApi } from "@backstage/core-plugin-api";
import { isLocal, refreshUrl } from "./config";
import { checkSession, XHR_HEADERS } from "./session";

/** How often a user who comes back to the tab makes it ask for the session, at most. */
const CHECK_EVERY_MS = 60_000;

type Apis = { configApi: ConfigApi; discoveryApi: DiscoveryApi; identityApi: IdentityApi };

export function accessFetchApi({ configApi, discoveryApi, identityApi }: Apis) {
  const check = async () => checkSession(await refreshUrl(discoveryApi));
  const baseUrl = configApi.getString("backend.baseUrl");
  const withAccess = isLocal(configApi) ? [] : [accessMiddleware(baseUrl, check)];
  if (withAccess.length > 0) {
    checkOnReturn(check);
    checkOnMissingScript(check);
  }
  return createFetchApi({
    middleware: [
      FetchMiddlewares.resolvePluginProtocol({ discoveryApi }),
      // Around the next one, which refreshes the Backstage token and fails when that is refused.
      ...withAccess,
      FetchMiddlewares.injectIdentityAuth({ identityApi, config: configApi }),
    ],
  });
}

function accessMiddleware(baseUrl: string, check: () => Promise<void>): FetchMiddleware {
  const prefix = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  return {
    apply: (next) => async (input, init) => {
      const given = new Request(input, init);
      // Another server would have to allow the header.
      if (!given.url.startsWith(prefix)) return next(input, init);
      // The cookie of Access, also if the backend has another origin than the page.
      const request =
        given.credentials === "omit" ? given : new Request(given, { credentials: "include" });
      for (const [name, value] of Object.entries(XHR_HEADERS)) request.headers.set(name, value);
      try {
        const response = await next(request);
        if (response.status === 401) void check();
        return response;
      } catch (error) {
        if (!request.signal.aborted) void check();
        throw error;
      }
    },
  };
}

function checkOnReturn(check: () => Promise<void>) {
  let last = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || Date.now() - last < CHECK_EVERY_MS) return;
    last = Date.now();
    void check();
  });
}

/** A view that is opened for the first time loads a script first, which Access refuses too. */
function checkOnMissingScript(check: () => Promise<void>) {
  const onError = ({ target }: Event) => {
    if (target instanceof HTMLScriptElement) void check();
  };
  // The events of elements do not bubble.
  window.addEventListener("error", onError, { capture: true });
}
