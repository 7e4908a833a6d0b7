//! The world in memory. It answers as it is told, counts what it is asked, and fails on demand.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use backstage_cfaccess::backstage::EntityRef;
use backstage_cfaccess::catalog::{Key, Record, UserRecord, encode};
use backstage_cfaccess::jwk::PublicKey;
use backstage_cfaccess::jwk::SigningKey;
use backstage_cfaccess::ports::{CatalogPort, Failure, HttpRequest, HttpResponse, Ports};
use jwt_compact::jwk::JsonWebKey;
use p256::ecdsa::signature::{Signer, Verifier};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Latch, TEAM, certs};

/// Everything that the core asks of the world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) certs: Endpoint,
    pub(crate) identity: Endpoint,
    pub(crate) origin: Endpoint,
    pub(crate) catalog: Store,
    pub(crate) cache: Store,
    /// Whether signatures can be neither made nor checked.
    pub(crate) crypto_is_down: Cell<bool>,
    /// How many bytes the signatures have that are made.
    pub(crate) signature_length: Cell<usize>,
    /// Whether every time limit has passed.
    pub(crate) is_late: Cell<bool>,
    /// How much time has passed for those who sleep, in milliseconds.
    elapsed_ms: Cell<u32>,
    /// What every random number is.
    pub(crate) random: Cell<u32>,
    /// How many RS256 signatures were checked.
    pub(crate) verified: Cell<usize>,
}

/// Something that answers a GET.
#[derive(Debug)]
pub(crate) struct Endpoint {
    answer: RefCell<Result<HttpResponse, Failure>>,
    calls: RefCell<Vec<HttpRequest>>,
    latch: RefCell<Option<Latch>>,
    latch_of_all: RefCell<Latch>,
}

/// A KV namespace.
#[derive(Debug, Default)]
pub(crate) struct Store {
    values: RefCell<BTreeMap<String, String>>,
    lives: RefCell<BTreeMap<String, u32>>,
    reads: Cell<usize>,
    down: Cell<bool>,
    held_back: Cell<bool>,
}

impl World {
    /// A world in which all is well: the team publishes [`TEAM`], get-identity knows Jane, the
    /// catalog knows the users of the recorded Backstage, the origin has no key set.
    pub(crate) fn new() -> Self {
        let world = Self {
            certs: Endpoint::down(),
            identity: Endpoint::down(),
            origin: Endpoint::down(),
            catalog: Store::default(),
            cache: Store::default(),
            crypto_is_down: Cell::new(false),
            signature_length: Cell::new(64),
            is_late: Cell::new(false),
            elapsed_ms: Cell::new(0),
            random: Cell::new(0),
            verified: Cell::new(0),
        };
        world.certs.says(200, &certs(&[&TEAM]));
        let jane = json!({ "id": "1", "name": "Jane Doe", "email": "jane@example.com" });
        world.identity.says(200, &jane.to_string());
        world.adds(
            "jane.doe",
            "Jane@Example.com",
            &["group:default/team-a", "group:default/team-b"],
        );
        world.adds("ci-bot", "ci-bot@example.com", &["group:default/team-b"]);
        world.adds("nogroups", "nogroups@example.com", &[]);
        world
    }

    /// Adds a user to the catalog, under both keys.
    pub(crate) fn adds(&self, name: &str, email: &str, groups: &[&str]) {
        let entity_ref = EntityRef::user(name).unwrap();
        let own = entity_ref.to_string();
        let ownership = [own.as_str()].into_iter().chain(groups.iter().copied()).map(str::to_owned);
        let record = Record::One(UserRecord {
            entity_ref: own.clone(),
            ownership: ownership.collect(),
            email: Some(email.to_owned()),
            display_name: Some(format!("{name} of the catalog")),
            ..UserRecord::default()
        });
        for key in [Key::Email(email), Key::Ref(&entity_ref)] {
            self.catalog.holds(&key.to_kv(), &encode(&record).unwrap());
        }
    }
}

impl Endpoint {
    fn down() -> Self {
        let answer = Err(Failure("connection refused".to_owned()));
        let latch_of_all = Latch::default();
        latch_of_all.open();
        Self {
            answer: RefCell::new(answer),
            calls: RefCell::default(),
            latch: RefCell::default(),
            latch_of_all: RefCell::new(latch_of_all),
        }
    }

    /// Answers every call from now on with this.
    pub(crate) fn says(&self, status: u16, body: &str) {
        // The contract of `HttpResponse`: a body only with 200.
        let body = if status == 200 { body.to_owned() } else { String::new() };
        *self.answer.borrow_mut() = Ok(HttpResponse { status, body, is_html: false });
    }

    /// Answers every call from now on with a page of this status.
    pub(crate) fn shows_page(&self, status: u16) {
        *self.answer.borrow_mut() = Ok(HttpResponse { status, body: String::new(), is_html: true });
    }

    /// Answers no call from now on.
    pub(crate) fn fails(&self) {
        *self.answer.borrow_mut() = Err(Failure("connection refused".to_owned()));
    }

    /// Holds back the answer to the next call. It is the answer of the time of the call.
    pub(crate) fn holds_back(&self) -> Latch {
        let latch = Latch::default();
        *self.latch.borrow_mut() = Some(latch.clone());
        latch
    }

