//! `cfaccess verify`: what the core decides is tested elsewhere; here, that it is asked, and what
//! is said of its answer.

use std::sync::LazyLock;

use jwt_compact::alg::{ModulusBits, Rsa, RsaPrivateKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt, Claims, Header};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

/// 2026-11-24T15:06:01Z.
const NOW: i64 = 1_795_532_761;

const TAG: &str = "a3f1c09de8b2475f6a0c9d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a";

static KEY: LazyLock<RsaPrivateKey> = LazyLock::new(|| {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    Rsa::generate(&mut random, ModulusBits::TwoKibibytes).unwrap().0.into_inner()
});

fn claims() -> Value {
    json!({
        "aud": [TAG], "email": "jane@example.com", "sub": "8c87b489", "country": "SE",
        "exp": NOW + 3660, "iat": NOW - 60, "nbf": NOW - 60,
        "iss": "https://acme.cloudflareaccess.com", "type": "app",
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn sign(claims: Value, kid: &str) -> String {
    let header = Header::empty().with_key_id(kid);
    Rsa::rs256().token(&header, &Claims::new(claims), &KEY).unwrap()
}

/// A folder with the certs document of the team, in which the key is `k1`.
fn sandbox(name: &str) -> Sandbox {
    let sandbox = Sandbox::new(name);
    sandbox.write("certs.json", certs().to_string());
    sandbox
}

/// The certs document.
pub(crate) fn certs() -> Value {
    let public = KEY.to_public_key();
    let mut jwk = serde_json::to_value(JsonWebKey::from(&public)).unwrap();
    jwk["kid"] = "k1".into();
    json!({ "keys": [jwk] })
}

/// Runs `verify` with `more` and a token of these claims on stdin; checks that no part of the token
/// is printed.
fn verify(sandbox: &Sandbox, token: &str, more: &[&str]) -> Run {
    let now = NOW.to_string();
    let arguments = ["verify", "--jwks", "certs.json", "--now", &now, "-"];
    let run = sandbox.run_with(&[&arguments, more].concat(), &format!("{token}\n"));
    for part in token.split('.').filter(|part| part.len() > 16) {
        assert!(!run.stdout.contains(part) && !run.stderr.contains(part), "{}", run.stdout);
    }
    run
}

const ACME: [&str; 4] = ["--team", "acme", "--audience", TAG];

#[test]
fn an_accepted_assertion_is_shown_with_all_that_it_says() {
    let sandbox = sandbox("verify-accepted");
    let run = verify(&sandbox, &sign(claims(), "k1"), &ACME);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "accepted");
    assert_eq!(lines[1], "  subject  user jane@example.com, sub 8c87b489");
    assert_eq!(lines[2], "  expires  2026-11-24 16:07:01 UTC (in 1 h 1 min)");
    assert_eq!(lines[3], "  issued   2026-11-24 15:05:01 UTC (1 min 0 s ago)");
    assert_eq!(lines[4], "  key      k1");
    let shown: Value = serde_json::from_str(lines[5].strip_prefix("  claims   ").unwrap()).unwrap();
    assert_eq!(shown, claims());
    assert_eq!(lines.len(), 6);
}

#[test]
fn a_service_token_is_accepted_with_a_hint() {
    let sandbox = sandbox("verify-service-token");
    let claims = json!({ "aud": TAG, "exp": NOW + 1, "iss": "https://acme.cloudflareaccess.com",
        "type": "app", "common_name": "1.access", "sub": "" });
    let run = verify(&sandbox, &sign(claims, "k1"), &ACME);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("service token 1.access (must be in CFACCESS.serviceTokens"));
}

#[test]
fn a_refusal_names_its_code_and_what_led_to_it() {
    let sandbox = sandbox("verify-refused");
    let good = sign(claims(), "k1");
    let (input, signature) = good.rsplit_once('.').unwrap();
    let forged = {
        let other = if signature.starts_with('A') { "B" } else { "A" };
        format!("{input}.{other}{}", &signature[1..])
    };
    for (token, code, detail) in [
        (
            sign(with("exp", NOW - 60), "k1"),
            "assertion_expired (401",
            "exp is 2026-11-24 15:05:01 UTC (1 min 0 s ago)",
        ),
        (
            sign(with("nbf", NOW + 31), "k1"),
            "assertion_not_yet_valid (401",
            "nbf is 2026-11-24 15:06:32 UTC (in 31 s)",
        ),
        (
            sign(with("aud", json!(["other"])), "k1"),
            "audience_invalid (401",
            &format!("aud is [other]; accepted: {TAG}"),
        ),
        (
            sign(with("iss", "https://evil.example"), "k1"),
            "issuer_invalid (401",
            "iss is https://evil.example; expected: https://acme.cloudflareaccess.com",
        ),
        (sign(with("type", "org"), "k1"), "type_invalid (401", "type is org; expected: app"),
        (sign(with("exp", Value::Null), "k1"), "expiry_missing (401", "there is no exp"),
        (
            sign(with("email", ""), "k1"),
            "subject_invalid (401",
            "email is empty, sub is 8c87b489, common_name is missing",
        ),
        (
            sign(claims(), "k2"),
            "key_unknown (401",
            "no usable key of acme.cloudflareaccess.com has the kid k2",
        ),
        (forged, "signature_invalid (401", ""),
        ("a.b".to_owned(), "assertion_malformed (401", "not three parts"),
        (
            format!("{input}.!"),
            "assertion_malformed (401",
            "character outside the base64url alphabet",
        ),
        (String::new(), "assertion_malformed (401", "not three parts"),
    ] {
        let run = verify(&sandbox, &token, &ACME);
        assert_eq!(run.code, 1, "{}", run.stdout);
        let line = |label: &str| {
            run.stdout.lines().find_map(|line| line.strip_prefix(label)).unwrap_or_default()
        };
        assert!(run.stdout.starts_with("refused\n"), "{}", run.stdout);
        assert!(line("  code     ").starts_with(code), "{}", run.stdout);
        assert!(line("  detail   ").starts_with(detail), "{}", run.stdout);
        assert!(!line("  message  ").is_empty(), "{}", run.stdout);
        let code = code.split(' ').next().unwrap();
        assert_eq!(run.errors(), [format!("not accepted: {code}")]);
    }
}

#[test]
fn an_assertion_cannot_steer_the_terminal() {
    let sandbox = sandbox("verify-terminal");
    let run = verify(&sandbox, &sign(with("iss", "\u{1b}]0;owned\u{7}\n"), "k1"), &ACME);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("iss is \\u{1b}]0;owned\\u{7}\\n; expected"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn team_and_audience_come_from_wrangler_toml_where_they_are_not_given() {
    let sandbox = sandbox("verify-config");
    let vars = |audience: &str| {
        format!("vars.CFACCESS = {{ teamName = \"acme\", audience = [\"x\", \"{audience}\"] }}\n")
    };
    sandbox.write("one.toml", vars(TAG));
    sandbox.write("two.toml", format!("{}[env.staging]\n{}", vars("other"), vars(TAG)));
    let token = sign(claims(), "k1");
    for (more, code) in [
        (&["--config", "one.toml"][..], 0),
        (&["--config", "two.toml", "--env", "staging"], 0),
        (&["--config", "one.toml", "--audience", "other"], 1),
        (&["--config", "one.toml", "--team", "other"], 1),
        (&["--team", "acme", "--audience", "other", "--audience", TAG], 0),
        (&["--team", "acme.cloudflareaccess.com", "--audience", &format!("x,{TAG}")], 0),
    ] {
        let run = verify(&sandbox, &token, more);
        assert_eq!(run.code, code, "{more:?}: {}{}", run.stdout, run.stderr);
    }
    sandbox.write("none.toml", "vars.CFACCESS = { teamName = \"a/b\" }\n");
    for (more, expected) in [
        (
            &["--config", "two.toml"][..],
            &["two.toml: has several environments; choose one with --env"][..],
        ),
        (
            &["--config", "two.toml", "--env", "prod"],
            &["two.toml: has no environment `prod`; there is staging"],
        ),
        (
            &["--config", "none.toml"],
            &[
                "none.toml: CFACCESS.teamName must be a team name",
                "none.toml: CFACCESS.audience is required",
            ],
        ),
        (
            &["--team", "https://acme", "--audience", "x"],
            &["--team must be a team name or a whole domain, without `https://`"],
        ),
    ] {
        let run = verify(&sandbox, &token, more);
        assert_eq!((run.code, run.errors().len()), (1, expected.len()), "{}", run.stderr);
        for (error, expected) in run.errors().iter().zip(expected) {
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

#[test]
fn keys_that_cannot_be_had_are_no_refusal() {
    let sandbox = sandbox("verify-no-keys");
    let token = sign(with("iss", "https://127.0.0.1"), "k1");
    let now = NOW.to_string();
    // Nothing listens there, so nothing leaves this machine.
    let run =
        sandbox.run(&["verify", "--team", "127.0.0.1", "--audience", TAG, "--now", &now, &token]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.starts_with("not decided\n  code     keys_unavailable (503 "),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("  detail   https://127.0.0.1/cdn-cgi/access/certs: "),
        "{}",
        run.stdout
    );
    sandbox.write("certs.json", "{\"keys\":[]}");
    let run = verify(&sandbox, &token, &ACME);
    assert_eq!(run.errors(), ["certs.json: no usable RSA key in the JWK Set"]);
    sandbox.write("certs.json", "<html>");
    assert!(verify(&sandbox, &token, &ACME).errors()[0].starts_with("certs.json: not a JWK Set: "));
}

#[test]
fn without_team_or_audience_it_is_wrong_usage() {
    let sandbox = sandbox("verify-usage");
    for more in [
        &["--team", "acme"][..],
        &["--audience", TAG],
        &[],
        &["--env", "x", "--team", "a", "--audience", "b"],
    ] {
        assert_eq!(verify(&sandbox, "a.b.c", more).code, 2, "{more:?}");
    }
}
