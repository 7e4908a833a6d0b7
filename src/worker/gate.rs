//! The gate of the isolate.

use std::cell::OnceCell;
use std::rc::Rc;

use super::crypto::{self, Purpose};
use super::env::{self, Bindings};
use super::forward;
use crate::backstage::SigningKeySet;
use crate::error::Fault;
use crate::gate::{CfAccess, Gate};

/// A gate, or why there is none.
pub(super) type GateOrFault = Rc<Result<Gate, Fault>>;

/// What is signed to see that the halves of a signing key belong together.
const PROBE: &[u8] = b"cfaccess signing key";

thread_local! {
    /// Made once: neither the bindings of an isolate nor its app ever change.
    static MADE: OnceCell<GateOrFault> = const { OnceCell::new() };
    /// The same, when its signing keys have been checked.
    static GATE: OnceCell<GateOrFault> = const { OnceCell::new() };
}

/// The gate of this isolate, which the first request makes.
pub(super) async fn of_isolate(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    if let Some(gate) = known() {
        return gate;
    }
    let made = MADE.with(|cell| Rc::clone(cell.get_or_init(|| make(app, env))));
    // Requests that come meanwhile check too: none waits for the work of another.
    let fault = match made.as_ref() {
        Ok(gate) => check_keys(&gate.config.signing_keys).await.err(),
        Err(_) => None,
    };
    let checked = fault.map_or(made, |fault| Rc::new(Err(fault)));
    GATE.with(|cell| Rc::clone(cell.get_or_init(|| checked)))
}

fn make(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    forward::listen();
    Rc::new(Gate::of(app(), &env::raw_config(env)).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Fault::Misconfigured(problems.join("; "))
    }))
}

/// Whether the public half of each key verifies what its private half signs. With other halves the Worker
/// would issue tokens that no backend accepts. To read a key does not show it: only WebCrypto computes
/// with it.
async fn check_keys(keys: &SigningKeySet) -> Result<(), Fault> {
    for (index, key) in keys.iter().enumerate() {
        let verified = async {
            let signature = crypto::sign(key.fingerprint, &key.jwk, PROBE).await?;
            let purpose = Purpose::VerifyEs256;
            crypto::verify(purpose, key.fingerprint, &key.jwk, PROBE, &signature).await
        };
        let why = match verified.await {
            Ok(true) => continue,
            Ok(false) => "has a private half that does not belong to its public half".to_owned(),
            Err(failure) => format!("is not a key on P-256: {}", failure.0),
        };
        return Err(Fault::Misconfigured(format!("SIGNING_KEYS keys[{index}] {why}")));
    }
    Ok(())
}

/// The gate of this isolate, if a request has made it.
pub(super) fn known() -> Option<GateOrFault> {
    GATE.with(|cell| cell.get().cloned())
}
