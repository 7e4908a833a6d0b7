//! What a resolver can do: TypeScript's `ctx`.

use std::fmt;

use sha2::{Digest, Sha256};

use super::fetch::{Fetch, Fetched};
use super::query::{Criterion, UserQuery};
use super::services::Services;
use super::trace::Trace;
use super::{CatalogUser, SignIn, SignInHooks, SignInInfo, SignInPolicy, SignInResult};
use crate::backstage::EntityRef;
use crate::catalog::import::ANNOTATIONS;
use crate::catalog::{Key, Record, UserRecord};
use crate::cause::quoted;
use crate::error::{Refusal, Rejection};

/// The most users of an ambiguous record that are read, to find the one that matches the rest of a
/// query.
const MAX_CANDIDATES: usize = 16;

/// The most refs of an ambiguous record that are logged.
const MAX_LOGGED_REFS: usize = 5;

/// KV's shortest `expirationTtl`, in seconds.
const KV_MIN_TTL: u32 = 60;

/// The sign-in context: the catalog, and some services (`AuthResolverContext` of
/// `@backstage/plugin-auth-node`).
pub struct SignInContext<'a> {
    pub(super) services: &'a dyn Services,
    pub(super) policy: &'a SignInPolicy,
    pub(super) hooks: &'a SignInHooks,
    pub(super) trace: &'a Trace,
    pub(super) info: Option<SignInInfo<'a>>,
}

impl fmt::Debug for SignInContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignInContext").field("info", &self.info).finish_non_exhaustive()
    }
}

