//! What is deployed, asked over HTTP: each question within a time limit, redirects not followed.

mod ask;

use serde_json::Value;

use self::ask::{Answer, ask};
use super::findings::{Code, Findings};
use super::hosts::origin_in;
use super::secrets::Keys;
use crate::access::JwkSet;
use crate::backstage::SigningKeySet;
use crate::config::{Config, Trust};

/// For tests, whose team is on this machine.
const TEAM_URL: &str = "CFACCESS_TEAM_URL";

/// What is asked.
pub(super) struct Target<'a> {
    /// The base URL of Backstage, without a slash at its end.
    pub(super) url: &'a str,
    /// What lets requests through Access.
    pub(super) headers: &'a [(String, String)],
    /// Where the backend looks for the auth plugin, if it is known.
    pub(super) discovery: Option<&'a str>,
}

/// Reads the URL of `--online`.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', '@', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("must be a URL such as `https://backstage.example.com`".to_owned()),
    }
}

/// Asks everything.
pub(super) fn check(
    target: &Target<'_>,
    config: Option<&Config>,
    keys: Option<&Keys>,
    findings: &mut Findings,
) {
    let Some(config) = config else {
        findings.note(
            Code::OnlineHealth,
            target.url,
            "nothing was asked, because the Worker's configuration cannot be read",
            "correct that first",
        );
        return;
    };
    let online = Online { target, config, keys };
    online.check_address(findings);
    online.check_certs(findings);
    if !online.check_refresh(findings) {
        return;
    }
    online.check_jwks(findings);
    online.check_userinfo(findings);
    online.check_health(findings);
    online.check_preflight(findings);
}

struct Online<'a> {
    target: &'a Target<'a>,
    config: &'a Config,
    keys: Option<&'a Keys>,
}

