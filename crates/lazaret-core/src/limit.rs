//! Limits: a key and a number, so that an error can name the limit that was reached and the way out.

use std::collections::BTreeMap;
use std::fmt;

/// One named limit with its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    key: &'static str,
    most: u64,
    fixed: bool,
}

impl Limit {
    /// A limit with the key it has in the `[limits]` table of the configuration.
    pub const fn new(key: &'static str, most: u64) -> Self {
        Self { key, most, fixed: false }
    }

    /// A limit that no configuration changes: a stored form or a form others read depends on it, or the
    /// configuration itself is read under it.
    pub const fn fixed(key: &'static str, most: u64) -> Self {
        Self { key, most, fixed: true }
    }

    /// Whether no configuration changes it.
    pub const fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The key in the `[limits]` table.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The most that is let through.
    pub const fn most(&self) -> u64 {
        self.most
    }

    /// The same limit with another number.
    #[must_use]
    pub const fn with(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// Fails if `found` is above the limit.
    pub const fn check(&self, found: u64) -> Result<(), LimitExceeded> {
        if found > self.most {
            return Err(self.exceeded(found));
        }
        Ok(())
    }

    /// What is said where this much was found and it is above the limit.
    pub const fn exceeded(&self, found: u64) -> LimitExceeded {
        LimitExceeded { key: self.key, most: self.most, found, fixed: self.fixed }
    }
}

/// A limit was reached. Nothing was shortened: the whole record was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit `{key}` reached: at most {most}, found {found}; {}", WayOut { key, fixed: *fixed })]
pub struct LimitExceeded {
    /// The limit's key.
    pub key: &'static str,
    /// The most that is let through.
    pub most: u64,
    /// What was found: the first number above the limit where counting stopped there.
    pub found: u64,
    /// Whether no configuration changes it.
    pub fixed: bool,
}

struct WayOut<'a> {
    key: &'a str,
    fixed: bool,
}

impl fmt::Display for WayOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fixed {
            f.write_str("no setting raises it")
        } else {
            write!(f, "to raise it, set `{}` under [limits]", self.key)
        }
    }
}

/// The limits in force: the defaults of each room, changed by the `[limits]` table.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    changed: BTreeMap<String, u64>,
}

impl Limits {
    /// Sets one limit by its key.
    pub fn set(&mut self, key: impl Into<String>, most: u64) {
        self.changed.insert(key.into(), most);
    }

    /// A limit as configured.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Limit {
        let changed = self.changed.get(limit.key()).filter(|_| !limit.is_fixed());
        changed.map_or(limit, |most| limit.with(*most))
    }

    /// The keys that were changed, with their numbers.
    pub fn changed(&self) -> impl Iterator<Item = (&str, u64)> {
        self.changed.iter().map(|(key, most)| (key.as_str(), *most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Limit = Limit::new("json.max_depth", 64);

    #[test]
    fn the_error_names_the_limit_and_the_way_out() {
        let error = DEPTH.check(65).unwrap_err();
        assert_eq!(
            error.to_string(),
            "limit `json.max_depth` reached: at most 64, found 65; to raise it, set `json.max_depth` under [limits]"
        );
        assert!(DEPTH.check(64).is_ok());
    }

    #[test]
    fn the_configuration_changes_one_limit_and_leaves_the_others() {
        let mut limits = Limits::default();
        limits.set("json.max_depth", 8);
        assert_eq!(limits.get(DEPTH).most(), 8);
        assert_eq!(limits.get(Limit::new("xml.max_depth", 256)).most(), 256);
    }

    #[test]
    fn a_fixed_limit_stays_and_says_so() {
        let fixed = Limit::fixed("ledger.max_body", 10);
        let mut limits = Limits::default();
        limits.set("ledger.max_body", 99);
        assert_eq!(limits.get(fixed), fixed);
        assert!(fixed.with(3).check(4).unwrap_err().to_string().ends_with("found 4; no setting raises it"));
    }
}
