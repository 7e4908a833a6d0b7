//! Requests of the command line, within the limits that a [`HttpRequest`] sets.

use std::thread;
use std::time::Duration;

use chrono::DateTime;
use ureq::Agent;

use super::clock;
use crate::ports::{Failure, HttpRequest, HttpResponse, is_html};

/// Makes the request. Redirects are answers, not followed.
///
/// # Errors
/// When there is no whole answer within the limits.
pub(super) fn get(call: &HttpRequest) -> Result<HttpResponse, Failure> {
    let (mut answer, _) = send(Method::Get, call, "")?;
    if answer.status != 200 {
        answer.body.clear();
    }
    Ok(answer)
}

/// What a request does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
}

/// How often a request is made before it is given up.
const TRIES: u32 = 5;

/// The first wait between two tries, in milliseconds; each is twice the one before it.
const FIRST_WAIT_MS: u64 = 500;

/// The longest wait that a server may ask for, in seconds.
const MAX_WAIT: u64 = 60;

/// Makes a request that may be made twice, again and again while there is no answer, or one that
/// says to come back (429, or 500 and above). The body is that of the last answer, whatever its
/// status.
///
/// # Errors
/// When there is no answer to the last try.
pub(super) fn send_with_retry(
    method: Method,
    call: &HttpRequest,
    body: &str,
) -> Result<HttpResponse, Failure> {
    // For tests, which would wait for nothing.
    let first = std::env::var("CFACCESS_RETRY_MS").ok().and_then(|text| text.parse().ok());
    let mut wait = Duration::from_millis(first.unwrap_or(FIRST_WAIT_MS));
    for _ in 1..TRIES {
        let asked = match send(method, call, body) {
            Ok((answer, asked)) if answer.status == 429 || answer.status >= 500 => asked,
            Ok((answer, _)) => return Ok(answer),
            Err(_) => None,
        };
        thread::sleep(asked.map_or(wait, |seconds| Duration::from_secs(seconds.min(MAX_WAIT))));
        wait *= 2;
    }
    send(method, call, body).map(|(answer, _)| answer)
}

/// What makes requests: every answer is an answer, redirects and errors too.
pub(super) fn agent(time_limit: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(time_limit))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("cfaccess/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// The answer, and the seconds of its `retry-after`.
fn send(
    method: Method,
    call: &HttpRequest,
    body: &str,
) -> Result<(HttpResponse, Option<u64>), Failure> {
    let agent = agent(Duration::from_millis(call.timeout_ms.into()));
    let failure = |error: ureq::Error| Failure(format!("{}: {error}", call.url));
    let response = match method {
        Method::Get => {
            let headers = call.headers.iter();
            headers
                .fold(agent.get(&call.url), |request, (name, value)| request.header(name, value))
                .call()
        }
        Method::Post | Method::Put => {
            let request = match method {
                Method::Put => agent.put(&call.url),
                _ => agent.post(&call.url),
            };
            let headers = call.headers.iter();
            headers.fold(request, |request, (name, value)| request.header(name, value)).send(body)
        }
    };
    let mut response = response.map_err(failure)?;
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let is_html = kind.is_some_and(is_html);
    let asked = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let asked = asked.and_then(|text| retry_after(text.trim(), clock::now()));
    let limit = u64::try_from(call.max_bytes).unwrap_or(u64::MAX);
    let body = match response.body_mut().with_config().limit(limit).read_to_string() {
        Ok(body) => body,
        Err(error) if status == 200 => return Err(failure(error)),
        // The status says enough.
        Err(_) => String::new(),
    };
    Ok((HttpResponse { status, body, is_html }, asked))
}

/// The seconds of a `retry-after`: a number, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now_s: i64) -> Option<u64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(u64::try_from(date.timestamp() - now_s).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::{get, retry_after};
    use crate::ports::HttpRequest;

    /// A call to a server on this machine that answers once, with this text.
    fn call(answer: &'static str, max_bytes: usize) -> HttpRequest {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/certs", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            if answer.is_empty() {
                thread::sleep(std::time::Duration::from_secs(5));
            }
        });
        HttpRequest { url, headers: Vec::new(), timeout_ms: 300, max_bytes }
    }

    #[test]
    fn an_answer_is_read_whole() {
        let call = call("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 2);
        let answer = get(&call).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }

    #[test]
    fn a_redirect_is_an_answer_without_a_body() {
        let call = call(
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nhi",
            100,
        );
        let answer = get(&call).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (302, ""));
    }

    #[test]
    fn a_body_over_the_limit_is_no_answer() {
        assert!(get(&call("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{ }", 2)).is_err());
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now_s = 1_445_412_480;
        for (text, expected) in [
            ("7", Some(7)),
            ("Wed, 21 Oct 2015 07:28:07 GMT", Some(7)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("soon", None),
            ("-7", None),
        ] {
            assert_eq!(retry_after(text, now_s), expected, "{text}");
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        assert!(get(&call("", 100)).is_err());
    }
}
