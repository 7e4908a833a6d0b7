//! `mode: "shadow"`: the origin answers, and what we would have answered is compared with it, after
//! the caller has had the origin's response. For trying the Worker out on a live Backstage.

use serde::Serialize;
use serde_json::{Map, Value};

use super::decide::Decision;
use super::request::{HeaderSource, Request};
use super::route::Route;
use crate::base64url;
use crate::error::GateError;
use crate::json::read_unique;

/// How far the two answers' remaining lives may be apart, in seconds: they are made one after the
/// other.
const LIFE_LEEWAY: i64 = 10;

/// What is compared otherwise, or differs on purpose.
///
/// The times of a login, because the official provider goes on giving those of a person's first one.
const NOT_COMPARED: [&str; 10] = [
    "backstageIdentity.expiresInSeconds",
    "backstageIdentity.token",
    "error.message",
    "error.code",
    "providerInfo.cfIdentity.iat",
    "providerInfo.claims.exp",
    "providerInfo.claims.iat",
    "providerInfo.claims.identity_nonce",
    "providerInfo.claims.nbf",
    "providerInfo.token",
];

/// A request as it was, for judging it after it has gone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query with its question mark, or the empty string.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl HeaderSource for Snapshot {
    fn get(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn names(&self) -> Vec<String> {
        self.headers.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Snapshot {
    /// The snapshot as a request.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        Request { method: &self.method, path: &self.path, query: &self.query, headers: self }
    }
}

/// What the origin answered.
#[derive(Clone, Debug)]
pub struct OriginAnswer {
    /// The status.
    pub status: u16,
    /// The body, if it was read: only the refresh route's is.
    pub body: Option<String>,
}

/// The log line of a comparison. It names fields, never values.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub struct Comparison {
    level: &'static str,
    outcome: &'static str,
    route: &'static str,
    /// Cloudflare's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ray: Option<String>,
    /// Our status; absent if we would have forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<u16>,
    theirs: u16,
    /// Why the Worker would have ended the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The fields that differ.
    differences: Vec<String>,
}

impl Comparison {
    /// Compares. `None` if there is nothing to say: both let the request pass.
    #[must_use]
    pub fn of(
        route: Route,
        ours: &Decision,
        error: Option<&GateError>,
        theirs: &OriginAnswer,
    ) -> Option<Self> {
        let (status, differences) = match ours {
            Decision::Forward(_) => return None,
            Decision::Reply(reply) => {
                let mut differences = Vec::new();
                if reply.status != theirs.status {
                    differences.push("status".to_owned());
                } else if let (Some(ours), Some(theirs)) = (&reply.body, &theirs.body) {
                    differences = compare(ours, theirs);
                }
                (reply.status, differences)
            }
        };
        Some(Self {
            level: if differences.is_empty() { "info" } else { "warn" },
            outcome: "compared",
            route: route.name(),
            ray: None,
            ours: Some(status),
            theirs: theirs.status,
            code: error.map(|error| error.code().to_owned()),
            differences,
        })
    }

    /// The line as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `warn` if something differs, else `info`.
    #[must_use]
    pub const fn level(&self) -> &'static str {
        self.level
    }
}

fn compare(ours: &str, theirs: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let (Ok(ours), Ok(theirs)) = (read_unique(ours.as_bytes()), read_unique(theirs.as_bytes()))
    else {
        differences.push("body".to_owned());
        return differences;
    };
    members("", &ours, &theirs, &mut differences);
    differences.retain(|path| !NOT_COMPARED.contains(&path.as_str()));
    let identity = |body: &Map<String, Value>| body.get("backstageIdentity").cloned();
    let (ours, theirs) =
        (identity(&ours).unwrap_or_default(), identity(&theirs).unwrap_or_default());
    let life = |identity: &Value| identity.get("expiresInSeconds").and_then(Value::as_i64);
    match (life(&ours), life(&theirs)) {
        (Some(ours), Some(theirs)) if (ours - theirs).abs() <= LIFE_LEEWAY => {}
        (None, None) => {}
        _ => {
            differences.push("backstageIdentity.expiresInSeconds".to_owned());
        }
    }
    for claim in ["iss", "sub", "aud"] {
        if claims(&ours).get(claim) != claims(&theirs).get(claim) {
            differences.push(format!("backstageIdentity.token.{claim}"));
        }
    }
    differences
}

