//! `emailMatchingUserEntityAnnotation` (`googleSignInResolvers` of
//! `@backstage/plugin-auth-backend-module-google-provider`, where the annotation is always
//! `google.com/email`) and `claimMatchingUserEntityAnnotation`.

use std::rc::Rc;

use serde_json::Value;

use super::super::{SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery};
use super::BuiltIn;
use super::email_options::EmailOptions;
use crate::catalog::import::ANNOTATIONS;
use crate::catalog::is_annotation_name;
use crate::error::Rejection;
use crate::reader::Reader;

struct ByEmail {
    options: EmailOptions,
    annotation: String,
}

struct ByClaim {
    claim: Claim,
    annotation: String,
}

/// A claim that identifies a user.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Claim {
    /// An attribute of the identity provider: `custom.<name>`.
    Custom(String),
    /// Access's id of the user.
    Sub,
}

pub(super) fn read_by_email(reader: &mut Reader<'_>) -> Option<BuiltIn> {
    let options = EmailOptions::read(reader);
    let allows_without_user = options.without_user;
    let annotation = read_annotation(reader)?;
    let resolver = Rc::new(ByEmail { options, annotation: annotation.clone() });
    Some(BuiltIn {
        resolver,
        found_by: Some(format!("{ANNOTATIONS}{annotation}")),
        allows_without_user,
    })
}

pub(super) fn read_by_claim(reader: &mut Reader<'_>) -> Option<BuiltIn> {
    let (claim, annotation) = (read_claim(reader), read_annotation(reader));
    let (claim, annotation) = (claim?, annotation?);
    let resolver = Rc::new(ByClaim { claim, annotation: annotation.clone() });
    Some(BuiltIn {
        resolver,
        found_by: Some(format!("{ANNOTATIONS}{annotation}")),
        allows_without_user: false,
    })
}

pub(super) fn read_annotation(reader: &mut Reader<'_>) -> Option<String> {
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

fn read_claim(reader: &mut Reader<'_>) -> Option<Claim> {
    let text = reader.required_string(
        "claim",
        "the claim of the assertion that is compared: `sub`, or `custom.<name>`",
    )?;
    let claim = Claim::parse(&text);
    if claim.is_none() {
        reader.problem(
            "claim",
            format!("must be `sub` or `custom.<name>`, not `{text}`: no other identifies a user"),
        );
    }
    claim
}

impl Claim {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("custom.") {
            Some(name) if !name.is_empty() => Some(Self::Custom(name.to_owned())),
            _ => (text == "sub").then_some(Self::Sub),
        }
    }

    fn of<'a>(&self, info: &SignInInfo<'a>) -> Option<&'a str> {
        match self {
            // Also from get-identity's document: Access leaves `custom` claims out of large
            // assertions.
            Self::Custom(name) => info.result.attribute(name),
            Self::Sub => {
                let sub = info.result.claims().get("sub").and_then(Value::as_str);
                sub.filter(|text| !text.is_empty())
            }
        }
    }
}

impl SignInResolver for ByEmail {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let email = self.options.email(info, ctx)?;
        let query = UserQuery::annotation(&self.annotation, email);
        self.options.sign_in(query, email, ctx).await
    }

    fn first_query<'a>(&'a self, email: &'a str) -> Option<UserQuery<'a>> {
        self.options.allows(email).then(|| UserQuery::annotation(&self.annotation, email))
    }
}

impl SignInResolver for ByClaim {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let value = self.claim.of(info).ok_or_else(Rejection::not_found)?;
        ctx.sign_in_with_catalog_user(UserQuery::annotation(&self.annotation, value)).await
    }
}
