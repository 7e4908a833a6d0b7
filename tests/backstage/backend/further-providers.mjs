// The official provider under further ids: every other key of `auth.providers` that begins with
// "cfaccess-" is one with a configuration of its own, so that one backend answers for many.

import { coreServices, createBackendModule } from "@backstage/backend-plugin-api";
import {
  cloudflareAccessSignInResolvers,
  createCloudflareAccessAuthenticator,
} from "@backstage/plugin-auth-backend-module-cloudflare-access-provider";
import {
  authProvidersExtensionPoint,
  commonSignInResolvers,
  createProxyAuthProviderFactory,
} from "@backstage/plugin-auth-node";

export const furtherProviders = createBackendModule({
  pluginId: "auth",
  moduleId: "further-providers",
  register({ registerInit }) {
    registerInit({
      deps: {
        authProviders: authProvidersExtensionPoint,
        cache: coreServices.cache,
        config: coreServices.rootConfig,
      },
      async init({ authProviders, cache, config }) {
        const ids = config.getOptionalConfig("auth.providers")?.keys() ?? [];
        for (const providerId of ids.filter((id) => id.startsWith("cfaccess-"))) {
          // As the official module registers it.
          authProviders.registerProvider({
            providerId,
            factory: createProxyAuthProviderFactory({
              authenticator: createCloudflareAccessAuthenticator({ cache }),
              signInResolverFactories: {
                ...cloudflareAccessSignInResolvers,
                ...commonSignInResolvers,
              },
            }),
          });
        }
      },
    });
  },
});
