//! How grave a fault is: by its CVSS vectors (v2, v3, v4), else by the database's own word.
//!
//! | score | severity | | word | severity |
//! |---|---|---|---|---|
//! | 9.0 to 10 | critical | | CRITICAL | critical |
//! | 7.0 to 8.9 | high | | HIGH, IMPORTANT | high |
//! | 4.0 to 6.9 | medium | | MODERATE, MEDIUM | medium |
//! | 0.1 to 3.9 | low | | LOW, MINOR | low |
//! | 0 | info | | NONE | info |
//!
//! Of several vectors the highest score counts. A record of malicious code (`MAL-…`) is critical, one that says nothing
//! medium.

use std::str::FromStr as _;

use cvss::Cvss;
use lazaret_core::Severity;

use super::osv::{Affected, Record};

/// A severity, and the score it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Graveness {
    /// The severity.
    pub severity: Severity,
    /// The score, 0 to 10, where a vector gives one.
    pub score: Option<f64>,
}

/// How grave a record's fault is in one of its packages.
pub fn graveness(record: &Record, affected: Option<&Affected>) -> Graveness {
    if record.names().any(|name| name.starts_with("MAL-")) {
        return Graveness { severity: Severity::Critical, score: None };
    }
    let own = affected.map(|affected| affected.vectors.as_slice()).unwrap_or_default();
    let vectors = if own.is_empty() { &record.vectors } else { own };
    let score = vectors.iter().filter_map(|vector| score(vector)).max_by(f64::total_cmp);
    let severity = match (score, record.word.as_deref()) {
        (Some(score), _) => of_score(score),
        (None, Some("CRITICAL")) => Severity::Critical,
        (None, Some("HIGH" | "IMPORTANT")) => Severity::High,
        (None, Some("LOW" | "MINOR")) => Severity::Low,
        (None, Some("NONE")) => Severity::Info,
        (None, _) => Severity::Medium,
    };
    Graveness { severity, score }
}

/// The qualitative scale of CVSS v3 and v4, taken for v2 too.
fn of_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    }
}

/// The metrics without which version 4 gives no score.
const BASE_OF_V4: &[&str] = &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];
const BASE_OF_V3: &[&str] = &["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const BASE_OF_V2: &[&str] = &["AV", "AC", "Au", "C", "I", "A"];

/// The score of a vector; nothing where it is none, or not whole.
pub fn score(vector: &str) -> Option<f64> {
    let vector = vector.trim();
    let base = if vector.starts_with("CVSS:4.") {
        BASE_OF_V4
    } else if vector.starts_with("CVSS:3.") {
        BASE_OF_V3
    } else {
        BASE_OF_V2
    };
    // The scoring asks for every base metric; an incomplete vector has no score.
    let says = |metric: &&str| {
        let mut metrics = vector.split('/').filter_map(|step| step.split_once(':'));
        metrics.any(|(name, _)| name == *metric)
    };
    if vector.len() > 300 || !base.iter().all(says) {
        return None;
    }
    let score = Cvss::from_str(vector).ok()?.score();
    (0.0..=10.0).contains(&score).then_some(score)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Vectors and scores as their publishers print them (FIRST's examples, and NVD's and GitHub's of the CVE named).
    #[test]
    fn scores_are_those_that_are_published() {
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8), // CVE-2020-14343
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 8.8),
            ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 8.8),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3), // CVE-2025-32434
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:A/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 7.3), // CVE-2025-1550
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(score(vector), Some(expected), "{vector}");
        }
        for vector in [
            "",
            "7.5",
            "CVSS:3.1/AV:N",
            "CVSS:9.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "AV:N/AC:L/Au:N/C:P/I:P",
        ] {
            assert_eq!(score(vector), None, "{vector}");
        }
    }

    proptest! {
        #[test]
        fn any_vector_ends(
            version in "(CVSS:4\\.0/|CVSS:3\\.1/|CVSS:3\\.0/|)",
            metrics in proptest::collection::vec("(AV|AC|AT|PR|UI|VC|VI|VA|SC|SI|SA|E|CR|MAV|MSI|S|C|I|A|Au|RL):[A-Z]{1,2}", 0..16),
        ) {
            let vector = format!("{version}{}", metrics.join("/"));
            if let Some(score) = score(&vector) {
                prop_assert!((0.0..=10.0).contains(&score));
            }
        }

        #[test]
        fn whole_vectors_of_version_4_have_a_score(
            base in ("[NALP]", "[LH]", "[NP]", "[NLH]", "[NPA]", "[HLN]", "[HLN]", "[HLN]", "[HLN]", "[HLN]", "[HLN]"),
        ) {
            let (av, ac, at, pr, ui, vc, vi, va, sc, si, sa) = base;
            let vector = format!(
                "CVSS:4.0/AV:{av}/AC:{ac}/AT:{at}/PR:{pr}/UI:{ui}/VC:{vc}/VI:{vi}/VA:{va}/SC:{sc}/SI:{si}/SA:{sa}"
            );
            prop_assert!(score(&vector).is_some(), "{}", vector);
        }
    }
}