/// Collects the paths of all members that differ.
fn members(
    path: &str,
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
    differences: &mut Vec<String>,
) {
    let only_theirs = theirs.keys().filter(|name| !ours.contains_key(*name));
    for name in ours.keys().chain(only_theirs) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (ours.get(name), theirs.get(name)) {
            (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
                members(&path, ours, theirs, differences);
            }
            (one, other) if one == other => {}
            _ => {
                differences.push(path);
            }
        }
    }
}

/// The claims of an identity's token, unverified: both were answered to the caller as they are.
fn claims(identity: &Value) -> Map<String, Value> {
    identity
        .get("token")
        .and_then(Value::as_str)
        .and_then(|token| token.split('.').nth(1))
        .and_then(base64url::decode)
        .and_then(|payload| read_unique(&payload).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Comparison, OriginAnswer};
    use crate::gate::{Decision, Forward, HeaderEdits, Reply, Route};

    fn answer() -> Value {
        // {"iss":"i","sub":"user:default/jane","aud":"backstage"}
        let payload = "eyJpc3MiOiJpIiwic3ViIjoidXNlcjpkZWZhdWx0L2phbmUiLCJhdWQiOiJiYWNrc3RhZ2UifQ";
        json!({
            "profile": { "email": "jane@example.com", "displayName": "Jane" },
            "providerInfo": { "claims": { "sub": "1", "iat": 1 }, "token": "raw" },
            "backstageIdentity": {
                "token": format!("e30.{payload}.c2ln"),
                "identity": { "userEntityRef": "user:default/jane", "ownershipEntityRefs": ["a"] },
                "expiresInSeconds": 3600,
            },
        })
    }

    fn differences(theirs: &Value) -> Vec<String> {
        let ours = Decision::Reply(Reply::json(200, answer().to_string()));
        let theirs = OriginAnswer { status: 200, body: Some(theirs.to_string()) };
        Comparison::of(Route::Refresh, &ours, None, &theirs).unwrap().differences
    }

    #[test]
    fn equal_answers_do_not_differ() {
        assert!(differences(&answer()).is_empty());
    }

    #[test]
    fn what_differs_on_purpose_or_by_the_moment_is_no_difference() {
        let mut theirs = answer();
        theirs["providerInfo"].as_object_mut().unwrap().remove("token");
        theirs["providerInfo"]["claims"]["iat"] = json!(0);
        theirs["backstageIdentity"]["expiresInSeconds"] = json!(3595);
        let other_signature = theirs["backstageIdentity"]["token"].as_str().unwrap().to_owned();
        theirs["backstageIdentity"]["token"] = json!(other_signature.replace("c2ln", "b3RoZXI"));
        assert!(differences(&theirs).is_empty());
    }

    #[test]
    fn every_other_field_is_named_by_its_path_and_without_its_value() {
        let mut theirs = answer();
        theirs["profile"]["displayName"] = json!("Jane Doe");
        theirs["backstageIdentity"]["identity"]["ownershipEntityRefs"] = json!(["a", "b"]);
        theirs["backstageIdentity"]["token"] = json!("e30.e30.c2ln");
        theirs["backstageIdentity"]["expiresInSeconds"] = json!(60);
        theirs["more"] = json!(1);
        let mut differences = differences(&theirs);
        differences.sort();
        assert_eq!(
            differences,
            [
                "backstageIdentity.expiresInSeconds",
                "backstageIdentity.identity.ownershipEntityRefs",
                "backstageIdentity.token.aud",
                "backstageIdentity.token.iss",
                "backstageIdentity.token.sub",
                "more",
                "profile.displayName",
            ]
        );
    }

    #[test]
    fn another_status_is_the_whole_difference_and_forwarding_is_none() {
        let ours = Decision::Reply(Reply::json(401, "{}".into()));
        let theirs = OriginAnswer { status: 500, body: Some("<html>".into()) };
        let comparison = Comparison::of(Route::Refresh, &ours, None, &theirs).unwrap();
        assert_eq!(comparison.differences, ["status"]);
        let ours = Decision::Forward(Forward { edits: HeaderEdits::default() });
        assert_eq!(Comparison::of(Route::Refresh, &ours, None, &theirs), None);
    }
}
