//! GET requests of the command line, within the limits that a [`Call`] sets.

use std::time::Duration;

use ureq::Agent;

use crate::ports::{Answer, Call, Failure};

/// Makes the request. Redirects are answers, not followed.
///
/// # Errors
/// When there is no whole answer within the limits.
pub(super) fn get(call: &Call) -> Result<Answer, Failure> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(call.timeout_ms.into())))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("cfaccess/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.get(&call.url);
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let failure = |error: ureq::Error| Failure(format!("{}: {error}", call.url));
    let mut response = request.call().map_err(failure)?;
    let status = response.status().as_u16();
    if status != 200 {
        return Ok(Answer { status, body: String::new() });
    }
    let limit = u64::try_from(call.max_bytes).unwrap_or(u64::MAX);
    let body = response.body_mut().with_config().limit(limit).read_to_string().map_err(failure)?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::get;
    use crate::ports::Call;

    /// A call to a server on this machine that answers once, with this text.
    fn call(answer: &'static str, max_bytes: usize) -> Call {
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
        Call { url, headers: Vec::new(), timeout_ms: 300, max_bytes }
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
    fn a_server_that_says_nothing_is_given_up() {
        assert!(get(&call("", 100)).is_err());
    }
}
