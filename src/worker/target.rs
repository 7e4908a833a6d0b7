//! The parts of a request's URL.

/// The parts of a request's URL, as they came.
pub(super) struct Target<'a> {
    /// `scheme://host[:port]`.
    pub(super) origin: &'a str,
    /// The path.
    pub(super) path: &'a str,
    /// The query with its question mark, or the empty string.
    pub(super) query: &'a str,
}

impl<'a> Target<'a> {
    /// Splits a URL as the runtime has it. Its path may still hold dot segments.
    pub(super) fn of(url: &'a str) -> Self {
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path_at = url
            .get(after_scheme..)
            .and_then(|rest| rest.find(['/', '?', '#']))
            .map_or(url.len(), |at| after_scheme + at);
        let (origin, rest) = url.split_at(path_at);
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Self { origin, path: if path.is_empty() { "/" } else { path }, query }
    }
}
