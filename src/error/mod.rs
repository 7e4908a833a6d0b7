//! What ends a request early: a [`Refusal`] is the caller's fault, a [`Fault`] ours.
//!
//! Both carry a stable code, which callers, dashboards and tests may rely on, a status and the name
//! of the Backstage error class with this status (`@backstage/errors`). The sentence is fixed: no
//! claim, key id or upstream text reaches the caller. What an engineer needs to find the cause goes
//! to the log through [`Refusal::detail`] and [`Fault::detail`].

mod fault;
mod refusal;

pub use fault::Fault;
pub use refusal::{Malformed, Refusal, Unsupported};

/// Either of the two ways in which a request ends early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GateError {
    /// The caller's doing.
    Refusal(Refusal),
    /// Ours.
    Fault(Fault),
}

impl GateError {
    /// The stable code of the refusal or the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.code(),
            Self::Fault(fault) => fault.code(),
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.message(),
            Self::Fault(fault) => fault.message(),
        }
    }
}

impl From<Refusal> for GateError {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Fault> for GateError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
