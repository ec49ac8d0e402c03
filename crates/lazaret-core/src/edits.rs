//! Edits: what is changed in a record before it crosses. Everything outside them stays byte for byte.

use std::collections::BTreeMap;

use crate::{Sensitive, Span};

/// One change within a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which bytes of the segment's text.
    pub span: Span,
    /// What stands there instead. Empty text where [`Edit::whole`] is set means that the element goes.
    pub with: Sensitive<String>,
    /// The edit is of the whole segment, which the schema says is one value: a format may drop the element
    /// instead of writing the replacement, where the replacement is no valid value of its type.
    pub whole: bool,
}

/// Two edits of one segment overlap, or one is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("edits of one segment must be in order and must not overlap")]
pub struct EditsOverlap;

/// The edits of one record, by the number of the segment in the order of its visit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    by_segment: BTreeMap<usize, Vec<Edit>>,
}

impl Edits {
    /// No edits.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds an edit; each must start at or after the end of the last of its segment.
    pub fn push(&mut self, segment: usize, edit: Edit) -> Result<(), EditsOverlap> {
        let edits = self.by_segment.entry(segment).or_default();
        if edits.last().is_some_and(|last| edit.span.start < last.span.end || last.whole || edit.whole) {
            return Err(EditsOverlap);
        }
        edits.push(edit);
        Ok(())
    }

    /// Sets what stands in the place of the n-th edit of a segment.
    pub(crate) fn set(&mut self, segment: usize, nth: usize, with: String) {
        if let Some(edit) = self.by_segment.get_mut(&segment).and_then(|edits| edits.get_mut(nth)) {
            edit.with = with.into();
        }
    }

    /// The edits of one segment, in order.
    pub fn of(&self, segment: usize) -> &[Edit] {
        self.by_segment.get(&segment).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.by_segment.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_segment.values().map(Vec::len).sum()
    }

    /// The text with one segment's edits made. None if a span is not on character boundaries within it.
    pub fn apply(&self, segment: usize, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in self.of(segment) {
            out.push_str(text.get(at..edit.span.start)?);
            out.push_str(edit.with.expose());
            text.get(edit.span.start..edit.span.end)?;
            at = edit.span.end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(start: usize, end: usize, with: &str) -> Edit {
        Edit { span: Span::new(start, end), with: with.to_owned().into(), whole: false }
    }

    #[test]
    fn overlapping_edits_are_refused() {
        let mut edits = Edits::none();
        edits.push(0, edit(0, 4, "a")).unwrap();
        assert_eq!(edits.push(0, edit(3, 5, "b")), Err(EditsOverlap));
        edits.push(0, edit(4, 5, "b")).unwrap();
        edits.push(1, edit(0, 1, "c")).unwrap();
        assert_eq!(edits.len(), 3);
    }

    #[test]
    fn a_span_inside_a_character_is_refused_not_guessed() {
        let mut edits = Edits::none();
        edits.push(0, edit(1, 2, "x")).unwrap();
        assert_eq!(edits.apply(0, "é"), None);
    }

    proptest! {
        #[test]
        fn text_outside_the_edits_is_unchanged(text in "\\PC{0,40}", cuts in prop::collection::vec(0_usize..60, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut)).collect();
            cuts.sort_unstable();
            let mut edits = Edits::none();
            let mut kept = String::new();
            let mut at = 0;
            for pair in cuts.chunks_exact(2) {
                edits.push(7, edit(pair[0], pair[1], "\u{1}")).unwrap();
                kept.push_str(text.get(at..pair[0]).unwrap());
                at = pair[1];
            }
            kept.push_str(text.get(at..).unwrap());
            prop_assert_eq!(edits.apply(7, &text).unwrap().replace('\u{1}', ""), kept);
        }
    }
}
