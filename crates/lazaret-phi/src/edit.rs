//! Writes a text anew without what was found in it: numbered placeholders, made-up values, moved dates, coarser values.
//!
//! An [`Editor`] remembers whom and what it met: the same person, number or date is numbered alike, and becomes the
//! same made-up value, through one text, a conversation, or all texts of a patient, as long as the editor is kept. It
//! never looks ahead: a text edited part by part is edited as the whole is.

use std::collections::BTreeMap;

use lazaret_core::{Detection, Edit, Edits, KeyedDigest, Kind, Label, Rewriter as _, Timestamp};
use rustc_hash::FxHashMap;

use crate::entities::Entities;
use crate::rewrite::PhiRewriter;
use crate::states::{self, State};
use crate::surrogate::{Stream, shape, surrogate};

/// What becomes of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// A typed placeholder, numbered per person, number or date: `[NAME 1]`.
    Redact,
    /// A made-up value: the same form, sex and shape. Dates move.
    Surrogate,
    /// Dates move by one number of days, in their form; all else is redacted.
    Shift,
    /// Ages become `90+`, ZIP codes their first three digits or `000`, dates their year; all else is redacted.
    Generalise,
}

/// A text after its edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The text. What was not found stands in it byte for byte.
    pub text: String,
    /// How many edits, by label and by what was done: what has no other form is redacted.
    pub made: BTreeMap<(Label, &'static str), u64>,
}

/// Edits texts, and remembers.
#[derive(Debug)]
pub struct Editor {
    with: With,
    rewriter: PhiRewriter,
    seed: KeyedDigest,
    days: i32,
    met: Entities,
    /// What was written last, where it is a state: the ZIP code behind it is made up for it.
    state: Option<&'static State>,
    /// Made-up ZIP codes by the five digits they stand for.
    zips: FxHashMap<String, String>,
}

impl Editor {
    /// Made-up values and moved dates follow from `seed`: a secret of the patient, or of the run. `today` decides which
    /// birth years give an age over 89 away.
    pub fn new(with: With, seed: KeyedDigest, today: Timestamp) -> Self {
        let mut stream = Stream::new(&seed, Label::DATE, "");
        let days = i32::try_from(stream.below(364)).unwrap_or(0) + 1;
        let days = if stream.below(2) == 0 { days } else { -days };
        Self {
            with,
            rewriter: PhiRewriter::new(today),
            seed,
            days,
            met: Entities::default(),
            state: None,
            zips: FxHashMap::default(),
        }
    }

    /// The same with the number of days by which dates move; 0 is refused by leaving dates out.
    #[must_use]
    pub fn moving_by(self, days: i32) -> Self {
        Self { days, ..self }
    }

    /// Edits a text. The detections are disjoint and in order, as a scan gives them; what is not so is left out of the
    /// text's edits and none is returned.
    pub fn edit(&mut self, text: &str, found: &[Detection]) -> Option<Edited> {
        let mut edits = Edits::none();
        let mut made = BTreeMap::new();
        let mut at = 0;
        for detection in found {
            let (label, span) = (detection.label, detection.span);
            let value = text.get(span.start..span.end)?;
            let before = text.get(..span.start).unwrap_or("");
            // Of the state that stands before it in the text, or was written there.
            let between = text.get(at..span.start)?;
            at = span.end;
            let state = match between.trim_matches([' ', ',', '.', '\t', '\n', '\r']) {
                "" => self.state.take(),
                _ => states::last_in(between),
            };
            let (done, with) = self.replacement(label, value, before, state);
            self.state = states::named(&with).filter(|_| label == Label::STATE);
            *made.entry((label, done)).or_insert(0) += 1;
            edits.push(0, Edit { span, with: with.into(), whole: false }).ok()?;
        }
        Some(Edited { text: edits.apply(0, text)?, made })
    }

    fn replacement(
        &mut self,
        label: Label,
        value: &str,
        before: &str,
        state: Option<&'static State>,
    ) -> (&'static str, String) {
        // Counted whatever is done, so that numbers do not depend on what has another form.
        let (number, person) = self.met.met(label, value, before);
        let (done, with) = match self.with {
            With::Redact => ("redact", None),
            With::Shift => ("shift", self.rewriter.shift(label, value, self.days)),
            With::Generalise => ("generalise", self.rewriter.generalise(label, value)),
            With::Surrogate if label.kind == Kind::Date => {
                ("shift", self.rewriter.shift(label, value, self.days))
            }
            With::Surrogate => (
                "surrogate",
                match person {
                    Some(person) => {
                        Some(self.met.surrogate(person, value, &self.seed)).filter(|made| made != value)
                    }
                    None if label == Label::ZIP => self.zip(value, state),
                    None => surrogate(label, value, &self.seed),
                },
            ),
        };
        with.map_or_else(|| ("redact", format!("[{} {number}]", label.kind.name())), |with| (done, with))
    }
}

