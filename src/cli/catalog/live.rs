//! The users of a running Backstage, over HTTP.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::http::{Method, send_with_retry};
use super::progress::progress;
use crate::backstage::EntityRef;
use crate::catalog::import::{Entity, Hierarchy, ImportPolicy, Pages, live_entity};
use crate::ports::HttpRequest;

/// Limits of a page: milliseconds and bytes.
const TIMEOUT_MS: u32 = 30_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Where a Backstage is, and how to be let in.
#[derive(Debug)]
pub(super) struct Backstage {
    /// Its `backend.baseUrl`, without a slash at its end.
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
}

/// All users, with what of them the policy names. What is wrong with one is a problem, and the others are read all the same.
pub(super) fn users(
    backstage: &Backstage,
    policy: &ImportPolicy,
    problems: &mut Vec<String>,
) -> Result<BTreeMap<EntityRef, Entity>, String> {
    let url = &backstage.url;
    let mut pages = Pages::users(policy);
    let mut users = BTreeMap::new();
    while let Some(items) = backstage.page(&mut pages, "users read")? {
        for item in items {
            match live_entity(&item, policy) {
                Ok(entity) => {
                    users.insert(entity.entity_ref.clone(), entity);
                }
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| format!("{url}: {problem}")));
                }
            }
        }
    }
    Ok(users)
}

/// Which groups contain which. A group that cannot be read is a problem.
pub(super) fn hierarchy(
    backstage: &Backstage,
    problems: &mut Vec<String>,
) -> Result<Hierarchy, String> {
    let mut pages = Pages::groups();
    let mut hierarchy = Hierarchy::default();
    while let Some(items) = backstage.page(&mut pages, "groups read")? {
        for item in items {
            if let Err(group) = hierarchy.note(&item) {
                problems
                    .push(format!("{}: {group}: its `relations` cannot be read", backstage.url));
            }
        }
    }
    Ok(hierarchy)
}

impl Backstage {
    /// The entities of the next page, if there is one.
    fn page(&self, pages: &mut Pages, what: &str) -> Result<Option<Vec<Value>>, String> {
        let Self { url, headers } = self;
        let Some(path) = pages.path() else { return Ok(None) };
        let call = HttpRequest {
            url: format!("{url}{path}"),
            headers: headers.clone(),
            timeout_ms: TIMEOUT_MS,
            max_bytes: MAX_BYTES,
        };
        let answer = send_with_retry(Method::Get, &call, "").map_err(|failure| failure.0)?;
        if answer.status != 200 {
            return Err(format!("{url}: {}", why(answer.status)));
        }
        let items = pages.read(&answer.body).map_err(|why| format!("{url}: {why}"))?;
        let (seen, total) = pages.progress();
        let number = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
        progress(number(seen), number(total), what);
        Ok(Some(items))
    }
}

/// What an answer that is none means.
fn why(status: u16) -> String {
    match status {
        300..=399 => format!(
            "status {status}, which leads elsewhere, perhaps to the login of Cloudflare Access: \
             name the backend's internal URL, or let a service token in with --header"
        ),
        401 | 403 => format!("status {status}: the token is missing, or not good enough"),
        404 => "status 404: it has no /api/catalog/entities/by-query; is this the base URL of a \
                Backstage backend, of version 1.15 or background?"
            .to_owned(),
        _ => format!("status {status}"),
    }
}
