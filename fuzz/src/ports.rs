//! A world in which everything answers at once.

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::{Key, Record, UserRecord, encode};
use backstage_cfaccess::jwk::{PublicKey, SigningKey};
use backstage_cfaccess::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};

use crate::keys;

/// The world.
#[derive(Debug, Default)]
pub struct StubPorts {
    /// What get-identity answers; nothing if it is empty.
    pub document: String,
    /// Every value of `ACCESS_CACHE`.
    pub cached: Option<String>,
    /// Whether every Backstage token counts as genuine, so that a fuzzer gets behind the signature.
    pub believes_backstage_tokens: bool,
}

impl CatalogPort for StubPorts {
    /// Jane and the service token are in the catalog.
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        let users = ["jane", "bot"].iter().filter_map(|name| {
            let (entity_ref, email) = (EntityRef::user(name)?, format!("{name}@example.com"));
            let is_asked =
                [Key::Email(&email), Key::Ref(&entity_ref)].iter().any(|it| it.to_kv() == key);
            let record = Record::One(UserRecord {
                entity_ref: entity_ref.to_string(),
                ownership: vec![entity_ref.to_string()],
                email: Some(email.clone()),
                ..UserRecord::default()
            });
            is_asked.then(|| encode(&record).ok()).flatten()
        });
        Ok({ users }.next())
    }
}

impl Ports for StubPorts {
    async fn fetch(&self, request: &HttpRequest) -> Result<HttpResponse, Failure> {
        let is_certs = request.url.ends_with("/certs");
        let body = if is_certs { keys::CERTS.clone() } else { self.document.clone() };
        if body.is_empty() {
            return Err(Failure(String::new()));
        }
        Ok(HttpResponse { status: 200, body, is_html: false })
    }

    async fn fetch_origin(&self, _: &HttpRequest) -> Result<HttpResponse, Failure> {
        Err(Failure(String::new()))
    }

    async fn read_cache(&self, _: &str) -> Result<Option<String>, Failure> {
        Ok(self.cached.clone())
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
        Ok(keys::verify_rs256(key, message, signature))
    }

    async fn sign_es256(&self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, Failure> {
        keys::sign_es256(key, message).ok_or_else(|| Failure(String::new()))
    }

    async fn verify_es256(
        &self,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        Ok(self.believes_backstage_tokens || keys::verify_es256(key, message, signature))
    }

    async fn sleep(&self, _: u32) {
        std::future::pending().await
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn random(&self) -> u32 {
        0
    }
}
