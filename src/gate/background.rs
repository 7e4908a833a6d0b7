//! Does what requests leave to be done after their answers.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::decide::Gate;
use crate::access::refresh_jwks;
use crate::background::BackgroundTask;
use crate::config::Config;
use crate::ports::{Failure, HttpRequest, Ports};
use crate::scope::Scope;

/// How long a user counts as registered with the origin, in seconds.
const REGISTERED_LIFE: u32 = 24 * 3600;

/// Limits of the origin's refresh route: milliseconds and bytes.
const ORIGIN_TIMEOUT_MS: u32 = 10_000;
const ORIGIN_MAX_BYTES: usize = 1024 * 1024;

/// Does the tasks, and those that they add. A failure is only worth a line in the log:
/// each task merely saves a later request some work.
pub async fn run_background<P: Ports>(
    tasks: Vec<BackgroundTask>,
    now: DateTime<Utc>,
    gate: &Gate,
    ports: &P,
) -> Vec<Failure> {
    let scope = &Scope::with_background(now, ports, tasks);
    let mut failures = Vec::new();
    while let Some(task) = scope.background.pop() {
        let done = match task {
            BackgroundTask::RefreshJwks => {
                refresh_jwks(scope, &gate.config.access, &gate.caches.jwks).await;
                Ok(())
            }
            BackgroundTask::RegisterWithOrigin { user, assertion } => {
                register_with_origin(&user, assertion, scope, gate).await
            }
            BackgroundTask::WriteCache { key, value, ttl } => {
                scope.ports.write_cache(&key, &value, ttl).await
            }
        };
        failures.extend(done.err());
    }
    failures
}

/// Calls the origin's own refresh route for a user, unless this or another isolate has lately.
async fn register_with_origin<P: Ports>(
    user: &str,
    assertion: String,
    scope: &Scope<'_, P>,
    gate: &Gate,
) -> Result<(), Failure> {
    let registered = &gate.caches.registered_users;
    let now = scope.seconds();
    let until = now + i64::from(REGISTERED_LIFE);
    if registered.get(user, now).is_some() {
        return Ok(());
    }
    let digest = base16ct::lower::encode_string(&Sha256::digest(user.as_bytes()));
    let key = format!("registered:v1:{digest}");
    if let Ok(Some(_)) = scope.ports.read_cache(&key).await {
        registered.put(user.to_owned(), (), until, user.len());
        return Ok(());
    }
    let Config { access, sign_in, backstage, .. } = &gate.config;
    let cookie = format!("{}={assertion}", access.authorization_cookie_name);
    let request = HttpRequest {
        url: format!("{}/{}/refresh", backstage.auth_path, sign_in.provider_id),
        headers: vec![
            ("accept".to_owned(), "application/json".to_owned()),
            ("x-requested-with".to_owned(), "XMLHttpRequest".to_owned()),
            (access.jwt_header_name.clone(), assertion),
            ("cookie".to_owned(), cookie),
        ],
        timeout_ms: ORIGIN_TIMEOUT_MS,
        max_bytes: ORIGIN_MAX_BYTES,
    };
    let response = scope.ports.fetch_origin(&request).await?;
    if response.status != 200 {
        return Err(Failure(format!("the origin's refresh route: status {}", response.status)));
    }
    registered.put(user.to_owned(), (), until, user.len());
    scope.ports.write_cache(&key, "1", REGISTERED_LIFE).await
}
