//! A JavaScript request as data. Its body never enters the module.

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Request;

use super::target::Target;
use crate::gate::HeaderSource;

#[wasm_bindgen(module = "/src/worker/request.mjs")]
extern "C" {
    #[wasm_bindgen(js_name = textOf)]
    fn text_of(request: &Request) -> String;
}

/// What the core reads of a request, as `request.mjs` writes it: to ask JavaScript for each header
/// costs more than to copy all of them once.
pub(super) struct RequestText(String);

impl RequestText {
    pub(super) fn of(request: &Request) -> Self {
        Self(text_of(request))
    }

    pub(super) fn read(&self) -> Received<'_> {
        let mut lines = self.0.split('\n');
        let method = lines.next().unwrap_or_default();
        let url = lines.next().unwrap_or_default();
        let headers = Headers(lines.filter_map(|line| line.split_once(',')).collect());
        Received { method, url, target: Target::of(url), headers }
    }
}

/// A [`RequestText`], taken apart.
pub(super) struct Received<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) target: Target<'a>,
    pub(super) headers: Headers<'a>,
}

impl Received<'_> {
    pub(super) fn request(&self) -> crate::gate::Request<'_> {
        let Target { path, query, .. } = self.target;
        crate::gate::Request { method: self.method, path, query, headers: &self.headers }
    }
}

/// Names, in lower case, with values.
pub(super) struct Headers<'a>(Vec<(&'a str, &'a str)>);

impl HeaderSource for Headers<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some((*value).to_owned())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}
