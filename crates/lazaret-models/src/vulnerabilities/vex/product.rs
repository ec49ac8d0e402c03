//! Which package or file a statement is about.

use std::cmp::Ordering;
use std::fmt;

use lazaret_input::json::Node;
use serde::{Deserialize, Serialize};

use super::text;
use crate::components::{Component, Declared, normalised};
use crate::vulnerabilities::versions::compare_versions;

/// A package, a model file, or a package in a model file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The model file's SHA-256, in lower-case hexadecimal; none for any file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The package, as a package URL without its version: `pkg:pypi/torch`; none for any package of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The package's version; none for every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Product {
    /// Whether a component of a file is meant. The file's digest is asked for only where it counts.
    pub fn is(&self, component: &Component, file: &mut dyn FnMut() -> Option<String>) -> bool {
        if self.file.is_none() && self.package.is_none() {
            return false;
        }
        let package = self.package.as_ref().is_none_or(|package| *package == component.purl());
        let version = self.version.as_ref().is_none_or(|version| match &component.declared {
            Declared::Exact(own) => {
                own == version
                    || compare_versions(component.ecosystem.osv(), own, version) == Some(Ordering::Equal)
            }
            Declared::Range(_) | Declared::Unknown => false,
        });
        package && version && self.file.as_ref().is_none_or(|wanted| file().as_deref() == Some(wanted))
    }

    /// A package URL; nothing if it is none.
    pub(super) fn of_purl(purl: &str) -> Option<Self> {
        let rest = purl.trim().strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split(['?', '#']).next()?;
        let (kind, rest) = rest.split_once('/')?;
        let (name, version) = match rest.rsplit_once('@') {
            Some((name, version)) => (name, Some(unescaped(version)?)),
            None => (rest, None),
        };
        let kind = kind.to_ascii_lowercase();
        let name = if kind == "pypi" { normalised(&unescaped(name)?)? } else { name.to_owned() };
        let fine =
            !name.is_empty() && name.len() <= 500 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fine.then(|| Self { file: None, package: Some(format!("pkg:{kind}/{name}")), version })
    }

    /// A file by its SHA-256; nothing if it is none.
    pub(super) fn of_sha256(digest: &str) -> Option<Self> {
        let digest = digest.trim().to_ascii_lowercase();
        let fine = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        fine.then_some(Self { file: Some(digest), package: None, version: None })
    }

    /// The same in a file.
    pub(super) fn within(self, file: Option<&Self>) -> Self {
        Self { file: file.and_then(|file| file.file.clone()).or(self.file), ..self }
    }
}

/// `pkg:pypi/torch@2.1.0`, `sha256:9f86…!pkg:pypi/torch`.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(digest) = &self.file {
            write!(f, "sha256:{}…", digest.get(..12).unwrap_or(digest))?;
        }
        if let Some(package) = &self.package {
            write!(f, "{}{package}", if self.file.is_some() { "!" } else { "" })?;
        }
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// The product of a node with `identifiers` and `hashes`, as OpenVEX writes components.
pub(super) fn of_openvex(node: Node<'_, '_>) -> Option<Product> {
    if let Some(id) = node.as_str() {
        return Product::of_purl(id);
    }
    let digest = text(node, &["hashes", "sha-256"]).and_then(Product::of_sha256);
    let purl = text(node, &["identifiers", "purl"]).and_then(Product::of_purl);
    digest.or(purl).or_else(|| text(node, &["@id"]).and_then(Product::of_purl))
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?].map(char::from).map(|digit| digit.to_digit(16));
        let [Some(high), Some(low)] = digits else { return None };
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
