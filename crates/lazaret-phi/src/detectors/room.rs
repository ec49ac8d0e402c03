//! Finds room and bed numbers.
//!
//! The number after `room`, `rm`, `bed`, `chair`, in digits or words, and after a unit (`CVICU 8`): with a date it says who
//! lay there.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `rm 4127-B` gives `4127-B`; `bed rest for 3 days` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digits, unit_follows};
use crate::view::Note;

/// See the page above.
pub(crate) struct Room;

impl ShapeDetector for Room {
    fn id(&self) -> &'static str {
        "phi.other-id.room"
    }

    fn source(&self) -> &'static str {
        include_str!("room.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Moved to rm 4127-B at noon.", "Bed rest for 3 days, room air.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:room|rm|bed|chair|bay|ward|cubicle|resus|or room)\b\.?:? ?(?:no\b\.? ?|# ?|number )?",
            ),
            (Pass::Numbers, r"\b\d{3,4}-[A-D]\b|(?-i:\bOR) \d{1,2}\b"),
            (
                Pass::Numbers,
                r"\b(?:room|bed) (?:number )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty)(?: (?:oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|hundred)){0,4}\b",
            ),
            (
                Pass::Cues,
                r"\b(?:micu|sicu|cvicu|cticu|nsicu|picu|nicu|icu|pacu|ed)[ -](?:bed |bay |rm )?[a-z]?\d{1,3}[a-z]?\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        if hit.shape == 2 {
            let text = note.slice(hit.start, hit.end);
            let lead = text.find(' ').map_or(0, |at| at + 1);
            let lead =
                lead + if text.get(lead..).is_some_and(|rest| rest.starts_with("number ")) { 7 } else { 0 };
            if !unit_follows(note, hit.end) {
                out.push(found(Label::OTHER_ID.sub("room"), hit.start + lead, hit.end, Evidence::Named));
            }
            return;
        }
        if hit.shape == 3 {
            // `CVICU 8`; `ICU 3 days`, `ED 2/7` are none.
            let text = note.slice(hit.start, hit.end);
            let value = text.rsplit([' ', '-']).next().unwrap_or("");
            let joins = matches!(note.byte(hit.end), b'/' | b'-' | b':' | b'.' | b'%' | b'x')
                && note.byte(hit.end + 1).is_ascii_alphanumeric();
            let counts = note.cue_after(hit.end, 12, "days|day|nights|weeks|week|visits|visit|times|hours|hrs|beds|patients|admissions|stays|stay|consult");
            let upper = note.byte(hit.start).is_ascii_uppercase() || value.len() >= 2;
            if upper && !joins && !counts && !unit_follows(note, hit.end) {
                out.push(found(Label::OTHER_ID.sub("room"), hit.end - value.len(), hit.end, Evidence::Shape));
            }
            return;
        }
        if hit.shape == 1 {
            if note.byte(hit.start) == b'O' {
                let led = [", ", "in ", "to "].iter().any(|lead| note.before(hit.start, 3).ends_with(lead));
                if led {
                    out.push(found(Label::OTHER_ID.sub("room"), hit.start + 3, hit.end, Evidence::Shape));
                }
                return;
            }
            if note.cue_before(hit.start, 6, "in|to|on|rm|from|bed|pt")
                && !matches!(note.byte(hit.end), b'-' | b'/')
            {
                out.push(found(Label::OTHER_ID.sub("room"), hit.start, hit.end, Evidence::Shape));
            }
            return;
        }
        let start = hit.end;
        let mut end = start;
        while end - start < 12
            && (note.byte(end).is_ascii_alphanumeric()
                || (note.byte(end) == b'-' && note.byte(end + 1).is_ascii_alphanumeric()))
        {
            end += 1;
        }
        let value = note.slice(start, end);
        let letters = value.len() - digits(value);
        let plain = digits(value) >= 1 && digits(value) <= 5 && letters <= 6;
        if plain
            && start > hit.start
            && !unit_follows(note, end)
            && !matches!(note.byte(end), b'/' | b':' | b'%')
            && !note.cue_after(end, 9, "degrees|degree|deg|°")
        {
            out.push(found(Label::OTHER_ID.sub("room"), start, end, Evidence::Named));
        }
    }
}
