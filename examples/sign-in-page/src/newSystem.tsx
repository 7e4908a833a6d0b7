// For an app of the new front-end system: a module for `features` of createApp.

import {
  ApiBlueprint,
  AppRootElementBlueprint,
  configApiRef,
  createFrontendModule,
  discoveryApiRef,
  fetchApiRef,
  identityApiRef,
} from "@backstage/frontend-plugin-api";
import { SignInPageBlueprint } from "@backstage/plugin-app-react";
import { AccessSignInPage } from "./AccessSignInPage";
import { accessFetchApi } from "./fetchApi";
import { SessionEndedDialog } from "./SessionEndedDialog";

// Not a chunk of its own: without a session at Access the browser could not load it.
const signInPage = SignInPageBlueprint.make({
  params: { loader: async () => AccessSignInPage },
});

/** Its name is that of the app's own, which it replaces. */
const fetchApi = ApiBlueprint.make({
  name: "fetch",
  params: (define) =>
    define({
      api: fetchApiRef,
      deps: { configApi: configApiRef, discoveryApi: discoveryApiRef, identityApi: identityApiRef },
      factory: accessFetchApi,
    }),
});

const sessionEndedDialog = AppRootElementBlueprint.make({
  name: "access-session-ended",
  params: { element: <SessionEndedDialog /> },
});

export const accessModule = createFrontendModule({
  pluginId: "app",
  extensions: [signInPage, fetchApi, sessionEndedDialog],
});
