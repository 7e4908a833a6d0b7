//! The part of `CFACCESS` that says how callers become users.

use super::app_code::AppCode;
use super::cfaccess::token;
use crate::catalog::import::{ANNOTATIONS, ImportPolicy};
use crate::catalog::is_field_path;
use crate::reader::Reader;
use crate::sign_in::{
    Configured, CopiedClaim, Needs, OnUserNotFound, OwnershipPolicy, ProfilePolicy, Requirement,
    SignInPolicy,
};

/// Bounds and default of `catalogMaxAge`, in seconds. KV's `cacheTtl` can be no less and is a minute
/// by default (Workers KV, "Read key-value pairs").
const CATALOG_MAX_AGE_MIN: u32 = 30;
const CATALOG_MAX_AGE_MAX: u32 = 24 * 3600;
const CATALOG_MAX_AGE_DEFAULT: u32 = 60;

pub(super) fn read(reader: &mut Reader<'_>, code: &AppCode) -> Option<SignInPolicy> {
    let provider_id = token(reader, "providerId", "cfaccess");
    let (require, configured) = sign_in(reader, code);
    let mut import = reader.below("catalog", catalog).unwrap_or_default();
    for path in configured.iter().filter_map(|it| it.found_by.as_deref()) {
        import.add_index(path);
    }
    check_needs(reader, &configured, &import, code);
    let ownership = reader.below("ownership", OwnershipPolicy::read).unwrap_or_default();
    if code.has_ownership && !ownership.is_empty() {
        reader.problem("ownership", "must be left out: the app has an ownership resolver in code");
    }
    let token_claims =
        reader.below("token", |reader| CopiedClaim::read_all(reader, "claims")).unwrap_or_default();
    let profile = reader.below("profile", profile).unwrap_or_default();
    let expose_assertion = reader.boolean("exposeAssertion");
    let on_user_not_found = reader.one_of(
        "onUserNotFound",
        &[("refuse", OnUserNotFound::Refuse), ("origin", OnUserNotFound::Origin)],
    );
    let catalog_max_age = catalog_max_age(reader);
    let allows_users_outside_catalog =
        code.has_sign_in || configured.iter().any(|it| it.allows_without_user);
    Some(SignInPolicy {
        provider_id,
        require,
        resolvers: configured.into_iter().map(|it| it.resolver).collect(),
        ownership,
        token_claims,
        profile,
        expose_assertion,
        on_user_not_found: on_user_not_found?,
        catalog_max_age,
        import,
        allows_users_outside_catalog,
    })
}

/// `signIn`: the rules and the resolvers.
fn sign_in(reader: &mut Reader<'_>, code: &AppCode) -> (Vec<Requirement>, Vec<Configured>) {
    let read = reader.below("signIn", |reader| {
        let require = reader.each("require", Requirement::read);
        (require, reader.each("resolvers", |reader| code.registry.read(reader)))
    });
    let (require, configured) = read.unwrap_or_default();
    if code.has_sign_in && !configured.is_empty() {
        let message = "must be left out: the app has a sign-in resolver in code";
        reader.problem("signIn.resolvers", message);
    }
    if !code.has_sign_in && !code.may_have_sign_in && configured.is_empty() {
        let names = code.registry.names().join(", ");
        let message = format!("is required: a list of at least one of {names}");
        reader.problem("signIn.resolvers", message);
    }
    (require, configured)
}

/// `catalog`: what users are found by beside the annotations of the resolvers, what else the records
/// have, and whether ownership includes the ancestors of a user's groups.
fn catalog(reader: &mut Reader<'_>) -> ImportPolicy {
    let mut policy = ImportPolicy::default();
    for path in paths(reader, "indexes") {
        policy.add_index(&path);
    }
    policy.fields = paths(reader, "fields");
    let transitive = reader.one_of("groups", &[("direct", false), ("transitive", true)]);
    policy.transitive_groups = transitive.unwrap_or_default();
    policy
}

/// A list of paths of fields, sorted, each once.
fn paths(reader: &mut Reader<'_>, key: &'static str) -> Vec<String> {
    let mut paths = reader.strings(key);
    for path in paths.iter().filter(|path| !is_field_path(path)) {
        let message = format!(
            "must hold `{ANNOTATIONS}<name>`, `metadata.labels.<name>` or `spec.<path>`, not `{path}`"
        );
        reader.problem(key, message);
    }
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// What the code of the app needs must be declared, because `cfaccess` does not know the app.
fn check_needs(
    reader: &mut Reader<'_>,
    configured: &[Configured],
    import: &ImportPolicy,
    code: &AppCode,
) {
    let resolvers = configured.iter().map(|it| it.needs.clone());
    let needs = resolvers.fold(code.needs.clone(), Needs::and);
    for name in needs.annotations.iter().filter(|name| !import.annotations.contains(name)) {
        let message = format!("must hold `{ANNOTATIONS}{name}`, which the app needs");
        reader.problem("catalog.indexes", message);
    }
    for path in needs.fields.iter().filter(|path| !import.has(path)) {
        let message = format!(
            "must hold `{path}`, which the app needs; or catalog.fields, if the app only reads it"
        );
        reader.problem("catalog.indexes", message);
    }
}

fn profile(reader: &mut Reader<'_>) -> ProfilePolicy {
    let display_name = reader.one_of("displayName", &[("access", false), ("catalog", true)]);
    let picture = reader.one_of("picture", &[("none", false), ("catalog", true)]);
    ProfilePolicy {
        display_name_from_catalog: display_name.unwrap_or_default(),
        picture_from_catalog: picture.unwrap_or_default(),
    }
}

fn catalog_max_age(reader: &mut Reader<'_>) -> u32 {
    let Some(seconds) = reader.seconds("catalogMaxAge") else { return CATALOG_MAX_AGE_DEFAULT };
    if !(CATALOG_MAX_AGE_MIN..=CATALOG_MAX_AGE_MAX).contains(&seconds) {
        reader.problem("catalogMaxAge", "must be from 30 seconds, which is KV's limit, to a day");
    }
    seconds
}
