//! What the code of an app changes on the whole path: the token, userinfo, the answer, and what is
//! forwarded.

use backstage_cfaccess::gate::{Decision, Gate, run_background};
use backstage_cfaccess::{CfAccess, EntityRef, Rejection, UserQuery};
use serde_json::{Value, json};

use crate::support::{
    Ask, Claims, NOW, SIGNER, Setup, World, at, block_on, body_of, code_of, payload_of,
};

/// The gate of an app, whose configuration is the tests' with these keys of `CFACCESS`.
fn gate(app: CfAccess, cfaccess: &[(&str, Value)]) -> Gate {
    let setup = cfaccess
        .iter()
        .fold(Setup::new(), |setup, (key, value)| setup.cfaccess(key, value.clone()));
    Gate::of(app, &setup.source()).unwrap()
}

fn platform() -> CfAccess {
    CfAccess::new().ownership(async |user, _, _| {
        let mut refs = user.ownership();
        refs.extend(EntityRef::group("platform"));
        Ok(refs)
    })
}

/// Signs Jane in, does what is left to do, and returns the answer.
fn sign_in(gate: &Gate, world: &World, now: i64) -> Value {
    let outcome =
        Ask::refresh(&Claims::user().set("exp", NOW + 86_400).mint()).at(now).of(gate, world);
    assert_eq!(code_of(&outcome), "200", "{}", outcome.log.to_json());
    let body = body_of(&outcome);
    block_on(run_background(outcome.background, at(now), gate, world));
    body
}

/// The limited-user token of Jane, as the backend puts it into a cookie.
fn limited(expires_at: i64) -> String {
    let header =
        format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"{}"}}"#, SIGNER.kid);
    let claims = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": expires_at });
    SIGNER.token(&header, &claims.to_string())
}

fn userinfo(gate: &Gate, world: &World, token: &str, now: i64) -> Value {
    let ask = Ask::get("/api/auth/v1/userinfo").header("authorization", &format!("Bearer {token}"));
    let outcome = ask.at(now).of(gate, world);
    assert_eq!(code_of(&outcome), "200");
    body_of(&outcome)["claims"].clone()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_str(&payload_of(token)).unwrap()
}

const JANE: &str = "user:default/jane.doe";

#[test]
fn token_carries_ownership_of_ones_own_even_if_it_should_be_left_out() {
    let setup = Setup::new().backstage("omitIdentityTokenOwnershipClaim", json!(true));
    let (own, stock) = (
        Gate::of(platform(), &setup.source()).unwrap(),
        Gate::of(CfAccess::new(), &setup.source()).unwrap(),
    );
    let ent = |gate| {
        let body = sign_in(gate, &World::new(), NOW);
        claims_of(body["backstageIdentity"]["token"].as_str().unwrap())["ent"].clone()
    };
    assert_eq!(ent(&own).as_array().unwrap().last().unwrap(), "group:default/platform");
    assert_eq!(ent(&stock), Value::Null);
}

#[test]
fn userinfo_of_a_limited_user_token_answers_what_was_issued() {
    let (gate, world) = (gate(platform(), &[]), World::new());
    sign_in(&gate, &world, NOW);
    let token = limited(NOW + 3_600);
    let claims = userinfo(&gate, &world, &token, NOW);
    assert_eq!(claims["ent"].as_array().unwrap().last().unwrap(), "group:default/platform");
    // Another isolate finds it in KV.
    let other = self::gate(platform(), &[]);
    assert_eq!(userinfo(&other, &world, &token, NOW + 5), claims);
}

#[test]
fn userinfo_falls_back_to_fewer_refs_and_never_to_more() {
    let (own, world) = (gate(platform(), &[]), World::new());
    let token = limited(NOW + 3_600);
    assert_eq!(userinfo(&own, &world, &token, NOW)["ent"], json!([JANE]));
    world.cache.fails();
    assert_eq!(userinfo(&own, &world, &token, NOW)["ent"], json!([JANE]));
    // With rules of the configuration, what `keep` leaves of the catalog.
    let rules = json!({ "keep": ["group:default/team-b"] });
    let kept = gate(CfAccess::new(), &[("ownership", rules)]);
    let ent = &userinfo(&kept, &World::new(), &token, NOW)["ent"];
    assert_eq!(*ent, json!([JANE, "group:default/team-b"]));
}

