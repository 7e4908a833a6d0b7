//! Cookies and `Authorization`. The first line is the `Cookie` header, the second `Authorization`: what is read of them is
//! what a plain reading finds, and of the authorization cookies only those with the verified assertion are left.
#![no_main]

use backstage_cfaccess::gate::{AssertionNames, HeaderEdits, HeaderSource, Request, cookie};
use libfuzzer_sys::fuzz_target;

const NAMES: AssertionNames<'_> = AssertionNames { header: "x-assertion", cookie: "c" };

struct Headers<'a> {
    cookies: &'a str,
    authorization: &'a str,
}

impl HeaderSource for Headers<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let value = match name {
            "authorization" => self.authorization,
            "cookie" => self.cookies,
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn names(&self) -> Vec<String> {
        vec!["authorization".to_owned(), "cookie".to_owned()]
    }
}

fuzz_target!(|text: &str| {
    let (cookies, authorization) = text.split_once('\n').unwrap_or((text, ""));
    let headers = Headers { cookies, authorization };
    let request = Request { method: "GET", path: "/", query: "", headers: &headers };

    if let Some(token) = request.bearer_token() {
        let (scheme, rest) = authorization.trim().split_at(6);
        assert!(scheme.eq_ignore_ascii_case("bearer"));
        assert_eq!(rest.trim(), token);
    }

    let found = request.assertion(NAMES.header, NAMES.cookie);
    let pairs = || cookies.split(';').filter_map(|pair| pair.split_once('='));
    let plain =
        { pairs() }.find(|(name, _)| name.trim() == NAMES.cookie).map(|(_, value)| value.trim());
    assert_eq!(cookie(cookies, NAMES.cookie).is_some(), plain.is_some());
    if let (Some(found), Some(plain)) = (&found, plain) {
        assert!(plain == found || plain == format!("\"{found}\""));
    }

    for verified in [None, found.as_deref(), Some("a.b.c")] {
        let edits = HeaderEdits::of(&headers, NAMES, verified, None);
        let is_removed = edits.remove.iter().any(|it| it == "cookie");
        let set = edits.set.iter().find(|(name, _)| name == "cookie");
        let left = if is_removed { "" } else { set.map_or(cookies, |(_, value)| value) };
        for pair in left.split([';', ',']) {
            let Some((name, value)) = pair.split_once('=') else { continue };
            if name.trim() == NAMES.cookie {
                let value = value.trim();
                let is_verified = |it: &str| value == it || value == format!("\"{it}\"");
                assert!(verified.is_some_and(is_verified), "{left}");
            }
        }
        let others = |text: &str| {
            let parts = text.split([';', ',']).filter(|it| !it.contains(NAMES.cookie));
            parts.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(others(left), others(cookies));
    }
});
