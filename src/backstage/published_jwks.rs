//! The published key set: ours joined with the origin's.

use serde_json::Value;

use crate::json::{read_document, to_json_string};
use crate::jwk::PublicJwk;

/// The members of a public key (RFC 7517, section 4; RFC 7518, section 6), all of them strings.
const PUBLIC_MEMBERS: [&str; 9] = ["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"];

/// Members of a private key (RFC 7518, section 6), which no key set of ours passes on.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Whether a text is a JWK Set (RFC 7517, section 5), whatever its keys.
#[must_use]
pub fn is_jwk_set(text: &str) -> bool {
    read_document(text).is_ok_and(|set| set.get("keys").is_some_and(Value::is_array))
}

/// A JWK Set of our public keys and those of `origin`, the text of another set. A key of the
/// origin's that has the `kid` of one of ours, or that is not public, is left out: it must not be
/// able to stand for ours. Of the others only the members that make up a key are passed on. A text that is no JWK Set counts as none.
#[must_use]
pub fn join(ours: &[PublicJwk], origin: Option<&str>) -> String {
    let document = origin.and_then(|text| read_document(text).ok());
    let theirs = document.as_ref().and_then(|set| set.get("keys")).and_then(Value::as_array);
    let mut kids: Vec<&str> = ours.iter().map(|key| key.kid.as_str()).collect();
    let mut keys: Vec<String> = ours.iter().map(written).collect();
    for key in theirs.into_iter().flatten() {
        let text = |member: &str| key.get(member).and_then(Value::as_str);
        let Some(kid) = text("kid").filter(|kid| !kids.contains(kid)) else { continue };
        if PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some()) {
            continue;
        }
        let members = PUBLIC_MEMBERS.iter().filter_map(|member| {
            Some(format!("{}:{}", to_json_string(member), to_json_string(text(member)?)))
        });
        keys.push(format!("{{{}}}", members.collect::<Vec<_>>().join(",")));
        kids.push(kid);
    }
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn written(key: &PublicJwk) -> String {
    // Strings all the way down: there is nothing that could not be written.
    serde_json::to_string(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{PublicJwk, join};

    fn ours() -> PublicJwk {
        PublicJwk {
            kty: "EC",
            x: "x".into(),
            y: "y".into(),
            crv: "P-256",
            kid: "a".into(),
            alg: "ES256",
            purpose: "sig",
        }
    }

    fn kids(origin: &Value) -> Vec<String> {
        let set: Value = serde_json::from_str(&join(&[ours()], Some(&origin.to_string()))).unwrap();
        set["keys"].as_array().unwrap().iter().map(Value::to_string).collect()
    }

    #[test]
    fn the_origins_keys_follow_ours() {
        let keys = kids(&json!({ "keys": [{ "kid": "b" }] }));
        let [ours, theirs] = keys.try_into().unwrap();
        assert!(ours.contains(r#""kid":"a""#), "{ours}");
        assert_eq!(theirs, r#"{"kid":"b"}"#);
    }

    #[test]
    fn a_key_of_the_origins_cannot_stand_for_ours() {
        assert_eq!(kids(&json!({ "keys": [{ "kid": "a", "x": "theirs" }] })).len(), 1);
    }

    #[test]
    fn private_keys_and_keys_without_a_name_are_not_passed_on() {
        assert_eq!(kids(&json!({ "keys": [{ "kid": "b", "d": "…" }, { "x": "1" }] })).len(), 1);
    }

    #[test]
    fn what_is_no_key_set_counts_as_none() {
        for origin in [json!([]), json!({ "keys": {} }), json!("keys"), json!(null)] {
            assert_eq!(kids(&origin).len(), 1, "{origin}");
        }
        let alone = r#"{"keys":[{"kty":"EC","x":"x","y":"y","crv":"P-256","kid":"a","alg":"ES256","use":"sig"}]}"#;
        assert_eq!(join(&[ours()], Some("<html>")), alone);
    }
}
