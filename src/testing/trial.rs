//! A sign-in on trial.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::ports::{TrialPorts, block_on};
use super::{Catalog, Identity};
use crate::access::Assertion;
use crate::config::RawConfig;
use crate::gate::{CfAccess, Gate, TrialOutcome};
use crate::ports::HttpResponse;
use crate::sign_in::ResolvedUser;

/// 2026-01-01T00:00:00Z, in seconds since 1970: when sign-ins happen unless a test says otherwise.
const NOW: i64 = 1_767_225_600;

/// How long the assertions of a trial live, in seconds.
const LIFE: i64 = 24 * 3600;

/// A key that signs nothing but makes the configuration whole: the example of RFC 7517, appendix A.2.
const SIGNING_KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"testing","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}"#;

/// An app with a configuration and a catalog, into which callers try to sign in.
#[derive(Clone, Debug)]
pub struct Trial {
    app: CfAccess,
    config: Map<String, Value>,
    catalog: Catalog,
    catalog_is_down: bool,
    answers: BTreeMap<String, HttpResponse>,
    vars: BTreeMap<String, String>,
    now: i64,
}

/// A caller who signed in.
#[derive(Clone, Debug)]
pub struct TrialSignIn {
    user: ResolvedUser,
    tries: Vec<String>,
    notes: Vec<String>,
}

/// A caller who did not sign in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrialRejection {
    status: u16,
    code: String,
    message: String,
    detail: Option<String>,
    tries: Vec<String>,
}

impl Trial {
    /// A trial of an app, with an empty catalog.
    #[must_use]
    pub fn of(app: CfAccess) -> Self {
        Self {
            app,
            config: Map::new(),
            catalog: Catalog::new(),
            catalog_is_down: false,
            answers: BTreeMap::new(),
            vars: BTreeMap::new(),
            now: NOW,
        }
    }

    /// With these keys of `CFACCESS`, as JSON. `teamName` and `audience` have values already.
    ///
    /// A text that is no JSON object makes every sign-in end with 503 `misconfigured`.
    #[must_use]
    pub fn config(mut self, cfaccess: &str) -> Self {
        match serde_json::from_str(cfaccess) {
            Ok(Value::Object(members)) => self.config.extend(members),
            Ok(_) => {
                self.config.insert("config".to_owned(), json!("is not a JSON object"));
            }
            Err(error) => {
                self.config.insert("config".to_owned(), error.to_string().into());
            }
        }
        self
    }

    /// With this catalog.
    #[must_use]
    pub fn catalog(self, catalog: Catalog) -> Self {
        Self { catalog, ..self }
    }

    /// While the catalog does not answer.
    #[must_use]
    pub fn catalog_is_down(self) -> Self {
        Self { catalog_is_down: true, ..self }
    }

    /// Where a GET of this URL answers 200 with this body. Any other URL does not answer.
    #[must_use]
    pub fn fetches(self, url: &str, body: &str) -> Self {
        self.answers(url, 200, body)
    }

    /// Where a GET of this URL answers with this status.
    #[must_use]
    pub fn answers(mut self, url: &str, status: u16, body: &str) -> Self {
        let body = if status == 200 { body.to_owned() } else { String::new() };
        self.answers.insert(url.to_owned(), HttpResponse { status, body, is_html: false });
        self
    }

    /// With this var or secret of the Worker.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// At this time, in seconds since 1970.
    #[must_use]
    pub const fn at(mut self, seconds: i64) -> Self {
        self.now = seconds;
        self
    }

    /// Signs a caller in. Each call is the first request of a new isolate.
    ///
    /// # Errors
    /// What the caller gets instead: also 503 `misconfigured`, with every problem in
    /// [`detail`](TrialRejection::detail), and 503 `catalog_corrupt` for entities that are none.
    pub fn sign_in(&self, identity: &Identity) -> Result<TrialSignIn, TrialRejection> {
        let gate = self.gate().map_err(|detail| fault("misconfigured", detail))?;
        let records = self.catalog.records(&gate.config.sign_in.import);
        let records = records.map_err(|problems| fault("catalog_corrupt", problems.join("; ")))?;
        let mut answers = self.answers.clone();
        if let Some(document) = &identity.document {
            let url = format!("{}/cdn-cgi/access/get-identity", gate.config.access.issuer);
            let body = Value::from(document.clone()).to_string();
            answers.insert(url, HttpResponse { status: 200, body, is_html: false });
        }
        let ports = TrialPorts {
            records: (!self.catalog_is_down).then_some(records),
            answers,
            vars: self.vars.clone(),
            ..TrialPorts::default()
        };
        let assertion = Rc::new(Assertion::on_trial(
            "testing",
            identity.claims.clone(),
            identity.subject.clone(),
            self.now + LIFE,
        ));
        let now = DateTime::from_timestamp(self.now, 0).unwrap_or_default();
        let Some(outcome) = block_on(gate.try_sign_in(&assertion, now, &ports), &ports) else {
            return Err(fault("internal", "the sign-in never ends".to_owned()));
        };
        let TrialOutcome { result, tries, notes, .. } = outcome;
        match result {
            Ok(user) => Ok(TrialSignIn { user, tries, notes }),
            Err(error) => Err(TrialRejection {
                status: error.status(),
                code: error.code().to_owned(),
                message: error.message().to_owned(),
                detail: error.detail(),
                tries,
            }),
        }
    }

    fn gate(&self) -> Result<Gate, String> {
        let mut cfaccess = json!({ "teamName": "testing", "audience": "testing" });
        if let Value::Object(members) = &mut cfaccess {
            members.extend(self.config.clone());
        }
        let config = RawConfig {
            cfaccess: Some(cfaccess.to_string()),
            backstage: Some(r#"{"baseUrl":"https://backstage.example.com"}"#.to_owned()),
            signing_keys: Some(SIGNING_KEYS.to_owned()),
        };
        Gate::of(self.app.clone(), &config).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        })
    }
}

fn fault(code: &str, detail: String) -> TrialRejection {
    let (status, message) = (503, "The sign-in could not be tried".to_owned());
    TrialRejection { status, code: code.to_owned(), message, detail: Some(detail), tries: vec![] }
}

impl TrialSignIn {
    /// The canonical entity ref of the user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user.user
    }

    /// The ownership refs.
    #[must_use]
    pub fn ownership(&self) -> &[String] {
        &self.user.ownership
    }

    /// The additional claims of the token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.user.claims
    }

    /// The email of the profile.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.user.profile.email.as_deref()
    }

    /// The display name of the profile.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.user.profile.display_name.as_deref()
    }

    /// The picture of the profile.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.user.profile.picture.as_deref()
    }

    /// How long the result may be reused, in seconds, if the resolver says.
    #[must_use]
    pub fn max_age(&self) -> Option<u32> {
        self.user.max_age
    }

    /// Each resolver that was tried and did not find the user, with its code.
    #[must_use]
    pub fn tries(&self) -> &[String] {
        &self.tries
    }

    /// The notes of the resolvers.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl TrialRejection {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the log says beyond that.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Each resolver that was tried, with its code.
    #[must_use]
    pub fn tries(&self) -> &[String] {
        &self.tries
    }
}
