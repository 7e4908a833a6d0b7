//! The world as the command line has it: RSA and ECDSA in Rust, certs from a file or from Access,
//! no KV.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jwt_compact::alg::{Rsa, RsaPublicKey, RsaSignature};
use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey as EcdsaKey, VerifyingKey};
use p256::elliptic_curve::rand_core::{OsRng, RngCore};

use super::{es256, http};
use crate::jwk::{PublicKey, SigningKey};
use crate::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};

/// The world as the command line has it.
#[derive(Debug, Default)]
pub(super) struct Native {
    /// What the certs endpoint answers, if it is not to be asked.
    pub(super) certs: Option<String>,
}

impl CatalogPort for Native {
    async fn read_catalog(&self, _: &str) -> Result<Option<String>, Failure> {
        Err(Failure("the command line has no catalog".to_owned()))
    }
}

impl Ports for Native {
    async fn fetch(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        match &self.certs {
            Some(certs) if call.url.ends_with("/certs") => {
                Ok(HttpResponse { status: 200, body: certs.clone(), is_html: false })
            }
            _ => http::get(call),
        }
    }

    async fn fetch_origin(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        Err(Failure("the command line has no origin".to_owned()))
    }

    async fn read_cache(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    async fn write_cache(&self, _: &str, _: &str, _: u32) -> Result<(), Failure> {
        Ok(())
    }

    async fn verify_rs256(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        let key = RsaPublicKey::try_from(&key.jwk).map_err(failure)?;
        let Ok(signature) = RsaSignature::try_from_slice(signature) else { return Ok(false) };
        Ok(Rsa::rs256().verify_signature(&signature, &key, message))
    }

    async fn sign_es256(&self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let secret = es256::secret_key(key).map_err(Failure)?;
        let signature: Signature = EcdsaKey::from(secret).sign(message);
        Ok(signature.to_bytes().to_vec())
    }

    async fn verify_es256(
        &self,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        let public = es256::secret_key(key).map_err(Failure)?.public_key();
        let Ok(signature) = Signature::from_slice(signature) else { return Ok(false) };
        Ok(VerifyingKey::from(public).verify(message, &signature).is_ok())
    }

    async fn sleep(&self, milliseconds: u32) {
        std::thread::sleep(std::time::Duration::from_millis(milliseconds.into()));
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn random(&self) -> u32 {
        OsRng.next_u32()
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure(error.to_string())
}

/// Runs a future of the core to its end. With [`Native`], it never waits: everything blocks.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}
