//! What a request to a registry asks for (OCI Distribution 1.1, the side that pulls), and of which registry.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use lazaret_core::Sha256;
use percent_encoding::percent_decode_str;

use crate::net::answer::Refusal;
use crate::net::upstream::Upstream;
use crate::net::url::{Url, UrlError};

/// Longest name of a repository, as the standard recommends.
const MAX_NAME: usize = 255;

/// What is asked for below `/v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Whether a registry is here.
    Base,
    /// A manifest.
    Manifest(Vec<String>, Reference),
    /// A blob.
    Blob(Vec<String>, Sha256),
    /// The tags of a repository.
    Tags(Vec<String>),
    /// What refers to a manifest: signatures.
    Referrers(Vec<String>, Sha256),
}

/// Which manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The one that a tag names now.
    Tag(String),
    /// This one.
    Digest(Sha256),
}

impl Reference {
    fn of(text: &str) -> Result<Self, Refusal> {
        if text.contains(':') {
            return digest(text).map(Self::Digest);
        }
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if begins && text.len() <= 128 && text.bytes().all(is_part) {
            return Ok(Self::Tag(text.to_owned()));
        }
        Err(Refusal::new(StatusCode::BAD_REQUEST, "no tag of a registry is written so"))
    }

    /// As it stands in addresses.
    pub fn text(&self) -> String {
        match self {
            Self::Tag(tag) => tag.clone(),
            Self::Digest(sha256) => written(*sha256),
        }
    }
}

/// A digest as registries write it.
pub(crate) fn written(sha256: Sha256) -> String {
    format!("sha256:{sha256}")
}

/// Reads one that is written so.
pub(crate) fn read_digest(text: &str) -> Option<Sha256> {
    Sha256::parse(text).filter(|sha256| written(*sha256) == text)
}

fn digest(text: &str) -> Result<Sha256, Refusal> {
    read_digest(text).ok_or_else(|| {
        let why =
            "lazaret passes on what is named by its SHA-256 (sha256: and 64 digits), and by no other digest";
        Refusal::new(StatusCode::BAD_REQUEST, why)
    })
}

impl Route {
    /// Reads the decoded steps below `/v2`.
    pub fn of(steps: &[&str]) -> Result<Self, Refusal> {
        let route = match steps {
            [] => Self::Base,
            [name @ .., "manifests", reference] => Self::Manifest(named(name)?, Reference::of(reference)?),
            [.., "blobs", "uploads"] | [.., "blobs", "uploads", _] => return Err(only_pulls()),
            [name @ .., "blobs", of] => Self::Blob(named(name)?, digest(of)?),
            [name @ .., "tags", "list"] => Self::Tags(named(name)?),
            [name @ .., "referrers", of] => Self::Referrers(named(name)?, digest(of)?),
            ["_catalog"] => {
                let why = "lazaret does not list the repositories of a registry: ask for one by its name";
                return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why));
            }
            _ => {
                let why = "lazaret passes on manifests, blobs, lists of tags and referrers of a registry, and no more";
                return Err(Refusal::new(StatusCode::NOT_FOUND, why));
            }
        };
        Ok(route)
    }

    /// The repository, as the client names it.
    pub fn name(&self) -> Option<&[String]> {
        match self {
            Self::Base => None,
            Self::Manifest(name, _) | Self::Blob(name, _) | Self::Tags(name) | Self::Referrers(name, _) => {
                Some(name)
            }
        }
    }
}

/// What is said of pushing and deleting.
pub(crate) fn only_pulls() -> Refusal {
    let why = "lazaret passes on what reads a registry: nothing is pushed or deleted through it";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why)
}

