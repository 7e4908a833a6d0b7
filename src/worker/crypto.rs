//! WebCrypto (W3C Web Cryptography API). Imported keys are kept in the isolate: an import costs as
//! much as a verification, and a `CryptoKey` belongs to no request.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use js_sys::{Array, Object, Reflect, Uint8Array};
use jwt_compact::jwk::JsonWebKey;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};

use super::fetch::describe;
use crate::base64url;
use crate::ports::Failure;

/// The most imported keys that are kept. A team has two, the secret a few.
const MAX_KEYS: usize = 32;

/// What a key is imported for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Purpose {
    /// Signing ES256.
    SignEs256,
    /// Verifying ES256.
    VerifyEs256,
    /// Verifying RS256.
    VerifyRs256,
}

/// `crypto.subtle` and the parameters of its algorithms, which never change.
struct WebCrypto {
    subtle: SubtleCrypto,
    rs256: Object,
    es256: Object,
}

thread_local! {
    static WEB_CRYPTO: OnceCell<WebCrypto> = const { OnceCell::new() };
    static KEYS: RefCell<HashMap<([u8; 32], Purpose), CryptoKey>> = RefCell::new(HashMap::new());
}

/// Whether a signature is genuine.
pub(super) async fn verify(
    purpose: Purpose,
    fingerprint: [u8; 32],
    jwk: &JsonWebKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    let verified = async {
        let key = import(purpose, fingerprint, jwk).await?;
        let promise = with(purpose, |subtle, algorithm| {
            subtle.verify_with_object_and_u8_array_and_u8_array(algorithm, &key, signature, message)
        })?;
        JsFuture::from(promise).await
    };
    let result = verified.await.map_err(|error| Failure(describe(&error)))?;
    // Only the value true is a yes.
    Ok(result.as_bool() == Some(true))
}

/// A signature.
pub(super) async fn sign(
    fingerprint: [u8; 32],
    jwk: &JsonWebKey<'_>,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let signed = async {
        let key = import(Purpose::SignEs256, fingerprint, jwk).await?;
        let promise = with(Purpose::SignEs256, |subtle, algorithm| {
            subtle.sign_with_object_and_u8_array(algorithm, &key, message)
        })?;
        JsFuture::from(promise).await
    };
    let signature = signed.await.map_err(|error| Failure(describe(&error)))?;
    Ok(Uint8Array::new(&signature).to_vec())
}

/// Imports a key.
///
/// # Errors
/// If it is none for this purpose.
pub(super) async fn check_import(
    purpose: Purpose,
    fingerprint: [u8; 32],
    jwk: &JsonWebKey<'_>,
) -> Result<(), Failure> {
    import(purpose, fingerprint, jwk).await.map(drop).map_err(|error| Failure(describe(&error)))
}

async fn import(
    purpose: Purpose,
    fingerprint: [u8; 32],
    jwk: &JsonWebKey<'_>,
) -> Result<CryptoKey, JsValue> {
    let name = (fingerprint, purpose);
    if let Some(key) = KEYS.with_borrow(|keys| keys.get(&name).cloned()) {
        return Ok(key);
    }
    let usage = if purpose == Purpose::SignEs256 { "sign" } else { "verify" };
    let jwk = to_object(purpose, jwk)?;
    let usages = Array::of1(&JsValue::from_str(usage));
    let promise = with(purpose, |subtle, algorithm| {
        subtle.import_key_with_object("jwk", &jwk, algorithm, false, &usages)
    })?;
    let key: CryptoKey = JsFuture::from(promise).await?.dyn_into()?;
    KEYS.with_borrow_mut(|keys| {
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(name, key.clone());
    });
    Ok(key)
}

/// The key as a `JsonWebKey` dictionary, with its private part only if it is to sign.
fn to_object(purpose: Purpose, jwk: &JsonWebKey<'_>) -> Result<Object, JsValue> {
    let object = Object::new();
    let set = |name: &str, bytes: &[u8]| set_text(&object, name, &base64url::encode(bytes));
    match jwk {
        JsonWebKey::Rsa { modulus, public_exponent, .. } => {
            set_text(&object, "kty", "RSA")?;
            set("n", modulus)?;
            set("e", public_exponent)?;
        }
        JsonWebKey::EllipticCurve { curve, x, y, secret } => {
            set_text(&object, "kty", "EC")?;
            set_text(&object, "crv", curve)?;
            set("x", x)?;
            set("y", y)?;
            if let Some(secret) = secret
                && purpose == Purpose::SignEs256
            {
                set("d", secret)?;
            }
        }
        _ => return Err(JsValue::from_str("neither an RSA nor an EC key")),
    }
    Ok(object)
}

fn set_text(object: &Object, name: &str, text: &str) -> Result<(), JsValue> {
    Reflect::set(object, &JsValue::from_str(name), &JsValue::from_str(text)).map(|_| ())
}

/// Does something with WebCrypto and the parameters that are for `purpose`.
fn with<T>(
    purpose: Purpose,
    act: impl FnOnce(&SubtleCrypto, &Object) -> Result<T, JsValue>,
) -> Result<T, JsValue> {
    WEB_CRYPTO.with(|cell| {
        let crypto = if let Some(crypto) = cell.get() {
            crypto
        } else {
            let crypto = WebCrypto::new()?;
            cell.get_or_init(|| crypto)
        };
        let algorithm = match purpose {
            Purpose::VerifyRs256 => &crypto.rs256,
            Purpose::SignEs256 | Purpose::VerifyEs256 => &crypto.es256,
        };
        act(&crypto.subtle, algorithm)
    })
}

impl WebCrypto {
    /// The parameters are `RsaHashedImportParams`, `EcKeyImportParams` and `EcdsaParams` in one:
    /// each operation reads its own members.
    fn new() -> Result<Self, JsValue> {
        let crypto: web_sys::Crypto =
            Reflect::get(&js_sys::global(), &JsValue::from_str("crypto"))?.unchecked_into();
        let (rs256, es256) = (Object::new(), Object::new());
        set_text(&rs256, "name", "RSASSA-PKCS1-v1_5")?;
        set_text(&rs256, "hash", "SHA-256")?;
        set_text(&es256, "name", "ECDSA")?;
        set_text(&es256, "namedCurve", "P-256")?;
        set_text(&es256, "hash", "SHA-256")?;
        Ok(Self { subtle: crypto.subtle(), rs256, es256 })
    }
}
