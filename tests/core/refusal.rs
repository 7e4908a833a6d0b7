//! That every refusal and every fault of the core comes from some request, and how it is told.

use std::collections::BTreeSet;

use backstage_cfaccess::error::{Fault, GateError, Malformed, Refusal, Unsupported};
use backstage_cfaccess::gate::Gate;
use backstage_cfaccess::gate::error_reply;
use backstage_cfaccess::{CfAccess, Rejection, SignInContext, SignInInfo, SignInResult};
use serde_json::{Value, json};

use crate::support::{
    Ask, Claims, NOW, OTHER, SIGNER, Setup, World, code_of, encode, header, mint, mint_with,
};

/// A request, the world that it is made in, and the gate that it is made to.
struct Case {
    ask: Ask,
    gate: Gate,
    world: World,
}

impl Case {
    fn new(ask: Ask) -> Self {
        Self { ask, gate: Setup::new().gate(), world: World::new() }
    }

    fn refresh(assertion: &str) -> Self {
        Self::new(Ask::refresh(assertion))
    }

    fn of(claims: &Claims) -> Self {
        Self::refresh(&claims.mint())
    }

    fn with_header(from: &str, to: &str) -> Self {
        Self::refresh(&mint(&header().replace(from, to), &Claims::user().text()))
    }

    fn in_world(self, spoil: impl Fn(&World)) -> Self {
        spoil(&self.world);
        self
    }

    fn stop(&self) -> GateError {
        let outcome = self.ask.of(&self.gate, &self.world);
        let stop = outcome.error.clone().unwrap();
        assert_eq!(code_of(&outcome), stop.code());
        stop
    }
}

/// A request for each refusal.
fn refused() -> Vec<Case> {
    let user = Claims::user();
    let foreign = json!({ "resolver": "emailMatchingUserEntityProfileEmail", "allowedDomains": ["x.example"] });
    let foreign = Setup::new().resolvers(&json!([foreign])).gate();
    let expired = json!({ "sub": "user:default/jane.doe", "iat": NOW - 1, "exp": NOW }).to_string();
    let token_header =
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{}"}}"#, SIGNER.kid);
    let bearer = format!("Bearer {}", SIGNER.token(&token_header, &expired));
    let twins = r#"{"v":1,"ambiguous":["user:default/a","user:default/b"]}"#;
    let grouped = requiring(&json!([{ "group": "engineering" }]));
    let userinfo = "/api/auth/v1/userinfo";
    vec![
        Case::of(&user.clone().set("exp", NOW)),
        Case::new(Ask::get("/")),
        Case::of(&user.clone().set("nbf", NOW + 31)),
        Case::of(&user.clone().without("aud")),
        Case { gate: foreign, ..Case::of(&user) },
        Case::of(&user.clone().without("exp")),
        Case::of(&user).in_world(|world| world.identity.says(403, "")),
        Case::of(&user.clone().without("iss")),
        Case::refresh(&user.mint_by(&OTHER)),
        Case { gate: grouped, ..Case::of(&user) },
        Case::new(Ask::get("/api/auth/cfaccess/logout")),
        Case::new(Ask::get("/api/auth/cfaccess/start")),
        Case::of(&Claims::service_token().set("common_name", "2.access")),
        Case::refresh(&mint_with(&OTHER, &header(), &user.text())),
        Case::of(&user.clone().without("email")),
        Case::new(Ask::get(userinfo).header("authorization", &bearer)),
        Case::new(Ask::get(userinfo)),
        Case::of(&user.clone().set("type", "org")),
        Case::of(&user).in_world(|world| world.catalog.holds("v1:email:jane@example.com", twins)),
        Case::of(&user.clone().set("email", "ghost@example.com")),
        // Everything malformed.
        Case::refresh("a"),
        Case::refresh(&format!("{}.A.A", encode(header()))),
        Case::refresh("a.b.c="),
        Case::of(&user.clone().set("email", 1)),
        Case::refresh(&mint(&header(), &user.text().replacen('{', "{\"iss\":1,", 1))),
        Case::refresh(&mint(&header(), "1")),
        Case::refresh(&"a".repeat(16 * 1024 + 1)),
        // Everything unsupported.
        Case::with_header("RS256", "none"),
        Case::with_header("\"typ\"", "\"crit\":[],\"typ\""),
        Case::with_header("\"kid\"", "\"k\""),
        Case::with_header("JWT", "at+jwt"),
    ]
}

/// A gate with these rules of `signIn.require`.
fn requiring(rules: &Value) -> Gate {
    let resolvers = [json!({ "resolver": "emailMatchingUserEntityProfileEmail" })];
    let sign_in = json!({ "require": rules, "resolvers": resolvers });
    Setup::new().cfaccess("signIn", sign_in).gate()
}

/// A gate of an app whose resolver is this.
fn resolving(
    resolver: impl AsyncFn(&SignInInfo<'_>, &SignInContext<'_>) -> SignInResult + 'static,
) -> Gate {
    let app = CfAccess::new().sign_in(resolver);
    Gate::of(app, &Setup::new().cfaccess("signIn", Value::Null).source()).unwrap()
}