impl Editor {
    /// A ZIP code that fits the state it stands beside; met again, without one too, it is the same.
    fn zip(&mut self, value: &str, state: Option<&'static State>) -> Option<String> {
        let (five, rest) = value.split_at_checked(5).unwrap_or((value, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plus_four = rest.strip_prefix('-').is_some_and(|four| four.len() == 4 && digits(four));
        if five.len() != 5 || !digits(five) || !(rest.is_empty() || plus_four) {
            return surrogate(Label::ZIP, value, &self.seed);
        }
        let made = match self.zips.get(five) {
            Some(made) => made.clone(),
            None => match state {
                Some(state) => states::zip(five, state, &self.seed),
                None => surrogate(Label::ZIP, five, &self.seed)?,
            },
        };
        let whole = format!("{made}{}", shape(rest, &mut Stream::new(&self.seed, Label::ZIP, value)));
        self.zips.insert(five.to_owned(), made);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::{Confidence, Language, Span};
    use proptest::prelude::*;

    use super::*;
    use crate::Scanner;
    use crate::surrogate::{Gender, gender_of};

    const SEED: KeyedDigest = KeyedDigest([7; 32]);
    const TODAY: Timestamp = Timestamp::from_millis(1_764_080_413_007); // 2025-11-25

    /// A text in which `{LABEL|value}` marks what was found.
    fn marked(text: &str) -> (String, Vec<Detection>) {
        let mut plain = String::new();
        let mut found = Vec::new();
        for piece in text.split('{') {
            let Some((mark, rest)) = piece.split_once('}') else {
                plain.push_str(piece);
                continue;
            };
            let (label, value) = mark.split_once('|').unwrap();
            let label = Label::parse(label).unwrap();
            let span = Span::new(plain.len(), plain.len() + value.len());
            found.push(Detection {
                label,
                span,
                confidence: Confidence::new(0.9),
                rule: label.kind.rule_id(),
                language: Language::English,
            });
            plain.push_str(value);
            plain.push_str(rest);
        }
        (plain, found)
    }

    fn edited(with: With, text: &str) -> String {
        let (plain, found) = marked(text);
        Editor::new(with, SEED, TODAY).edit(&plain, &found).unwrap().text
    }

    #[test]
    fn one_person_one_number_one_date_have_one_placeholder() {
        let text = "{NAME.patient|VANE, QUILL} met {NAME|Quill Vane}, then {NAME|Vane} called {NAME|Tamsin Orrell}; \
                    {NAME|Q. Vane} at {PHONE|(617) 555-0142} or {PHONE|1-617-555-0142}, {DATE|2024-03-01}, {DATE|1 Mar 2024}, \
                    {DATE|3/2/24}";
        let redacted = edited(With::Redact, text);
        assert_eq!(
            redacted,
            "[NAME 1] met [NAME 1], then [NAME 1] called [NAME 2]; [NAME 1] at [PHONE 1] or [PHONE 1], [DATE 1], \
             [DATE 1], [DATE 2]"
        );
    }

    #[test]
    fn a_persons_made_up_name_stays_the_same_in_every_writing() {
        let text = "Mr. {NAME|Quill Vane}; {NAME|VANE, QUILL}; {NAME|Vane}; {NAME|Q. Vane}";
        let made = edited(With::Surrogate, text);
        let parts: Vec<&str> = made.trim_start_matches("Mr. ").split("; ").collect();
        let (given, family) = parts[0].split_once(' ').unwrap();
        assert_eq!(gender_of(&given.to_lowercase()), Some(Gender::Male));
        assert_eq!(parts[1], format!("{}, {}", family.to_uppercase(), given.to_uppercase()));
        assert_eq!(parts[2], family);
        assert_eq!(parts[3], format!("{}. {family}", given.chars().next().unwrap()));
    }

    #[test]
    fn one_number_is_made_up_alike_in_every_writing() {
        let made = edited(
            With::Surrogate,
            "{MRN|MRN 00731946}; {MRN|00731946}; {MRN|MRN: 0073-1946}; {PHONE|(617) 322-8841}; {PHONE|1-617-322-8841}",
        );
        let made: Vec<&str> = made.split("; ").collect();
        assert_eq!(made[0], format!("MRN {}", made[1]));
        assert_eq!(made[2].replace('-', ""), format!("MRN: {}", made[1]));
        assert_ne!(made[1], "00731946");
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        assert_eq!(format!("1{}", digits(made[3])), digits(made[4]));
    }

    #[test]
    fn a_zip_code_fits_the_state_beside_it() {
        let kept = edited(
            With::Surrogate,
            "{LOCATION.city|Tansy}, MA {LOCATION.zip|48201-1234}, then {LOCATION.zip|48201}",
        );
        let (first, again) = kept.split_once(" MA ").unwrap().1.split_once(", then ").unwrap();
        assert!(states::named("MA").unwrap().has(first) && first.len() == 10, "{kept}");
        assert_eq!(first.get(..5), Some(again));
        let replaced = edited(With::Surrogate, "{LOCATION.state|Ohio} {LOCATION.zip|43004}");
        let (name, zip) = replaced.rsplit_once(' ').unwrap();
        assert!(name != "Ohio" && states::named(name).unwrap().has(zip) && zip.len() == 5, "{replaced}");
        // A state that is not beside it says nothing, and codes of other countries have none.
        let apart = "{LOCATION.state|Ohio} then {DATE|2024-03-01}, {LOCATION.zip|43004}";
        assert_eq!(edited(With::Surrogate, apart).rsplit(' ').next().unwrap().len(), 5);
        assert_eq!(edited(With::Surrogate, "{LOCATION.zip|SW1A 1AA}").len(), 8);
    }

    #[test]
    fn dates_move_together_and_what_cannot_move_is_redacted() {
        let text = "{DATE|01 March 2024}, {DATE|2024-03-08T07:30}, {DATE|Thanksgiving}, {NAME|Vane}";
        let (plain, found) = marked(text);
        let moved = Editor::new(With::Shift, SEED, TODAY).moving_by(-10).edit(&plain, &found).unwrap();
        assert_eq!(moved.text, "20 February 2024, 2024-02-27T07:30, [DATE 3], [NAME 1]");
        assert_eq!(moved.made.get(&(Label::DATE, "shift")), Some(&2));
        assert_eq!(moved.made.get(&(Label::DATE, "redact")), Some(&1));
    }

    #[test]
    fn coarser_values_follow_the_rules_of_safe_harbor() {
        let text = "{AGE|93-year-old} of {LOCATION.zip|02139}, {LOCATION.zip|03601}, {DATE|March 4, 1987}, {LOCATION.city|Tansy}";
        assert_eq!(edited(With::Generalise, text), "90+ of 021, 000, 1987, [LOCATION 3]");
    }

    #[test]
    fn spans_that_overlap_or_cut_a_character_are_refused() {
        let (plain, mut found) = marked("é{NAME|Vane}{NAME|Orrell}");
        found[1].span = Span::new(4, 8);
        assert_eq!(Editor::new(With::Redact, SEED, TODAY).edit(&plain, &found), None);
        found.truncate(1);
        found[0].span = Span::new(1, 3);
        assert_eq!(Editor::new(With::Redact, SEED, TODAY).edit(&plain, &found), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn untouched_text_stays_and_parts_are_edited_as_the_whole_is(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "Seen by Dr. Quill Vane. ", "VANE, QUILL ", "on 03/04/2024 ", "MRN: 0073-1946 ", "call 617-555-0142. ",
                    "é ", "aged 93 ", "no fever\n", "lives in Cambridge, MA 02139. ", "Q.V. ", "at Quillmoor Hospital, ", "02139 ", "mail q.vane@tansy.example ", "Mrs. Orrell ",
                ]),
                1..16,
            ),
            with in prop::sample::select(vec![With::Redact, With::Surrogate, With::Shift, With::Generalise]),
        ) {
            let text = pieces.concat();
            let found = Scanner::new().unwrap().scan(&text, None).unwrap();
            let whole = Editor::new(with, SEED, TODAY).edit(&text, &found).unwrap().text;
            // Part by part, cut where nothing was found.
            let mut editor = Editor::new(with, SEED, TODAY);
            let mut joined = String::new();
            let mut kept = String::new();
            let mut at = 0;
            for detection in &found {
                let part = text.get(at..detection.span.end).unwrap();
                let moved = Detection { span: Span::new(detection.span.start - at, detection.span.end - at), ..*detection };
                joined.push_str(&editor.edit(part, &[moved]).unwrap().text);
                kept.push_str(text.get(at..detection.span.start).unwrap());
                at = detection.span.end;
            }
            joined.push_str(text.get(at..).unwrap());
            kept.push_str(text.get(at..).unwrap());
            prop_assert_eq!(&joined, &whole);
            let mut rest = whole.as_str();
            for piece in kept.split(char::is_whitespace).filter(|piece| !piece.is_empty()) {
                let place = rest.find(piece);
                prop_assert!(place.is_some(), "{piece} in {whole}");
                rest = rest.get(place.unwrap() + piece.len()..).unwrap();
            }
        }
    }
}
