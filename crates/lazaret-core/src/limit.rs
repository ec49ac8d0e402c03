//! Limits: a key and a number, so that an error can name the limit that was reached and the way out.

use std::collections::BTreeMap;

/// One named limit with its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    key: &'static str,
    most: u64,
}

impl Limit {
    /// A limit with the key it has in the `[limits]` table of the configuration.
    pub const fn new(key: &'static str, most: u64) -> Self {
        Self { key, most }
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
        Self { key: self.key, most }
    }

    /// Fails if `found` is above the limit.
    pub const fn check(&self, found: u64) -> Result<(), LimitExceeded> {
        if found > self.most {
            return Err(LimitExceeded { key: self.key, most: self.most, found });
        }
        Ok(())
    }
}

/// A limit was reached. Nothing was shortened: the whole record was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit `{key}` reached: at most {most}, found {found}; to raise it, set `{key}` under [limits]")]
pub struct LimitExceeded {
    /// The key in the `[limits]` table.
    pub key: &'static str,
    /// The most that is let through.
    pub most: u64,
    /// What was found: the first number above the limit where counting stopped there.
    pub found: u64,
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
        self.changed.get(limit.key()).map_or(limit, |most| limit.with(*most))
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
}
