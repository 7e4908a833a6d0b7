//! `docs/troubleshooting.md` has every code of the source, with the status, the message, what the log says
//! and what to do.

use std::collections::BTreeMap;

use backstage_cfaccess::error::{Fault, GateError, Refusal};

use crate::markdown::read;

const PAGE: &str = "docs/troubleshooting.md";

/// Messages that name something of the configuration, here of the default one (`src/gate/decide.rs`).
const ASSERTION_MISSING: &str =
    "Missing cf-access-jwt-assertion and CF_Authorization from Cloudflare Access";
const ROUTE_UNKNOWN: &str = "Unknown auth provider 'cfaccess'";

/// A value of every kind of error that has a code of ours.
fn errors() -> Vec<GateError> {
    let text = String::new;
    let faults = [
        Fault::CatalogCorrupt(text()),
        Fault::CatalogUnavailable(text()),
        Fault::Crypto(text()),
        Fault::ForwardLoop,
        Fault::IdentityUnavailable,
        Fault::KeysUnavailable(text()),
        Fault::Misconfigured(text()),
        Fault::OriginUnreachable(text()),
        Fault::RefreshTimeout,
        Fault::ResolverFailed(text()),
        Fault::ResolverTimeout(text()),
        Fault::TokenTooLarge(0),
    ];
    let refusals = Refusal::ALL.into_iter().map(GateError::from);
    refusals.chain(faults.into_iter().map(GateError::from)).collect()
}

/// The text below each heading that is a code.
fn sections(page: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for part in page.split("\n### `").skip(1) {
        let (code, rest) = part.split_once("`\n").unwrap();
        let end = rest.find("\n## ").unwrap_or(rest.len());
        let before = sections.insert(code.to_owned(), rest[..end].trim().to_owned());
        assert!(before.is_none(), "{PAGE}: two sections `{code}`");
    }
    sections
}

#[test]
fn every_code_has_a_section_with_its_status_and_message_and_there_is_no_other() {
    let sections = sections(&read(PAGE));
    let mut problems = Vec::new();
    let mut codes = Vec::new();
    for error in errors() {
        let code = error.code();
        codes.push(code.to_owned());
        let Some(section) = sections.get(code) else {
            problems.push(format!("{PAGE}: no section `{code}`"));
            continue;
        };
        let message = match code {
            "assertion_missing" => ASSERTION_MISSING,
            "route_unknown" => ROUTE_UNKNOWN,
            _ => error.message(),
        };
        let first = format!("{} \"{message}\"\n", error.status());
        if !section.starts_with(&first) {
            problems.push(format!("{PAGE}: `{code}` must begin with {first}"));
        }
        for label in ["\n**Log:** ", "\n**Do:** "] {
            if section.matches(label).count() != 1 {
                problems.push(format!("{PAGE}: `{code}` needs one paragraph{label}"));
            }
        }
    }
    let others = sections.keys().filter(|code| !codes.contains(code));
    problems.extend(others.map(|code| format!("{PAGE}: `{code}` is no code of src/error")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // A fault that is missing above would be missing here too.
    for code in Fault::CODES {
        assert!(codes.iter().any(|it| it == code), "add `{code}` to this test");
    }
}

#[test]
fn every_code_of_a_catalog_run_has_a_row() {
    let page = read(PAGE);
    let (_, table) = page.split_once("\n## Runs of the catalog\n").unwrap();
    let mut codes: Vec<&str> = Vec::new();
    let source = read("src/catalog/import/sync.rs");
    for start in ["halt(\"", "halt(\n            \""] {
        codes.extend(source.split(start).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    codes.push("misconfigured");
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 9, "{codes:?}");
    for code in codes {
        assert!(table.contains(&format!("\n| `{code}` | ")), "{PAGE}: no row `{code}`");
    }
}
