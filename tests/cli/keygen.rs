//! `cfaccess keygen`.

use std::fs;
use std::path::Path;

use backstage_cfaccess::backstage::SigningKeySet;
use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox::{Run, Sandbox};

const FILES: [&str; 4] = ["app-config.auth.yaml", "private.pem", "public.pem", "signing-keys.json"];

fn secret(jwk: &Value) -> SigningKey {
    let bytes = Base64UrlUnpadded::decode_vec(jwk["d"].as_str().unwrap()).unwrap();
    SigningKey::from_slice(&bytes).unwrap()
}

#[test]
fn stdout_is_the_secret_and_nothing_else() {
    let sandbox = Sandbox::new("keygen-stdout");
    let run = sandbox.run(&["keygen"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let set = SigningKeySet::parse(&run.stdout).unwrap();
    let thumbprint = Base64UrlUnpadded::encode_string(&set.first().jwk.thumbprint::<Sha256>());
    assert_eq!(set.first().id, thumbprint, "the id is the thumbprint (RFC 7638)");
    assert!(run.stderr.contains(&thumbprint));
    let d = serde_json::from_str::<Value>(&run.stdout).unwrap()["keys"][0]["d"].clone();
    assert!(!run.stderr.contains(d.as_str().unwrap()));
    assert!(sandbox.names().is_empty());
    assert_ne!(sandbox.run(&["keygen"]).stdout, run.stdout);
}

#[test]
fn the_pem_pair_is_the_key_of_the_set() {
    let sandbox = Sandbox::new("keygen-pem");
    let run = sandbox.run(&["keygen", "--out", "keys", "--kid", "key-1"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let set: Value = serde_json::from_str(&sandbox.read("keys/signing-keys.json")).unwrap();
    let by_jwk = secret(&set["keys"][0]);
    let by_pem = SigningKey::from_pkcs8_pem(&sandbox.read("keys/private.pem")).unwrap();
    let public = VerifyingKey::from_public_key_pem(&sandbox.read("keys/public.pem")).unwrap();
    for key in [by_jwk, by_pem] {
        let signature: Signature = key.sign(b"a token");
        public.verify(b"a token", &signature).unwrap();
    }
}

#[test]
fn the_snippet_is_what_the_static_key_store_reads() {
    let sandbox = Sandbox::new("keygen-snippet");
    assert_eq!(sandbox.run(&["keygen", "--out", "keys"]).code, 0);
    let config: Value = serde_saphyr::from_str(&sandbox.read("keys/app-config.auth.yaml")).unwrap();
    let store = &config["auth"]["keyStore"];
    assert_eq!(store["provider"], "static");
    let key = &store["static"]["keys"][0];
    let set = SigningKeySet::parse(&sandbox.read("keys/signing-keys.json")).unwrap();
    assert_eq!(key["keyId"], set.first().id.as_str());
    assert_eq!(key["algorithm"], "ES256");
    for (member, beginning) in [
        ("publicKeyFile", "-----BEGIN PUBLIC KEY-----\n"),
        ("privateKeyFile", "-----BEGIN PRIVATE KEY-----\n"),
    ] {
        let text = sandbox.read(key[member].as_str().unwrap());
        assert!(text.starts_with(beginning), "{member}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new("keygen-mode");
    assert_eq!(sandbox.run(&["keygen", "--out", "."]).code, 0);
    assert_eq!(sandbox.names(), FILES);
    for name in ["private.pem", "signing-keys.json"] {
        let mode = std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// The names in the folder without those of files that were kept.
fn names(sandbox: &Sandbox) -> Vec<String> {
    sandbox.names().into_iter().filter(|name| !is_kept(name)).collect()
}

fn is_kept(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == "old")
}

/// What the files of this name held before they were replaced.
fn kept(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let names = sandbox.names();
    let names = names.iter().filter(|it| it.starts_with(&format!("{name}.")) && is_kept(it));
    names.map(|it| sandbox.read(it)).collect()
}

#[test]
fn a_file_that_exists_is_replaced_by_force_only_and_kept() {
    let sandbox = Sandbox::new("keygen-force");
    sandbox.write("public.pem", "mine");
    sandbox.write("signing-keys.json", "mine too");
    let run = sandbox.run(&["keygen", "--out", "."]);
    assert_eq!(run.code, 1);
    let end = "exists already; --force replaces it and keeps the old file beside it";
    assert_eq!(run.errors(), [format!("./signing-keys.json {end}"), format!("./public.pem {end}")]);
    assert_eq!(sandbox.names(), ["public.pem", "signing-keys.json"]);
    assert_eq!(sandbox.read("public.pem"), "mine");
    assert_eq!(sandbox.run(&["keygen", "--out", ".", "--force"]).code, 0);
    assert_eq!(names(&sandbox), FILES);
    let first = sandbox.read("signing-keys.json");
    SigningKeySet::parse(&first).unwrap();
    assert_eq!(kept(&sandbox, "public.pem"), ["mine"]);
    assert_eq!(kept(&sandbox, "signing-keys.json"), ["mine too"]);
    // Nor does a second one lose what the first has made, its private key in particular.
    let private = sandbox.read("private.pem");
    assert_eq!(sandbox.run(&["keygen", "--out", ".", "--force"]).code, 0);
    assert!(kept(&sandbox, "signing-keys.json").contains(&first));
    assert_eq!(sandbox.read("private.pem"), private);
}

const KEYS: &str = "keys/signing-keys.json";

/// Seconds since 1970 at which the rotations of the tests begin.
const START: i64 = 1_800_000_000;

fn step(sandbox: &Sandbox, option: &str, minutes: i64, more: &[&str]) -> Run {
    let now = (START + minutes * 60).to_string();
    sandbox.run(&[&["keygen", option, "--now", &now], more].concat())
}

fn kids(sandbox: &Sandbox) -> Vec<String> {
    let set = SigningKeySet::parse(&sandbox.read(KEYS)).unwrap();
    set.iter().map(|key| key.id.clone()).collect()
}

/// The entries of the snippet: key id, and the private key in its file.
fn entries(sandbox: &Sandbox) -> Vec<(String, SigningKey)> {
    let config: Value = serde_saphyr::from_str(&sandbox.read("keys/app-config.auth.yaml")).unwrap();
    let entries = config["auth"]["keyStore"]["static"]["keys"].as_array().unwrap();
    let entry = |entry: &Value| {
        let text = sandbox.read(entry["privateKeyFile"].as_str().unwrap());
        let public = sandbox.read(entry["publicKeyFile"].as_str().unwrap());
        let key = SigningKey::from_pkcs8_pem(&text).unwrap();
        assert_eq!(VerifyingKey::from_public_key_pem(&public).unwrap(), *key.verifying_key());
        (entry["keyId"].as_str().unwrap().to_owned(), key)
    };
    entries.iter().map(entry).collect()
}

#[test]
fn rotation_publishes_a_key_then_signs_with_it_then_takes_out_the_old_one() {
    let sandbox = Sandbox::new("keygen-rotation");
    assert_eq!(sandbox.run(&["keygen", "--out", "keys", "--kid", "old"]).code, 0);
    let old = entries(&sandbox);
    let backend_has_the_keys_of_the_set = |expected: &[&str]| {
        assert_eq!(kids(&sandbox), expected);
        let set: Value = serde_json::from_str(&sandbox.read(KEYS)).unwrap();
        let entries = entries(&sandbox);
        assert_eq!(entries.len(), expected.len());
        for ((kid, key), member) in entries.iter().zip(set["keys"].as_array().unwrap()) {
            assert_eq!((kid.as_str(), key), (member["kid"].as_str().unwrap(), &secret(member)));
        }
    };

    let run = step(&sandbox, "--add", 0, &["--kid", "new"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    backend_has_the_keys_of_the_set(&["old", "new"]);
    assert_eq!(entries(&sandbox)[0], old[0]);
    for expected in [
        "Added the key new. It is published and does not sign; old signs.",
        "1. with a shared key, restart the backend with keys/app-config.auth.yaml",
        "2. wrangler secret put SIGNING_KEYS < keys/signing-keys.json",
        "3. from 2027-01-15T08:15:00Z on: cfaccess keygen --promote keys/signing-keys.json",
    ] {
        assert!(run.stderr.contains(expected), "{expected}: {}", run.stderr);
    }

    let early = step(&sandbox, "--promote", 14, &[]);
    assert_eq!((early.code, early.errors().len()), (1, 1), "{}", early.stderr);
    assert!(early.errors()[0].contains("until 2027-01-15T08:15:00Z"), "{}", early.stderr);
    let run = step(&sandbox, "--promote", 15, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    backend_has_the_keys_of_the_set(&["new", "old"]);

    let early = step(&sandbox, "--retire", 24 * 60, &[]);
    assert!(
        early.errors()[0].contains("may be valid until 2027-01-16T09:15:00Z"),
        "{}",
        early.stderr
    );
    let run = step(&sandbox, "--retire", 15 + 25 * 60, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    backend_has_the_keys_of_the_set(&["new"]);
    for run in [early, run] {
        assert!(!run.stderr.contains(&Base64UrlUnpadded::encode_string(&old[0].1.to_bytes())));
    }
}

#[test]
fn a_step_taken_twice_or_too_early_changes_no_file() {
    let sandbox = Sandbox::new("keygen-twice");
    assert_eq!(sandbox.run(&["keygen", "--out", "keys"]).code, 0);
    for (option, minutes) in [("--add", 0), ("--promote", 20), ("--retire", 2_000)] {
        let run = step(&sandbox, option, minutes, &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let before = (sandbox.read(KEYS), fs::read_dir(sandbox.path("keys")).unwrap().count());
        let again = step(&sandbox, option, minutes + 1, &[]);
        assert_eq!((again.code, again.errors().len()), (1, 1), "{}", again.stderr);
        assert!(again.errors()[0].starts_with("keys/signing-keys.json: "), "{}", again.stderr);
        let after = (sandbox.read(KEYS), fs::read_dir(sandbox.path("keys")).unwrap().count());
        assert_eq!(before, after);
    }
}

#[test]
fn force_takes_a_step_before_its_time() {
    let sandbox = Sandbox::new("keygen-forced");
    assert_eq!(sandbox.run(&["keygen", "--out", "keys", "--kid", "a"]).code, 0);
    assert_eq!(step(&sandbox, "--add", 0, &["--kid", "b"]).code, 0);
    assert_eq!(step(&sandbox, "--promote", 1, &["--force"]).code, 0);
    assert_eq!(kids(&sandbox), ["b", "a"]);
    assert_eq!(step(&sandbox, "--retire", 2, &["--force", "--kid", "b"]).code, 1);
    assert_eq!(step(&sandbox, "--retire", 2, &["--force"]).code, 0);
    assert_eq!(kids(&sandbox), ["b"]);
}

#[test]
fn every_set_that_a_rotation_replaces_is_kept() {
    let sandbox = Sandbox::new("keygen-kept");
    assert_eq!(sandbox.run(&["keygen", "--out", "."]).code, 0);
    let mut sets = vec![sandbox.read("signing-keys.json")];
    for (option, minutes) in [("--add", "1800000000"), ("--promote", "1800001000")] {
        let arguments = ["keygen", option, "signing-keys.json", "--now", minutes];
        let run = sandbox.run(&arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        sets.push(sandbox.read("signing-keys.json"));
    }
    sets.pop();
    let mut kept = kept(&sandbox, "signing-keys.json");
    kept.sort();
    sets.sort();
    assert_eq!(kept, sets);
    #[cfg(unix)]
    for name in sandbox.names() {
        use std::os::unix::fs::PermissionsExt;
        if name.starts_with("signing-keys.json") || name.starts_with("private") {
            let mode = fs::metadata(sandbox.path(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn a_set_that_another_process_changes_is_left_alone() {
    let sandbox = Sandbox::new("keygen-locked");
    assert_eq!(sandbox.run(&["keygen", "--out", "keys"]).code, 0);
    let before = sandbox.read(KEYS);
    let file = fs::File::open(sandbox.path(KEYS)).unwrap();
    file.lock().unwrap();
    let run = step(&sandbox, "--add", 0, &[]);
    assert_eq!(
        run.errors(),
        ["keys/signing-keys.json: another process is changing it: try again when that has ended"]
    );
    assert_eq!(sandbox.read(KEYS), before);
    drop(file);
    assert_eq!(step(&sandbox, "--add", 0, &[]).code, 0);
}

#[test]
fn a_set_without_a_snippet_beside_it_gets_no_pem_files() {
    let sandbox = Sandbox::new("keygen-set-only");
    let set = sandbox.run(&["keygen"]).stdout;
    sandbox.write("set.json", set);
    let run = sandbox.run(&["keygen", "--add", "set.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("backend"), "{}", run.stderr);
    assert_eq!(names(&sandbox), ["set.json"]);
    assert_eq!(SigningKeySet::parse(&sandbox.read("set.json")).unwrap().iter().count(), 2);
}

#[test]
fn a_set_that_cannot_be_added_to_is_left_alone() {
    let sandbox = Sandbox::new("keygen-bad-set");
    assert_eq!(sandbox.run(&["keygen", "--out", ".", "--kid", "a"]).code, 0);
    let good = sandbox.read("signing-keys.json");
    let mismatched = {
        let mut set: Value = serde_json::from_str(&good).unwrap();
        let other: Value = serde_json::from_str(&sandbox.run(&["keygen"]).stdout).unwrap();
        set["keys"][0]["d"] = other["keys"][0]["d"].clone();
        set.to_string()
    };
    let public = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "a",
        "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }] });
    for (content, arguments, expected) in [
        (
            "",
            &["--kid", "b"][..],
            "set.json is not a JSON Web Key Set: an object with a list `keys`",
        ),
        (&public.to_string(), &[], "set.json keys[0] is not a private key: it has no `d`"),
        (&good, &["--kid", "a"], "the new set keys[1] has the kid of another key"),
        (
            &good,
            &["--kid", "a b"],
            "--kid must consist of letters, digits, `-`, `_` and `.`, not a b",
        ),
        (
            &mismatched,
            &["--kid", "b"],
            "the key a has a private half that does not belong to its public half",
        ),
    ] {
        sandbox.write("set.json", content);
        let run = sandbox.run(&[&["keygen", "--add", "set.json"], arguments].concat());
        assert_eq!((run.code, run.errors()), (1, vec![expected]), "{}", run.stderr);
        assert_eq!(sandbox.read("set.json"), content);
    }
    let run = sandbox.run(&["keygen", "--add", "no.json"]);
    assert!(run.errors()[0].starts_with("no.json: cannot be read: "), "{}", run.stderr);
}
