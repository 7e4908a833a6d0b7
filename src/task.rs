//! Work that is decided on during a request and done after its answer was sent.

use sha2::{Digest, Sha256};

use crate::access::refresh_keys;
use crate::config::Config;
use crate::gate::Gate;
use crate::ports::{Call, Failure, Ports};

/// How long an origin that was told of a user need not be told again, in seconds.
const TOLD_LIFE: u32 = 24 * 3600;

/// Limits of the origin's refresh route: milliseconds and bytes.
const ORIGIN_TIMEOUT_MS: u32 = 10_000;
const ORIGIN_MAX_BYTES: usize = 1024 * 1024;

/// Something to do later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Task {
    /// The key set is nearly stale.
    RefreshKeys,
    /// The origin's auth plugin is to issue a token for this user too, once a day, so that its
    /// userinfo route comes to know the user: it answers only for users to whom it has issued one.
    TellOrigin {
        /// The user's entity ref.
        user: String,
        /// The verified assertion, which the origin's provider verifies once more.
        assertion: String,
    },
    /// A value for the `ACCESS_CACHE` KV.
    WriteCache {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Its life in seconds.
        ttl: u32,
    },
}

/// Does the tasks, and those that come of them. A failure is only worth a line in the log: each
/// task merely saves a later request some work.
pub async fn run<P: Ports>(tasks: Vec<Task>, now: i64, gate: &Gate, ports: &P) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut queue = tasks;
    while let Some(task) = queue.pop() {
        match task {
            Task::RefreshKeys => {
                refresh_keys(now, &gate.config.access, &gate.memory.keys, ports, &mut queue).await;
            }
            Task::TellOrigin { user, assertion } => {
                if let Err(failure) = tell_origin(&user, assertion, now, gate, ports).await {
                    failures.push(failure);
                }
            }
            Task::WriteCache { key, value, ttl } => {
                if let Err(failure) = ports.write_cache(&key, &value, ttl).await {
                    failures.push(failure);
                }
            }
        }
    }
    failures
}

/// Calls the origin's own refresh route for a user, unless this or another isolate has lately.
async fn tell_origin<P: Ports>(
    user: &str,
    assertion: String,
    now: i64,
    gate: &Gate,
    ports: &P,
) -> Result<(), Failure> {
    let told = &gate.memory.told;
    let until = now + i64::from(TOLD_LIFE);
    if told.get(user, now).is_some() {
        return Ok(());
    }
    let digest = base16ct::lower::encode_string(&Sha256::digest(user.as_bytes()));
    let key = format!("told:v1:{digest}");
    if let Ok(Some(_)) = ports.read_cache(&key).await {
        told.put(user.to_owned(), (), until, user.len());
        return Ok(());
    }
    let Config { access, sign_in, backstage, .. } = &gate.config;
    let cookie = format!("{}={assertion}", access.authorization_cookie_name);
    let call = Call {
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
    let answer = ports.fetch_origin(&call).await?;
    if answer.status != 200 {
        return Err(Failure(format!("the origin's refresh route: status {}", answer.status)));
    }
    told.put(user.to_owned(), (), until, user.len());
    ports.write_cache(&key, "1", TOLD_LIFE).await
}