#[test]
fn damaged_or_foreign_record_of_what_was_issued_counts_as_none() {
    let (gate, world) = (gate(platform(), &[]), World::new());
    sign_in(&gate, &world, NOW);
    let key = world.cache.keys().into_iter().find(|key| key.starts_with("issued:v1:")).unwrap();
    let good = world.cache.value(&key).unwrap();
    let token = limited(NOW + 86_000);
    for value in [
        "{}".to_owned(),
        good.replace("jane.doe\",\"ent", "boss\",\"ent"),
        good.replace("\"claims\"", "\"more\""),
        good.replace("\"exp\":", "\"exp\":-"),
    ] {
        assert_ne!(value, good);
        world.cache.holds(&key, &value);
        let fresh = self::gate(platform(), &[]);
        assert_eq!(userinfo(&fresh, &world, &token, NOW)["ent"], json!([JANE]), "{value}");
    }
}

#[test]
fn what_was_issued_is_written_once_for_refreshes_with_the_same_result() {
    let (gate, world) = (gate(platform(), &[]), World::new());
    let writes = || world.cache.keys().iter().filter(|key| key.starts_with("issued:v1:")).count();
    sign_in(&gate, &world, NOW);
    assert_eq!(writes(), 1);
    let key = world.cache.keys().into_iter().find(|key| key.starts_with("issued:v1:")).unwrap();
    assert_eq!(world.cache.life(&key), Some(5_400));
    // A session is reused for 360 s; the next one is new, and within half the life of the first.
    world.cache.loses(&key);
    sign_in(&gate, &world, NOW + 1_000);
    assert_eq!(writes(), 0);
    sign_in(&gate, &world, NOW + 2_000);
    assert_eq!(writes(), 1);
}

#[test]
fn stock_worker_writes_no_record_of_what_it_issued() {
    let (gate, world) = (gate(CfAccess::new(), &[]), World::new());
    sign_in(&gate, &world, NOW);
    assert!(world.cache.keys().iter().all(|key| !key.starts_with("issued:v1:")));
}

#[test]
fn additional_claims_are_in_the_token_and_in_userinfo() {
    let claims = json!({ "claims": { "email": "email" } });
    let (gate, world) = (gate(CfAccess::new(), &[("token", claims)]), World::new());
    let body = sign_in(&gate, &world, NOW);
    let token = body["backstageIdentity"]["token"].as_str().unwrap();
    let payload = claims_of(token);
    assert_eq!(payload["email"], "jane@example.com");
    assert_eq!(payload["sub"], JANE);
    let of_token = userinfo(&gate, &world, token, NOW);
    assert_eq!(of_token["email"], "jane@example.com");
    assert_eq!(of_token.get("uip"), None);
    assert_eq!(userinfo(&gate, &world, &limited(NOW + 60), NOW)["email"], "jane@example.com");
}

#[test]
fn provider_info_is_what_the_app_makes_of_it() {
    let app = CfAccess::new().provider_info(|info| {
        info.remove("claims");
    });
    let (gate, world) = (gate(app, &[]), World::new());
    let body = sign_in(&gate, &world, NOW);
    assert_eq!(body["providerInfo"].get("claims"), None);
    assert_eq!(body["providerInfo"]["cfIdentity"]["name"], "Jane Doe");
}

#[test]
fn session_is_not_reused_longer_than_the_resolver_says() {
    let app = CfAccess::new().sign_in(async |info, ctx| {
        let query = UserQuery::email(info.email()?);
        Ok(ctx.sign_in_with_catalog_user(query).await?.max_age(5))
    });
    let (gate, world) = (gate(app, &[("signIn", Value::Null)]), World::new());
    let token = |now| sign_in(&gate, &world, now)["backstageIdentity"]["token"].clone();
    let first = token(NOW);
    assert_eq!(token(NOW + 4), first);
    assert_ne!(token(NOW + 5), first);
}

