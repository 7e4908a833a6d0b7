//! What a user owns.

use backstage_cfaccess::{CatalogUser, EntityRef, Rejection, SignInContext, SignInInfo, slug};

/// The refs from the catalog, and each group of the identity provider as a group of the namespace
/// `idp`. The namespace of its own matters: a person who can create a group at the identity provider
/// must not become an owner of `group:default/admins`.
pub(crate) async fn with_access_groups(
    user: &CatalogUser,
    info: &SignInInfo<'_>,
    _: &SignInContext<'_>,
) -> Result<Vec<EntityRef>, Rejection> {
    let mut refs = user.ownership();
    let names = info.result.groups().filter_map(|group| slug(group.name()?));
    refs.extend(names.filter_map(|name| EntityRef::new("group", Some("idp"), &name)));
    Ok(refs)
}
