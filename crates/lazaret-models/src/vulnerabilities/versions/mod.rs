//! The order of versions, by ecosystem. Where an ecosystem's order is not implemented there is none: its records are then
//! matched by the versions they list, and nothing is guessed.

mod cran;
pub(crate) mod pep440;
mod semver;
pub(crate) mod specifier;

use std::cmp::Ordering;

/// How an ecosystem orders its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Python packages.
    Pep440,
    /// Semantic versions.
    Semver,
    /// R packages.
    Cran,
}

/// The order of an ecosystem's versions, if it is implemented. What follows a colon (`Debian:12`) names a release of it.
pub(crate) fn order_of(ecosystem: &str) -> Option<Order> {
    match ecosystem.split(':').next().unwrap_or_default() {
        "PyPI" => Some(Order::Pep440),
        "crates.io" | "npm" | "Go" | "Hex" | "Pub" | "SwiftURL" => Some(Order::Semver),
        "CRAN" | "Bioconductor" => Some(Order::Cran),
        _ => None,
    }
}

/// Longest version that is read: Python's index takes 512 characters for a whole file name.
const MOST_VERSION: usize = 256;

/// A version that can be compared with others of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// Of Python.
    Pep440(pep440::Version),
    /// Semantic.
    Semver(semver::Semver),
    /// Of R.
    Cran(cran::CranVersion),
}

impl Version {
    /// Reads a version of an order.
    pub(crate) fn parse(order: Order, text: &str) -> Option<Self> {
        if text.len() > MOST_VERSION {
            return None;
        }
        match order {
            Order::Pep440 => pep440::Version::parse(text).map(Self::Pep440),
            Order::Semver => semver::Semver::parse(text).map(Self::Semver),
            Order::Cran => cran::CranVersion::parse(text).map(Self::Cran),
        }
    }

    /// Which is newer; nothing for versions of two orders.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Pep440(one), Self::Pep440(other)) => Some(one.cmp(other)),
            (Self::Semver(one), Self::Semver(other)) => Some(one.cmp(other)),
            (Self::Cran(one), Self::Cran(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

/// Which of two versions of an ecosystem is newer; nothing where they cannot be compared.
pub fn compare_versions(ecosystem: &str, one: &str, other: &str) -> Option<Ordering> {
    let order = order_of(ecosystem)?;
    Version::parse(order, one)?.compare(&Version::parse(order, other)?)
}

/// Whether a requirement of Python (`>=2,<3`) holds of a version, whatever it is; nothing where one of them cannot be read.
pub fn requirement_holds(specifiers: &str, version: &str) -> Option<bool> {
    let specifiers = specifier::Specifiers::parse(specifiers)?;
    Some(specifiers.contain(&pep440::Version::parse(version)?))
}
