//! Versions of R packages: numbers with `.` or `-` between (Writing R Extensions, 1.1.1), compared one after the other; the
//! longer of two that agree is newer (`package_version`).

use super::pep440::Number;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CranVersion(Vec<Number>);

impl CranVersion {
    /// Reads a version.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        let steps = text.trim().split(['.', '-']);
        steps.map(|step| is_number(step).then(|| Number::of(step))).collect::<Option<Vec<_>>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_r_does() {
        let version = |text| CranVersion::parse(text).unwrap();
        assert!(version("0.9-10") > version("0.9-9") && version("1.0") < version("1.0.0"));
        assert_eq!(version("1.2-3"), version("1.2.3"));
        assert!(CranVersion::parse("1.0a").is_none() && CranVersion::parse("").is_none());
    }
}
