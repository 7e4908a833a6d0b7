//! What is seen of the resolvers from outside: which one was asked, what it read, how it ended.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value;

use crate::error::Rejection;
use crate::sign_in::{NamedResolver, SignInContext, SignInInfo, SignInResolver, SignInResult};

/// The resolvers that were asked since the last look.
#[derive(Debug, Default)]
pub(super) struct Observer(RefCell<Vec<Step>>);

/// A resolver that was asked.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Step {
    /// Its name.
    pub(in crate::cli) resolver: String,
    /// The keys that it read, and what they hold.
    pub(in crate::cli) reads: Vec<(String, Found)>,
    /// How it ended.
    pub(in crate::cli) outcome: Outcome,
}

/// How a resolver ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Outcome {
    /// With a user.
    SignedIn,
    /// The next resolver is asked.
    Next,
    /// No other resolver is asked; holds the code.
    Ended(String),
}

/// What a key holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Found {
    Nothing,
    /// The record of this user.
    User(String),
    /// The refs of several users.
    Several(Vec<String>),
    /// A value that is no record.
    Corrupt,
    /// It could not be read; holds why.
    Failed(String),
}

impl Found {
    /// For the eye only: the Worker's own reader decides what a value is worth.
    pub(super) fn of(value: &Result<Option<String>, String>) -> Self {
        let text = match value {
            Ok(None) => return Self::Nothing,
            Ok(Some(text)) => text,
            Err(why) => return Self::Failed(why.clone()),
        };
        let record: Value = serde_json::from_str(text).unwrap_or_default();
        if let Some(user) = record.pointer("/user/ref").and_then(Value::as_str) {
            return Self::User(user.to_owned());
        }
        let refs = record.get("ambiguous").and_then(crate::json::strings);
        refs.map_or(Self::Corrupt, Self::Several)
    }
}

impl Observer {
    /// Takes what was seen.
    pub(super) fn take(&self) -> Vec<Step> {
        self.0.take()
    }

    /// Notes what a key holds that the resolver of the moment reads.
    pub(super) fn read(&self, key: &str, found: Found) {
        if let Some(step) = self.0.borrow_mut().last_mut() {
            step.reads.push((key.to_owned(), found));
        }
    }

    fn begins(&self, resolver: &str) {
        let (resolver, outcome) = (resolver.to_owned(), Outcome::Next);
        self.0.borrow_mut().push(Step { resolver, reads: Vec::new(), outcome });
    }

    fn ends(&self, result: &SignInResult) {
        let outcome = match result {
            Ok(_) => Outcome::SignedIn,
            Err(rejection) => Outcome::of(rejection),
        };
        if let Some(step) = self.0.borrow_mut().last_mut() {
            step.outcome = outcome;
        }
    }
}

impl Outcome {
    fn of(rejection: &Rejection) -> Self {
        if rejection.is_not_found() { Self::Next } else { Self::Ended(rejection.code().to_owned()) }
    }
}

/// A resolver that is observed, and otherwise the same. Without a `first_query` of its own, nothing is read
/// ahead, so that each read is seen where it is asked for.
pub(super) fn observed(resolver: NamedResolver, observer: &Rc<Observer>) -> NamedResolver {
    let name = resolver.name.clone();
    let observer = Rc::clone(observer);
    NamedResolver { name, resolver: Rc::new(Observed { resolver, observer }) }
}

struct Observed {
    resolver: NamedResolver,
    observer: Rc<Observer>,
}

impl SignInResolver for Observed {
    async fn resolve(&self, info: &SignInInfo<'_>, ctx: &SignInContext<'_>) -> SignInResult {
        self.observer.begins(&self.resolver.name);
        let result = self.resolver.resolver.resolve(info, ctx).await;
        self.observer.ends(&result);
        result
    }
}
