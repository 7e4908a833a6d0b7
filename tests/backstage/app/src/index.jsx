// A minimal Backstage app: the official sign-in page, the official catalog, and a page that shows
// whom the app takes the user for.

import "@backstage/ui/css/styles.css";
import catalogPlugin from "@backstage/plugin-catalog/alpha";
import { createApp } from "@backstage/frontend-defaults";
import {
  createFrontendModule,
  createFrontendPlugin,
  createRouteRef,
  PageBlueprint,
} from "@backstage/frontend-plugin-api";
import { SignInPageBlueprint } from "@backstage/plugin-app-react";
import { createRoot } from "react-dom/client";

const signInPage = SignInPageBlueprint.make({
  params: { loader: async () => (await import("./SignInPage.jsx")).SignInPage },
});

const meRouteRef = createRouteRef();
const mePage = PageBlueprint.make({
  params: {
    path: "/",
    title: "Me",
    icon: <span aria-hidden="true">☺</span>,
    routeRef: meRouteRef,
    loader: async () => {
      const { MePage } = await import("./MePage.jsx");
      return <MePage />;
    },
  },
});

const app = createApp({
  features: [
    catalogPlugin,
    createFrontendModule({ pluginId: "app", extensions: [signInPage] }),
    createFrontendPlugin({ pluginId: "me", routes: { root: meRouteRef }, extensions: [mePage] }),
  ],
});

createRoot(document.getElementById("root")).render(app.createRoot());
