//! `SIGNING_KEYS`, where they can be seen.

use serde_json::{Value, json};

use super::GOOD;
use crate::sandbox::Sandbox;

#[test]
fn signing_keys_are_checked_where_they_can_be_seen() {
    let sandbox = Sandbox::new("doctor-keys");
    let good = sandbox.run(&["keygen"]).stdout;
    let mut mixed: Value = serde_json::from_str(&good).unwrap();
    let other: Value = serde_json::from_str(&sandbox.run(&["keygen"]).stdout).unwrap();
    mixed["keys"][0]["d"] = other["keys"][0]["d"].clone();
    let mixed = mixed.to_string();
    sandbox.write("wrangler.toml", GOOD);
    for (content, expected) in [
        (good.as_str(), None),
        (&mixed, Some("has a private half that does not belong to its public half")),
        ("{\"keys\":[]}", Some("SIGNING_KEYS holds no key (from ")),
        ("nonsense", Some("SIGNING_KEYS is not a JSON Web Key Set")),
    ] {
        sandbox.write("keys.json", content);
        sandbox.write(".dev.vars", format!("# local\nSIGNING_KEYS='{}'\n", content.trim()));
        for arguments in [&["doctor", "--signing-keys", "keys.json"][..], &["doctor"]] {
            let run = sandbox.run(arguments);
            match expected {
                None => {
                    let other = run.stderr.lines().filter(|line| !line.contains("Bypass"));
                    assert_eq!((run.code, other.count()), (0, 0), "{}", run.stderr);
                }
                Some(expected) => {
                    assert_eq!((run.code, run.errors().len()), (1, 1), "{}", run.stderr);
                    assert!(run.errors()[0].contains(expected), "{}", run.stderr);
                }
            }
            for key in [&good, &mixed] {
                let key: Value = serde_json::from_str(key).unwrap();
                assert!(!run.stderr.contains(key["keys"][0]["d"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn key_set_that_does_not_fit_a_secret_is_found() {
    let sandbox = Sandbox::new("doctor-size");
    sandbox.write("wrangler.toml", GOOD);
    let mut keys: Value = serde_json::from_str(&sandbox.run(&["keygen"]).stdout).unwrap();
    keys["padding"] = json!("x".repeat(5_200));
    sandbox.write("keys.json", keys.to_string());
    let run = sandbox.run(&["doctor", "--signing-keys", "keys.json"]);
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    assert!(run.errors()[0].contains("and a secret may have 5120"), "{}", run.stderr);
    assert!(!run.stderr.contains(keys["keys"][0]["d"].as_str().unwrap()));
}
