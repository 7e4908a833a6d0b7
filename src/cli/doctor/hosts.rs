//! Host names in the configuration.

use std::net::IpAddr;

/// The host in a URL of the configuration, without its port.
pub(super) fn host_in(url: &str) -> String {
    let authority = authority_in(url);
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host.to_owned(),
        _ => authority.to_owned(),
    }
}

/// The port in a URL of the configuration, if it has one.
pub(super) fn port_in(url: &str) -> Option<u16> {
    authority_in(url).rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

fn authority_in(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Scheme, host and port of a URL, in lower case and without the scheme's own port.
pub(super) fn origin_in(url: &str) -> String {
    let lower = url.to_ascii_lowercase();
    let scheme = lower.split_once("://").map_or("", |(scheme, _)| scheme);
    let authority = authority_in(&lower);
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(own_port).unwrap_or(authority))
}

/// Whether this host is only known inside a network.
pub(super) fn is_private(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(it)) => {
            // 100.64.0.0/10, behind the NAT of a provider (RFC 6598).
            let is_shared = it.octets()[0] == 100 && it.octets()[1] & 0b1100_0000 == 64;
            it.is_private()
                || it.is_loopback()
                || it.is_link_local()
                || it.is_unspecified()
                || is_shared
        }
        Ok(IpAddr::V6(it)) => {
            it.is_loopback()
                || it.is_unspecified()
                || it.is_unique_local()
                || it.is_unicast_link_local()
        }
        Err(_) => {
            !host.contains('.')
                || [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test"]
                    .iter()
                    .any(|end| host.ends_with(end))
        }
    }
}
