//! Which way a request goes. By path alone, whatever the host name: the backend may reach the two
//! public routes on a second host name of the Worker.

/// Where a request goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Route {
    /// Verified, then on to the origin; or, on a public path, on to the origin as it is.
    Forward {
        /// On one of `BACKSTAGE.publicPaths`.
        public: bool,
    },
    /// What is wrong, if anything is.
    Health {
        /// On one of `BACKSTAGE.publicPaths`: without an assertion, and with the status alone.
        public: bool,
    },
    /// The key set: never behind an assertion.
    Jwks,
    /// A route of a Worker of one's own, which asks only who the caller is.
    Own,
    /// CORS preflight of the refresh route.
    Preflight,
    /// The session.
    Refresh,
    /// Something else under the provider's path: 404.
    Unknown,
    /// `start` and `handler/frame`: 501.
    Unsupported,
    /// The claims of a Backstage token: never behind an assertion.
    UserInfo,
}

impl Route {
    /// The name for the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward { public: false } => "forward",
            Self::Forward { public: true } => "public",
            Self::Health { .. } => "health",
            Self::Jwks => "jwks",
            Self::Own => "own",
            Self::Preflight => "preflight",
            Self::Refresh => "refresh",
            Self::Unknown => "unknown",
            Self::Unsupported => "unsupported",
            Self::UserInfo => "userinfo",
        }
    }
}

/// Finds the route.
///
/// `base` is the path of the auth plugin (`/api/auth`, with the prefix of `baseUrl` if it has one),
/// `provider` the provider id, `public_paths` the operator's list.
///
/// The comparison is with the path as it came. An encoded spelling of one of our own paths is
/// therefore a forwarded request, which is verified: no spelling of a path makes it less guarded.
#[must_use]
pub fn route(
    method: &str,
    path: &str,
    base: &str,
    provider: &str,
    public_paths: &[String],
) -> Route {
    if let Some(below) = path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')) {
        match below {
            ".well-known/jwks.json" if matches!(method, "GET" | "HEAD") => return Route::Jwks,
            "v1/userinfo" if method == "GET" => return Route::UserInfo,
            _ => {}
        }
        if let Some(rest) = below.strip_prefix(provider) {
            match rest {
                "/refresh" | "/refresh/" => match method {
                    "GET" | "HEAD" | "POST" => return Route::Refresh,
                    "OPTIONS" => return Route::Preflight,
                    _ => return Route::Unknown,
                },
                "/health" if matches!(method, "GET" | "HEAD") => {
                    return Route::Health { public: is_public(path, public_paths) };
                }
                "/start" | "/handler/frame" => return Route::Unsupported,
                _ if rest.starts_with('/') => return Route::Unknown,
                _ => {}
            }
        }
    }
    Route::Forward { public: is_public(path, public_paths) }
}

/// Whether the operator has made this path public.
fn is_public(path: &str, public_paths: &[String]) -> bool {
    is_plain(path) && public_paths.iter().any(|prefix| is_below(path, prefix.as_str()))
}

/// Whether `path` is `prefix` or lies below it, by whole segments.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

/// Parts of a path that an origin may read differently: path parameters, backslashes, and encoded
/// control characters, dots, slashes and percent signs, also in overlong UTF-8 and as IIS writes
/// them. With these an origin that decodes once more would leave the public prefix again.
const AMBIGUOUS: [&str; 16] = [
    "%0", "%1", "%2e", "%2f", "%25", "%3b", "%5c", "%7f", "%c0", "%c1", "%e0%8", "%f0%8", "%u",
    "//", ";", "\\",
];

/// Whether origin and gate must read this path alike.
pub(super) fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    !AMBIGUOUS.iter().any(|part| lower.contains(part))
        && !lower.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::{Route, route};

    fn at(method: &str, path: &str) -> Route {
        route(method, path, "/api/auth", "cfaccess", &["/healthcheck".into(), "/assets/".into()])
    }

    #[test]
    fn refresh_route_answers_get_head_and_post_and_knows_preflights() {
        for method in ["GET", "HEAD", "POST"] {
            assert_eq!(at(method, "/api/auth/cfaccess/refresh"), Route::Refresh);
        }
        assert_eq!(at("OPTIONS", "/api/auth/cfaccess/refresh"), Route::Preflight);
        for method in ["PUT", "DELETE", "PROPFIND", "get"] {
            assert_eq!(at(method, "/api/auth/cfaccess/refresh"), Route::Unknown);
        }
    }

    #[test]
    fn start_and_the_frame_handler_are_unsupported_for_every_method() {
        for method in ["GET", "POST", "OPTIONS"] {
            assert_eq!(at(method, "/api/auth/cfaccess/start"), Route::Unsupported);
            assert_eq!(at(method, "/api/auth/cfaccess/handler/frame"), Route::Unsupported);
        }
    }

    #[test]
    fn health_is_for_reading_and_public_only_if_its_path_is() {
        let path = "/api/auth/cfaccess/health";
        for method in ["GET", "HEAD"] {
            assert_eq!(at(method, path), Route::Health { public: false });
            let public = route(method, path, "/api/auth", "cfaccess", &[path.into()]);
            assert_eq!(public, Route::Health { public: true });
        }
        assert_eq!(at("POST", path), Route::Unknown);
        assert_eq!(at("GET", "/api/auth/cfaccess/health/x"), Route::Unknown);
    }

    #[test]
    fn another_provider_whose_name_begins_alike_is_forwarded() {
        assert_eq!(at("GET", "/api/auth/cfaccess2/refresh"), Route::Forward { public: false });
        assert_eq!(at("GET", "/api/auth/google/refresh"), Route::Forward { public: false });
        assert_eq!(at("GET", "/api/authcfaccess/refresh"), Route::Forward { public: false });
    }

    #[test]
    fn jwks_and_userinfo_are_routes_only_for_reading() {
        assert_eq!(at("GET", "/api/auth/.well-known/jwks.json"), Route::Jwks);
        assert_eq!(at("POST", "/api/auth/.well-known/jwks.json"), Route::Forward { public: false });
        assert_eq!(at("GET", "/api/auth/v1/userinfo"), Route::UserInfo);
        assert_eq!(at("POST", "/api/auth/v1/userinfo"), Route::Forward { public: false });
    }

    #[test]
    fn a_public_prefix_covers_whole_segments_only() {
        assert_eq!(at("GET", "/healthcheck"), Route::Forward { public: true });
        assert_eq!(at("GET", "/healthcheck/deep"), Route::Forward { public: true });
        assert_eq!(at("GET", "/healthchecks"), Route::Forward { public: false });
        assert_eq!(at("GET", "/assets/a.js"), Route::Forward { public: true });
        assert_eq!(at("GET", "/assets"), Route::Forward { public: false });
    }

    #[test]
    fn a_path_that_an_origin_could_read_differently_is_never_public() {
        for path in [
            "/assets/..%2fapi/catalog",
            "/assets/%2e%2e/api",
            "/assets/..%5Capi",
            "/assets/..%252fapi",
            "/assets//api",
            "/assets/../api",
            "/assets/..",
            "/assets/.",
            "/assets/..;/api",
            "/assets/..;x=1/api",
            "/assets/a;b",
            "/assets/..%3b/api",
            "/assets/a%00",
            "/assets/%c0%ae%c0%ae/api",
            "/assets/%e0%80%ae/api",
            "/assets/%u002e%u002e/api",
        ] {
            assert_eq!(at("GET", path), Route::Forward { public: false }, "{path}");
        }
    }
}
