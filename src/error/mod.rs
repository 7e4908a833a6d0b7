//! What ends a request early: a [`Refusal`] is the caller's fault, a [`Fault`] ours.
//!
//! Both carry a stable code, which callers, dashboards and tests may rely on, a status and the name
//! of the Backstage error class with this status (`@backstage/errors`). The sentence is fixed: no
//! claim, key id or upstream text reaches the caller. What an engineer needs to find the cause goes
//! to the log through [`Refusal::detail`] and [`Fault::detail`].

mod custom;
mod fault;
mod refusal;
mod rejection;

pub use custom::CustomError;
pub use fault::Fault;
pub use refusal::{Malformed, Refusal, Unsupported};
pub use rejection::Rejection;

/// Why a request ended early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GateError {
    /// The caller's fault.
    Refusal(Refusal),
    /// Ours.
    Fault(Fault),
}

impl GateError {
    /// The stable code of the refusal or the fault.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refusal(refusal) => refusal.code(),
            Self::Fault(fault) => fault.code(),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Refusal(refusal) => refusal.status(),
            Self::Fault(fault) => fault.status(),
        }
    }

    /// The finer reason, for the log only.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Refusal(refusal) => refusal.detail().map(str::to_owned),
            Self::Fault(fault) => Some(fault.detail()).filter(|text| !text.is_empty()),
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
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
