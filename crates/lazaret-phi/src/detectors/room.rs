//! Finds room and bed numbers.
//!
//! The number after `room`, `rm`, `bed`, `chair`, `isolette`, `trolley`, `suite` and other words for where someone lies, in digits
//! or words, and after a unit (`CVICU 8`): with a date it says who lay there. A letter alone counts after a room.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `rm 4127-B` gives `4127-B`; `bed rest for 3 days` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::cue::is_one_of;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digits, unit_follows};
use crate::view::{Case, Note};

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
                r"\b(?:room|playroom|rm|bed|chair|pod|bay|ward|cubicle|resus|or room|homeroom|suite|ldrp?|isolette|incubator|warmer|crib|cot|bassinet|stretcher|gurney|trolley|theat(?:re|er)|housing|dorm|bunk|berth|op|operatory)\b\.?:?[ \t]?(?:no\b\.? ?|nr\b\.? ?|# ?|number )?",
            ),
            (
                Pass::Numbers,
                r"\b\d{3,4}-[A-D]\b|(?-i:\bOR) \d{1,2}\b|(?-i:\b(?:LDR|ICU|CCU|PACU|MICU|SICU|NICU|PICU)\d{1,3}[A-Z]?)\b|\bunit (?-i:[A-Z]\d-\d{1,3}[A-Z]?)\b",
            ),
            (
                Pass::Numbers,
                r"\b(?:room|bed) (?:number )?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty)(?: (?:oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|hundred)){0,4}\b",
            ),
            (
                Pass::Cues,
                r"\b(?:[a-z]{0,3}icu|ccu|pacu|ed|er|ldr|obs|tele|med ?surg)[ -](?:bed |bay |rm )?[a-z]?\d{1,3}[a-z]?\b",
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
            let counts = note.cue_after(hit.end, 12, "days|day|d|hr|hrs|h|wk|wks|mo|nights|weeks|week|visits|visit|times|hours|beds|patients|admissions|stays|stay|consult");
            let upper = note.byte(hit.start).is_ascii_uppercase() || value.len() >= 2;
            if upper && !joins && !counts && !unit_follows(note, hit.end) {
                out.push(found(Label::OTHER_ID.sub("room"), hit.end - value.len(), hit.end, Evidence::Shape));
            }
            return;
        }
        if hit.shape == 1 {
            if matches!(note.byte(hit.start), b'U' | b'u') {
                out.push(found(Label::OTHER_ID.sub("room"), hit.start + 5, hit.end, Evidence::Named));
                return;
            }
            // `LDR4`
            if note.slice(hit.start, hit.start + 3).bytes().all(|b| b.is_ascii_uppercase()) {
                let text = note.slice(hit.start, hit.end);
                let unit = text.bytes().take_while(u8::is_ascii_uppercase).count();
                out.push(found(Label::OTHER_ID.sub("room"), hit.start + unit, hit.end, Evidence::Shape));
                return;
            }
            if note.byte(hit.start) == b'O' {
                // `OR 7.` as a field of its own; `OR 2.1` is a ratio.
                let field =
                    ["; ", ". ", "| ", "  "].iter().any(|lead| note.before(hit.start, 2).ends_with(lead))
                        && (matches!(note.byte(hit.end), b',' | b';' | b'|' | b'\n' | 0)
                            || note.byte(hit.end) == b'.' && !note.byte(hit.end + 1).is_ascii_digit()
                            || note.after(hit.end, 2) == "  ");
                let led = field
                    || [", ", "in ", "to ", "er ", "re "]
                        .iter()
                        .any(|lead| note.before(hit.start, 3).ends_with(lead));
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
        after_word(hit, note, out);
    }
}

/// Words after which a letter alone is a room's: `Room C`, `Theatre B`.
const LETTERED: &str = "room|rm|pod|theatre|theater|bay|cubicle|suite|homeroom";
/// Words that are others too: what stands after them must look like a room's number, on one line with the word.
const VAGUE: &str =
    "suite|op|cot|crib|warmer|housing|berth|dorm|bunk|theatre|theater|incubator|stretcher|gurney|trolley";

