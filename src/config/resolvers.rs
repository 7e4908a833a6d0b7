//! `CFACCESS.signIn.resolvers`: names and options.

use super::reader::Reader;
use crate::catalog::is_annotation_name;
use crate::sign_in::{Claim, Resolver, Rule};

/// The names that the configuration may use: the official provider's two, and ours by annotation.
const NAMES: [&str; 4] = [
    "emailMatchingUserEntityProfileEmail",
    "emailLocalPartMatchingUserEntityName",
    "emailMatchingUserEntityAnnotation",
    "claimMatchingUserEntityAnnotation",
];

/// Reads the list below `signIn`.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<Resolver> {
    let resolvers = reader.below("signIn", |reader| reader.each("resolvers", resolver));
    let resolvers = resolvers.unwrap_or_default();
    if resolvers.is_empty() {
        reader.problem(
            "signIn.resolvers",
            format!("is required: a list of at least one of {}", NAMES.join(", ")),
        );
    }
    resolvers
}

fn resolver(reader: &mut Reader<'_>) -> Option<Resolver> {
    let name = reader.required_string("resolver", "the name of a sign-in resolver")?;
    if name == "claimMatchingUserEntityAnnotation" {
        let (claim, annotation) = (claim(reader), annotation(reader));
        let rule =
            Rule::ClaimMatchingUserEntityAnnotation { claim: claim?, annotation: annotation? };
        return Some(Resolver::new(rule, None, false));
    }
    let allowed_domains = reader.value("allowedDomains").map(|_| reader.strings("allowedDomains"));
    if allowed_domains.as_ref().is_some_and(Vec::is_empty) {
        reader.problem("allowedDomains", "must not be empty: nobody could sign in");
    }
    let without_user = reader.boolean("dangerouslyAllowSignInWithoutUserInCatalog");
    let rule = match name.as_str() {
        "emailLocalPartMatchingUserEntityName" => Rule::EmailLocalPartMatchingUserEntityName,
        "emailMatchingUserEntityAnnotation" => {
            Rule::EmailMatchingUserEntityAnnotation(annotation(reader)?)
        }
        "emailMatchingUserEntityProfileEmail" => Rule::EmailMatchingUserEntityProfileEmail,
        _ => {
            reader.problem(
                "resolver",
                format!("`{name}` is not available; there are {}", NAMES.join(", ")),
            );
            return None;
        }
    };
    Some(Resolver::new(rule, allowed_domains, without_user))
}

fn annotation(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.required_string(
        "annotation",
        "the annotation of the users that is compared, such as `google.com/email`",
    )?;
    if is_annotation_name(&text) {
        return Some(text);
    }
    reader.problem(
        "annotation",
        format!("must be the name of an annotation such as `google.com/email`, not `{text}`"),
    );
    None
}

fn claim(reader: &mut Reader<'_>) -> Option<Claim> {
    let text = reader.required_string(
        "claim",
        "the claim of the assertion that is compared: `sub`, or `custom.<name>`",
    )?;
    let claim = Claim::parse(&text);
    if claim.is_none() {
        reader.problem(
            "claim",
            format!("must be `sub` or `custom.<name>`, not `{text}`: no other tells people apart"),
        );
    }
    claim
}
