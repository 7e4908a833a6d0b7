//! The Terraform files parse, and name only resources, attributes and variables that exist.

use std::collections::BTreeSet;

use hcl::{Block, Body, Expression};

use crate::markdown::{files, read, root};

/// The attributes of the resources that are used, of cloudflare/cloudflare 5.21
/// (docs/resources of its repository). `count` and `lifecycle` are Terraform's.
const RESOURCES: [(&str, &[&str]); 5] = [
    (
        "cloudflare_zero_trust_access_application",
        &[
            "account_id",
            "destinations",
            "name",
            "policies",
            "service_auth_401_redirect",
            "session_duration",
            "type",
        ],
    ),
    ("cloudflare_zero_trust_access_policy", &["account_id", "decision", "include", "name"]),
    ("cloudflare_zero_trust_access_service_token", &["account_id", "duration", "name"]),
    ("cloudflare_workers_kv_namespace", &["account_id", "title"]),
    ("cloudflare_workers_route", &["pattern", "script", "zone_id"]),
];

/// Values that the provider accepts (`docs/resources/zero_trust_access_policy.md`).
const DECISIONS: [&str; 4] = ["allow", "deny", "non_identity", "bypass"];

fn body() -> Body {
    let files = files("examples/terraform", &[".tf"]);
    assert_eq!(files.len(), 3);
    let texts: Vec<String> = files.iter().map(read).collect();
    for (file, text) in files.iter().zip(&texts) {
        if let Err(error) = hcl::parse(text) {
            panic!("{}: {error}", file.strip_prefix(root()).unwrap().display());
        }
    }
    hcl::parse(&texts.join("\n")).unwrap()
}

fn labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(hcl::structure::BlockLabel::as_str).collect()
}

#[test]
fn every_resource_and_attribute_exists() {
    let body = body();
    let mut count = 0;
    for block in body.blocks().filter(|block| block.identifier() == "resource") {
        let labels = labels(block);
        let known = RESOURCES.iter().find(|(name, _)| *name == labels[0]);
        let (_, attributes) = known.unwrap_or_else(|| panic!("resource {}", labels[0]));
        for attribute in block.body().attributes() {
            let key = attribute.key();
            assert!(key == "count" || attributes.contains(&key), "{labels:?}: {key}");
            if let ("decision", Expression::String(value)) = (key, attribute.expr()) {
                assert!(DECISIONS.contains(&value.as_str()), "{value}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 9);
}

#[test]
fn every_reference_leads_to_a_variable_or_a_resource_and_every_variable_is_used() {
    let body = body();
    let named = |kind: &str| -> BTreeSet<String> {
        let blocks = body.blocks().filter(|block| block.identifier() == kind);
        blocks.map(|block| labels(block).join(".")).collect()
    };
    let text = files("examples/terraform", &[".tf"]).iter().map(read).collect::<String>();
    let after = |start: &str| -> BTreeSet<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rests = text.match_indices(start).map(|(at, _)| (at, &text[at + start.len()..]));
        rests
            .filter(|(at, _)| !text[..*at].ends_with(is_part))
            .map(|(_, rest)| rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].to_owned())
            .collect()
    };
    assert_eq!(after("var."), named("variable"));
    let resources = named("resource");
    for (kind, _) in RESOURCES {
        for name in after(&format!("{kind}.")) {
            assert!(resources.contains(&format!("{kind}.{name}")), "{kind}.{name}");
        }
    }
}
