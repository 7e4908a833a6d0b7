//! JSON Web Keys as data (RFC 7517): the RSA keys that verify assertions and the EC keys that sign
//! Backstage tokens. No I/O and no cryptography.

mod ec;
mod rsa;

pub use ec::{PublicJwk, SigningKey};
pub use rsa::PublicKey;
