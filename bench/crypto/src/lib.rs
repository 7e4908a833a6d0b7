//! A Worker that verifies RS256 and signs ES256, `COUNT` times a request, with RustCrypto or with
//! WebCrypto. `GET /verify/rust`, `/verify/web`, `/sign/rust`, `/sign/web`, and `/nothing`, which is
//! what the others cost besides.

mod rust;
mod web;

use std::cell::OnceCell;

use base64ct::{Base64UrlUnpadded, Encoding};
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};

/// How often a request does what its path says.
const COUNT: usize = 10;

/// What is verified and what is signed with, from the binding `MATERIAL`.
struct Material {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    secret: Vec<u8>,
    x: Vec<u8>,
    y: Vec<u8>,
}

thread_local! {
    static MATERIAL: OnceCell<&'static Material> = const { OnceCell::new() };
}

/// The Worker.
#[wasm_bindgen]
pub async fn fetch(request: Request, env: JsValue, _context: JsValue) -> Result<Response, JsValue> {
    let material = material(&env)?;
    let url = request.url();
    let path = url.split('/').skip(3).collect::<Vec<_>>().join("/");
    let mut last = Vec::new();
    for _ in 0..COUNT {
        match path.as_str() {
            "verify/rust" => ensure(rust::verify(material))?,
            "verify/web" => ensure(web::verify(material).await?)?,
            "sign/rust" => last = rust::sign(material),
            "sign/web" => last = web::sign(material).await?,
            "nothing" => {}
            _ => return Err(JsValue::from_str("no such path")),
        }
    }
    Response::new_with_opt_str(Some(&Base64UrlUnpadded::encode_string(&last)))
}

fn ensure(genuine: bool) -> Result<(), JsValue> {
    if genuine { Ok(()) } else { Err(JsValue::from_str("a genuine signature was refused")) }
}

fn material(env: &JsValue) -> Result<&'static Material, JsValue> {
    if let Some(material) = MATERIAL.with(|cell| cell.get().copied()) {
        return Ok(material);
    }
    let values = Reflect::get(env, &"MATERIAL".into())?;
    let text = |name: &str| {
        Reflect::get(&values, &name.into())?.as_string().ok_or_else(|| JsValue::from_str(name))
    };
    let bytes = |name: &str| {
        Base64UrlUnpadded::decode_vec(&text(name)?).map_err(|_| JsValue::from_str(name))
    };
    let material = Box::leak(Box::new(Material {
        modulus: bytes("n")?,
        exponent: bytes("e")?,
        message: text("message")?.into_bytes(),
        signature: bytes("signature")?,
        secret: bytes("d")?,
        x: bytes("x")?,
        y: bytes("y")?,
    }));
    MATERIAL.with(|cell| {
        let _ = cell.set(material);
    });
    Ok(material)
}
