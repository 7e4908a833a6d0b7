//! Just enough of a URL for configuration: `scheme://host[:port][/path]`, nothing else. What is
//! accepted here means the same to every reader.

/// An `http` or `https` URL without query, fragment or user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PlainUrl {
    /// `scheme://host[:port]`, in lower case.
    pub(super) origin: String,
    /// The path without a slash at its end; empty for the root.
    pub(super) path: String,
}

impl PlainUrl {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return None;
        }
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let path_is_plain = path.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~')
        });
        if !is_authority(authority) || !path_is_plain || path.contains("//") {
            return None;
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return None;
        }
        Some(Self {
            origin: format!("{scheme}://{}", authority.to_ascii_lowercase()),
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

/// Whether this is `host` or `host:port`; a host in brackets may be an IPv6 address.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0)) && is_host(host)
}

/// Whether this is a host name or an address.
pub(super) fn is_host(text: &str) -> bool {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.contains(':')
            && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    }
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::PlainUrl;

    #[test]
    fn a_plain_url_is_taken_apart() {
        let url = PlainUrl::parse("https://Backstage.Example.com:8443/tools/bs/").unwrap();
        assert_eq!(url.origin, "https://backstage.example.com:8443");
        assert_eq!(url.path, "/tools/bs");
        assert_eq!(PlainUrl::parse("http://[::1]:7007").unwrap().path, "");
    }

    #[test]
    fn anything_that_could_be_read_in_two_ways_is_refused() {
        for text in [
            "backstage.example.com",
            "ftp://a.example",
            "https://",
            "https://a b",
            "https://user@a.example",
            "https://a.example?x",
            "https://a.example/#x",
            "https://a.example/../b",
            "https://a.example//b",
            "https://a.example:0",
            "https://a.example:99999",
            "https://a..example",
        ] {
            assert_eq!(PlainUrl::parse(text), None, "{text}");
        }
    }
}