impl Online<'_> {
    /// A URL of the auth plugin at the deployed address.
    fn auth(&self, path: &str) -> String {
        format!("{}/api/auth{path}", self.target.url)
    }

    fn provider(&self, path: &str) -> String {
        self.auth(&format!("/{}{path}", self.config.sign_in.provider_id))
    }

    fn check_address(&self, findings: &mut Findings) {
        let issuer = &self.config.backstage.issuer;
        let base = issuer.strip_suffix("/api/auth").unwrap_or(issuer);
        if origin_in(base) != origin_in(self.target.url) {
            findings.warning(
                Code::BaseUrl,
                self.target.url,
                format!("--online is {}, and BACKSTAGE.baseUrl is {base}", self.target.url),
                "ask the URL that users open, or choose another environment with --env",
            );
        }
    }

    fn check_certs(&self, findings: &mut Findings) {
        let team = &self.config.access.team_domain;
        let base = std::env::var(TEAM_URL).unwrap_or_else(|_| format!("https://{team}"));
        let url = format!("{base}/cdn-cgi/access/certs");
        let (problem, remedy) = match ask("GET", &url, &[]) {
            Err(why) => (
                format!("{url} does not answer ({why})"),
                "try again, and see that this machine may reach it",
            ),
            Ok(answer) if answer.status == 404 => (
                format!("{url} answers 404: there is no team {team}"),
                "correct CFACCESS.teamName: Zero Trust dashboard, Settings",
            ),
            Ok(answer) if answer.status != 200 => (
                format!("{url} answers {}", answer.shown()),
                "correct CFACCESS.teamName, or try again",
            ),
            Ok(answer) => match JwkSet::parse(&answer.json.to_string()) {
                Ok(_) => return,
                Err(why) => (
                    format!("{url} has no key that can verify an assertion ({why})"),
                    "correct CFACCESS.teamName, or try again",
                ),
            },
        };
        findings.problem(Code::OnlineCerts, url, problem, remedy);
    }

    /// A sign-in without an assertion must be refused: by Access, or at least by the Worker. Whether
    /// anything answers at all.
    fn check_refresh(&self, findings: &mut Findings) -> bool {
        let url = self.provider("/refresh");
        let (problem, remedy) = match ask("GET", &url, &[]) {
            Err(why) => {
                findings.problem(
                    Code::OnlineRefresh,
                    url.clone(),
                    format!("{url} does not answer ({why})"),
                    "see that the DNS record, the route and the Worker are there",
                );
                return false;
            }
            Ok(answer) if answer.is_login() => return true,
            Ok(answer) if is_misconfigured(&url, &answer, findings) => return true,
            Ok(answer) if answer.code() == Some("assertion_missing") => {
                findings.warning(
                    Code::OnlineRefresh,
                    url.clone(),
                    format!("{url} is reached without a login, so no Access application covers it"),
                    "add the host name to the Access application",
                );
                return true;
            }
            Ok(answer) if answer.status == 200 => (
                format!("{url} signs in a request without an assertion"),
                "take the route off at once, and report it: SECURITY.md",
            ),
            Ok(answer) => (
                format!("{url} answers {}, which is not the Worker", answer.shown()),
                "see that a route leads to the Worker and that it is deployed",
            ),
        };
        findings.problem(Code::OnlineRefresh, url, problem, remedy);
        true
    }

    fn check_jwks(&self, findings: &mut Findings) {
        let path = "/.well-known/jwks.json";
        let discovery = self.target.discovery.filter(|it| !it.contains("${"));
        let discovered = discovery.map(|base| format!("{}{path}", base.trim_end_matches('/')));
        let own = self.auth(path);
        let is_public = self.config.backstage.trust == Trust::Service;
        // Without discovery the backend reads the set where users are.
        let url = discovered.as_ref().filter(|_| is_public).unwrap_or(&own);
        let headers = if is_public { &[] } else { self.target.headers };
        let answer = match ask("GET", url, headers) {
            Ok(answer) => answer,
            Err(why) => {
                findings.problem(
                    Code::OnlineJwks,
                    url,
                    format!("{url} does not answer ({why})"),
                    "see that the host name of discovery.endpoints leads to the Worker",
                );
                return;
            }
        };
        if answer.is_login() {
            self.report_login(Code::OnlineJwks, url, is_public, findings);
            return;
        }
        if is_misconfigured(url, &answer, findings) {
            return;
        }
        let ids: Vec<&str> = answer
            .json
            .get("keys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|key| key.get("kid")?.as_str())
            .collect();
        if answer.status != 200 || ids.is_empty() {
            findings.problem(
                Code::OnlineJwks,
                url,
                format!("{url} has no key set: it answers {}", answer.shown()),
                "see that a route leads to the Worker and that it is deployed",
            );
            return;
        }
        let Some(set) = self.keys.and_then(|keys| SigningKeySet::parse(&keys.text).ok()) else {
            return;
        };
        let missing: Vec<&str> =
            set.iter().map(|key| key.id.as_str()).filter(|id| !ids.contains(id)).collect();
        if !missing.is_empty() {
            findings.problem(
                Code::OnlineJwks,
                url,
                format!("{url} lacks {} of SIGNING_KEYS", missing.join(" and ")),
                "deploy the set: `wrangler secret put SIGNING_KEYS < keys/signing-keys.json`",
            );
        }
    }

    fn report_login(&self, code: Code, url: &str, is_public: bool, findings: &mut Findings) {
        if is_public {
            findings.problem(
                code,
                url,
                format!("{url} is behind Access, and the backend must read it (BACKSTAGE.trust \"service\")"),
                "add a Bypass application for this path",
            );
        } else {
            let (what, remedy) = if self.target.headers.is_empty() {
                ("was not asked", "pass a service token with --header")
            } else {
                ("is refused by Access for these headers", "add the service token to a policy")
            };
            findings.note(code, url, format!("{url} is behind Access and {what}"), remedy);
        }
    }

    fn check_userinfo(&self, findings: &mut Findings) {
        // With a shared key the backend answers it itself.
        if self.config.backstage.trust == Trust::SharedKey {
            return;
        }
        let discovery = self.target.discovery.filter(|it| !it.contains("${"));
        let own = self.auth("");
        let base = discovery.unwrap_or(&own).trim_end_matches('/');
        let url = format!("{base}/v1/userinfo");
        match ask("GET", &url, &[]) {
            Ok(answer) if answer.is_login() => {
                self.report_login(Code::OnlineUserinfo, &url, true, findings);
            }
            Ok(answer) if is_misconfigured(&url, &answer, findings) => {}
            // The Worker wants a token.
            Ok(answer) if answer.status == 401 && answer.code().is_some() => {}
            Ok(answer) => findings.problem(
                Code::OnlineUserinfo,
                url.clone(),
                format!("{url} answers {}, which is not the Worker", answer.shown()),
                "see that a route leads to the Worker and that it is deployed",
            ),
            Err(why) => findings.problem(
                Code::OnlineUserinfo,
                url.clone(),
                format!("{url} does not answer ({why})"),
                "see that the host name of discovery.endpoints leads to the Worker",
            ),
        }
    }

    fn check_health(&self, findings: &mut Findings) {
        let url = self.provider("/health");
        let answer = match ask("GET", &url, self.target.headers) {
            Ok(answer) => answer,
            Err(why) => {
                findings.problem(
                    Code::OnlineHealth,
                    url.clone(),
                    format!("{url} does not answer ({why})"),
                    "try again",
                );
                return;
            }
        };
        if answer.is_login() {
            self.report_login(Code::OnlineHealth, &url, false, findings);
            return;
        }
        if answer.code() == Some("assertion_missing") {
            findings.note(
                Code::OnlineHealth,
                url.clone(),
                format!("{url} was not asked, because Access adds no assertion to the request"),
                "add the host name to the Access application",
            );
            return;
        }
        if is_misconfigured(&url, &answer, findings) {
            return;
        }
        if let Some(problems) = answer.json.get("problems").and_then(Value::as_array) {
            let codes: Vec<&str> = problems.iter().filter_map(Value::as_str).collect();
            if !codes.is_empty() {
                findings.problem(
                    Code::OnlineHealth,
                    url.clone(),
                    format!("the Worker reports {}", codes.join(" and ")),
                    "docs/troubleshooting.md says what each code means",
                );
            }
        } else if !(answer.status == 200 && answer.json.get("status").is_some()) {
            findings.problem(
                Code::OnlineHealth,
                url.clone(),
                format!("{url} answers {}", answer.shown()),
                "deploy this version of the Worker",
            );
        }
    }

    fn check_preflight(&self, findings: &mut Findings) {
        let Some(origin) = self.config.backstage.cors_origins.first() else { return };
        let url = self.provider("/refresh");
        let headers = [
            ("origin".to_owned(), origin.clone()),
            ("access-control-request-method".to_owned(), "GET".to_owned()),
            ("access-control-request-headers".to_owned(), "x-requested-with".to_owned()),
        ];
        let (problem, remedy) = match ask("OPTIONS", &url, &headers) {
            Err(why) => (format!("{url} does not answer ({why})"), "try again"),
            Ok(answer) if answer.is_login() => (
                format!("the preflight of {origin} is answered by Access"),
                "set \"Bypass OPTIONS requests to origin\" in the Access application, Advanced settings, \
                 Cross-Origin Resource Sharing",
            ),
            Ok(answer) if is_misconfigured(&url, &answer, findings) => return,
            Ok(answer)
                if answer.allowed_origin.as_deref() != Some(origin.as_str())
                    || !answer.allows_credentials =>
            {
                (
                    format!("the preflight of {origin} is refused with {}", answer.shown()),
                    "deploy BACKSTAGE.corsOrigins of this file",
                )
            }
            Ok(_) => return,
        };
        findings.problem(Code::OnlinePreflight, url, problem, remedy);
    }
}

/// Whether the Worker refuses its configuration, which every route then answers: found once.
fn is_misconfigured(url: &str, answer: &Answer, findings: &mut Findings) -> bool {
    let is_misconfigured = answer.code() == Some("misconfigured");
    let message = "the Worker refuses its configuration";
    if is_misconfigured && !findings.0.iter().any(|finding| finding.message == message) {
        findings.problem(
            Code::OnlineHealth,
            url,
            message,
            "see its log, and compare the deployed secrets and vars with this file",
        );
    }
    is_misconfigured
}
