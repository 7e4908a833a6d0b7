//! A request line and its cookies: nothing but a public path, and a bearer token that is not ours to
//! judge, goes on without an assertion.
#![no_main]

use backstage_cfaccess::gate::{Decision, Gate};
use backstage_cfaccess::gate::{HeaderSource, Request, Route};
use backstage_cfaccess_fuzz::{StubPorts, block_on, config, now};
use libfuzzer_sys::fuzz_target;

/// Every header has the same value.
struct Same<'a>(&'a str);

impl HeaderSource for Same<'_> {
    fn get(&self, _: &str) -> Option<String> {
        Some(self.0.to_owned())
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.to_lowercase(), "cookie".to_owned()]
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query) = (line(), line(), line());
    let headers = Same(line());
    let request = Request { method, path, query, headers: &headers };
    let ports = StubPorts::default();
    let outcome = block_on(Gate::new(config().clone()).decide(&request, now(), &ports));
    if matches!(outcome.decision, Decision::Forward(_)) {
        let open = matches!(outcome.route, Route::Forward { public: true } | Route::UserInfo);
        assert!(open, "{:?}", outcome.route);
    }
});
