//! Work that is decided on during a request and done after its answer was sent.

use crate::access::refresh_keys;
use crate::gate::Gate;
use crate::ports::{Failure, Ports};

/// Something to do later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Task {
    /// The key set is nearly stale.
    RefreshKeys,
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
            Task::WriteCache { key, value, ttl } => {
                if let Err(failure) = ports.write_cache(&key, &value, ttl).await {
                    failures.push(failure);
                }
            }
        }
    }
    failures
}
