//! The page for a browser that navigates and is refused, in place of JSON. Nothing of the request is in it
//! but Cloudflare's ray id.

use super::reply::Reply;
use super::request::Request;
use super::route::Route;
use crate::error::{GateError, Refusal};

/// No script, no form, no frame and nothing from elsewhere; the hash is that of [`STYLE`].
const POLICY: &str = "default-src 'none'; style-src \
                      'sha256-Ix+vI537ro380LlaDW+peCUHud6eXxj1xkga5QCdTk4='; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto 0;max-width:32rem;padding:0 1.5rem}\
h1{font-size:1.4rem}\
a{display:inline-block;padding:.5rem 1rem;border:2px solid;border-radius:.4rem;color:inherit;font-weight:600}\
dl{font-size:.85rem;opacity:.8;margin-top:2rem}\
dt,dd{display:inline;margin:0}\
dd::after{content:\"\\A\";white-space:pre}";

/// Where Access ends the session, so that the next request asks for a login (Cloudflare One, "Log out").
const LOG_IN: &str = "<a href=\"/cdn-cgi/access/logout\">Log in again</a>";

/// The same address.
const TRY_AGAIN: &str = "<a href=\"\">Try again</a>";

/// Whether a browser asked for this to show it (Fetch Metadata Request Headers, section 2.3). The routes
/// that programs call are always answered with JSON.
pub(super) fn is_navigation(request: &Request<'_>, route: Route) -> bool {
    let header = |name| request.headers.get(name);
    request.method == "GET"
        && matches!(route, Route::Forward { .. } | Route::Unknown | Route::Unsupported)
        && header("accept").is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
        && header("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
        && header("x-requested-with").is_none()
        && header("upgrade").is_none()
}

/// What happened, in a few words, and the link that helps, if one does.
fn title_and_link(error: &GateError) -> (&'static str, &'static str) {
    match error {
        GateError::Refusal(Refusal::RouteUnknown | Refusal::RouteUnsupported) => {
            ("This page does not exist", "")
        }
        GateError::Refusal(refusal) if refusal.status() == 401 => ("You are not signed in", LOG_IN),
        // As another user, or after an administrator has changed something.
        GateError::Refusal(_) => ("You do not have access", LOG_IN),
        GateError::Fault(_) => ("This page is not available at the moment", TRY_AGAIN),
    }
}

/// The page that says what `json`, the answer to a program, says.
pub(super) fn page(error: &GateError, message: &str, ray: Option<&str>, mut json: Reply) -> Reply {
    let ray = ray.map(|ray| format!("<dt>Ray ID: </dt><dd>{ray}</dd>")).unwrap_or_default();
    let (title, link) = title_and_link(error);
    json.body = Some(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1><p>{message}</p>{link}\
         <dl><dt>Code: </dt><dd>{code}</dd>{ray}</dl></main></html>",
        message = escaped(message),
        code = escaped(error.code()),
    ));
    json.headers.extend([
        ("content-type", "text/html; charset=utf-8".to_owned()),
        ("content-security-policy", POLICY.to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ]);
    json
}

/// A text in HTML. Messages are fixed sentences, but those of an app's own rejections are the app's.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut html, character| {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{POLICY, STYLE, page};
    use crate::error::{Fault, GateError, Refusal};
    use crate::gate::Reply;

    #[test]
    fn policy_allows_the_style_of_the_page() {
        let hash = data_encoding::BASE64.encode(&Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("'sha256-{hash}'")), "sha256-{hash}");
    }

    #[test]
    fn message_of_an_app_cannot_add_markup() {
        let error = GateError::from(Refusal::UserNotFound);
        let reply = page(&error, "<b>&\"x\"", None, Reply::json(404, String::new()));
        assert!(reply.body.is_some_and(|it| it.contains("<p>&lt;b&gt;&amp;&quot;x&quot;</p>")));
    }

    fn body(error: impl Into<GateError>) -> String {
        let error = error.into();
        let json = Reply::json(error.status(), String::new());
        page(&error, error.message(), None, json).body.unwrap_or_default()
    }

    #[test]
    fn page_has_the_title_and_the_link_of_its_cause() {
        for refusal in Refusal::ALL {
            let is_route = matches!(refusal, Refusal::RouteUnknown | Refusal::RouteUnsupported);
            let title = match refusal.status() {
                _ if is_route => "This page does not exist",
                401 => "You are not signed in",
                _ => "You do not have access",
            };
            let body = body(refusal);
            assert!(body.contains(&format!("<h1>{title}</h1>")), "{body}");
            assert_eq!(body.contains("Log in again"), !is_route, "{body}");
        }
        let body = body(Fault::ForwardLoop);
        assert!(body.contains("Try again") && !body.contains("Log in again"));
    }
}
