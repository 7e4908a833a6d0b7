//! What is changed on a request on its way to the origin: identity headers that a caller could
//! have made up are taken off, whatever their spelling; what we verified is put in their place.

use super::request::{HeaderSource, unquoted};

/// Headers with which a proxy in front of Backstage vouches for a caller, and which the origin
/// might believe: Cloudflare Access's own and those that Backstage's other proxy providers read
/// (`tests/backstage/identity-headers.test.mjs` holds the list against the installed ones).
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
    "x-oauth2-proxy-id-token",
    "x-remote-user",
];

/// The header in which Cloudflare Access names the user, unsigned. Backstage plugins do read it, so
/// the origin gets it, from the verified assertion.
const EMAIL_HEADER: &str = "cf-access-authenticated-user-email";

/// Marks what the Worker sends to the origin: a request with it has come back.
pub const HOP_HEADER: &str = "x-backstage-cfaccess-hop";

/// The names under which the configuration looks for an assertion.
#[derive(Clone, Copy, Debug)]
pub struct AssertionNames<'a> {
    /// The header.
    pub header: &'a str,
    /// The cookie.
    pub cookie: &'a str,
}

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
    /// Whether the request is forwarded without its body.
    pub drop_body: bool,
}

/// What a CORS preflight never carries, so that nothing unverified reaches the origin with one.
const NOT_IN_PREFLIGHT: [&str; 5] =
    ["authorization", "content-length", "content-type", "cookie", "transfer-encoding"];

