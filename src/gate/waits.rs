//! How long a request waited for the services that it asked. What it did not ask, the isolate knew.

use std::cell::RefCell;

/// The waits of one request. The core reads no clock: whoever implements the ports notes them.
#[derive(Debug, Default)]
pub struct Waits(RefCell<Vec<Wait>>);

#[derive(Debug)]
pub(super) struct Wait {
    pub(super) name: &'static str,
    pub(super) milliseconds: i64,
    pub(super) is_failed: bool,
}

impl Waits {
    /// `CATALOG` in KV.
    pub const CATALOG: &'static str = "catalog_kv";
    /// A call of the Worker's own to the origin.
    pub const ORIGIN: &'static str = "origin_get";

    /// The name of a call, by its URL.
    #[must_use]
    pub fn of_fetch(url: &str) -> &'static str {
        if url.ends_with("/cdn-cgi/access/certs") {
            "certs"
        } else if url.ends_with("/cdn-cgi/access/get-identity") {
            "get_identity"
        } else {
            "fetch"
        }
    }

    /// The name of a read of `ACCESS_CACHE`, by its key.
    #[must_use]
    pub fn of_cache(key: &str) -> &'static str {
        match key.split_once(':') {
            Some(("certs", _)) => "certs_kv",
            Some(("identity", _)) => "identity_kv",
            _ => "cache_kv",
        }
    }

    /// Notes a call that took so long. One that was given up counts as failed.
    pub fn note(&self, name: &'static str, milliseconds: i64, is_failed: bool) {
        self.0.borrow_mut().push(Wait { name, milliseconds, is_failed });
    }

    pub(super) fn into_list(self) -> Vec<Wait> {
        self.0.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::Waits;

    #[test]
    fn call_has_the_name_of_its_service() {
        let team = "https://team.cloudflareaccess.com/cdn-cgi/access";
        assert_eq!(Waits::of_fetch(&format!("{team}/certs")), "certs");
        assert_eq!(Waits::of_fetch(&format!("{team}/get-identity")), "get_identity");
        assert_eq!(Waits::of_fetch("https://hr.example.com/certs"), "fetch");
        assert_eq!(Waits::of_cache("certs:v1:team.cloudflareaccess.com"), "certs_kv");
        assert_eq!(Waits::of_cache("identity:v1:00"), "identity_kv");
        assert_eq!(Waits::of_cache("issued:v1:00"), "cache_kv");
    }
}
