//! The built-in resolvers. A new one is a file here and a line in [`NAMES`].

mod annotation;
mod email_options;
mod local_part;
mod profile_email;
mod user_matching;

use std::rc::Rc;

use super::resolver::DynResolver;
use crate::reader::Reader;

/// A resolver as the configuration has it.
pub(super) struct BuiltIn {
    pub(super) resolver: Rc<dyn DynResolver>,
    /// The path of the annotation or field that users are found by, if it is one.
    pub(super) found_by: Option<String>,
    /// Whether it signs in users who are not in the catalog.
    pub(super) allows_without_user: bool,
}

/// Reads the options; `None` after a problem.
type Read = fn(&mut Reader<'_>) -> Option<BuiltIn>;

/// The names that the configuration may use: the official provider's two
/// (`commonSignInResolvers` of `@backstage/plugin-auth-node`), two by annotation, as Backstage's
/// modules for other identity providers have them, and one that combines their parts.
pub(super) const NAMES: [(&str, Read); 5] = [
    ("emailMatchingUserEntityProfileEmail", profile_email::read),
    ("emailLocalPartMatchingUserEntityName", local_part::read),
    ("emailMatchingUserEntityAnnotation", annotation::read_by_email),
    ("claimMatchingUserEntityAnnotation", annotation::read_by_claim),
    ("userMatching", user_matching::read),
];
