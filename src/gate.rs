//! The whole path of a request, in order. [`Gate::decide`] is the only function that knows it; it returns
//! what is to be done and does nothing.

use std::borrow::Cow;
use std::rc::Rc;

use chrono::{DateTime, Utc};

use crate::access::{AccessIdentity, Assertion, KeyMemory, identity_of, verify};
use crate::cache::Bounded;
use crate::catalog::{EntityRef, Key, Record, decode};
use crate::config::{Config, OnUserNotFound, Trust};
use crate::http::{
    Forward, HeaderEdits, Reply, Request, Route, cors_headers, error_reply, preflight, route,
};
use crate::json::{quote, quote_all};
use crate::log::Line;
use crate::ports::{Call, Ports};
use crate::refusal::{Fault, Refusal, Stop};
use crate::session::{
    BackstageIdentity, Held, ProviderInfo, RefreshAnswer, TokenRequest, issue, join_jwks,
    read_token, user_info,
};
use crate::signin::{Profile, SignedIn, sign_in};
use crate::task::Task;

/// Bounds of the cached identities of an isolate: as many people as are likely to be online at one
/// location, in a few MiB of the isolate's 128.
const MAX_IDENTITIES: usize = 2_000;
const MAX_IDENTITY_BYTES: usize = 4 * 1024 * 1024;

/// Bounds of the verified assertions, likewise.
const MAX_VERIFIED: usize = 2_000;
const MAX_VERIFIED_BYTES: usize = 8 * 1024 * 1024;

/// Bounds of the users of whom the origin was told.
const MAX_TOLD: usize = 10_000;
const MAX_TOLD_BYTES: usize = 1024 * 1024;

/// Marks our own request for the origin's key set.
const HOP_HEADER: &str = "x-backstage-cfaccess-hop";

/// Limits of the origin's key set: milliseconds and bytes.
const ORIGIN_JWKS_TIMEOUT_MS: u32 = 2_000;
const ORIGIN_JWKS_MAX_BYTES: usize = 256 * 1024;

/// What an isolate knows: its configuration and what it remembers between requests.
#[derive(Debug)]
pub struct Gate {
    /// The configuration.
    pub config: Config,
    /// What is remembered.
    pub memory: Memory,
}

/// What an isolate remembers between requests. Plain results, each with its bound.
#[derive(Debug)]
pub struct Memory {
    /// The team's keys.
    pub keys: KeyMemory,
    /// Identities by digest of the assertion.
    pub identities: Bounded<[u8; 32], Rc<AccessIdentity>>,
    /// Verified assertions, by their compact form: of the requests of one person, the first pays.
    pub verified: Bounded<String, Rc<Assertion>>,
    /// Users of whom the origin was told, with `trust: "shared-key"`.
    pub told: Bounded<String, ()>,
}

/// What is to be done with a request.
#[derive(Debug)]
pub struct Outcome {
    /// What the caller gets.
    pub decision: Decision,
    /// What is to be done after that.
    pub later: Vec<Task>,
    /// What is written to the log.
    pub line: Line,
    /// Why the request was stopped, if it was.
    pub stop: Option<Stop>,
    /// The route that it took.
    pub route: Route,
}

/// What the caller gets. There is no default: a request that nothing allowed is a reply.
#[derive(Debug, Eq, PartialEq)]
pub enum Decision {
    /// The request goes on to the origin.
    Forward(Forward),
    /// We answer.
    Reply(Reply),
}

