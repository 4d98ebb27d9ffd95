//! Host names and origins of requests: the name under which a browser knows this daemon, and the page that made it send the request.
//!
//! DNS rebinding makes a browser send a stranger's page to this address under the stranger's name, so a name must be one of ours. A bare address is
//! always fine, because no name could have been bound again. Cookies know no ports, so an origin is compared with its port.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Value of a header that occurs once and is text.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a Host header names this daemon: a bare address, localhost, or one of the configured names.
pub fn is_ours(host: &str, names: &[String]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || names.iter().any(|ours| ours.eq_ignore_ascii_case(&name))
}

/// The page that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A page of this daemon.
    OwnPage,
    /// Another site's.
    OtherSite,
    /// The request has no origin: a script, a command.
    Unsaid,
}

/// Reads Origin, and Sec-Fetch-Site where there is no Origin; `host` is the request's Host.
pub fn from(headers: &HeaderMap, host: &str) -> From {
    if headers.contains_key(header::ORIGIN) {
        let same = single(headers, &header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("https://").or(origin.strip_prefix("http://")))
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host));
        return if same { From::OwnPage } else { From::OtherSite };
    }
    match single(headers, &SEC_FETCH_SITE) {
        Some("same-origin") => From::OwnPage,
        Some("none") | None => From::Unsaid, // typed into the address bar
        Some(_) => From::OtherSite,
    }
}

/// Whether a request bears what a form of another site cannot make a browser send: JSON, or a header of its own. A page that tries asks us first
/// (CORS preflight), and we never allow it.
pub fn is_made_by_script(headers: &HeaderMap) -> bool {
    let json = single(headers, &header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    json || headers.contains_key("x-requested-with")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("value"))).collect()
    }

    #[test]
    fn only_our_names_and_bare_addresses_are_ours() {
        let names = ["calls.example.com".to_string()];
        for ours in [
            "localhost",
            "localhost:8123",
            "LOCALHOST.:8123",
            "127.0.0.1:8123",
            "[::1]:8123",
            "192.168.8.18:8123",
            "Calls.Example.com",
            "app.localhost:1",
        ] {
            assert!(is_ours(ours, &names), "{ours}");
        }
        for other in
            ["evil.example", "evil.example:8123", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost", ""]
        {
            assert!(!is_ours(other, &names), "{other}");
        }
    }

    #[test]
    fn another_port_is_another_site() {
        let from = |origin| from(&headers(&[("origin", origin)]), "localhost:8123");
        assert_eq!(from("http://localhost:8123"), From::OwnPage);
        for other in
            ["http://localhost:3000", "http://localhost", "https://evil.example", "null", "ftp://localhost:8123"]
        {
            assert_eq!(from(other), From::OtherSite, "{other}");
        }
    }

    #[test]
    fn a_browser_that_sends_no_origin_says_it_otherwise() {
        let from = |site| from(&headers(&[("sec-fetch-site", site)]), "localhost:8123");
        assert_eq!((from("same-origin"), from("none")), (From::OwnPage, From::Unsaid));
        assert_eq!((from("cross-site"), from("same-site")), (From::OtherSite, From::OtherSite));
        assert_eq!(super::from(&HeaderMap::new(), "x"), From::Unsaid);
    }

    proptest! {
        #[test]
        fn no_name_ends_the_reader_and_no_suffix_makes_a_stranger_ours(name in "\\PC{0,60}", label in "[a-z]{1,9}") {
            let _ = is_ours(&name, &[]);
            let stranger = format!("localhost.{label}.example");
            prop_assert!(!is_ours(&stranger, &[]));
        }
    }
}
