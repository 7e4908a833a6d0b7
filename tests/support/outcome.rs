//! What the tests of the gate ask of an outcome, and its routes.

use backstage_cfaccess::gate::{Decision, Forward, Outcome};
use serde_json::Value;

use super::{Ask, SIGNER, Setup, World, reply_of};

pub(crate) const REFRESH: &str = "/api/auth/cfaccess/refresh";
pub(crate) const USERINFO: &str = "/api/auth/v1/userinfo";
pub(crate) const JWKS: &str = "/api/auth/.well-known/jwks.json";

/// What the stock gate decides, in a world where everything works.
pub(crate) fn ask_stock(ask: &Ask) -> Outcome {
    ask.of(&Setup::new().gate(), &World::new())
}

/// The forwarded request.
pub(crate) fn forwarded(outcome: &Outcome) -> &Forward {
    match &outcome.decision {
        Decision::Forward(forward) => forward,
        Decision::Reply(reply) => panic!("{reply:?}"),
    }
}

/// A header of the reply.
pub(crate) fn reply_header<'a>(outcome: &'a Outcome, name: &str) -> Option<&'a str> {
    let headers = &reply_of(outcome).headers;
    headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

/// The log line.
pub(crate) fn log_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.log.to_json()).unwrap()
}

/// A user token of ours, or what looks like one.
pub(crate) fn user_token(claims: &Value) -> String {
    SIGNER.token(&token_header("vnd.backstage.user", &SIGNER.kid), &claims.to_string())
}

/// The header of a user token.
pub(crate) fn token_header(typ: &str, kid: &str) -> String {
    format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{kid}"}}"#)
}

/// A request to the userinfo route with this token.
pub(crate) fn verify_user_token(token: &str) -> Ask {
    Ask::get(USERINFO).header("authorization", &format!("Bearer {token}"))
}