/// The name of a repository. Capitals are in no name of the standard; hubs that speak it have them.
fn named(steps: &[&str]) -> Result<Vec<String>, Refusal> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let is_step = |step: &&str| {
        let begins = step.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        begins && step.bytes().all(is_part) && !step.contains("..")
    };
    let len = steps.iter().map(|step| step.len().saturating_add(1)).sum::<usize>();
    if steps.is_empty() || !steps.iter().all(is_step) || len > MAX_NAME {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "no repository of a registry is named so"));
    }
    Ok(steps.iter().map(|step| (*step).to_owned()).collect())
}

/// The registries that may be asked.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    /// By the names they go by here.
    pub named: BTreeMap<String, Arc<Upstream>>,
    /// The one that is asked for a repository whose name begins with none of them.
    pub other: Option<Arc<Upstream>>,
}

/// A repository of a registry.
#[derive(Clone)]
pub(crate) struct Repository {
    /// Its registry.
    pub(crate) registry: Arc<Upstream>,
    /// Its name there.
    pub(crate) name: String,
    /// Its name here.
    pub(crate) asked_as: String,
}

impl Registries {
    /// Which registry a repository is of. A client that takes this for the mirror of a registry names that one in `ns`.
    pub(crate) fn choose(&self, name: &[String], query: Option<&str>) -> Result<Repository, Refusal> {
        let asked_as = name.join("/");
        let of = |registry: &Arc<Upstream>, steps: &[String]| Repository {
            registry: Arc::clone(registry),
            name: steps.join("/"),
            asked_as: asked_as.clone(),
        };
        if let Some(host) = parameter(query, "ns") {
            return self.at(&host).map(|registry| of(registry, name)).ok_or_else(|| self.unknown(&host));
        }
        if let [first, rest @ ..] = name
            && let Some(registry) = self.named.get(first)
            && !rest.is_empty()
        {
            return Ok(of(registry, rest));
        }
        let other = self.other.as_ref().map(|registry| of(registry, name));
        other.ok_or_else(|| self.unknown(name.first().map_or("", String::as_str)))
    }

    /// The registry of a host.
    pub(crate) fn at(&self, host: &str) -> Option<&Arc<Upstream>> {
        // Docker's own goes by another name than its server.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        self.all().find(|registry| registry.base().authority().eq_ignore_ascii_case(host))
    }

    /// Each.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.named.values().chain(&self.other)
    }

    fn unknown(&self, name: &str) -> Refusal {
        let known: Vec<&str> = self.named.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        let name: String = name.chars().take(200).collect();
        let why = format!(
            "lazaret asks no registry `{name}`: {known}; to allow one, whoever runs lazaret gives it a name under \
             [gates.models.registries], or sets `gates.models.registry` for names that begin with none of those"
        );
        Refusal::new(StatusCode::FORBIDDEN, why)
    }
}

/// A parameter of a query, decoded.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(of, _)| *of == name)?;
    percent_decode_str(value).decode_utf8().ok().map(Cow::into_owned)
}

impl Repository {
    /// Its name in the ledger, as people write it: `ghcr.io/org/model`.
    pub(crate) fn model(&self) -> String {
        let base = self.registry.base();
        format!("{}{}/{}", base.authority(), base.path().trim_end_matches('/'), self.name)
    }

