//! With WebCrypto, as `src/worker/crypto.rs` does it. Keys are imported once.

use std::cell::OnceCell;

use base64ct::{Base64UrlUnpadded, Encoding};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Crypto, CryptoKey, SubtleCrypto};

use crate::Material;

thread_local! {
    static VERIFYING: OnceCell<CryptoKey> = const { OnceCell::new() };
    static SIGNING: OnceCell<CryptoKey> = const { OnceCell::new() };
}

pub(crate) async fn verify(material: &Material) -> Result<bool, JsValue> {
    let algorithm = object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")])?;
    let key = match VERIFYING.with(|cell| cell.get().cloned()) {
        Some(key) => key,
        None => {
            let (n, e) = (encoded(&material.modulus), encoded(&material.exponent));
            let jwk = object(&[("kty", "RSA"), ("n", &n), ("e", &e)])?;
            let key = import(&jwk, &algorithm, "verify").await?;
            VERIFYING.with(|cell| cell.get_or_init(|| key).clone())
        }
    };
    let promise = subtle()?.verify_with_object_and_u8_array_and_u8_array(
        &algorithm,
        &key,
        &material.signature,
        &material.message,
    )?;
    Ok(JsFuture::from(promise).await?.as_bool() == Some(true))
}

pub(crate) async fn sign(material: &Material) -> Result<Vec<u8>, JsValue> {
    let algorithm = object(&[("name", "ECDSA"), ("namedCurve", "P-256"), ("hash", "SHA-256")])?;
    let key = match SIGNING.with(|cell| cell.get().cloned()) {
        Some(key) => key,
        None => {
            let (x, y) = (encoded(&material.x), encoded(&material.y));
            let d = encoded(&material.secret);
            let jwk = object(&[("kty", "EC"), ("crv", "P-256"), ("x", &x), ("y", &y), ("d", &d)])?;
            let key = import(&jwk, &algorithm, "sign").await?;
            SIGNING.with(|cell| cell.get_or_init(|| key).clone())
        }
    };
    let promise = subtle()?.sign_with_object_and_u8_array(&algorithm, &key, &material.message)?;
    Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
}

async fn import(jwk: &Object, algorithm: &Object, usage: &str) -> Result<CryptoKey, JsValue> {
    let usages = Array::of1(&usage.into());
    let promise = subtle()?.import_key_with_object("jwk", jwk, algorithm, false, &usages)?;
    JsFuture::from(promise).await?.dyn_into()
}

fn object(members: &[(&str, &str)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), &(*value).into())?;
    }
    Ok(object)
}

fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn subtle() -> Result<SubtleCrypto, JsValue> {
    let crypto: Crypto = Reflect::get(&js_sys::global(), &"crypto".into())?.unchecked_into();
    Ok(crypto.subtle())
}
