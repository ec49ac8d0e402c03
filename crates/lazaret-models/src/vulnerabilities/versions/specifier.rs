//! Which versions a requirement of Python allows: `>=2.0,<3`, `~=1.4`, `==1.2.*` (the same specification as versions).

use super::pep440::Version;

/// What all of its clauses allow.
#[derive(Debug, Clone)]
pub(crate) struct Specifiers(Vec<Clause>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Arbitrary,
    Equal,
    Compatible,
    Not,
    AtMost,
    AtLeast,
    Below,
    Above,
}

#[derive(Debug, Clone)]
struct Clause {
    operator: Operator,
    /// As written, for `===`.
    text: String,
    version: Option<Version>,
    /// `.*` follows.
    any_beyond: bool,
}

/// In the order in which they are tried: a longer one first.
const OPERATORS: &[(&str, Operator)] = &[
    ("===", Operator::Arbitrary),
    ("==", Operator::Equal),
    ("~=", Operator::Compatible),
    ("!=", Operator::Not),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Below),
    (">", Operator::Above),
];

impl Specifiers {
    /// Reads them; empty ones allow everything.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let clauses = text.split(',').map(str::trim).filter(|clause| !clause.is_empty());
        clauses.map(Clause::parse).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The one version that they pin: a single `==` or `===` without `.*`.
    pub(crate) fn pin(&self) -> Option<&str> {
        let [clause] = self.0.as_slice() else { return None };
        let pins = matches!(clause.operator, Operator::Equal | Operator::Arbitrary) && !clause.any_beyond;
        pins.then_some(clause.text.as_str())
    }

    /// Whether they allow a version. One that comes before a release is allowed where one is named, as pip does it.
    pub(crate) fn allow(&self, version: &Version) -> bool {
        let named = || {
            self.0.iter().any(|clause| {
                clause.operator != Operator::Not
                    && clause.version.as_ref().is_some_and(Version::is_before_release)
            })
        };
        (!version.is_before_release() || named()) && self.contain(version)
    }

    /// Whether every clause holds of a version, whatever it is.
    pub(crate) fn contain(&self, version: &Version) -> bool {
        self.0.iter().all(|clause| clause.holds(version))
    }

    /// Versions at which what they allow begins.
    pub(crate) fn begins(&self) -> Vec<Version> {
        let begins = self.0.iter().filter_map(|clause| {
            let version = clause.version.as_ref()?;
            match clause.operator {
                Operator::Above => Some(version.just_above()),
                Operator::Not | Operator::Below => None,
                _ => Some(version.clone()),
            }
        });
        begins.collect()
    }
}

impl Clause {
    fn parse(text: &str) -> Option<Self> {
        let (operator, rest) =
            OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))?;
        let written = rest.trim();
        if operator == Operator::Arbitrary {
            let fine = !written.is_empty() && !written.contains(char::is_whitespace);
            let version = Version::parse(written);
            return fine.then(|| Self { operator, text: written.to_owned(), version, any_beyond: false });
        }
        let prefix = written.strip_suffix(".*");
        let any_beyond = prefix.is_some();
        let version = Version::parse(prefix.unwrap_or(written))?;
        let fits = match operator {
            // `.*` follows a release alone.
            Operator::Equal | Operator::Not => !any_beyond || version.is_release(),
            Operator::Compatible => !any_beyond && version.steps() > 1 && !version.is_local(),
            _ => !any_beyond && !version.is_local(),
        };
        fits.then(|| Self { operator, text: written.to_owned(), version: Some(version), any_beyond })
    }

    fn holds(&self, version: &Version) -> bool {
        let Some(own) = &self.version else {
            return false; // `===` of what is no version: nothing that can be compared is equal to it
        };
        let public = || version.public();
        match self.operator {
            Operator::Arbitrary => version == own,
            Operator::Equal => self.equals(own, version),
            Operator::Not => !self.equals(own, version),
            Operator::Compatible => {
                public() >= *own && version.begins_with(own, own.steps().saturating_sub(1))
            }
            Operator::AtMost => public() <= *own,
            Operator::AtLeast => public() >= *own,
            // `<3.1` allows nothing that comes before 3.1 itself (`3.1.dev0`, `3.1rc1`); `>3.1` neither `3.1.post0` nor
            // `3.1+local`.
            Operator::Below => {
                version < own
                    && (own.is_before_release() || !version.is_before_release() || *version < own.earliest())
            }
            Operator::Above => {
                let is_post_of = !own.is_post() && version.is_post() && version.without_post() == *own;
                version > own && !is_post_of && !(version.is_local() && version.public() == *own)
            }
        }
    }

    fn equals(&self, own: &Version, version: &Version) -> bool {
        if self.any_beyond {
            return version.begins_with(own, own.steps());
        }
        if own.is_local() { version == own } else { version.public() == *own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(specifiers: &str, version: &str) -> bool {
        Specifiers::parse(specifiers).unwrap().allow(&Version::parse(version).unwrap())
    }

    #[test]
    fn clauses_allow_what_the_specification_says() {
        for (specifiers, yes, no) in [
            ("~=2.2", "2.9", "3.0"),
            ("~=1.4.5", "1.4.9", "1.5"),
            ("~=2.2.post3", "2.3", "2.2"),
            ("==1.1.*", "1.1.post1", "1.10"),
            ("==1.1", "1.1+cu118", "1.1.post1"),
            ("==1.1+cu118", "1.1+cu118", "1.1"),
            ("!=1.1.*", "1.2", "1.1.7"),
            (">1.7", "1.7.1", "1.7.0.post1"),
            (">2.10.dev10", "2.10.post2", "2.10.dev10+x"),
            ("<2.post10,>=2.dev0", "2.dev1", "2.post10.dev1"),
            (">1.7.post2", "1.7.0.post3", "1.7.0"),
            ("<3.1", "3.0.post1", "3.1"),
            (">=1.0,<2,!=1.5", "1.4", "1.5"),
            ("<=2.0", "2.0+local", "2.0.1"),
            ("", "7", "7a1"),
            (">=2.0rc1", "2.0rc2", "1.9"),
            ("===1.0", "1.0", "1.1"),
        ] {
            assert!(allows(specifiers, yes), "{specifiers} {yes}");
            assert!(!allows(specifiers, no), "{specifiers} {no}");
        }
        for text in [
            "1.0",
            "=1.0",
            ">=1.*",
            "~=1",
            "==",
            "==1.0.dev1.*",
            "==1.0a1.*",
            "!=1.0.post1.*",
            "==1.0+a.*",
            ">1+x",
            "== 1 0",
        ] {
            assert!(Specifiers::parse(text).is_none(), "{text}");
        }
        assert_eq!(Specifiers::parse("== 1.2.0").unwrap().pin(), Some("1.2.0"));
        assert_eq!(Specifiers::parse(">=1,==1.2").unwrap().pin(), None);
    }
}
