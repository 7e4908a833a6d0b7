//! A whole request: without an assertion that is genuine byte for byte nothing is forwarded but on a public path, and no
//! session is answered; and nothing that was not verified is forwarded as an identity.
//!
//! The input is a request line and headers. Between two `~` stands the name of something genuine, `~user~`, or a part of
//! it, `~user.0~`, or else a text to encode in base64url, so that no fuzzer has to learn it. With `!` in front the gate has
//! served Jane before, with `*` it has the generous configuration. A line with `$` in front of it all is every value of
//! `ACCESS_CACHE`.
#![no_main]

use std::collections::BTreeMap;

use backstage_cfaccess::gate::{
    Decision, Gate, HeaderSource, Outcome, Request, Route, is_identity_header,
};
use backstage_cfaccess_fuzz::{GENUINE, StubPorts, block_on, config, generous_config, now};
use base64ct::{Base64UrlUnpadded, Encoding};
use libfuzzer_sys::fuzz_target;

const ASSERTION: &str = "cf-access-jwt-assertion";
const COOKIE: &str = "CF_Authorization";
const REFRESH: &str = "/api/auth/cfaccess/refresh";
const USERINFO: &str = "/api/auth/v1/userinfo";
/// The origin of the generous configuration.
const APP: &str = "https://app.example.com";

#[derive(Default)]
struct Headers(BTreeMap<String, String>);

impl HeaderSource for Headers {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Headers {
    fn add(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let name = name.to_ascii_lowercase();
        let value = expand(value.trim());
        self.0.entry(name).and_modify(|it| *it = format!("{it}, {value}")).or_insert(value);
    }

    /// The genuine assertion that a request has where one is looked for.
    fn genuine(&self) -> Option<&'static str> {
        let genuine = [GENUINE.user.as_str(), GENUINE.bot.as_str()].into_iter();
        match self.get(ASSERTION).filter(|it| !it.is_empty()) {
            Some(assertion) => { genuine }.find(|it| *it == assertion),
            None => {
                let cookies = self.get("cookie").unwrap_or_default();
                { genuine }.find(|it| cookies.contains(it))
            }
        }
    }
}

fn expand(text: &str) -> String {
    let expand = |(index, part): (usize, &str)| {
        if index % 2 == 0 {
            return part.to_owned();
        }
        let (name, at) = part.split_once('.').unwrap_or((part, ""));
        let token = match name {
            "user" => &GENUINE.user,
            "bot" => &GENUINE.bot,
            "expired" => &GENUINE.expired,
            "elsewhere" => &GENUINE.elsewhere,
            "backstage" => &GENUINE.backstage,
            _ => return Base64UrlUnpadded::encode_string(part.as_bytes()),
        };
        match at.parse::<usize>() {
            Ok(at) => token.split('.').nth(at).unwrap_or_default().to_owned(),
            Err(_) => token.clone(),
        }
    };
    text.split('~').enumerate().map(expand).collect()
}

fn ask(gate: &Gate, method: &str, target: &str, headers: &Headers, ports: &StubPorts) -> Outcome {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let request = Request { method, path, query, headers };
    block_on(gate.decide(&request, now(), ports))
}

fuzz_target!(|text: &str| {
    let mut ports = StubPorts::default();
    let text = match text.strip_prefix('$').and_then(|rest| rest.split_once('\n')) {
        Some((value, rest)) => {
            ports.cached = Some(value.to_owned());
            rest
        }
        None => text,
    };
    let (is_warm, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let (config, text) =
        text.strip_prefix('*').map_or((config(), text), |rest| (generous_config(), rest));
    let mut lines = text.lines();
    let (method, target) = lines.next().unwrap_or_default().split_once(' ').unwrap_or(("GET", "/"));
    let mut headers = Headers::default();
    lines.for_each(|line| headers.add(line));
    let gate = Gate::new(config.clone());
    if is_warm {
        let mut genuine = Headers::default();
        genuine.add(&format!("{ASSERTION}: ~user~"));
        let outcome = ask(&gate, "GET", REFRESH, &genuine, &ports);
        // What is in KV may be another key set.
        let is_served = matches!(&outcome.decision, Decision::Reply(it) if it.status == 200);
        assert!(is_served || ports.cached.is_some());
    }
    let outcome = ask(&gate, method, target, &headers, &ports);
    let genuine = headers.genuine();
    match (&outcome.decision, outcome.route) {
        (Decision::Forward(forward), route) => {
            let path = target.split('?').next().unwrap_or_default();
            let is_open = match route {
                Route::Forward { public: true } => path.starts_with("/public"),
                Route::UserInfo => path == USERINFO,
                _ => false,
            };
            let is_preflight = method == "OPTIONS"
                && forward.edits.drop_body
                && headers.get("origin").is_some_and(|it| it == APP);
            assert!(genuine.is_some() || is_open || is_preflight, "{route:?}");
            for name in &forward.edits.remove {
                headers.0.remove(name);
            }
            headers.0.extend(forward.edits.set.iter().cloned());
            let verified = if is_open || is_preflight { None } else { genuine };
            check_forwarded(&headers, verified);
        }
        (Decision::Reply(reply), Route::Jwks) => assert!(matches!(reply.status, 200 | 508)),
        (Decision::Reply(reply), Route::Preflight) => {
            assert!(reply.status >= 400 || reply.body.is_none())
        }
        (Decision::Reply(reply), Route::UserInfo) => {
            let bearer = headers.get("authorization").unwrap_or_default();
            assert!(reply.status >= 400 || bearer.ends_with(&GENUINE.backstage));
        }
        (Decision::Reply(reply), _) => assert!(reply.status >= 400 || genuine.is_some()),
    }
    let line = outcome.log.to_json();
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    assert!(genuine.is_none_or(|it| !line.contains(it)));
});

/// What the origin gets says nothing of a caller that was not verified.
fn check_forwarded(headers: &Headers, verified: Option<&str>) {
    for (name, value) in &headers.0 {
        if is_identity_header(name, ASSERTION) {
            let is_email = verified.is_some() && value == "jane@example.com";
            assert!(is_email || Some(value.as_str()) == verified, "{name}");
        }
    }
    let cookies = headers.get("cookie").unwrap_or_default();
    for pair in cookies.split([';', ',']) {
        if let Some((name, value)) = pair.split_once('=')
            && name.trim() == COOKIE
        {
            assert_eq!(Some(value.trim().trim_matches('"')), verified);
        }
    }
}
