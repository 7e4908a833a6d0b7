import type { ConfigApi, DiscoveryApi } from "@backstage/core-plugin-api";

/** As in `auth.providers` of app-config, and in `CFACCESS.providerId` of the Worker. */
export const PROVIDER = "cfaccess";

/**
 * Whether users sign in as Backstage's guest, without Access. This key is the only one about sign-in
 * that the browser can read; app-config.local.yaml is the place for it.
 */
export function isLocal(config: ConfigApi) {
  return config.getOptionalString("auth.environment") === "development";
}

export async function refreshUrl(discoveryApi: DiscoveryApi) {
  return `${await discoveryApi.getBaseUrl("auth")}/${PROVIDER}/refresh`;
}
