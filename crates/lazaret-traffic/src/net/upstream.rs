//! A server that is asked, as configured: where it is, and to which hosts it may send us on.

use axum::http::header::LINK;

use crate::net::client::Answer;
use crate::net::trouble::Trouble;
use crate::net::url::{Scheme, Url};

/// A server and the hosts it may send to.
#[derive(Debug, Clone)]
pub struct Upstream {
    base: Url,
    on_to: Vec<String>,
    setting: String,
}

impl Upstream {
    /// A server at an address. `on_to` names hosts exactly, or with `*.` all below a name; `setting` is where the
    /// configuration lists them.
    pub fn new(base: Url, on_to: impl IntoIterator<Item = String>, setting: impl Into<String>) -> Self {
        let on_to = on_to.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { base, on_to, setting: setting.into() }
    }

    /// Where it is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether an address that it gave may be asked: its own server, or a host it may send to, over TLS unless the
    /// upstream itself is in the clear.
    pub fn may_ask(&self, url: &Url) -> Result<(), Trouble> {
        let is_safe = url.scheme() == Scheme::Https || self.base.scheme() == Scheme::Http;
        let is_listed = || self.on_to.iter().any(|listed| is_of(listed, url));
        if url.is_same_server(&self.base) || (is_safe && is_listed()) {
            return Ok(());
        }
        Err(Trouble::Elsewhere {
            from: self.base.host().to_owned(),
            to: url.host().to_owned(),
            setting: self.setting.clone(),
        })
    }

    /// The path and query of the next page of a list (RFC 8288), below the server's address; none where there is none, or it
    /// lies elsewhere.
    pub fn next_page(&self, answer: &Answer) -> Option<String> {
        let links = answer.response.headers().get_all(LINK).iter().filter_map(|link| link.to_str().ok());
        let mut links = links.flat_map(|links| links.split(','));
        let next = links.find_map(|link| {
            let (to, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let is_next = parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
            is_next.then_some(to)
        })?;
        let next = answer.url.join(next).ok()?;
        let below = self.base.rest_of(&next)?.to_owned();
        Some(next.query().map_or(below.clone(), |query| format!("{below}?{query}")))
    }
}

/// Whether a listed name is the host of an address, at the port it goes by or the one it is listed with.
fn is_of(listed: &str, url: &Url) -> bool {
    let at = |name: &str| match listed.strip_prefix("*.") {
        Some(domain) => {
            name.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => name == listed,
    };
    // The authority leaves the usual port out, so an unlisted port never agrees with a bare name.
    at(&url.authority())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(upstream: &Upstream, url: &str) -> bool {
        upstream.may_ask(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn only_the_server_and_the_hosts_listed_are_asked() {
        let hosts = ["cdn.example", "*.Files.example", "odd.example:8443"].map(str::to_owned);
        let hub = Upstream::new(Url::parse("https://hub.example/x").unwrap(), hosts.clone(), "hub.hosts");
        for yes in [
            "https://hub.example/y",
            "https://cdn.example/",
            "https://a.files.example/",
            "https://a.b.files.example/",
            "https://odd.example:8443/",
        ] {
            assert!(may(&hub, yes), "{yes}");
        }
        for no in [
            "http://hub.example/",
            "https://hub.example:444/",
            "http://cdn.example/",
            "https://files.example/",
            "https://.files.example/",
            "https://evilfiles.example/",
            "https://cdn.example.evil/",
            "https://cdn.example:22/",
            "https://odd.example/",
            "https://127.0.0.1/",
        ] {
            assert!(!may(&hub, no), "{no}");
        }
        let why = hub.may_ask(&Url::parse("https://evil.example/s?sig=1").unwrap()).unwrap_err().to_string();
        assert_eq!(
            why,
            "hub.example sends on to evil.example, which is not asked; to allow it, add it to `hub.hosts`"
        );
        let plain = Upstream::new(Url::parse("http://hub.example/").unwrap(), hosts, "x");
        assert!(may(&plain, "http://cdn.example/") && may(&plain, "https://cdn.example/"));
    }
}
