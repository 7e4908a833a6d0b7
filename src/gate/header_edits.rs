//! What is changed on a request on its way to the origin: identity headers that a caller could
//! have made up are taken off, whatever their spelling; what we verified is put in their place.

use super::request::HeaderSource;

/// Headers with which a proxy in front of Backstage vouches for a caller, and which the origin
/// might believe: Cloudflare Access's own and those that Backstage's other proxy providers read.
/// In front of this origin stands only this Worker, so none of them can be genuine.
const IDENTITY_HEADERS: &[&str] = &[
    "cf-access-authenticated-user-email",
    "cf-access-jwt-assertion",
    "remote-user",
    "x-amzn-oidc-accesstoken",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-auth-request-access-token",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-user",
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-goog-iap-jwt-assertion",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-idp",
    "x-ms-client-principal-name",
    "x-ms-token-aad-access-token",
    "x-ms-token-aad-id-token",
    "x-remote-user",
];

/// The header in which Cloudflare Access names the user, unsigned. Backstage plugins do read it, so
/// the origin gets it, from the verified assertion.
const EMAIL_HEADER: &str = "cf-access-authenticated-user-email";

/// What the edge does with a request that goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forward {
    /// The changes to its headers. Everything else stays: method, body, redirect mode.
    pub edits: HeaderEdits,
}

/// Changes to the headers of a forwarded request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeaderEdits {
    /// Headers to take off, in lower case.
    pub remove: Vec<String>,
    /// Headers to set, after the removal.
    pub set: Vec<(String, String)>,
}

impl HeaderEdits {
    /// The edits for a request, of which `assertion` is the verified one and `email` its user's, if
    /// there are any.
    ///
    /// `assertion_header` is the configured name of the assertion header. It keeps its value only
    /// if that is what was verified.
    #[must_use]
    pub fn of(
        headers: &dyn HeaderSource,
        assertion_header: &str,
        assertion: Option<&str>,
        email: Option<&str>,
    ) -> Self {
        let mut edits = Self::default();
        // A header value is bytes without control characters (RFC 9110, section 5.5); an
        // internationalised email has no agreed spelling there, so it is left out.
        let email = email.filter(|email| email.bytes().all(|byte| byte.is_ascii_graphic()));
        let mut email_is_there = false;
        for name in headers.names() {
            if !is_identity_header(&name, assertion_header) {
                continue;
            }
            let expected = match name.as_str() {
                name if name == assertion_header => assertion,
                EMAIL_HEADER => email,
                _ => None,
            };
            let genuine = expected.is_some() && headers.get(&name).as_deref() == expected;
            if !genuine {
                edits.remove.push(name);
            } else if name == EMAIL_HEADER {
                email_is_there = true;
            }
        }
        if let Some(email) = email
            && !email_is_there
        {
            edits.set.push((EMAIL_HEADER.to_owned(), email.to_owned()));
        }
        edits
    }
}

/// Whether a header speaks for a caller's identity. Names are compared folded, `_` equal to `-` and
/// without case, because many servers fold them so.
#[must_use]
pub fn is_identity_header(name: &str, assertion_header: &str) -> bool {
    same_name(name, assertion_header) || IDENTITY_HEADERS.iter().any(|known| same_name(name, known))
}

/// Whether two header names are one, folded.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::{HeaderEdits, IDENTITY_HEADERS};
    use crate::gate::HeaderSource;

    struct Map(Vec<(&'static str, &'static str)>);

    impl HeaderSource for Map {
        fn get(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }

        fn names(&self) -> Vec<String> {
            self.0.iter().map(|(key, _)| (*key).to_owned()).collect()
        }
    }

    const ASSERTION: &str = "cf-access-jwt-assertion";

    #[test]
    fn every_identity_header_is_taken_off_in_every_spelling() {
        for name in IDENTITY_HEADERS {
            let underscored = name.replace('-', "_").leak();
            let map = Map(vec![(name, "x"), (underscored, "y"), ("accept", "*/*")]);
            let edits = HeaderEdits::of(&map, ASSERTION, None, None);
            assert!(edits.remove.contains(&(*name).to_owned()), "{name}");
            assert!(edits.remove.contains(&underscored.to_owned()), "{underscored}");
            assert!(!edits.remove.contains(&"accept".to_owned()));
        }
    }

    #[test]
    fn the_verified_assertion_stays_where_it_was_and_no_other_does() {
        let map = Map(vec![(ASSERTION, "a.b.c"), ("cf_access_jwt_assertion", "a.b.c")]);
        let edits = HeaderEdits::of(&map, ASSERTION, Some("a.b.c"), None);
        assert_eq!(edits.remove, ["cf_access_jwt_assertion"]);
        let edits = HeaderEdits::of(&map, ASSERTION, Some("other"), None);
        assert_eq!(edits.remove.len(), 2);
    }

    #[test]
    fn the_email_header_comes_from_the_assertion_and_only_if_it_fits_a_header() {
        let map = Map(vec![("cf-access-authenticated-user-email", "boss@example.com")]);
        let edits = HeaderEdits::of(&map, ASSERTION, Some("t"), Some("jane@example.com"));
        assert_eq!(edits.remove, ["cf-access-authenticated-user-email"]);
        let name = "cf-access-authenticated-user-email".to_owned();
        assert_eq!(edits.set, [(name, "jane@example.com".to_owned())]);
        // Access has set it already: there is nothing to do.
        let edits = HeaderEdits::of(&map, ASSERTION, Some("t"), Some("boss@example.com"));
        assert_eq!(edits, HeaderEdits::default());
        for email in ["jané@example.com", "a\r\nx: y@example.com"] {
            assert!(HeaderEdits::of(&map, ASSERTION, Some("t"), Some(email)).set.is_empty());
        }
    }
}
