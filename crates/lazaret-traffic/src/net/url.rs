//! Addresses of other servers: the part of URLs (RFC 3986) that upstreams and their links use. What comes from a server
//! may be hostile: only `http` and `https`, no user names, no control characters, no unbounded length.

use std::fmt;

/// Longest URL that is taken from anybody.
const MAX_URL: usize = 8 * 1024;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear: for servers in the house, as configured.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text is no address that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither `http` nor `https`.
    #[error("no URL that begins with http:// or https://")]
    Scheme,
    /// No host, or one that is no name.
    #[error("the URL's host is no name of a server")]
    Host,
    /// A user name or password in it.
    #[error("the URL carries a user name: credentials are not taken from addresses")]
    UserInfo,
    /// The port is no number.
    #[error("the URL's port is no number")]
    Port,
    /// Spaces, control characters, or not ASCII.
    #[error("the URL has characters that must be written with `%`")]
    Character,
    /// Too long.
    #[error("the URL is longer than {MAX_URL} bytes")]
    Length,
}

/// An absolute address. Printed without its query: that may carry a signature which is a key for its time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    scheme: Scheme,
    host: String,
    port: u16,
    /// Path, beginning with `/`.
    path: String,
    query: Option<String>,
}

impl Url {
    /// Reads an absolute address; what follows `#` is dropped.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = checked(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(UrlError::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or(UrlError::Host)?;
        let (host, port) = authority_of(authority)?;
        let (path, query) = path_and_query(rest);
        Ok(Self { scheme, host, port: port.unwrap_or(scheme.port()), path: without_dots(path), query })
    }

    /// The address that a reference means on a page at this address (RFC 3986, 5.2).
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = checked(reference)?;
        let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
        if scheme.is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+'))
        {
            return Self::parse(reference);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme.name()));
        }
        let (path, query) = path_and_query(reference);
        let path = if reference.is_empty() || reference.starts_with('?') {
            self.path.clone()
        } else if path.starts_with('/') && reference.starts_with('/') {
            without_dots(path)
        } else {
            let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{}", path.trim_start_matches('/')))
        };
        let query = if reference.is_empty() { self.query.clone() } else { query };
        Ok(Self { path, query, ..self.clone() })
    }

    /// The same server and the folder of this address, with a path below it that is already escaped.
    pub fn below(&self, path: &str, query: Option<&str>) -> Result<Self, UrlError> {
        let path = checked(path)?;
        query.map_or(Ok(""), checked)?;
        let folder = self.path.trim_end_matches('/');
        let path = format!("{folder}/{}", path.trim_start_matches('/'));
        Ok(Self { path, query: query.filter(|query| !query.is_empty()).map(str::to_owned), ..self.clone() })
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host's name in lower case, or its address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The last step of the path, as it is escaped.
    pub fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The line of a request: path and query.
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// All of it, the query too: to be kept, never to be printed.
    pub fn whole(&self) -> String {
        format!("{}://{}{}", self.scheme.name(), self.authority(), self.target())
    }

    /// What stands in the header `Host`.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether another address is of the same server: then what a client told this one may be told there too.
    pub fn is_same_server(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// The path below the folder of this address, if another address lies there.
    pub fn rest_of<'u>(&self, other: &'u Self) -> Option<&'u str> {
        let folder = self.path.trim_end_matches('/');
        let rest = other.path.strip_prefix(folder).filter(|rest| rest.starts_with('/'));
        rest.filter(|_| self.is_same_server(other))
    }

    /// The query, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text without spaces around it and what follows `#`, if it can be one line of a request.