impl HeaderEdits {
    /// The edits for a request, of which `assertion` is the verified one and `email` its user's, if
    /// there are any.
    ///
    /// The assertion header and the authorization cookie keep their value only if that is what was
    /// verified. Other cookies stay byte for byte.
    #[must_use]
    pub fn of(
        headers: &dyn HeaderSource,
        names: AssertionNames<'_>,
        assertion: Option<&str>,
        email: Option<&str>,
    ) -> Self {
        let assertion_header = names.header;
        let mut edits = Self::default();
        // A header value is bytes without control characters (RFC 9110, section 5.5); an
        // internationalised email has no agreed spelling there, so it is left out.
        let email = email.filter(|email| email.bytes().all(|byte| byte.is_ascii_graphic()));
        let mut email_is_there = false;
        for name in headers.names() {
            if name == "cookie" {
                edits.keep_verified_cookie(headers, names.cookie, assertion);
                continue;
            }
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

    /// The edits for a CORS preflight: nothing in it is verified, so nothing that speaks for a caller
    /// goes on, no body and no cookie.
    #[must_use]
    pub fn of_preflight(headers: &dyn HeaderSource, assertion_header: &str) -> Self {
        let is_kept = |name: &String| {
            !is_identity_header(name, assertion_header)
                && !NOT_IN_PREFLIGHT.iter().any(|other| same_name(name, other))
        };
        let remove = headers.names().into_iter().filter(|name| !is_kept(name)).collect();
        Self { remove, set: Vec::new(), drop_body: true }
    }

    /// Removes every authorization cookie but those that hold the verified assertion.
    fn keep_verified_cookie(
        &mut self,
        headers: &dyn HeaderSource,
        cookie_name: &str,
        assertion: Option<&str>,
    ) {
        let Some(cookies) = headers.get("cookie") else { return };
        match without_unverified(&cookies, cookie_name, assertion) {
            None => {}
            Some(rest) if rest.is_empty() => self.remove.push("cookie".to_owned()),
            Some(rest) => self.set.push(("cookie".to_owned(), rest)),
        }
    }
}

/// The `Cookie` header without the cookies of this name that do not hold `assertion`; `None` if there
/// are none. Two `Cookie` headers arrive joined by a comma, so a comma ends a cookie here too.
fn without_unverified(cookies: &str, name: &str, assertion: Option<&str>) -> Option<String> {
    if !cookies.contains(name) {
        return None;
    }
    let is_kept = |pair: &&str| {
        let pair = pair.trim_start_matches([';', ',']);
        pair.split_once('=').is_none_or(|(key, value)| {
            key.trim() != name || assertion.is_some_and(|token| unquoted(value) == token)
        })
    };
    let pairs = || {
        let ends = cookies.match_indices([';', ',']).map(|(at, _)| at).chain([cookies.len()]);
        ends.scan(0, |start, end| {
            let pair = cookies.get(*start..end);
            *start = end;
            pair
        })
    };
    if pairs().all(|pair| is_kept(&pair)) {
        return None;
    }
    let rest: String = pairs().filter(is_kept).collect();
    Some(rest.trim_start_matches([';', ',', ' ']).to_owned())
}

/// Whether a header speaks for a caller's identity. Names are compared folded, without
/// case and with every character that is neither letter nor digit equal to `-`, because servers fold
/// them so.
#[must_use]
pub fn is_identity_header(name: &str, assertion_header: &str) -> bool {
    same_name(name, assertion_header) || IDENTITY_HEADERS.iter().any(|known| same_name(name, known))
}

/// Whether two header names are one, folded.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let fold =
        |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::{AssertionNames, HeaderEdits, IDENTITY_HEADERS, without_unverified};
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
    const NAMES: AssertionNames<'_> =
        AssertionNames { header: ASSERTION, cookie: "CF_Authorization" };

    #[test]
    fn every_identity_header_is_taken_off_in_every_spelling() {
        for name in IDENTITY_HEADERS {
            let underscored = name.replace('-', "_").leak();
            let dotted = name.replace('-', ".").leak();
            let map = Map(vec![(name, "x"), (underscored, "y"), (dotted, "z"), ("accept", "*/*")]);
            let edits = HeaderEdits::of(&map, NAMES, None, None);
            assert!(edits.remove.contains(&(*name).to_owned()), "{name}");
            assert!(edits.remove.contains(&underscored.to_owned()), "{underscored}");
            assert!(edits.remove.contains(&dotted.to_owned()), "{dotted}");
            assert!(!edits.remove.contains(&"accept".to_owned()));
        }
    }

    #[test]
    fn the_verified_assertion_stays_where_it_was_and_no_other_does() {
        let map = Map(vec![(ASSERTION, "a.b.c"), ("cf_access_jwt_assertion", "a.b.c")]);
        let edits = HeaderEdits::of(&map, NAMES, Some("a.b.c"), None);
        assert_eq!(edits.remove, ["cf_access_jwt_assertion"]);
        let edits = HeaderEdits::of(&map, NAMES, Some("other"), None);
        assert_eq!(edits.remove.len(), 2);
    }

    #[test]
    fn the_email_header_comes_from_the_assertion_and_only_if_it_fits_a_header() {
        let map = Map(vec![("cf-access-authenticated-user-email", "boss@example.com")]);
        let edits = HeaderEdits::of(&map, NAMES, Some("t"), Some("jane@example.com"));
        assert_eq!(edits.remove, ["cf-access-authenticated-user-email"]);
        let name = "cf-access-authenticated-user-email".to_owned();
        assert_eq!(edits.set, [(name, "jane@example.com".to_owned())]);
        // Access has set it already: there is nothing to do.
        let edits = HeaderEdits::of(&map, NAMES, Some("t"), Some("boss@example.com"));
        assert_eq!(edits, HeaderEdits::default());
        for email in ["jané@example.com", "a\r\nx: y@example.com"] {
            assert!(HeaderEdits::of(&map, NAMES, Some("t"), Some(email)).set.is_empty());
        }
    }

    #[test]
    fn authorization_cookie_that_was_not_verified_is_removed_and_others_stay_byte_for_byte() {
        for (cookies, rest) in [
            ("a=1; CF_Authorization=t; b=\"2\"", None),
            ("a=1; CF_Authorization=\"t\"", None),
            ("a=CF_Authorization; XCF_Authorization=x; cf_authorization=y", None),
            ("a=1,2; b=3", None),
            ("CF_Authorization=forged", Some("")),
            (
                "CF_Authorization=t; CF_Authorization=forged;  a=%20 ",
                Some("CF_Authorization=t;  a=%20 "),
            ),
            ("CF_Authorization=forged; CF_Authorization=t", Some("CF_Authorization=t")),
            ("a=1;CF_Authorization =forged;b=2", Some("a=1;b=2")),
            ("a=1, CF_Authorization=forged", Some("a=1")),
            ("a=1; CF_Authorization=; b", Some("a=1; b")),
        ] {
            let kept = without_unverified(cookies, "CF_Authorization", Some("t"));
            assert_eq!(kept.as_deref(), rest, "{cookies}");
        }
        let kept = without_unverified("a=1; CF_Authorization=t", "CF_Authorization", None);
        assert_eq!(kept.as_deref(), Some("a=1"));
    }
}