/// The value after a word for where someone lies.
fn after_word(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let start = hit.end;
    let mut end = start;
    while end - start < 12
        && (note.byte(end).is_ascii_alphanumeric()
            || (note.byte(end) == b'-' && note.byte(end + 1).is_ascii_alphanumeric()))
    {
        end += 1;
    }
    let value = note.slice(start, end);
    let cue = note.slice(hit.start, hit.end);
    let word = cue.split([' ', '.', ':', '#']).next().unwrap_or("");
    let is = |list: &str| list.split('|').any(|known| known.eq_ignore_ascii_case(word));
    let letters = value.len() - digits(value);
    let lone = digits(value) == 0
        && value.len() == 1
        && value.bytes().all(|b| b.is_ascii_uppercase())
        && value != "I"
        && is(LETTERED);
    // `POD 3`: the third day after an operation.
    let numbered = !is("pod") && digits(value) >= 1 && digits(value) <= 5 && letters <= 6;
    // `bed to chair 02`: what a score counts.
    let scored = note.before(hit.start, 4).ends_with(" to ")
        && note.cue_before(hit.start, 16, "bed|sit|stand|transfer");
    let time = value.len() == 4 && digits(value) == 4;
    let doubted = is(VAGUE)
        && (time || !value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'-'));
    let counts = is(VAGUE) && note.cue_after(end, 10, "of|x|and|to|or|cells|per|deaths|days");
    // `18 Fern Street, Suite 200` is an office's address; `hybrid suite 3` is where someone lay.
    if word.eq_ignore_ascii_case("suite")
        && !note.cue_before(hit.start, 14, "hybrid|or|operating|procedure|birthing|birth|labor|labour|delivery|endoscopy|endo|angio|cath|surgical|surgery|infusion|recovery|imaging|ir|in|to")
    {
        return;
    }
    // `post-op 3`
    let after_operation = word.eq_ignore_ascii_case("op")
        && matches!(note.byte_before(hit.start), b'-' | b' ')
        && note.cue_before(hit.start, 6, "post|pre|post-|pre-|co-|intra|peri");
    if (numbered || lone)
        && !after_operation
        && !scored
        && !doubted
        && !counts
        && start > hit.start
        && !unit_follows(note, end)
        && !note.cue_after(end, 9, "degrees|degree|deg|°")
        && !matches!(note.byte(end), b'/' | b':' | b'%')
        && !(note.byte(end) == b'.' && note.byte(end + 1).is_ascii_digit())
    {
        out.push(found(Label::OTHER_ID.sub("room"), start, ward_end(note, end), Evidence::Named));
        return;
    }
    // `room Banksia 3`, `room G.04`: a name or a letter and a number.
    if is("room|rm|bed|ward|suite") && start > hit.start {
        let token = note.tokens().get(note.token_at(start)).filter(|t| t.start == start);
        let named = token.is_some_and(|t| {
            matches!(t.case, Case::Capital | Case::Initial)
                && !is_one_of(note.word(t), "Air|Rest|Round|Rounds|Temp|No|Bound|Side|Visit|Check")
                && (t.case == Case::Initial) == (note.byte(t.end) == b'.')
                && matches!(note.byte(t.end), b' ' | b'.')
        });
        let at = token.map_or(end, |t| t.end + 1);
        let number = note.after(at, 4);
        let count = number.bytes().take_while(u8::is_ascii_digit).count();
        let closes = !number
            .as_bytes()
            .get(count)
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'%' | b':'));
        if named && (1..=3).contains(&count) && closes && !unit_follows(note, at + count) {
            out.push(found(Label::OTHER_ID.sub("room"), start, at + count, Evidence::Named));
            return;
        }
    }
    // `BED: CVICU 8`: the unit belongs to it.
    if is("bed|room|rm")
        && !value.is_empty()
        && letters == value.len()
        && letters <= 6
        && value.bytes().all(|b| b.is_ascii_uppercase())
        && note.byte(end) == b' '
    {
        let number = note.after(end + 1, 12);
        let count = number.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
        let number = number.get(..count).unwrap_or("").trim_end_matches('-');
        let count = number.len();
        if (1..=10).contains(&count)
            && number.starts_with(|c: char| c.is_ascii_digit())
            && !unit_follows(note, end + 1 + count)
        {
            out.push(found(Label::OTHER_ID.sub("room"), start, end + 1 + count, Evidence::Named));
        }
    }
}

/// On over where the room or bed is: `bed 12, Ward 7B`, `rm 4 bed 2`.
fn ward_end(note: &Note<'_>, end: usize) -> usize {
    let rest = note.after(end, 20);
    let inner = rest.trim_start_matches([',', ' ']);
    let Some((word, number)) =
        inner.split_once(' ').filter(|_| (1..=2).contains(&(rest.len() - inner.len())))
    else {
        return end;
    };
    let place = ["ward", "room", "rm", "bed", "bay", "wing", "floor", "unit"]
        .iter()
        .any(|w| w.eq_ignore_ascii_case(word));
    let count = number.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
    let value = number.get(..count).unwrap_or("");
    let fits =
        (1..=5).contains(&count) && value.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase());
    let stop = end + (rest.len() - number.len()) + count;
    if place && fits && digits(value) > 0 && !unit_follows(note, stop) { stop } else { end }
}
