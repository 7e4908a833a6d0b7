//! Whatever is done to a genuine assertion or Backstage token: what is no longer signed as a whole is forwarded on no
//! path but a public one, and gets no session and no claims.

use std::sync::LazyLock;

use backstage_cfaccess::gate::{Decision, Gate, Outcome, Route};
use proptest::prelude::{
    Just, Strategy, any, prop_assert, prop_assert_eq, prop_assume, prop_oneof, proptest,
};
use proptest::sample::select;
use serde_json::json;

use super::forgery::{Forgery, Signature, forgery};
use super::property::{config, is_below_public, path};
use crate::support::{
    Ask, Claims, NOW, REFRESH, SIGNER_2, Setup, USERINFO, World, code_of, token_header, user_token,
    verify_user_token,
};

/// Where a request has the forged assertion, and what it has beside it.
#[derive(Clone, Copy, Debug)]
enum Place {
    Header,
    /// The genuine one is in the cookie.
    HeaderNotCookie,
    /// Two header lines arrive as one.
    HeaderTwice,
    Cookie,
    QuotedCookie,
    /// The genuine one is in the second cookie.
    FirstCookie,
    /// The genuine one is where none is looked for.
    Elsewhere,
}

impl Place {
    fn ask(self, ask: Ask, forged: &str, genuine: &str) -> Ask {
        const HEADER: &str = "cf-access-jwt-assertion";
        let cookie = |text: String| ask.clone().header("cookie", &text);
        match self {
            Self::Header => ask.header(HEADER, forged),
            Self::HeaderNotCookie => {
                cookie(format!("CF_Authorization={genuine}")).header(HEADER, forged)
            }
            Self::HeaderTwice => ask.header(HEADER, &format!("{genuine}, {forged}")),
            Self::Cookie => cookie(format!("a=b; CF_Authorization={forged}")),
            Self::QuotedCookie => cookie(format!("CF_Authorization=\"{forged}\"; a=b")),
            Self::FirstCookie => {
                cookie(format!("CF_Authorization={forged}; CF_Authorization={genuine}"))
            }
            Self::Elsewhere => {
                cookie(format!("CF_Authorisation={genuine}; cf_authorization={genuine}"))
                    .header("cf_access_jwt_assertion", genuine)
                    .header("x-goog-iap-jwt-assertion", genuine)
                    .header(HEADER, forged)
            }
        }
    }

    /// Whether the genuine assertion is what a server reads: from a cookie it takes white space, quotes
    /// and what is behind a semicolon.
    fn still_reads(self, forged: &str, genuine: &str) -> bool {
        let read = match self {
            Self::Header | Self::HeaderNotCookie | Self::HeaderTwice | Self::Elsewhere => forged,
            Self::Cookie | Self::QuotedCookie | Self::FirstCookie => {
                forged.split(';').next().unwrap_or_default()
            }
        };
        // An empty header counts as absent.
        read.trim_matches(['"', ' ']) == genuine || read.trim_matches(['"', ' ', '\t']).is_empty()
    }
}

fn place() -> impl Strategy<Value = Place> {
    select(vec![
        Place::Header,
        Place::HeaderNotCookie,
        Place::HeaderTwice,
        Place::Cookie,
        Place::QuotedCookie,
        Place::FirstCookie,
        Place::Elsewhere,
    ])
}

/// The gate of the stock set-up, or of one that does more for a verified caller.
fn gate(which: usize) -> Gate {
    let setup = Setup::new().backstage("publicPaths", json!(["/public"]));
    match which {
        0 => setup,
        1 => {
            setup.cfaccess("identity", json!("claims")).cfaccess("onUserNotFound", json!("origin"))
        }
        2 => setup
            .backstage("trust", json!("shared-key"))
            .backstage("attachToken", json!("non-browser")),
        _ => setup.backstage("corsOrigins", json!(["https://app.example.com"])),
    }
    .gate()
}

