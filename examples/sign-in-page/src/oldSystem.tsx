// For an app of the old front-end system:
//
//   createApp({ apis: [...apis, accessFetchApiFactory], components: { SignInPage: AccessSignInPage } })
//   app.createRoot(<><SessionEndedDialog />…</>)

import {
  configApiRef,
  createApiFactory,
  discoveryApiRef,
  fetchApiRef,
  identityApiRef,
} from "@backstage/core-plugin-api";
import { accessFetchApi } from "./fetchApi";

export { AccessSignInPage } from "./AccessSignInPage";
export { SessionEndedDialog } from "./SessionEndedDialog";

export const accessFetchApiFactory = createApiFactory({
  api: fetchApiRef,
  deps: { configApi: configApiRef, discoveryApi: discoveryApiRef, identityApi: identityApiRef },
  factory: accessFetchApi,
});
