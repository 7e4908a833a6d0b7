//! Does what requests leave to be done after their answers.

use chrono::{DateTime, Utc};

use super::decide::Gate;
use super::registration::{IN_BACKGROUND_MS, register_with_origin};
use crate::access::refresh_jwks;
use crate::background::BackgroundTask;
use crate::ports::{Failure, Ports};
use crate::scope::Scope;

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
                refresh_jwks(scope, &gate.config.access, &gate.caches.jwks).await
            }
            BackgroundTask::RegisterWithOrigin { user, assertion } => {
                register_with_origin(&user, &assertion, IN_BACKGROUND_MS, scope, gate).await
            }
            BackgroundTask::WriteCache { key, value, ttl } => {
                scope.ports.write_cache(&key, &value, ttl).await
            }
        };
        failures.extend(done.err());
    }
    failures
}