impl Gate {
    /// A gate that remembers nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let memory = Memory {
            keys: KeyMemory::default(),
            identities: Bounded::new(MAX_IDENTITIES, MAX_IDENTITY_BYTES),
            verified: Bounded::new(MAX_VERIFIED, MAX_VERIFIED_BYTES),
            told: Bounded::new(MAX_TOLD, MAX_TOLD_BYTES),
        };
        Self { config, memory }
    }

    /// Decides on a request:
    ///
    /// 1. The route, by method and path.
    /// 2. The routes that ask for no assertion: preflight, 404, 501, the key set, userinfo, public
    ///    paths.
    /// 3. The assertion, verified. Everything below is behind it.
    /// 4. A forwarded request leaves here.
    /// 5. The identity, the user, the session.
    pub async fn decide<P: Ports>(
        &self,
        request: &Request<'_>,
        now: DateTime<Utc>,
        ports: &P,
    ) -> Outcome {
        // (1)
        let backstage = &self.config.backstage;
        let provider = &self.config.sign_in.provider_id;
        let route = route(
            request.method,
            request.path,
            &backstage.auth_path,
            provider,
            &backstage.public_paths,
        );
        let mut line = Line::new(request.method, request.path, route);
        let mut later = Vec::new();
        let decision = self.follow(route, request, now, ports, &mut line, &mut later).await;
        let (decision, stop) = match decision {
            Ok(decision) => (decision, None),
            Err(stop) => {
                line.stopped(&stop);
                let message = self.message(&stop);
                let url = self.shown_url(request);
                let reply = error_reply(&stop, &message, request.method, &url);
                (Decision::Reply(reply), Some(stop))
            }
        };
        let decision = match decision {
            Decision::Reply(mut reply) if route != Route::Preflight => {
                reply.headers.extend(cors_headers(request, &backstage.cors_origins));
                if request.method == "HEAD" {
                    reply.without_body();
                }
                Decision::Reply(reply)
            }
            other => other,
        };
        line.settled(&decision);
        Outcome { decision, later, line, stop, route }
    }

    async fn follow<P: Ports>(
        &self,
        route: Route,
        request: &Request<'_>,
        now: DateTime<Utc>,
        ports: &P,
        line: &mut Line,
        later: &mut Vec<Task>,
    ) -> Result<Decision, Stop> {
        let access = &self.config.access;
        let header = access.jwt_header_name.as_str();
        // (2)
        match route {
            Route::Unknown => return Err(Refusal::RouteUnknown.into()),
            Route::Unsupported => return Err(Refusal::RouteUnsupported.into()),
            Route::Preflight => {
                let reply = preflight(request, &self.config.backstage.cors_origins);
                return Ok(Decision::Reply(reply));
            }
            Route::Jwks => return Ok(Decision::Reply(self.jwks(request, ports).await)),
            Route::UserInfo => return self.user_info(request, now.timestamp(), ports).await,
            Route::Forward { public: true } => {
                let edits = HeaderEdits::of(request.headers, header, None, None);
                return Ok(Decision::Forward(Forward { edits }));
            }
            Route::Forward { public: false } | Route::Refresh => {}
        }
        // (3)
        let Some(compact) = request.assertion(header, &access.authorization_cookie_name) else {
            // What tells a wrong cookie name from a request that never passed Access.
            line.note(match request.headers.get("cookie") {
                Some(_) => "no assertion header, and cookies without the authorization cookie",
                None => "neither an assertion header nor any cookie",
            });
            return Err(Refusal::AssertionMissing.into());
        };
        let assertion = self.verified(&compact, now, ports, later).await?;
        line.verified(&assertion);
        // (4)
        let on = || {
            let edits = HeaderEdits::of(request.headers, header, Some(&compact), assertion.email());
            Ok(Decision::Forward(Forward { edits }))
        };
        if route != Route::Refresh {
            return on();
        }
        // (5)
        match self.refresh(&compact, &assertion, now.timestamp(), ports, line, later).await {
            Err(Stop::Refusal(Refusal::UserNotFound))
                if self.config.sign_in.on_user_not_found == OnUserNotFound::Origin =>
            {
                on()
            }
            result => result.map(Decision::Reply),
        }
    }

    /// Verifies an assertion, or remembers that it has been. What is remembered rests on its key, and
    /// ends with the assertion or when the key set that holds the key is no longer fresh.
    async fn verified<P: Ports>(
        &self,
        compact: &str,
        now: DateTime<Utc>,
        ports: &P,
        later: &mut Vec<Task>,
    ) -> Result<Rc<Assertion>, Stop> {
        let Memory { keys, verified, .. } = &self.memory;
        let seconds = now.timestamp();
        if let Some(assertion) = verified.get(compact, seconds)
            && keys.still_trusts(assertion.key(), seconds)
        {
            keys.refresh_in_time(seconds, later);
            return Ok(assertion);
        }
        let assertion = verify(compact, now, &self.config.access, keys, ports, later).await?;
        let assertion = Rc::new(assertion);
        // The claims are kept beside the compact form, and are not longer than it.
        let bytes = compact.len() * 2;
        let until = assertion.expires_at();
        verified.put(compact.to_owned(), Rc::clone(&assertion), until, bytes);
        Ok(assertion)
    }

    /// The session: who is this to Access, who is this to Backstage, and the token that says so.
    async fn refresh<P: Ports>(
        &self,
        compact: &str,
        assertion: &Assertion,
        now: i64,
        ports: &P,
        line: &mut Line,
        later: &mut Vec<Task>,
    ) -> Result<Reply, Stop> {
        let Config { access, sign_in: policy, backstage, signing_keys } = &self.config;
        let identities = &self.memory.identities;
        let identity =
            identity_of(assertion, compact, now, access, identities, ports, later).await?;
        line.identified(identity.source);
        let mut profile = Profile::of(&identity);
        let user = sign_in(&profile, &policy.resolvers, ports).await?;
        line.signed_in(&user);
        profile.complete_from(user.record.as_ref());
        let expires_at = now + i64::from(backstage.token_life);
        let SignedIn { user, ownership, .. } = &user;
        let token = issue(
            &TokenRequest {
                issuer: &backstage.issuer,
                user,
                ownership: (!backstage.omit_ownership_claim).then_some(ownership),
                issued_at: now,
                expires_at,
            },
            signing_keys.first(),
            ports,
        )
        .await?;
        let profile =
            serde_json::to_string(&profile).map_err(|error| Fault::Crypto(error.to_string()))?;
        let answer = RefreshAnswer {
            profile: &profile,
            provider: ProviderInfo {
                claims: assertion.claims_json(),
                identity: &identity.document,
                expires_in: assertion.issued_at().map(|iat| assertion.expires_at() - iat),
                token: policy.expose_assertion.then_some(compact),
            },
            identity: BackstageIdentity {
                token: &token,
                user,
                ownership,
                expires_in: expires_at - now,
            },
        };
        if backstage.trust == Trust::SharedKey {
            later.push(Task::TellOrigin { user: user.clone(), assertion: compact.to_owned() });
        }
        Ok(Reply::json(200, answer.to_json()))
    }

    /// Our public keys, with the origin's if it answers. Where the origin turns out to be this Worker
    /// again, as on a host name that has none, it is not asked a second time.
    async fn jwks<P: Ports>(&self, request: &Request<'_>, ports: &P) -> Reply {
        let ours = self.config.signing_keys.public_jwks();
        if request.headers.get(HOP_HEADER).is_some() {
            return Reply::json(200, join_jwks(&ours, None));
        }
        let call = Call {
            url: format!("{}/.well-known/jwks.json", self.config.backstage.auth_path),
            headers: vec![
                ("accept".to_owned(), "application/json".to_owned()),
                (HOP_HEADER.to_owned(), "1".to_owned()),
            ],
            timeout_ms: ORIGIN_JWKS_TIMEOUT_MS,
            max_bytes: ORIGIN_JWKS_MAX_BYTES,
        };
        let origin = match ports.fetch_origin(&call).await {
            Ok(answer) if answer.status == 200 => Some(answer.body),
            _ => None,
        };
        Reply::json(200, join_jwks(&ours, origin.as_deref()))
    }

    /// The claims of a token of ours; a token of somebody else's is somebody else's to judge.
    async fn user_info<P: Ports>(
        &self,
        request: &Request<'_>,
        now: i64,
        ports: &P,
    ) -> Result<Decision, Stop> {
        let keys = &self.config.signing_keys;
        let token = request.bearer_token().ok_or(Refusal::TokenMissing)?;
        let Held::Ours(unverified) = read_token(&token, keys) else {
            let header = self.config.access.jwt_header_name.as_str();
            let edits = HeaderEdits::of(request.headers, header, None, None);
            return Ok(Decision::Forward(Forward { edits }));
        };
        let claimed = user_info(&unverified, now, keys, ports).await?;
        let ownership = match claimed.ownership {
            Some(ownership) => ownership,
            None => self.ownership_of(&claimed.user, ports).await?,
        };
        let (user, ownership) = (quote(&claimed.user), quote_all(&ownership));
        let body = format!(r#"{{"claims":{{"sub":{user},"ent":{ownership}}}}}"#);
        Ok(Decision::Reply(Reply::json(200, body)))
    }

    /// The ownership refs of a user, from the catalog. A user in no catalog owns what is his own, if
    /// any resolver lets such users in, and has left otherwise.
    async fn ownership_of<P: Ports>(&self, user: &str, ports: &P) -> Result<Vec<String>, Stop> {
        let entity_ref = EntityRef::parse(user, None).ok_or(Refusal::TokenInvalid)?;
        let key = Key::Ref(&entity_ref);
        let kv_key = key.to_kv();
        let value = ports
            .read_catalog(&kv_key)
            .await
            .map_err(|failure| Fault::CatalogUnavailable(failure.0))?;
        let Some(value) = value else {
            let resolvers = &self.config.sign_in.resolvers;
            return if resolvers.iter().any(crate::signin::Resolver::allows_without_user) {
                Ok(vec![user.to_owned()])
            } else {
                Err(Refusal::UserNotFound.into())
            };
        };
        match decode(key, &value) {
            Ok(Record::One(record)) => Ok(record.ownership),
            Ok(Record::Many(_)) => Err(Refusal::UserAmbiguous.into()),
            Err(corrupt) => Err(Fault::CatalogCorrupt(format!("{kv_key}: {}", corrupt.0)).into()),
        }
    }

    /// The sentence for the caller, as the official provider words it where it names something.
    fn message(&self, stop: &Stop) -> Cow<'static, str> {
        let Config { access, sign_in, .. } = &self.config;
        match stop {
            Stop::Refusal(Refusal::AssertionMissing) => {
                let (header, cookie) = (&access.jwt_header_name, &access.authorization_cookie_name);
                format!("Missing {header} and {cookie} from Cloudflare Access").into()
            }
            Stop::Refusal(Refusal::RouteUnknown) => {
                format!("Unknown auth provider '{}'", sign_in.provider_id).into()
            }
            _ => stop.message().into(),
        }
    }

    /// The URL that an error names: relative to the auth plugin for what is below it, as Backstage's
    /// own errors have it.
    fn shown_url(&self, request: &Request<'_>) -> String {
        let Request { path, query, .. } = request;
        let below = path
            .strip_prefix(self.config.backstage.auth_path.as_str())
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path);
        format!("{below}{query}")
    }
}