/// A request for each fault.
fn failed() -> Vec<Case> {
    let jane = Claims::user().mint();
    let groups: Vec<String> = (0..3_000).map(|index| format!("group:default/{index}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    vec![
        Case::refresh(&jane).in_world(|world| world.catalog.holds("v1:email:jane@example.com", "")),
        Case::refresh(&jane).in_world(|world| world.catalog.fails()),
        Case::refresh(&jane).in_world(|world| world.crypto_is_down.set(true)),
        Case::refresh(&jane).in_world(|world| world.certs.fails()),
        Case::refresh(&jane).in_world(|world| {
            world.certs.holds_back();
            world.is_late.set(true);
        }),
        Case { gate: requiring(&json!([{ "group": "x" }])), ..Case::refresh(&jane) }
            .in_world(|world| world.identity.fails()),
        Case {
            gate: resolving(async |_, _| Err("x".parse::<u8>().unwrap_err().into())),
            ..Case::refresh(&jane)
        },
        Case {
            gate: resolving(async |_, _| {
                std::future::pending::<()>().await;
                Err(Rejection::not_found())
            }),
            ..Case::refresh(&jane)
        }
        .in_world(|world| world.is_late.set(true)),
        Case {
            gate: Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(false)).gate(),
            ..Case::refresh(&jane)
        }
        .in_world(|world| world.adds("jane.doe", "jane@example.com", &groups)),
    ]
}

fn refusals() -> Vec<Refusal> {
    let stops = refused().iter().map(Case::stop).collect::<Vec<_>>();
    stops
        .into_iter()
        .map(|stop| match stop {
            GateError::Refusal(refusal) => refusal,
            GateError::Fault(fault) => panic!("{fault:?}"),
        })
        .collect()
}

#[test]
fn every_refusal_comes_from_some_request() {
    let found: BTreeSet<String> =
        refusals().iter().map(|refusal| refusal.code().to_owned()).collect();
    let all: BTreeSet<String> =
        Refusal::ALL.iter().map(|refusal| refusal.code().to_owned()).collect();
    assert_eq!(found, all);
}

#[test]
fn every_way_to_be_malformed_or_unsupported_comes_from_some_request() {
    let refusals = refusals();
    for what in [
        Malformed::Base64,
        Malformed::Character,
        Malformed::ClaimType,
        Malformed::DuplicateMember,
        Malformed::Json,
        Malformed::Length,
        Malformed::Parts,
    ] {
        let refusal = Refusal::AssertionMalformed(what);
        assert!(refusals.contains(&refusal), "{what:?}");
        assert!(refusal.detail().is_some());
    }
    for what in [
        Unsupported::Algorithm,
        Unsupported::Critical,
        Unsupported::KeyIdMissing,
        Unsupported::Type,
    ] {
        let refusal = Refusal::AssertionUnsupported(what);
        assert!(refusals.contains(&refusal), "{what:?}");
        assert!(refusal.detail().is_some());
    }
}

#[test]
fn every_fault_of_the_core_comes_from_some_request() {
    let found: BTreeSet<String> =
        failed().iter().map(|case| case.stop().code().to_owned()).collect();
    let expected = [
        Fault::CatalogCorrupt(String::new()),
        Fault::CatalogUnavailable(String::new()),
        Fault::Crypto(String::new()),
        Fault::KeysUnavailable(String::new()),
        Fault::IdentityUnavailable,
        Fault::RefreshTimeout,
        Fault::ResolverFailed(String::new()),
        Fault::ResolverTimeout(String::new()),
        Fault::TokenTooLarge(0),
        // `ForwardLoop` is a matter of the forwarded request (`forward.rs`). The other two are the
        // Worker's: a broken configuration makes no gate, and only the Worker
        // sees whether the origin answers.
    ];
    assert_eq!(found, expected.iter().map(|fault| fault.code().to_owned()).collect());
}

#[test]
fn refusals_and_faults_differ_in_status_name_and_code_only() {
    let faults = [
        Fault::CatalogCorrupt("hunter2".into()),
        Fault::CatalogUnavailable("hunter2".into()),
        Fault::Crypto("hunter2".into()),
        Fault::KeysUnavailable("hunter2".into()),
        Fault::Misconfigured("hunter2".into()),
        Fault::OriginUnreachable("hunter2".into()),
        Fault::ResolverFailed("hunter2".into()),
        Fault::ResolverTimeout("hunter2".into()),
        Fault::IdentityUnavailable,
        Fault::RefreshTimeout,
        Fault::ForwardLoop,
        Fault::TokenTooLarge(99_999),
    ];
    assert_eq!(faults.len(), Fault::CODES.len());
    let stops =
        Refusal::ALL.iter().cloned().map(GateError::from).chain(faults.map(GateError::from));
    for stop in stops {
        let reply = error_reply(&stop, stop.message(), "GET", "/x");
        let text = reply.body.unwrap();
        assert!(!text.contains("hunter2") && !text.contains("99999"), "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        let name = match reply.status {
            401 => "AuthenticationError",
            403 => "NotAllowedError",
            404 => "NotFoundError",
            409 => "ConflictError",
            500 => "InternalServerError",
            501 => "NotImplementedError",
            502 => "BadGatewayError",
            503 => "ServiceUnavailableError",
            508 => "LoopDetectedError",
            other => panic!("{other}: {stop:?}"),
        };
        assert_eq!(body["error"]["name"], name);
        assert_eq!(body["error"]["code"], stop.code());
        assert_eq!(body["response"]["statusCode"], reply.status);
        assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        let may_come_back = reply.headers.iter().any(|(name, _)| *name == "retry-after");
        assert_eq!(may_come_back, reply.status == 503, "{stop:?}");
    }
}