    /// Holds back the answers to all calls.
    pub(crate) fn holds_back_all(&self) -> Latch {
        let latch = Latch::default();
        *self.latch_of_all.borrow_mut() = latch.clone();
        latch
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.borrow().len()
    }

    /// The last call.
    pub(crate) fn last_call(&self) -> HttpRequest {
        self.calls.borrow().last().unwrap().clone()
    }

    async fn answer(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.calls.borrow_mut().push(call.clone());
        let answer = self.answer.borrow().clone();
        let latch = self.latch.borrow_mut().take();
        if let Some(latch) = latch {
            latch.wait().await;
        }
        let latch_of_all = self.latch_of_all.borrow().clone();
        latch_of_all.wait().await;
        match answer {
            Ok(answer) if answer.body.len() > call.max_bytes => {
                Err(Failure(format!("more than {} bytes", call.max_bytes)))
            }
            other => other,
        }
    }
}

impl Store {
    /// Holds a value.
    pub(crate) fn holds(&self, key: &str, value: &str) {
        self.values.borrow_mut().insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn loses(&self, key: &str) {
        self.values.borrow_mut().remove(key);
    }

    pub(crate) fn value(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).cloned()
    }

    /// The life that the value was written with.
    pub(crate) fn life(&self, key: &str) -> Option<u32> {
        self.lives.borrow().get(key).copied()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.values.borrow().keys().cloned().collect()
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.get()
    }

    pub(crate) fn fails(&self) {
        self.down.set(true);
    }

    pub(crate) fn recovers(&self) {
        self.down.set(false);
    }

    /// Holds back the answers to all reads, or no longer.
    pub(crate) fn holds_back(&self, held_back: bool) {
        self.held_back.set(held_back);
    }

    async fn answer(&self, key: &str) -> Result<Option<String>, Failure> {
        let answer = self.read(key);
        std::future::poll_fn(|_| {
            if self.held_back.get() { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
        .await;
        answer
    }

    fn read(&self, key: &str) -> Result<Option<String>, Failure> {
        self.reads.set(self.reads.get() + 1);
        if self.down.get() { Err(Failure("KV: 500".to_owned())) } else { Ok(self.value(key)) }
    }
}

impl CatalogPort for World {
    async fn read_catalog(&self, key: &str) -> Result<Option<String>, Failure> {
        self.catalog.answer(key).await
    }
}

impl Ports for World {
    async fn fetch(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        let endpoint = if call.url.ends_with("/cdn-cgi/access/certs") {
            &self.certs
        } else if call.url.ends_with("/cdn-cgi/access/get-identity") {
            &self.identity
        } else {
            panic!("unexpected call: {}", call.url)
        };
        endpoint.answer(call).await
    }

    async fn fetch_origin(&self, call: &HttpRequest) -> Result<HttpResponse, Failure> {
        self.origin.answer(call).await
    }

    async fn read_cache(&self, key: &str) -> Result<Option<String>, Failure> {
        self.cache.read(key)
    }

    async fn write_cache(&self, key: &str, value: &str, ttl: u32) -> Result<(), Failure> {
        if self.cache.down.get() {
            return Err(Failure("KV: 500".to_owned()));
        }
        self.cache.holds(key, value);
        self.cache.lives.borrow_mut().insert(key.to_owned(), ttl);
        Ok(())
    }

    async fn verify_rs256(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        self.is_up()?;
        self.verified.set(self.verified.get() + 1);
        let JsonWebKey::Rsa { modulus, public_exponent, .. } = &key.jwk else {
            panic!("not an RSA key: {}", key.id)
        };
        let number = BigUint::from_bytes_be;
        let key = RsaPublicKey::new_with_max_size(number(modulus), number(public_exponent), 8192);
        let key = key.map_err(|error| Failure(error.to_string()))?;
        let digest = Sha256::digest(message);
        Ok(key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, signature).is_ok())
    }

    async fn sign_es256(&self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.is_up()?;
        let signature: p256::ecdsa::Signature = private(key).sign(message);
        let mut bytes = signature.to_bytes().to_vec();
        bytes.resize(self.signature_length.get(), 0);
        Ok(bytes)
    }

    async fn verify_es256(
        &self,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        self.is_up()?;
        let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else {
            return Ok(false);
        };
        Ok(private(key).verifying_key().verify(message, &signature).is_ok())
    }

    async fn sleep(&self, milliseconds: u32) {
        let until = self.elapsed_ms.get() + milliseconds;
        std::future::poll_fn(|_| {
            let is_over = self.is_late.get() || self.elapsed_ms.get() >= until;
            if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn random(&self) -> u32 {
        self.random.get()
    }
}

impl World {
    /// Lets time pass for those who sleep.
    pub(crate) fn passes(&self, milliseconds: u32) {
        self.elapsed_ms.set(self.elapsed_ms.get() + milliseconds);
    }

    fn is_up(&self) -> Result<(), Failure> {
        if self.crypto_is_down.get() { Err(Failure("no crypto".to_owned())) } else { Ok(()) }
    }
}

fn private(key: &SigningKey) -> p256::ecdsa::SigningKey {
    let JsonWebKey::EllipticCurve { secret: Some(secret), .. } = &key.jwk else {
        panic!("not a private EC key: {}", key.id)
    };
    p256::ecdsa::SigningKey::from_slice(secret).unwrap()
}
