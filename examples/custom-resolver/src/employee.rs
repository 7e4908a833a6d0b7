//! The resolver `acme/employee`: finds the user by an annotation that holds their employee id.

use backstage_cfaccess::{
    Needs, Rejection, SignInContext, SignInInfo, SignInResolver, SignInResult, UserQuery,
};
use serde::Deserialize;

/// What an entry of `signIn.resolvers` can say beside `resolver`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Options {
    /// The annotation of the User entity.
    annotation: String,
    /// Values of the attribute `type` that may not sign in.
    #[serde(default)]
    reject: Vec<String>,
}

pub(crate) struct Employee(Options);

impl Employee {
    /// Checks the options. An error makes the Worker answer 503 `misconfigured`.
    pub(crate) fn new(options: Options) -> Result<Self, String> {
        if options.annotation.is_empty() {
            return Err("`annotation` must not be empty".to_owned());
        }
        Ok(Self(options))
    }
}

impl SignInResolver for Employee {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        let result = info.result;
        if let Some(kind) = result.attribute("type")
            && self.0.reject.iter().any(|rejected| rejected == kind)
        {
            return Err(Rejection::not_allowed("contractor", "Contractors have no access"));
        }
        let Some(id) = result.attribute("employee_id") else {
            // Without get-identity's document the attribute may exist and not be here: "not found"
            // would be wrong.
            if !result.is_complete() && result.service_token().is_none() {
                let sentence = "The employee id is temporarily unavailable";
                return Err(Rejection::unavailable("employee_id_unavailable", sentence, 5));
            }
            // The next resolver of the configuration is tried.
            return Err(Rejection::not_found());
        };
        let query = UserQuery::annotation(&self.0.annotation, id);
        // Permission policies of the backend read this claim.
        ctx.sign_in_with_catalog_user(query).await?.claim("employee_id", id)
    }

    fn needs(&self) -> Needs {
        Needs::new().annotation(&self.0.annotation)
    }
}
