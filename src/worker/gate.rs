//! The gate of the isolate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use worker::Delay;

use super::crypto::{self, Purpose};
use super::env::{self, Bindings};
use super::forward;
use crate::backstage::{SIGNATURE_BYTES, SigningKeySet};
use crate::error::Fault;
use crate::futures::within;
use crate::gate::{CfAccess, Gate};
use crate::ports::Failure;

/// A gate, or why there is none.
pub(super) type GateOrFault = Rc<Result<Gate, Fault>>;

/// What is signed to see that the halves of a signing key belong together.
const PROBE: &[u8] = b"cfaccess signing key";

/// How long the check of the keys may take. It takes a millisecond.
const CHECK_LIMIT: Duration = Duration::from_millis(250);

/// How long requests do without a check that led to nothing, in seconds.
const CHECK_PAUSE: i64 = 10;

thread_local! {
    /// Made once: neither the bindings of an isolate nor its app ever change.
    static GATE: RefCell<Option<GateOrFault>> = const { RefCell::new(None) };
    /// From when on the signing keys are to be checked, in seconds since 1970; `i64::MAX` once they are.
    static CHECK_FROM: Cell<i64> = const { Cell::new(0) };
}

/// The gate of this isolate, which the first request makes; `now` is when the request came.
pub(super) async fn of_isolate(
    app: &dyn Fn() -> CfAccess,
    env: &Bindings,
    now: DateTime<Utc>,
) -> GateOrFault {
    let gate = known().unwrap_or_else(|| set(make(app, env)));
    let Ok(Gate { config, .. }) = gate.as_ref() else { return gate };
    let now = now.timestamp();
    if now < CHECK_FROM.get() {
        return gate;
    }
    // Requests that come meanwhile check too: none waits for the work of another.
    let checked = within(check_keys(&config.signing_keys), Delay::from(CHECK_LIMIT)).await;
    let Some(Ok(verdict)) = checked else {
        // That signing fails or hangs says nothing about the keys.
        CHECK_FROM.set(now + CHECK_PAUSE);
        return gate;
    };
    CHECK_FROM.set(i64::MAX);
    verdict.map_or(gate, |why| set(Rc::new(Err(Fault::Misconfigured(why)))))
}

fn set(gate: GateOrFault) -> GateOrFault {
    GATE.set(Some(Rc::clone(&gate)));
    gate
}

fn make(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    forward::listen();
    Rc::new(Gate::of(app(), &env::raw_config(env)).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Fault::Misconfigured(problems.join("; "))
    }))
}

/// What is wrong with the keys: whether the public half of each verifies what its private half signs. With
/// other halves the Worker would issue tokens that no backend accepts. To read a key does not show it:
/// only WebCrypto computes with it.
///
/// # Errors
/// When a key can neither sign nor verify, although it is one.
async fn check_keys(keys: &SigningKeySet) -> Result<Option<String>, Failure> {
    for (index, key) in keys.iter().enumerate() {
        let name = format!("SIGNING_KEYS keys[{index}]");
        for purpose in [Purpose::SignEs256, Purpose::VerifyEs256] {
            if let Err(failure) = crypto::check_import(purpose, key.fingerprint, &key.jwk).await {
                return Ok(Some(format!("{name} is not a key on P-256: {}", failure.0)));
            }
        }
        let signature = crypto::sign(key.fingerprint, &key.jwk, PROBE).await?;
        if signature.len() != SIGNATURE_BYTES {
            return Err(Failure(format!("{name}: a signature of {} bytes", signature.len())));
        }
        let purpose = Purpose::VerifyEs256;
        if !crypto::verify(purpose, key.fingerprint, &key.jwk, PROBE, &signature).await? {
            let why = "has a private half that does not belong to its public half";
            return Ok(Some(format!("{name} {why}")));
        }
    }
    Ok(None)
}

/// The gate of this isolate, if a request has made it.
pub(super) fn known() -> Option<GateOrFault> {
    GATE.with_borrow(Clone::clone)
}
