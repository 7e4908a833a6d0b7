//! The whole path of a request, in order. [`Gate::decide`] is the only function that knows it; it returns
//! what is to be done and does nothing.

mod memory;
mod public;
mod refresh;

use std::borrow::Cow;
use std::rc::Rc;

use chrono::{DateTime, Utc};

pub use memory::Memory;

use crate::access::{Assertion, verify};
use crate::config::{Config, OnUserNotFound};
use crate::http::{
    Forward, HeaderEdits, Reply, Request, Route, cors_headers, error_reply, preflight, route,
};
use crate::log::Line;
use crate::ports::Ports;
use crate::refusal::{Refusal, Stop};
use crate::task::Task;

/// What an isolate knows: its configuration and what it remembers between requests.
#[derive(Debug)]
pub struct Gate {
    /// The configuration.
    pub config: Config,
    /// What is remembered.
    pub memory: Memory,
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
        Self { config, memory: Memory::default() }
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
                (Decision::Reply(self.stopped(&stop, request)), Some(stop))
            }
        };
        let decision = match decision {
            Decision::Reply(reply) if stop.is_none() && route != Route::Preflight => {
                Decision::Reply(self.finished(reply, request))
            }
            other => other,
        };
        line.settled(&decision);
        Outcome { decision, later, line, stop, route }
    }

    /// The answer to a request that was stopped, here or by an origin that does not answer.
    #[must_use]
    pub fn stopped(&self, stop: &Stop, request: &Request<'_>) -> Reply {
        let url = self.shown_url(request);
        let reply = error_reply(stop, &self.message(stop), request.method, &url);
        self.finished(reply, request)
    }

    /// What all answers have in common: CORS, and no body for HEAD.
    fn finished(&self, mut reply: Reply, request: &Request<'_>) -> Reply {
        reply.headers.extend(cors_headers(request, &self.config.backstage.cors_origins));
        if request.method == "HEAD" {
            reply.without_body();
        }
        reply
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
