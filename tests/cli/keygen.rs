//! `cfaccess keygen`.

use backstage_cfaccess::backstage::SigningKeySet;
use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox::Sandbox;

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

#[test]
fn a_file_that_exists_is_replaced_by_force_only() {
    let sandbox = Sandbox::new("keygen-force");
    sandbox.write("public.pem", "mine");
    sandbox.write("signing-keys.json", "mine too");
    let run = sandbox.run(&["keygen", "--out", "."]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.errors(),
        [
            "./signing-keys.json exists already; --force replaces it",
            "./public.pem exists already; --force replaces it",
        ]
    );
    assert_eq!(sandbox.names(), ["public.pem", "signing-keys.json"]);
    assert_eq!(sandbox.read("public.pem"), "mine");
    assert_eq!(sandbox.run(&["keygen", "--out", ".", "--force"]).code, 0);
    assert_eq!(sandbox.names(), FILES);
    SigningKeySet::parse(&sandbox.read("signing-keys.json")).unwrap();
}

#[test]
fn a_rotation_puts_the_new_key_first_and_keeps_the_old_ones_as_they_are() {
    let sandbox = Sandbox::new("keygen-rotate");
    assert_eq!(sandbox.run(&["keygen", "--out", "old", "--kid", "old"]).code, 0);
    let before: Value = serde_json::from_str(&sandbox.read("old/signing-keys.json")).unwrap();
    let run = sandbox.run(&[
        "keygen",
        "--add-to",
        "old/signing-keys.json",
        "--kid",
        "new",
        "--out",
        "new",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let after: Value = serde_json::from_str(&sandbox.read("new/signing-keys.json")).unwrap();
    assert_eq!(after["keys"][0]["kid"], "new");
    assert_eq!(after["keys"][1], before["keys"][0]);
    assert_eq!(after["keys"].as_array().unwrap().len(), 2);
    assert_eq!(sandbox.read("new/private-2.pem"), sandbox.read("old/private.pem"));
    let unchanged: Value = serde_json::from_str(&sandbox.read("old/signing-keys.json")).unwrap();
    assert_eq!(unchanged, before);

    let run = sandbox.run(&["keygen", "--add-to", "old/signing-keys.json"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let set = SigningKeySet::parse(&sandbox.read("old/signing-keys.json")).unwrap();
    assert_eq!(set.iter().count(), 2);
    assert_ne!(set.first().id, "old");
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
        let run = sandbox.run(&[&["keygen", "--add-to", "set.json"], arguments].concat());
        assert_eq!((run.code, run.errors()), (1, vec![expected]), "{}", run.stderr);
        assert_eq!(sandbox.read("set.json"), content);
    }
    let run = sandbox.run(&["keygen", "--add-to", "no.json"]);
    assert!(run.errors()[0].starts_with("no.json: cannot be read: "), "{}", run.stderr);
}
