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

thread_local! {
    /// Made once: neither the bindings of an isolate nor its app ever change.
    static MADE: OnceCell<GateOrFault> = const { OnceCell::new() };
    /// The same, when its signing keys have been imported.
    static GATE: OnceCell<GateOrFault> = const { OnceCell::new() };
}

/// The gate of this isolate, which the first request makes.
pub(super) async fn of_isolate(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    if let Some(gate) = known() {
        return gate;
    }
    let made = MADE.with(|cell| Rc::clone(cell.get_or_init(|| make(app, env))));
    // Requests that come meanwhile import too: none waits for the work of another.
    let fault = match made.as_ref() {
        Ok(gate) => import(&gate.config.signing_keys).await.err(),
        Err(_) => None,
    };
    let gate = fault.map_or(made, |fault| Rc::new(Err(fault)));
    GATE.with(|cell| Rc::clone(cell.get_or_init(|| gate)))
}

fn make(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    forward::listen();
    Rc::new(Gate::of(app(), &env::raw_config(env)).map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Fault::Misconfigured(problems.join("; "))
    }))
}

/// Imports the signing keys, also those that sign only after a rotation. WebCrypto refuses a key that is
/// not on P-256, and one whose private half does not belong to its public half: with it the Worker would
/// issue tokens that no backend accepts.
async fn import(keys: &SigningKeySet) -> Result<(), Fault> {
    for (index, key) in keys.iter().enumerate() {
        let imported = crypto::check_import(Purpose::SignEs256, key.fingerprint, &key.jwk).await;
        imported.map_err(|failure| {
            let why = failure.0;
            Fault::Misconfigured(format!(
                "SIGNING_KEYS keys[{index}] is not a private key on P-256 with its public half: {why}"
            ))
        })?;
    }
    Ok(())
}

/// The gate of this isolate, if a request has made it.
pub(super) fn known() -> Option<GateOrFault> {
    GATE.with(|cell| cell.get().cloned())
}
