//! Registering users with the origin, with `trust: "shared-key"`.
//!
//! The userinfo route of the origin's auth plugin answers only for users who have been issued a token.
//! So it issues one for each user once a day: the first time before the Worker answers, so that the
//! first call of a user to the catalog succeeds, later in the background.

use sha2::{Digest, Sha256};

use super::caches::IsolateCaches;
use super::decide::Gate;
use super::request_scope::RequestScope;
use crate::access::Assertion;
use crate::background::BackgroundTask;
use crate::config::{Config, Trust};
use crate::futures::within;
use crate::json::read_document;
use crate::ports::{Failure, HttpRequest, Ports};
use crate::scope::Scope;

/// How long a user counts as registered, in seconds.
const REGISTERED_LIFE: u32 = 24 * 3600;

/// How long one request leaves a user to another that has begun to register them, in seconds.
const IN_PROGRESS: i64 = 15;

/// How long no user is registered after a failure, in seconds and per isolate.
pub const REGISTRATION_PAUSE: i64 = 60;

/// How long a first sign-in waits for the registration, in milliseconds.
const BEFORE_ANSWER_MS: u32 = 3_000;

/// Time limit in the background, in milliseconds.
pub(super) const IN_BACKGROUND_MS: u32 = 10_000;

/// Size limit of the origin's answer, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

impl<P: Ports> RequestScope<'_, P> {
    /// Registers a user before the answer, if they are not registered. The sign-in goes on whatever
    /// comes of it.
    pub(super) async fn register_before_answer(&self, user: &str, assertion: &Assertion) {
        if !self.must_register(user) {
            return;
        }
        let registration =
            register_with_origin(user, assertion.token(), BEFORE_ANSWER_MS, self, self.gate);
        let failure = match within(registration, self.ports.sleep(BEFORE_ANSWER_MS)).await {
            Some(Ok(())) => return,
            Some(Err(failure)) => failure.0,
            None => {
                self.gate.caches.registration_failed(user, self.seconds());
                "no answer in time".to_owned()
            }
        };
        self.log(|log| log.not_registered(&failure));
    }

    /// Has a user registered in the background, if they are not registered.
    pub(super) fn register_in_background(&self, user: &str, assertion: &Assertion) {
        if self.must_register(user) {
            self.background.push(BackgroundTask::RegisterWithOrigin {
                user: user.to_owned(),
                assertion: assertion.token().to_owned(),
            });
        }
    }

    fn must_register(&self, user: &str) -> bool {
        let IsolateCaches { registered_users, registration_pause, .. } = &self.gate.caches;
        let now = self.seconds();
        self.gate.config.backstage.trust == Trust::SharedKey
            && registration_pause.get() <= now
            && registered_users.get(user, now).is_none()
    }
}

impl IsolateCaches {
    /// Lets another request register the user, after a pause.
    fn registration_failed(&self, user: &str, now: i64) {
        self.registered_users.remove(user);
        self.registration_pause.set(now + REGISTRATION_PAUSE);
    }
}

/// Calls the origin's own refresh route for a user, unless this or another isolate has lately.
///
/// # Errors
/// When the origin does not answer with a session in time. Then no user is registered for
/// [`REGISTRATION_PAUSE`].
pub(super) async fn register_with_origin<P: Ports>(
    user: &str,
    assertion: &str,
    timeout_ms: u32,
    scope: &Scope<'_, P>,
    gate: &Gate,
) -> Result<(), Failure> {
    let IsolateCaches { registered_users, .. } = &gate.caches;
    let now = scope.seconds();
    if registered_users.get(user, now).is_some() {
        return Ok(());
    }
    registered_users.put(user.to_owned(), (), now + IN_PROGRESS, user.len());
    let until = now + i64::from(REGISTERED_LIFE);
    let digest = base16ct::lower::encode_string(&Sha256::digest(user.as_bytes()));
    let key = format!("registered:v1:{digest}");
    if let Ok(Some(_)) = scope.ports.read_cache(&key).await {
        registered_users.put(user.to_owned(), (), until, user.len());
        return Ok(());
    }
    if let Err(failure) = call_origin(assertion, timeout_ms, scope, &gate.config).await {
        gate.caches.registration_failed(user, now);
        return Err(failure);
    }
    registered_users.put(user.to_owned(), (), until, user.len());
    let value = "1".to_owned();
    scope.background.push(BackgroundTask::WriteCache { key, value, ttl: REGISTERED_LIFE });
    Ok(())
}

async fn call_origin<P: Ports>(
    assertion: &str,
    timeout_ms: u32,
    scope: &Scope<'_, P>,
    config: &Config,
) -> Result<(), Failure> {
    let Config { access, sign_in, backstage, .. } = config;
    let request = HttpRequest {
        url: format!("{}/{}/refresh", backstage.auth_path, sign_in.provider_id),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("x-requested-with".to_owned(), "XMLHttpRequest".to_owned()),
            (access.jwt_header_name.clone(), assertion.to_owned()),
            ("cookie".to_owned(), format!("{}={assertion}", access.authorization_cookie_name)),
        ],
        timeout_ms,
        max_bytes: MAX_BYTES,
    };
    let response = scope.ports.fetch_origin(&request).await?;
    if response.status != 200 {
        return Err(Failure(format!("the origin's refresh route: status {}", response.status)));
    }
    // A page of something in front of the origin registers no user.
    if !read_document(&response.body).is_ok_and(|it| it.contains_key("backstageIdentity")) {
        return Err(Failure("the origin's refresh route: not a session".to_owned()));
    }
    Ok(())
}
