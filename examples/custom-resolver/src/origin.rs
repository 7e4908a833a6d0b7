//! What the origin is told about a request beside the assertion.

use backstage_cfaccess::{Caller, Edits, Rejection};

/// Sets `x-acme-caller`, in place of a value from the client. It does not run for `publicPaths`: there
/// the origin must not rely on the header.
pub(crate) async fn add_headers(caller: &Caller, edits: &mut Edits<'_>) -> Result<(), Rejection> {
    let kind = if caller.service_token().is_some() { "service" } else { "user" };
    edits.set("x-acme-caller", kind)
}
