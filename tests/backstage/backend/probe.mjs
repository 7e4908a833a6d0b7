// A plugin that says what Backstage makes of a request: who it is from, and whether a call on that
// user's behalf to another plugin is believed there.

import { coreServices, createBackendPlugin } from "@backstage/backend-plugin-api";
import Router from "express-promise-router";

export const probe = createBackendPlugin({
  pluginId: "probe",
  register({ registerInit }) {
    registerInit({
      deps: {
        auth: coreServices.auth,
        discovery: coreServices.discovery,
        httpAuth: coreServices.httpAuth,
        httpRouter: coreServices.httpRouter,
        userInfo: coreServices.userInfo,
      },
      async init({ auth, discovery, httpAuth, httpRouter, userInfo }) {
        const router = Router();
        const show = async (credentials, response) => {
          const { principal, expiresAt } = credentials;
          response.json({
            principal,
            expiresAt,
            userInfo: await userInfo.getUserInfo(credentials),
          });
        };

        router.get("/whoami", async (request, response) => {
          await show(await httpAuth.credentials(request, { allow: ["user"] }), response);
        });

        router.get("/cookie/whoami", async (request, response) => {
          const options = { allow: ["user"], allowLimitedAccess: true };
          await show(await httpAuth.credentials(request, options), response);
        });

        router.get("/catalog", async (request, response) => {
          const onBehalfOf = await httpAuth.credentials(request, { allow: ["user"] });
          const targetPluginId = "catalog";
          const { token } = await auth.getPluginRequestToken({ onBehalfOf, targetPluginId });
          const catalog = await discovery.getBaseUrl(targetPluginId);
          const answer = await fetch(`${catalog}/entities/by-query?filter=kind=user&limit=100`, {
            headers: { authorization: `Bearer ${token}` },
          });
          response.status(answer.status).json(await answer.json());
        });

        httpRouter.use(router);
        httpRouter.addAuthPolicy({ path: "/cookie", allow: "user-cookie" });
      },
    });
  },
});
