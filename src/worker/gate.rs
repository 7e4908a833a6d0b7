//! The gate of the isolate.

use std::cell::OnceCell;
use std::rc::Rc;

use super::env::{self, Bindings};
use super::forward;
use crate::error::Fault;
use crate::gate::{CfAccess, Gate};

/// A gate, or why there is none.
pub(super) type GateOrFault = Rc<Result<Gate, Fault>>;

thread_local! {
    /// Made once: neither the bindings of an isolate nor its app ever change.
    static GATE: OnceCell<GateOrFault> = const { OnceCell::new() };
}

/// The gate of this isolate, which the first request makes.
pub(super) fn of_isolate(app: &dyn Fn() -> CfAccess, env: &Bindings) -> GateOrFault {
    GATE.with(|cell| {
        let gate = cell.get_or_init(|| {
            forward::listen();
            let gate = Gate::of(app(), &env::raw_config(env)).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Fault::Misconfigured(problems.join("; "))
            });
            Rc::new(gate)
        });
        Rc::clone(gate)
    })
}

/// The gate of this isolate, if a request has made it.
pub(super) fn known() -> Option<GateOrFault> {
    GATE.with(|cell| cell.get().cloned())
}
