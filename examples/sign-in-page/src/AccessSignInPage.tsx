// The sign-in page of a Backstage behind Cloudflare Access. Both front-end systems take it.

import { ProxiedSignInPage, SignInPage } from "@backstage/core-components";
import {
  configApiRef,
  type DiscoveryApi,
  discoveryApiRef,
  type IdentityApi,
  type SignInPageProps,
  useApi,
} from "@backstage/core-plugin-api";
import { isLocal, PROVIDER } from "./config";
import { SignInError } from "./SignInError";
import { goToLogout, setState, XHR_HEADERS } from "./session";

export function AccessSignInPage(props: SignInPageProps) {
  const discoveryApi = useApi(discoveryApiRef);
  // On a developer's machine there may be no Access in front.
  if (isLocal(useApi(configApiRef))) return <SignInPage {...props} auto providers={["guest"]} />;
  return (
    <ProxiedSignInPage
      {...props}
      provider={PROVIDER}
      ErrorComponent={SignInError}
      onSignInSuccess={(identity) => {
        setState("signed-in");
        props.onSignInSuccess(endingTheAccessSession(identity, discoveryApi));
      }}
    />
  );
}

/**
 * The sign-out of a proxied identity does nothing, and the app then loads "/", where Access signs the
 * user in again. This one ends the session at Access.
 */
function endingTheAccessSession(identity: IdentityApi, discoveryApi: DiscoveryApi) {
  const signOut = async () => {
    await deleteCookie(discoveryApi);
    goToLogout();
    // The app must not go on to "/", which would cancel this navigation.
    await new Promise(() => {});
  };
  return Object.assign(identity, { signOut });
}

/** The cookie of an app in protected mode, which Backstage would delete after the sign-out. */
async function deleteCookie(discoveryApi: DiscoveryApi) {
  const url = `${await discoveryApi.getBaseUrl("app")}/.backstage/auth/v1/cookie`;
  await fetch(url, { method: "DELETE", credentials: "include", headers: XHR_HEADERS }).catch(
    () => {},
  );
}
