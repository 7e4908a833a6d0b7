//! Resolvers by name: the built-in ones and those of the app.

use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::built_in::{self, BuiltIn};
use super::resolver::{DynResolver, NamedResolver};
use super::{Needs, SignInContext, SignInInfo, SignInResolver, SignInResult};
use crate::error::Rejection;
use crate::reader::Reader;

/// Makes a resolver from its options.
type Make = Rc<dyn Fn(Map<String, Value>) -> Result<Rc<dyn DynResolver>, String>>;

/// The resolvers that the configuration may name.
#[derive(Clone, Default)]
pub struct Registry {
    custom: Vec<(&'static str, Make)>,
    /// Whether any name with a `/` is accepted: by a program that does not know the app.
    accepts_unknown: bool,
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.custom.iter().map(|(name, _)| *name).collect();
        formatter.debug_tuple("Registry").field(&names).finish()
    }
}

/// A resolver of the configuration.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) resolver: NamedResolver,
    /// The path of the annotation or field that a built-in resolver finds users by.
    pub(crate) found_by: Option<String>,
    /// What a resolver of the app needs.
    pub(crate) needs: Needs,
    pub(crate) allows_without_user: bool,
}

impl Registry {
    /// The built-in resolvers and any other whose name contains a `/`. Those are never asked: for
    /// `cfaccess`, which does not know the app.
    #[must_use]
    pub fn accepting_unknown() -> Self {
        Self { accepts_unknown: true, ..Self::default() }
    }

    /// Adds a resolver without options.
    pub(crate) fn add(&mut self, name: &'static str, resolver: Rc<dyn DynResolver>) {
        let make = move |options: Map<String, Value>| match options.keys().next() {
            None => Ok(Rc::clone(&resolver)),
            Some(key) => Err(format!("takes no options, and has `{key}`")),
        };
        self.custom.push((name, Rc::new(make)));
    }

    /// Adds a resolver with options.
    pub(crate) fn add_with<O: DeserializeOwned + 'static, R: SignInResolver>(
        &mut self,
        name: &'static str,
        make: impl Fn(O) -> Result<R, String> + 'static,
    ) {
        let make = move |options: Map<String, Value>| {
            let options = serde_json::from_value(Value::Object(options));
            let resolver = make(options.map_err(|error| error.to_string())?)?;
            let resolver: Rc<dyn DynResolver> = Rc::new(resolver);
            Ok(resolver)
        };
        self.custom.push((name, Rc::new(make)));
    }

    /// What is wrong with the names of the app's resolvers.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, (name, _)) in self.custom.iter().enumerate() {
            if !name.contains('/') {
                problems.push(format!(
                    "the resolver `{name}` of the app must have a `/` in its name, such as \
                     `acme/{name}`"
                ));
            }
            if self.custom.iter().take(index).any(|(other, _)| other == name) {
                problems.push(format!("the app has two resolvers with the name `{name}`"));
            }
        }
        problems
    }

    /// The names that the configuration may use.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let built_in = built_in::NAMES.iter().map(|(name, _)| *name);
        built_in.chain(self.custom.iter().map(|(name, _)| *name)).collect()
    }

    /// Reads an entry of `signIn.resolvers`; `None` after a problem.
    pub(crate) fn read(&self, reader: &mut Reader<'_>) -> Option<Configured> {
        let name = reader.required_string("resolver", "the name of a sign-in resolver")?;
        if let Some((_, read)) = built_in::NAMES.iter().find(|(known, _)| *known == name) {
            let BuiltIn { resolver, found_by, allows_without_user } = read(reader)?;
            let resolver = NamedResolver { name, resolver };
            let needs = Needs::new();
            return Some(Configured { resolver, found_by, needs, allows_without_user });
        }
        let options = reader.rest();
        let resolver = match self.custom.iter().find(|(known, _)| *known == name) {
            Some((_, make)) => match make(options) {
                Ok(resolver) => resolver,
                Err(why) => {
                    reader.problem_here(format!("is not what `{name}` takes: {why}"));
                    return None;
                }
            },
            None if self.accepts_unknown && name.contains('/') => Rc::new(Unknown),
            None => {
                let names = self.names().join(", ");
                let message = format!("`{name}` is not available; there are {names}");
                reader.problem("resolver", message);
                return None;
            }
        };
        let needs = resolver.needs();
        let resolver = NamedResolver { name, resolver };
        Some(Configured { resolver, found_by: None, needs, allows_without_user: true })
    }
}

/// Stands for a resolver of an app that this program does not know.
struct Unknown;

impl SignInResolver for Unknown {
    async fn resolve(&self, _: &SignInInfo<'_>, _: &SignInContext<'_>) -> SignInResult {
        Err(Rejection::failed("this program does not know the resolvers of the app"))
    }
}
