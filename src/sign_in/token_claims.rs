//! `CFACCESS.token.claims`: claims that are copied into the Backstage token.

use serde_json::{Map, Value};

use super::SignInInfo;
use super::value::{CallerValue, SYNTAX};
use crate::backstage::is_reserved_claim;
use crate::reader::Reader;

/// A claim that is copied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CopiedClaim {
    name: String,
    value: CallerValue,
}

impl CopiedClaim {
    /// Reads `{ "<claim>": "<value>" }`.
    pub(crate) fn read_all(reader: &mut Reader<'_>, key: &'static str) -> Vec<Self> {
        let Some(members) = reader.value(key) else { return Vec::new() };
        let Some(members) = members.as_object() else {
            reader.problem(key, "must be an object: a claim's name and where its value is from");
            return Vec::new();
        };
        let mut claims = Vec::new();
        for (name, value) in members {
            let path = format!("{key}.{name}");
            if is_reserved_claim(name) {
                reader.problem(&path, "is a claim that the Worker sets itself");
                continue;
            }
            match value.as_str().and_then(CallerValue::parse) {
                Some(value) => claims.push(Self { name: name.clone(), value }),
                None => reader.problem(&path, format!("must be {SYNTAX}")),
            }
        }
        claims
    }
}

/// The claims of a caller. A value that the caller does not have is left out.
pub(super) fn copied(claims: &[CopiedClaim], info: &SignInInfo<'_>) -> Map<String, Value> {
    let value = |claim: &CopiedClaim| Some((claim.name.clone(), claim.value.of(info)?.into()));
    claims.iter().filter_map(value).collect()
}