type Edits = (Vec<String>, Vec<(String, String)>);

fn forwarded(app: CfAccess, ask: &Ask) -> Result<Edits, String> {
    let outcome = ask.of(&gate(app, &[]), &World::new());
    match outcome.decision {
        Decision::Forward(forward) => Ok((forward.edits.remove, forward.edits.set)),
        Decision::Reply(_) => Err(code_of(&outcome)),
    }
}

fn page() -> Ask {
    Ask::get("/catalog").header("cf-access-jwt-assertion", &Claims::user().mint())
}

#[test]
fn header_for_the_origin_is_set_for_verified_callers_only() {
    let app = || {
        CfAccess::new().before_forward(async |caller, edits| {
            edits.set("X-Acme-Tier", caller.email().map_or("machine", |_| "user"))?;
            edits.remove("x-acme-debug")
        })
    };
    let request = page().header("x-acme-debug", "1");
    let (taken_off, set) = forwarded(app(), &request).unwrap();
    assert!(taken_off.contains(&"x-acme-debug".to_owned()));
    assert!(set.contains(&("x-acme-tier".to_owned(), "user".to_owned())));
    assert_eq!(forwarded(app(), &Ask::get("/catalog")).unwrap_err(), "assertion_missing");
    let machine = Ask::get("/x").header("cf-access-jwt-assertion", &Claims::service_token().mint());
    assert!(forwarded(app(), &machine).unwrap().1.iter().any(|(_, value)| value == "machine"));
}

#[test]
fn hook_can_reject_a_forwarded_request() {
    let app = CfAccess::new()
        .before_forward(async |_, _| Err(Rejection::not_allowed("maintenance", "Closed")));
    assert_eq!(forwarded(app, &page()).unwrap_err(), "maintenance");
}

#[test]
fn hook_can_neither_set_nor_bring_back_an_identity_header() {
    for name in [
        "Cf-Access-Authenticated-User-Email",
        "cf_access_jwt_assertion",
        "X-Forwarded-User",
        "x-goog-iap-jwt-assertion",
        "Host",
        "content-length",
        "X-Backstage-Cfaccess-Hop",
        "bad name",
        "",
    ] {
        let app = CfAccess::new().before_forward(async move |_, edits| edits.set(name, "x"));
        assert_eq!(forwarded(app, &page()).unwrap_err(), "header_not_allowed", "{name}");
        let app = CfAccess::new().before_forward(async move |_, edits| edits.remove(name));
        assert_eq!(forwarded(app, &page()).unwrap_err(), "header_not_allowed", "{name}");
    }
    let app = CfAccess::new().before_forward(async |_, edits| edits.set("x-a", "a\r\nx-b: c"));
    assert_eq!(forwarded(app, &page()).unwrap_err(), "header_not_allowed");
}

#[test]
fn header_that_the_hook_sets_or_removes_has_no_other_spelling_from_the_caller() {
    let ask =
        page().header("x_acme_tier", "admin").header("x-acme_tier", "admin").header("x-other", "1");
    for set in [true, false] {
        let app = CfAccess::new().before_forward(async move |_, edits| {
            if set { edits.set("x-acme-tier", "user") } else { edits.remove("x-acme-tier") }
        });
        let (removed, _) = forwarded(app, &ask).unwrap();
        for spelling in ["x_acme_tier", "x-acme_tier"] {
            assert!(removed.contains(&spelling.to_owned()), "{set}: {removed:?}");
        }
        assert!(!removed.contains(&"x-other".to_owned()));
    }
}

#[test]
fn hook_that_never_ends_is_a_503() {
    let app = CfAccess::new().before_forward(async |_, _| {
        std::future::pending::<()>().await;
        Ok(())
    });
    let world = World::new();
    world.is_late.set(true);
    let outcome = page().of(&gate(app, &[]), &world);
    assert_eq!(code_of(&outcome), "resolver_timeout");
}