fn checked(text: &str) -> Result<&str, UrlError> {
    if text.len() > MAX_URL {
        return Err(UrlError::Length);
    }
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`');
    if text.bytes().all(is_plain) { Ok(text) } else { Err(UrlError::Character) }
}

fn authority_of(authority: &str) -> Result<(String, Option<u16>), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port = match port {
        None | Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| UrlError::Port)?)
        }
        Some(_) => return Err(UrlError::Port),
    };
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_name = |host: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        !host.is_empty() && host.len() <= 253 && host.bytes().all(plain)
    };
    let is_host = match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    // `example.org.` is `example.org` to a resolver and another name to a list of hosts.
    if !is_host || host.ends_with('.') {
        return Err(UrlError::Host);
    }
    Ok((host.to_ascii_lowercase(), port))
}

fn path_and_query(rest: &str) -> (&str, Option<String>) {
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    (if path.is_empty() { "/" } else { path }, query.map(str::to_owned))
}

/// A path without steps that stay or go up (RFC 3986, 5.2.4), also where they are escaped.
fn without_dots(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for step in path.split('/').skip(1) {
        let plain = step.replace("%2e", ".").replace("%2E", ".");
        ends_in_folder = matches!(plain.as_str(), "." | "..");
        match plain.as_str() {
            "." => {}
            ".." => drop(steps.pop()),
            _ => steps.push(step),
        }
    }
    let mut made = String::with_capacity(path.len());
    for step in &steps {
        made.push('/');
        made.push_str(step);
    }
    if ends_in_folder || made.is_empty() {
        made.push('/');
    }
    made
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_read_in_parts() {
        let read = url("HTTPS://Hub.Example:8443/a/b?c=d#e");
        assert_eq!((read.scheme(), read.host(), read.port()), (Scheme::Https, "hub.example", 8443));
        assert_eq!((read.target().as_str(), read.authority().as_str()), ("/a/b?c=d", "hub.example:8443"));
        assert_eq!(read.to_string(), "https://hub.example:8443/a/b");
        assert_eq!(url("http://h").target(), "/");
        assert_eq!(url("http://h?x").target(), "/?x");
        assert_eq!(
            (url("http://[::1]:80/").host(), url("http://[::1]/").authority().as_str()),
            ("::1", "[::1]")
        );
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for (text, why) in [
            ("ftp://h/", UrlError::Scheme),
            ("/a", UrlError::Scheme),
            ("http:///a", UrlError::Host),
            ("http://a b/", UrlError::Character),
            ("http://u:p@h/", UrlError::UserInfo),
            ("http://h.evil%2f/", UrlError::Host),
            ("http://h:99999/", UrlError::Port),
            ("http://h:+1/", UrlError::Port),
            ("http://h\\@evil/", UrlError::Character),
            ("http://h/\r\nX: y", UrlError::Character),
            ("http://[::1/", UrlError::Host),
            ("http://h./", UrlError::Host),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), why, "{text}");
        }
        assert_eq!(Url::parse(&format!("http://h/{}", "a".repeat(9000))).unwrap_err(), UrlError::Length);
    }

    /// The examples of RFC 3986, 5.4, that have a meaning here.
    #[test]
    fn references_are_resolved_as_the_standard_does() {
        let base = url("http://a/b/c/d;p?q");
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("g..", "/b/c/g.."),
            ("./../g", "/b/g"),
            ("g/../h", "/b/c/h"),
            ("%2e%2e/g", "/b/g"),
        ] {
            assert_eq!(base.join(reference).unwrap().target(), target, "{reference}");
        }
        assert_eq!(base.join("//x/y").unwrap(), url("http://x/y"));
        assert_eq!(base.join("https://x/y").unwrap(), url("https://x/y"));
        assert_eq!(base.join("javascript:alert(1)").unwrap_err(), UrlError::Scheme);
    }

    #[test]
    fn a_path_below_a_folder_stays_there() {
        let base = url("http://h/mirror/hub/");
        assert_eq!(base.below("/a/b", Some("c")).unwrap().target(), "/mirror/hub/a/b?c");
        assert_eq!(base.rest_of(&url("http://h/mirror/hub/a?b")), Some("/a"));
        assert_eq!(base.rest_of(&url("http://h/mirror/hubby")), None);
        assert_eq!(base.rest_of(&url("http://i/mirror/hub/a")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_that_reads_the_same_again_or_refused(text in "(https?://)?[ -~]{0,60}|.*") {
            if let Ok(read) = Url::parse(&text) {
                let again = Url::parse(&format!("{}://{}{}", read.scheme().name(), read.authority(), read.target()));
                prop_assert_eq!(again.as_ref(), Ok(&read));
                prop_assert!(!read.path().split('/').any(|step| step == ".."));
            }
            if let Ok(joined) = url("http://h/a/b").join(&text) {
                prop_assert!(joined.path().starts_with('/'));
                prop_assert!(!joined.path().split('/').any(|step| step == ".."));
            }
        }
    }
}