/// Whether the caller got what only a verified one may have.
fn is_served(outcome: &Outcome, path: &str) -> bool {
    match (&outcome.decision, outcome.route) {
        (Decision::Forward(_), Route::Forward { public: true }) => !is_below_public(path),
        // Userinfo judges tokens of its own; others go on to the origin, which judges them.
        (Decision::Forward(_), Route::UserInfo) => path != USERINFO,
        (Decision::Forward(_), _) => true,
        (Decision::Reply(reply), Route::Preflight) => reply.status != 204 || reply.body.is_some(),
        (Decision::Reply(reply), Route::Jwks) => reply.status != 200,
        (Decision::Reply(reply), _) => reply.status < 400,
    }
}

static GENUINE: LazyLock<[String; 2]> =
    LazyLock::new(|| [Claims::user().mint(), Claims::service_token().mint()]);

proptest! {
    #![proptest_config(config(true))]

    #[test]
    fn forged_assertion_is_never_forwarded_and_gets_no_session(
        forgery in forgery(),
        place in place(),
        (whose, setup, is_warm) in (0_usize..2, 0_usize..4, any::<bool>()),
        method in select(vec!["GET", "HEAD", "POST", "OPTIONS", "PUT", "get"]),
        path in prop_oneof![
            2 => Just(REFRESH.to_owned()),
            2 => select(vec!["/", "/api/catalog/entities", "/api/auth/cfaccess/health"])
                .prop_map(str::to_owned),
            1 => path(),
        ],
    ) {
        let (genuine, other) = (&GENUINE[whose], &GENUINE[1 - whose]);
        let forged = forgery.of(genuine, other);
        prop_assume!(!GENUINE.iter().any(|it| place.still_reads(&forged, it)));
        let (gate, world) = (gate(setup), World::new());
        if is_warm {
            // Its caches have the genuine assertion, its identity, its session.
            let outcome = Ask::refresh(genuine).of(&gate, &world);
            prop_assert_eq!(code_of(&outcome), "200");
        }
        let outcome = place.ask(Ask::new(method, &path), &forged, genuine).of(&gate, &world);
        prop_assert!(
            !is_served(&outcome, &path), "{} {forged}", outcome.log.to_json()
        );
    }

    #[test]
    fn forged_backstage_token_gets_no_claims(forgery in forgery(), is_limited in any::<bool>()) {
        let claims = json!({
            "sub": "user:default/jane.doe", "ent": ["user:default/jane.doe"], "iat": NOW,
            "exp": NOW + 3600,
        });
        let limited = json!({ "sub": "user:default/jane.doe", "iat": NOW, "exp": NOW + 3600 });
        let limited =
            SIGNER_2.token(&token_header("vnd.backstage.limited-user", &SIGNER_2.kid), &limited.to_string());
        let tokens = [user_token(&claims), limited];
        let (genuine, other) = (&tokens[usize::from(is_limited)], &tokens[usize::from(!is_limited)]);
        let forged = forgery.of(genuine, other);
        prop_assume!(!tokens.iter().any(|it| it == forged.trim()));
        // The Worker's own key is no forger's.
        prop_assume!(!matches!(forgery, Forgery::Written { signature: Signature::WorkersEc, .. }));
        let (gate, world) = (Setup::new().gate(), World::new());
        prop_assert_eq!(code_of(&verify_user_token(genuine).of(&gate, &world)), "200");
        let outcome = verify_user_token(&forged).of(&gate, &world);
        prop_assert!(!matches!(&outcome.decision, Decision::Reply(it) if it.status < 400), "{forged}");
    }
}

#[test]
fn every_place_of_an_assertion_is_one_that_is_looked_at_or_ignored() {
    let (gate, world) = (Setup::new().gate(), World::new());
    let [user, bot] = &*GENUINE;
    for (place, expected) in [
        (Place::Header, "200"),
        (Place::HeaderNotCookie, "200"),
        (Place::HeaderTwice, "assertion_malformed"),
        (Place::Cookie, "200"),
        (Place::QuotedCookie, "200"),
        (Place::FirstCookie, "200"),
        (Place::Elsewhere, "200"),
    ] {
        let outcome = place.ask(Ask::get(REFRESH), user, bot).of(&gate, &world);
        assert_eq!(code_of(&outcome), expected, "{place:?}");
    }
}
