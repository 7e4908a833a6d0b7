//! The check ladder of a request.

use std::borrow::Cow;
use std::pin::{Pin, pin};
use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::app::CfAccess;
use super::before_forward::{Caller, Edits};
use super::caches::IsolateCaches;
use super::cors::{cors_headers, is_allowed_preflight, preflight};
use super::header_edits::{AssertionNames, Forward, HOP_HEADER, HeaderEdits};
use super::log_event::LogEvent;
use super::refresh::Issued;
use super::reply::{Reply, error_answer};
use super::request::Request;
use super::request_scope::RequestScope;
use super::route::{Route, route};
use crate::access::{Assertion, verify};
use crate::background::BackgroundTask;
use crate::backstage::Session;
use crate::config::{Config, Problem, RawConfig};
use crate::error::{Fault, GateError, Refusal};
use crate::futures::{within, within_while};
use crate::ports::Ports;
use crate::scope::Scope;
use crate::sign_in::{APP_TIMEOUT_MS, OnUserNotFound};

/// How long a refresh may take in total, in milliseconds, whatever hangs. The limits of its steps are
/// such that it can still answer with stale keys and without get-identity.
pub const REFRESH_LIMIT_MS: u32 = 7_900;

/// What an isolate keeps: its configuration and its caches.
#[derive(Debug)]
pub struct Gate {
    /// The code of the app.
    pub app: CfAccess,
    /// The configuration.
    pub config: Config,
    /// The caches.
    pub caches: IsolateCaches,
}

/// What to do with a request.
#[derive(Debug)]
pub struct Outcome {
    /// What the caller gets.
    pub decision: Decision,
    /// What to do after that.
    pub background: Vec<BackgroundTask>,
    /// What to write to the log.
    pub log: LogEvent,
    /// Why the request ended early, if it did.
    pub error: Option<GateError>,
    /// The route that it took.
    pub route: Route,
}

/// What the caller gets. There is no default: a request that nothing allows gets a reply.
#[derive(Debug, Eq, PartialEq)]
pub enum Decision {
    /// The request is forwarded to the origin.
    Forward(Forward),
    /// The Worker answers.
    Reply(Reply),
}

impl Gate {
    /// The stock Worker's gate, with empty caches.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { app: CfAccess::new(), config, caches: IsolateCaches::default() }
    }

    /// The gate of an app, with empty caches.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration or with how the app is built.
    pub fn of(app: CfAccess, config: &RawConfig) -> Result<Self, Vec<Problem>> {
        let config = Config::read(config, app.code())?;
        Ok(Self { app, config, caches: IsolateCaches::default() })
    }

    /// Decides on a request:
    ///
    /// 1. The route, by method and path.
    /// 2. What needs no assertion: a request that has come back, preflights, 404, 501, the JWK Set,
    ///    userinfo, public paths, health on one.
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
        let route = self.route(request);
        let scope = RequestScope::new(self, request, route, Scope::new(now, ports));
        let (decision, error) = match scope.follow().await {
            Ok(Decision::Reply(reply)) if route != Route::Preflight => {
                (Decision::Reply(self.finish(reply, request)), None)
            }
            Ok(decision) => (decision, None),
            Err(error) => {
                scope.ended(&error);
                (Decision::Reply(self.error_reply(&error, request)), Some(error))
            }
        };
        let (mut log, scope) = scope.finish();
        log.decided(&decision);
        Outcome { decision, background: scope.background.take(), log, error, route }
    }

    /// The route of a request.
    #[must_use]
    pub fn route(&self, request: &Request<'_>) -> Route {
        let backstage = &self.config.backstage;
        let route = route(
            request.method,
            request.path,
            &backstage.auth_path,
            &self.config.sign_in.provider_id,
            &backstage.public_paths,
        );
        // Without an assertion there is no WebSocket to the origin.
        let is_public = matches!(route, Route::Jwks | Route::UserInfo);
        if is_public && request.headers.get("upgrade").is_some() {
            return Route::Forward { public: false };
        }
        route
    }

    /// The answer to a request that ended early.
    #[must_use]
    pub fn error_reply(&self, error: &GateError, request: &Request<'_>) -> Reply {
        let url = self.shown_url(request);
        let reply = error_answer(error, &self.message(error), request, self.route(request), &url);
        self.finish(reply, request)
    }

    /// What all answers have in common: CORS, and no body for HEAD.
    fn finish(&self, mut reply: Reply, request: &Request<'_>) -> Reply {
        reply.headers.extend(cors_headers(request, &self.config.backstage.cors_origins));
        if request.method == "HEAD" {
            reply.without_body();
        }
        reply
    }

    /// The sentence for the caller, with the official provider's words where it names something.
    fn message<'a>(&self, error: &'a GateError) -> Cow<'a, str> {
        let Config { access, sign_in, .. } = &self.config;
        match error {
            GateError::Refusal(Refusal::AssertionMissing) => {
                let (header, cookie) = (&access.jwt_header_name, &access.authorization_cookie_name);
                format!("Missing {header} and {cookie} from Cloudflare Access").into()
            }
            GateError::Refusal(Refusal::RouteUnknown) => {
                format!("Unknown auth provider '{}'", sign_in.provider_id).into()
            }
            _ => error.message().into(),
        }
    }

    /// The URL that an error names: relative to the auth plugin for paths below it, as in
    /// Backstage's own errors.
    fn shown_url(&self, request: &Request<'_>) -> String {
        let Request { path, query, .. } = request;
        let below = path
            .strip_prefix(self.config.backstage.auth_path.as_str())
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(path);
        format!("{below}{query}")
    }
}

