//! The few facts of a request that the core may see.

/// Where header values come from. A trait, so that at the edge no header is copied out of
/// JavaScript that is not used.
pub trait HeaderSource {
    /// The value of a header, several values joined by `, `; `None` if it is absent.
    fn get(&self, name: &str) -> Option<String>;

    /// The names of all headers, in lower case.
    fn names(&self) -> Vec<String>;
}

/// A request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method as it came, in any case and of any kind.
    pub method: &'a str,
    /// The path as it came, percent-encoded.
    pub path: &'a str,
    /// The query with its question mark, or the empty string.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a dyn HeaderSource,
}

impl Request<'_> {
    /// The assertion: the header first, then the cookie, as the official provider looks for it. An
    /// empty header counts as absent; a header with anything in it is never passed over for the
    /// cookie, or a forged one could be tried without a trace.
    #[must_use]
    pub fn assertion(&self, header: &str, cookie_name: &str) -> Option<String> {
        if let Some(value) = self.headers.get(header)
            && !value.is_empty()
        {
            return Some(value);
        }
        let cookies = self.headers.get("cookie")?;
        cookie(&cookies, cookie_name).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Cloudflare's id of the request (Cloudflare Fundamentals, "Cloudflare HTTP headers"): hexadecimal
    /// digits and a data centre. Without Cloudflare in front a caller can write it, so anything else counts
    /// as absent.
    #[must_use]
    pub fn ray(&self) -> Option<String> {
        self.headers.get("cf-ray").filter(|ray| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (1..=32).contains(&ray.len()) && ray.bytes().all(is_part)
        })
    }

    /// The token of an `Authorization: Bearer` header.
    #[must_use]
    pub fn bearer_token(&self) -> Option<String> {
        let value = self.headers.get("authorization")?;
        let (scheme, token) = value.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
    }
}

/// The value of a cookie in a `Cookie` header (RFC 6265, section 4.2.1); of two with one name, the
/// first, as Backstage's own parser takes it.
#[must_use]
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| unquoted(value))
    })
}

/// The value of a cookie without white space and quotes around it.
pub(super) fn unquoted(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::cookie;

    #[test]
    fn a_cookie_is_found_among_others_by_its_exact_name() {
        let header = "theme=dark; CF_Authorization=a.b.c; XCF_Authorization=no";
        assert_eq!(cookie(header, "CF_Authorization"), Some("a.b.c"));
        assert_eq!(cookie(header, "cf_authorization"), None);
        assert_eq!(cookie("CF_AuthorizationX=1", "CF_Authorization"), None);
    }

    #[test]
    fn the_first_of_two_cookies_with_one_name_wins() {
        assert_eq!(cookie("a=1; a=2", "a"), Some("1"));
    }

    #[test]
    fn a_quoted_cookie_value_loses_its_quotes_and_a_lone_quote_stays() {
        assert_eq!(cookie("a=\"x\"", "a"), Some("x"));
        assert_eq!(cookie("a=\"", "a"), Some("\""));
    }
}