    /// The address of something of it.
    pub(crate) fn url(&self, rest: &str, query: Option<&str>) -> Result<Url, Refusal> {
        let url = self.registry.base().below(&format!("v2/{}/{rest}", self.name), query);
        url.map_err(|error: UrlError| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    }

    /// What something of it is remembered under.
    pub(crate) fn key(&self, kind: &str, rest: &[&str]) -> Vec<String> {
        let of = [kind, &self.registry.base().to_string(), &self.name].map(str::to_owned);
        of.into_iter().chain(rest.iter().map(|step| (*step).to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::updates::path::steps;

    fn route(path: &str) -> Result<Route, u16> {
        let steps = steps(path).unwrap();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        Route::of(&steps[1..]).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn what_pulls_is_read_and_what_else_there_is_is_refused() {
        let name = || vec!["a".to_owned(), "b".to_owned()];
        let (digest, sha256) = ("0".repeat(64), Sha256([0; 32]));
        let tag = |tag: &str| Reference::Tag(tag.to_owned());
        assert_eq!(route("/v2/"), Ok(Route::Base));
        assert_eq!(route("/v2/a/b/manifests/v1.0_x"), Ok(Route::Manifest(name(), tag("v1.0_x"))));
        let by_digest = route(&format!("/v2/a/b/manifests/sha256:{digest}"));
        assert_eq!(by_digest, Ok(Route::Manifest(name(), Reference::Digest(sha256))));
        assert_eq!(route(&format!("/v2/a/b/blobs/sha256%3A{digest}")), Ok(Route::Blob(name(), sha256)));
        assert_eq!(route("/v2/a/b/tags/list"), Ok(Route::Tags(name())));
        assert_eq!(
            route(&format!("/v2/a/b/referrers/sha256:{digest}")),
            Ok(Route::Referrers(name(), sha256))
        );
        assert_eq!(
            route("/v2/manifests/manifests/manifests"),
            Ok(Route::Manifest(vec!["manifests".to_owned()], tag("manifests")))
        );
        for (path, status) in [
            ("/v2/_catalog", 405),
            ("/v2/a/blobs/uploads/", 405),
            ("/v2/a/blobs/uploads/0190", 405),
            ("/v2/a/blobs/sha512:00", 400),
            ("/v2/a/blobs/latest", 400),
            ("/v2/a/manifests/-x", 400),
            ("/v2/a/manifests/sha256:00", 400),
            ("/v2/a%20b/manifests/x", 400),
            ("/v2/a%2fb/manifests/x", 400),
            ("/v2/.a/manifests/x", 400),
            ("/v2/manifests/x", 400),
            ("/v2/a/b", 404),
        ] {
            assert_eq!(route(path), Err(status), "{path}");
        }
        assert_eq!(route(&format!("/v2/{}/tags/list", "a/".repeat(130).trim_end_matches('/'))), Err(400));
    }

    #[test]
    fn a_registry_is_named_by_the_first_step_or_as_whose_mirror_this_is() {
        let at = |url: &str| Arc::new(Upstream::new(Url::parse(url).unwrap(), [], "x"));
        let named = [
            ("ghcr".to_owned(), at("https://ghcr.io/")),
            ("hub".to_owned(), at("https://registry-1.docker.io")),
        ];
        let mut registries = Registries { named: named.into(), other: None };
        let chosen = |registries: &Registries, name: &str, query: Option<&str>| {
            let name: Vec<String> = name.split('/').map(str::to_owned).collect();
            registries.choose(&name, query).map(|chosen| chosen.model()).map_err(|refusal| refusal.message)
        };
        assert_eq!(chosen(&registries, "ghcr/org/model", None).unwrap(), "ghcr.io/org/model");
        assert_eq!(chosen(&registries, "org/model", Some("ns=ghcr.io")).unwrap(), "ghcr.io/org/model");
        assert_eq!(
            chosen(&registries, "library/x", Some("ns=docker.io")).unwrap(),
            "registry-1.docker.io/library/x"
        );
        let why = chosen(&registries, "org/model", Some("ns=evil.example")).unwrap_err();
        assert!(why.contains("no registry `evil.example`: there are ghcr, hub; to allow one"), "{why}");
        assert!(chosen(&registries, "org/model", None).unwrap_err().contains("no registry `org`"));
        assert!(chosen(&registries, "ghcr", None).is_err(), "no repository of it");
        registries.other = Some(at("http://mirror.example:5000/sub/"));
        assert_eq!(chosen(&registries, "org/model", None).unwrap(), "mirror.example:5000/sub/org/model");
        assert_eq!(
            chosen(&registries, "m", Some("x=y&ns=mirror.example%3A5000")).unwrap(),
            "mirror.example:5000/sub/m"
        );
    }
}