impl<P: Ports> RequestScope<'_, P> {
    /// Steps 2 to 5 of [`Gate::decide`].
    async fn follow(&self) -> Result<Decision, GateError> {
        // (2)
        let Gate { config: Config { access, backstage, .. }, .. } = self.gate;
        // The JWK Set is answered without the origin's then.
        if self.route != Route::Jwks && self.request.headers.get(HOP_HEADER).is_some() {
            return Err(Fault::ForwardLoop.into());
        }
        match self.route {
            Route::Unknown => return Err(Refusal::RouteUnknown.into()),
            Route::Unsupported => return Err(Refusal::RouteUnsupported.into()),
            Route::Preflight => {
                return Ok(Decision::Reply(preflight(self.request, &backstage.cors_origins)));
            }
            Route::Jwks => return Ok(Decision::Reply(self.jwks().await)),
            Route::UserInfo => return self.user_info().await,
            Route::Health { public: true } => return Ok(self.health(false).await),
            Route::Forward { .. }
                if is_allowed_preflight(self.request, &backstage.cors_origins) =>
            {
                let headers = self.request.headers;
                let edits = HeaderEdits::of_preflight(headers, &access.jwt_header_name);
                return Ok(Decision::Forward(Forward { edits }));
            }
            Route::Forward { public: true } => return Ok(self.forward(None)),
            Route::Refresh => return self.refresh_in_time().await,
            Route::Forward { public: false } | Route::Health { .. } | Route::Own => {}
        }
        // (3), (4)
        let assertion = self.assertion().await?;
        self.log(|log| log.verified(&assertion));
        if matches!(self.route, Route::Health { .. }) {
            return Ok(self.health(true).await);
        }
        let decision = self.with_token(&assertion, self.forward(Some(&assertion))).await?;
        self.forward_verified(&assertion, decision).await
    }

    /// Steps 3 and 5, and what may take the rest of the time, within [`REFRESH_LIMIT_MS`]. The timer
    /// starts when a service has to be waited for.
    async fn refresh_in_time(&self) -> Result<Decision, GateError> {
        let mut limit = pin!(self.ports.sleep(REFRESH_LIMIT_MS));
        let counts = || self.waits_for_others();
        let refreshed = within_while(self.verify_and_refresh(), limit.as_mut(), counts)
            .await
            .ok_or(GateError::Fault(Fault::RefreshTimeout))??;
        match refreshed {
            Ok((issued, assertion)) => {
                self.register_issued(&issued, &assertion, limit).await;
                let body = issued.session.to_json(self.seconds());
                Ok(Decision::Reply(Reply::json(200, body)))
            }
            Err(forwarded) => Ok(forwarded),
        }
    }

    /// The session of a verified caller, within the time of a refresh.
    pub(super) async fn session_in_time(
        &self,
        assertion: &Rc<Assertion>,
    ) -> Result<Rc<Session>, GateError> {
        let mut limit = pin!(self.ports.sleep(REFRESH_LIMIT_MS));
        let issued = within(self.issue_session(assertion), limit.as_mut())
            .await
            .ok_or(GateError::Fault(Fault::RefreshTimeout))??;
        self.register_issued(&issued, assertion, limit).await;
        Ok(issued.session)
    }

    /// Registers the user of a new session with the origin, in what is left of the time.
    async fn register_issued(
        &self,
        issued: &Issued,
        assertion: &Rc<Assertion>,
        limit: Pin<&mut impl Future<Output = ()>>,
    ) {
        if issued.is_new {
            within(self.register_before_answer(&issued.session.user, assertion), limit).await;
        }
    }

    /// The session, or the request to forward if there is no user.
    async fn verify_and_refresh(
        &self,
    ) -> Result<Result<(Issued, Rc<Assertion>), Decision>, GateError> {
        // (3)
        let assertion = self.assertion().await?;
        self.log(|log| log.verified(&assertion));
        // (5)
        match self.issue_session(&assertion).await {
            Err(GateError::Refusal(Refusal::UserNotFound))
                if self.gate.config.sign_in.on_user_not_found == OnUserNotFound::Origin =>
            {
                let decision = self.forward(Some(&assertion));
                self.forward_verified(&assertion, decision).await.map(Err)
            }
            result => result.map(|issued| Ok((issued, assertion))),
        }
    }

    /// The request, forwarded with nothing in its headers that is not verified.
    pub(super) fn forward(&self, assertion: Option<&Assertion>) -> Decision {
        let access = &self.gate.config.access;
        let edits = HeaderEdits::of(
            self.request.headers,
            AssertionNames {
                header: &access.jwt_header_name,
                cookie: &access.authorization_cookie_name,
            },
            assertion.map(Assertion::token),
            assertion.and_then(Assertion::email),
        );
        Decision::Forward(Forward { edits })
    }

    /// The request of a verified caller, forwarded with what the app has to say.
    async fn forward_verified(
        &self,
        assertion: &Rc<Assertion>,
        mut decision: Decision,
    ) -> Result<Decision, GateError> {
        if let (Some(hook), Decision::Forward(forward)) =
            (&self.gate.app.before_forward, &mut decision)
        {
            let header = &self.gate.config.access.jwt_header_name;
            let mut edits = Edits::new(&mut forward.edits, self.request.headers, header);
            let caller = Caller::new(Rc::clone(assertion));
            let timer = self.ports.sleep(APP_TIMEOUT_MS);
            within(hook.call(&caller, &mut edits), timer)
                .await
                .ok_or_else(|| Fault::ResolverTimeout("before_forward".to_owned()))?
                .map_err(|rejection| rejection.0)?;
        }
        Ok(decision)
    }

    /// The verified assertion of the request. One that was verified before is taken from the cache
    /// until it expires, as long as its key is in a fresh JWK Set.
    pub(super) async fn assertion(&self) -> Result<Rc<Assertion>, GateError> {
        let policy = &self.gate.config.access;
        let found =
            self.request.assertion(&policy.jwt_header_name, &policy.authorization_cookie_name);
        let Some(token) = found else {
            // Tells a wrong cookie name from a request that never passed Access.
            let has_cookies = self.request.headers.get("cookie").is_some();
            self.log(|log| log.assertion_missing(has_cookies));
            return Err(Refusal::AssertionMissing.into());
        };
        let IsolateCaches { jwks, assertions, .. } = &self.gate.caches;
        let now = self.seconds();
        if let Some(assertion) = assertions.get(&token, now)
            && jwks.still_trusts(assertion.key(), now)
        {
            jwks.refresh_in_time(now, &self.background);
            return Ok(assertion);
        }
        let assertion = Rc::new(verify(&token, self, policy, jwks).await?);
        let size = token.len() + assertion.size();
        assertions.put(token, Rc::clone(&assertion), assertion.expires_at(), size);
        Ok(assertion)
    }
}
