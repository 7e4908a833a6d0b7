//! The profile that Backstage shows.

use backstage_cfaccess::{AccessResult, Profile, Rejection, SignInContext};

/// The email and name of the identity, without a suffix such as ` (Acme Ltd)`.
pub(crate) async fn from_access(
    result: &AccessResult,
    _: &SignInContext<'_>,
) -> Result<Profile, Rejection> {
    let name = result.name().and_then(|name| name.split(" (").next());
    Ok(Profile::new().email(result.email()).display_name(name))
}
