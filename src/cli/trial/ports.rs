//! The ports of a sign-in on trial: records from anywhere, get-identity's document from the command line,
//! and nothing else.

use std::collections::BTreeMap;

use super::observer::{Found, Observer};
use crate::backstage::SIGNATURE_BYTES;
use crate::jwk::{PublicKey, SigningKey};
use crate::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};

/// Records by their key in KV.
pub(in crate::cli) type MemoryRecords = BTreeMap<String, String>;

/// Where the records are.
pub(in crate::cli) trait Records {
    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// A sentence, if it cannot be read.
    fn value(&self, key: &str) -> Result<Option<String>, String>;
}

impl Records for MemoryRecords {
    fn value(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.get(key).cloned())
    }
}

/// The ports of one sign-in.
pub(super) struct TrialPorts<'a> {
    records: &'a dyn Records,
    observer: &'a Observer,
    /// What get-identity answers.
    document: Option<String>,
}

impl<'a> TrialPorts<'a> {
    pub(super) fn new(
        records: &'a dyn Records,
        observer: &'a Observer,
        document: Option<String>,
    ) -> Self {
        Self { records, observer, document }
    }
}

impl CatalogPort for TrialPorts<'_> {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        let value = self.records.value(key);
        self.observer.read(key, Found::of(&value));
        value.map_err(Failure)
    }
}

impl Ports for TrialPorts<'_> {
    async fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, Failure> {
        match &self.document {
            Some(document) if request.url.ends_with("/get-identity") => {
                Ok(HttpResponse { status: 200, body: document.clone(), is_html: false })
            }
            _ => Err(Failure("a sign-in on trial makes no request".to_owned())),
        }
    }

    async fn fetch_origin(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        Err(Failure("a sign-in on trial has no origin".to_owned()))
    }

    async fn read_cache(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    async fn write_cache(&self, _: &str, _: &str, _: u32) -> Result<(), Failure> {
        Ok(())
    }

    async fn verify_rs256(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Err(Failure("a sign-in on trial verifies nothing".to_owned()))
    }

    /// A signature that is none: only the length of a token counts, and a token that works must not come
    /// of a trial.
    async fn sign_es256(&self, _: &SigningKey, _: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(vec![0; SIGNATURE_BYTES])
    }

    async fn verify_es256(&self, _: &SigningKey, _: &[u8], _: &[u8]) -> Result<bool, Failure> {
        Err(Failure("a sign-in on trial verifies nothing".to_owned()))
    }

    /// Nothing is waited for, so no time limit passes.
    async fn sleep(&self, _: u32) {
        std::future::pending::<()>().await;
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn random(&self) -> u32 {
        0
    }
}
