// A small app of the old front-end system, with the parts that sign-in has to do with.

import { createApp } from "@backstage/app-defaults";
import { AppRouter, FlatRoutes } from "@backstage/core-app-api";
import {
  AlertDisplay,
  OAuthRequestDialog,
  Sidebar,
  SidebarItem,
  SidebarPage,
} from "@backstage/core-components";
import { CatalogEntityPage, CatalogIndexPage } from "@backstage/plugin-catalog";
import { UserSettingsPage } from "@backstage/plugin-user-settings";
import HomeIcon from "@material-ui/icons/Home";
import SettingsIcon from "@material-ui/icons/Settings";
import { Navigate, Route } from "react-router-dom";
import { AccessSignInPage, accessFetchApiFactory, SessionEndedDialog } from "./access/oldSystem";

const app = createApp({
  apis: [accessFetchApiFactory],
  components: { SignInPage: AccessSignInPage },
});

export default app.createRoot(
  <>
    <AlertDisplay />
    <OAuthRequestDialog />
    <SessionEndedDialog />
    <AppRouter>
      <SidebarPage>
        <Sidebar>
          <SidebarItem icon={HomeIcon} to="catalog" text="Catalog" />
          <SidebarItem icon={SettingsIcon} to="settings" text="Settings" />
        </Sidebar>
        <FlatRoutes>
          <Route path="/" element={<Navigate to="catalog" />} />
          <Route path="/catalog" element={<CatalogIndexPage />} />
          <Route path="/catalog/:namespace/:kind/:name" element={<CatalogEntityPage />} />
          <Route path="/settings" element={<UserSettingsPage />} />
        </FlatRoutes>
      </SidebarPage>
    </AppRouter>
  </>,
);