impl SignInContext<'_> {
    /// Finds a user in the catalog, with one read of KV or of the isolate's cache.
    ///
    /// # Errors
    /// Not found; conflict if several users match; 503 `catalog_unavailable`, `catalog_corrupt`; 500
    /// `query_not_indexed` if an annotation or field is not declared.
    pub async fn find_catalog_user(&self, query: UserQuery<'_>) -> Result<CatalogUser, Rejection> {
        self.check_declared(&query.first, true)?;
        for criterion in &query.others {
            self.check_declared(criterion, false)?;
        }
        let matches = |user: &UserRecord| query.others.iter().all(|it| it.matches(user));
        match self.record(query.first.key()?).await? {
            Some(Record::One(record)) if matches(&record) => Ok(CatalogUser { record }),
            None | Some(Record::One(_)) => Err(Rejection::not_found()),
            Some(Record::Many(refs)) if query.others.is_empty() => Err(self.ambiguous(&refs)),
            Some(Record::Many(refs)) => self.only_match(&refs, matches).await,
        }
    }

    /// Several users match, and nothing else tells them apart.
    fn ambiguous(&self, refs: &[String]) -> Rejection {
        let shown: Vec<String> =
            refs.iter().take(MAX_LOGGED_REFS).map(|user| quoted(user)).collect();
        let why = format!("{} users match: {}", refs.len(), shown.join(" "));
        Rejection(self.services.explain(Refusal::UserAmbiguous, why))
    }

    /// The domain of the email is not one of those that a resolver accepts.
    pub(super) fn domain_not_allowed(&self, domain: &str) -> Rejection {
        let why = format!("email domain {}", quoted(domain));
        Rejection(self.services.explain(Refusal::DomainNotAllowed, why))
    }

    /// Signs in as the user that a query finds, owning what
    /// [`resolve_ownership`](Self::resolve_ownership) says.
    ///
    /// # Errors
    /// As [`find_catalog_user`](Self::find_catalog_user), and what an ownership resolver of your own
    /// rejects with.
    pub async fn sign_in_with_catalog_user(&self, query: UserQuery<'_>) -> SignInResult {
        let user = self.find_catalog_user(query).await?;
        self.sign_in_as(user).await
    }

    /// Signs in as the user that a query finds; if the catalog has no such user, as `fallback`, who
    /// then owns only their own ref (`dangerousEntityRefFallback`).
    ///
    /// # Errors
    /// As [`sign_in_with_catalog_user`](Self::sign_in_with_catalog_user), but for not found.
    pub async fn sign_in_or_dangerously_as(
        &self,
        query: UserQuery<'_>,
        fallback: &EntityRef,
    ) -> SignInResult {
        match self.find_catalog_user(query).await {
            Ok(user) => self.sign_in_as(user).await,
            Err(rejection) if rejection.is_not_found() => Ok(SignIn::as_user(fallback.clone())),
            Err(rejection) => Err(rejection),
        }
    }

    /// What a user owns: by the ownership resolver of your own if there is one, else by the catalog
    /// and the rules of `CFACCESS.ownership`.
    ///
    /// # Errors
    /// What an ownership resolver of your own rejects with.
    pub async fn resolve_ownership(&self, user: &CatalogUser) -> Result<Vec<EntityRef>, Rejection> {
        match (&self.hooks.ownership, &self.info) {
            (Some(ownership), Some(info)) => ownership.resolve(user, info, self).await,
            (_, Some(info)) => Ok(self.policy.ownership.apply(user.ownership(), info.result)),
            _ => Ok(user.ownership()),
        }
    }

    /// Makes a GET request.
    ///
    /// # Errors
    /// 500 `resolver_failed` when there is no whole answer within the limits. Map it to
    /// [`Rejection::unavailable`] where the caller should try again.
    pub async fn fetch(&self, fetch: Fetch<'_>) -> Result<Fetched, Rejection> {
        let request = fetch.request();
        self.services
            .fetch(&request)
            .await
            .map(Fetched)
            .map_err(|failure| Rejection::failed(failure.0))
    }

    /// A value from the cache of the isolate or of the `ACCESS_CACHE` KV namespace, or else made and
    /// then cached for `ttl` seconds. KV keeps values from 60 seconds on. The key is stored as a
    /// digest, the value as it is: cache nothing there that must stay secret.
    ///
    /// # Errors
    /// What `make` rejects with. A cache that fails is treated as empty.
    pub async fn cached(
        &self,
        key: &str,
        ttl: u32,
        make: impl AsyncFnOnce() -> Result<String, Rejection>,
    ) -> Result<String, Rejection> {
        let now = self.services.now();
        let digest = base16ct::lower::encode_string(&Sha256::digest(key.as_bytes()));
        let key = format!("custom:v1:{digest}");
        let cache = self.services.isolate_cache();
        if let Some(value) = cache.get(&key, now) {
            return Ok(value);
        }
        let keep = |value: &str, until| {
            cache.put(key.clone(), value.to_owned(), until, key.len() + value.len());
        };
        if ttl >= KV_MIN_TTL
            && let Some(text) = self.services.read_cache(&key).await
            && let Some((until, value)) = text.split_once(' ')
            && let Ok(until) = until.parse::<i64>()
            && until > now
        {
            keep(value, until);
            return Ok(value.to_owned());
        }
        let value = make().await?;
        let until = now.saturating_add(i64::from(ttl));
        keep(&value, until);
        if ttl >= KV_MIN_TTL {
            self.services.write_cache(key, format!("{until} {value}"), ttl);
        }
        Ok(value)
    }

    /// A var or secret of the Worker, if it is bound and a string.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        self.services.var(name)
    }

    /// When the request began, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.services.now()
    }

    /// Adds a note to the log event of the request: up to 20, of up to 200 characters each. Note
    /// neither personal data nor secrets.
    pub fn note(&self, text: &str) {
        self.trace.note(text);
    }

    async fn sign_in_as(&self, user: CatalogUser) -> SignInResult {
        let entity_ref =
            EntityRef::parse(user.entity_ref(), None).ok_or_else(Rejection::not_found)?;
        let sign_in = SignIn::as_user(entity_ref);
        let sign_in = if self.hooks.ownership.is_none() && self.policy.ownership.is_empty() {
            // The catalog has each ref once.
            SignIn { ownership: user.ownership(), ..sign_in }
        } else {
            sign_in.owning(self.resolve_ownership(&user).await?)
        };
        Ok(SignIn { record: Some(user.record), ..sign_in })
    }

    async fn record(&self, key: Key<'_>) -> Result<Option<Record>, Rejection> {
        self.services.record(key).await.map_err(Rejection)
    }

    /// Of users who share an email or annotation, the one who matches the rest of the query.
    async fn only_match(
        &self,
        refs: &[String],
        matches: impl Fn(&UserRecord) -> bool,
    ) -> Result<CatalogUser, Rejection> {
        if refs.len() > MAX_CANDIDATES {
            self.trace.note("more users share this value than are read");
            return Err(Rejection::conflict());
        }
        let mut found = None;
        for text in refs {
            let Some(entity_ref) = EntityRef::parse(text, None) else { continue };
            let record = match self.record(Key::Ref(&entity_ref)).await? {
                Some(Record::One(record)) if matches(&record) => record,
                _ => continue,
            };
            if found.replace(CatalogUser { record }).is_some() {
                return Err(Rejection::conflict());
            }
        }
        found.ok_or_else(Rejection::not_found)
    }

    /// Fails for what KV has no record of, whatever the catalog says: a mistake of the author that
    /// the first test finds.
    /// The first criterion needs a key of its own, the others only a record that has the value.
    fn check_declared(&self, criterion: &Criterion<'_>, is_first: bool) -> Result<(), Rejection> {
        let import = &self.policy.import;
        let (is_declared, path, need) = match criterion {
            Criterion::Email(_) | Criterion::Ref(_) => return Ok(()),
            Criterion::Annotation(name, _) => (
                import.annotations.iter().any(|declared| declared == name),
                format!("{ANNOTATIONS}{name}"),
                format!("annotation(\"{name}\")"),
            ),
            Criterion::Field(path, _) => (
                import.indexes.iter().any(|declared| declared == path)
                    || (!is_first && import.has(path)),
                path.to_string(),
                format!("field(\"{path}\")"),
            ),
        };
        if is_declared {
            return Ok(());
        }
        let detail = format!(
            "`{path}` is not declared: add it to CFACCESS.catalog.indexes, and `Needs::new().{need}` to \
             the resolver"
        );
        Err(Rejection::internal("query_not_indexed", detail))
    }
}
