import { Content, Header, Page, Progress } from "@backstage/core-components";
import { identityApiRef, useApi } from "@backstage/frontend-plugin-api";
import { useEffect, useState } from "react";

export function MePage() {
  const identityApi = useApi(identityApiRef);
  const [me, setMe] = useState();
  useEffect(() => {
    Promise.all([identityApi.getProfileInfo(), identityApi.getBackstageIdentity()]).then(
      ([profile, identity]) => setMe({ profile, identity }),
    );
  }, [identityApi]);
  if (!me) return <Progress />;
  const { profile, identity } = me;
  return (
    <Page themeId="home">
      <Header title={profile.displayName ?? profile.email} subtitle={profile.email} />
      <Content>
        <p>
          Signed in as <code data-testid="entity-ref">{identity.userEntityRef}</code>, who owns what
          belongs to:
        </p>
        <ul data-testid="ownership-refs">
          {identity.ownershipEntityRefs.map((ref) => (
            <li key={ref}>{ref}</li>
          ))}
        </ul>
      </Content>
    </Page>
  );
}
