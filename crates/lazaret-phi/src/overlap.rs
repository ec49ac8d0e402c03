//! Many detectors may claim one text: out of it come disjoint spans, each with one label.
//!
//! Claims that overlap are one cluster. The best evidence gives the label, then length, then confidence; the
//! span becomes the winner's, widened by claims that reach over its edge so that nothing claimed leaks.

use std::cmp::Reverse;

use lazaret_core::{Confidence, Kind, Label};

const MILLION: f64 = 1e6;

/// Why something is believed to be what it is, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Evidence {
    /// A model of the hospital's own, by its probability in millionths ([`Evidence::model`]).
    Model(u32),
    /// Word lists and neighbours.
    Likely,
    /// The form alone.
    Shape,
    /// The form, and a check digit or calendar that holds.
    Checked,
    /// A cue names it.
    Named,
    /// The record says so.
    Known,
}

impl Evidence {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a confidence is from 0 to 1"
    )]
    pub(crate) fn model(confidence: Confidence) -> Self {
        Self::Model((f64::from(confidence.value()) * MILLION).round() as u32)
    }

    pub(crate) fn confidence(self) -> Confidence {
        Confidence::new(match self {
            #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
            Self::Model(millionths) => (f64::from(millionths) / MILLION) as f32,
            Self::Likely => 0.5,
            Self::Shape => 0.7,
            Self::Checked => 0.85,
            Self::Named => 0.95,
            Self::Known => 0.99,
        })
    }
}

/// One claim, on the folded text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) label: Label,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) evidence: Evidence,
}

impl Found {
    const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Kinds whose form leaves no doubt (an `@`, a `://`) win over parts of themselves.
    const fn encloses(&self) -> bool {
        matches!(self.label.kind, Kind::Email | Kind::Url | Kind::Photo)
    }

    fn rank(&self) -> (bool, Evidence, usize) {
        (self.encloses(), self.evidence, self.len())
    }
}

/// Makes claims disjoint, in order of place.
pub(crate) fn resolve(claims: &[Found]) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::with_capacity(claims.len());
    for claim in in_order(claims).into_iter().filter_map(|(.., number)| claims.get(number).copied()) {
        if claim.start >= claim.end {
            continue;
        }
        match out.last_mut() {
            Some(last) if claim.start < last.end => {
                let (start, end) = (last.start, last.end.max(claim.end));
                if claim.rank() > last.rank() {
                    *last = claim;
                }
                last.start = start;
                last.end = end;
            }
            _ => out.push(claim),
        }
    }
    out
}

/// Bytes of text whose claims are put in order among themselves: a power of two.
const BUCKET: usize = 32;

/// The starts, ends and numbers of claims by place, the longer first, and of equal ones the earlier claim. They lie all
/// over the text, so that each finds its stretch of it by counting, and few are left to compare.
pub(crate) fn in_order(claims: &[Found]) -> Vec<(usize, Reverse<usize>, usize)> {
    let bucket = |claim: &Found| claim.start / BUCKET;
    let mut places = vec![0_usize; claims.iter().map(bucket).max().map_or(0, |last| last + 1)];
    for claim in claims {
        places.get_mut(bucket(claim)).into_iter().for_each(|count| *count += 1);
    }
    let mut sum = 0;
    for place in &mut places {
        let count = std::mem::replace(place, sum);
        sum += count;
    }
    let mut order = vec![(0, Reverse(0), 0); claims.len()];
    for (number, claim) in claims.iter().enumerate() {
        let Some(place) = places.get_mut(bucket(claim)) else { continue };
        order.get_mut(*place).into_iter().for_each(|slot| *slot = (claim.start, Reverse(claim.end), number));
        *place += 1;
    }
    // Now each place is where the next stretch begins.
    let mut from = 0;
    for place in places {
        if let Some(few) = order.get_mut(from..place).filter(|few| few.len() > 1) {
            few.sort_unstable();
        }
        from = place;
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(label: Label, start: usize, end: usize, evidence: Evidence) -> Found {
        Found { label, start, end, evidence }
    }

    #[test]
    fn the_best_evidence_names_the_whole() {
        let out = resolve(&[
            claim(Label::PHONE, 4, 14, Evidence::Shape),
            claim(Label::MRN, 4, 12, Evidence::Named),
            claim(Label::EMAIL, 20, 40, Evidence::Shape),
            claim(Label::PATIENT, 20, 27, Evidence::Known),
        ]);
        let seen: Vec<_> = out.iter().map(|f| (f.label, f.start, f.end)).collect();
        assert_eq!(seen, [(Label::MRN, 4, 14), (Label::EMAIL, 20, 40)]);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_disjoint_and_covers_what_went_in(
            spans in prop::collection::vec((0_usize..60, 0_usize..12), 0..30)
        ) {
            let claims: Vec<Found> = spans.iter()
                .map(|(start, len)| claim(Label::DATE, *start, start + len, Evidence::Shape)).collect();
            let out = resolve(&claims);
            prop_assert!(out.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for claim in claims.iter().filter(|c| c.start < c.end) {
                prop_assert!(out.iter().any(|o| o.start <= claim.start && claim.end <= o.end));
            }
        }
    }
}
