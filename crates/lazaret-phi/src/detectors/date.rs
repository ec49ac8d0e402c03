//! Finds dates written with digits or with the name of a month.
//!
//! Numbers with `/`, `-` or `.`, ISO 8601 with its time, eight digits in a row, months by name or short name in any
//! case and four languages, with and without weekday, ordinal and year; ranges of them. Each must be in the calendar, but
//! for months in Roman numerals (`5.viii.2024`) and month, day and year in a row before a time, known by form alone. Two
//! numbers alone (`3/4`) are a date only where a word or a weekday says so, or where they can hardly be a fraction
//! (`11/23`). A year alone, a month alone and a time of day may stay.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(C).
//!
//! Example: `04-MAR-25` is found; `BP 120/80`, `3/10`, `T4-5` are not.
//!
//! References: ISO 8601-1:2019; 45 CFR 164.514(b)(2)(i)(C).

use std::sync::LazyLock;

use lazaret_core::Label;

use crate::calendar;
use crate::cue::is_one_of;
use crate::lexicon::{Marks, WordSet};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::unit_follows;
use crate::view::{Case, Note, Token};

/// See the page above.
pub(crate) struct Dates;

macro_rules! with_months {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "(?:jan(?:uary|uar|urary|aury)?|janvier|enero|feb(?:r?uary|ruar|urary|rary)?|février|febrero|mar(?:ch|s|zo)?|märz|apr(?:il|l)?|avril|abril|",
            "may|mai|mayo|june?|juni|juin|junio|july?|juli|juillet|julio|aug(?:ust|ut)?|août|agosto|sept?(?:ember|embre|iembre|emeber|meber)?|setp?ember|",
            "oct(?:ober|obre|ubre|ober|o?ber)?|ocotber|okt(?:ober)?|févr|juil|nov(?:ember|embre|iembre|emeber|ermber)?|dec(?:ember|emeber|meber)?|dez(?:ember)?|décembre|diciembre)",
            $after
        )
    };
}

/// Words before a day and month.
static CUES: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "on",
        "since",
        "until",
        "til",
        "till",
        "by",
        "from",
        "to",
        "date",
        "dated",
        "seen",
        "dob",
        "lmp",
        "edc",
        "edd",
        "next",
        "due",
        "thru",
        "through",
        "admitted",
        "admit",
        "adm",
        "discharged",
        "dc",
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thurs",
        "fri",
        "sat",
        "sun",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "after",
        "before",
        "again",
        "booked",
        "appt",
        "neg",
        "pos",
        "fell",
        "visit",
        "surgery",
        "conference",
        "echo",
        "cycle",
        "placed",
        "started",
        "drawn",
        "last",
        "ebus",
        "fill",
        "sent",
        "about",
        "around",
        "done",
        "given",
        "removed",
        "repeated",
        "received",
        "resulted",
        "collected",
        "transfused",
        "prbc",
        "prbcs",
        "ffp",
        "rhogam",
        "tdap",
        "shingrix",
        "pneumovax",
        "depo",
        "prolia",
        "hus",
        "soc",
        "exp",
        "expires",
        "redone",
        "signed",
        "returned",
        "completed",
        "held",
        "stopped",
        "extubated",
        "intubated",
        "resume",
        "resumed",
        "cancelled",
        "rcvd",
        "faxed",
        "mailed",
        "filled",
        "vaccine",
        "shot",
        "cxr",
        "ct",
        "mri",
        "mra",
        "eeg",
        "ekg",
        "emg",
        "pet",
        "dexa",
        "mammo",
        "tte",
        "tee",
        "egd",
        "bx",
        "biopsy",
        "pap",
        "culture",
        "labs",
    ])
});
const NOT: &str = "mdq|niv|g8|er|pr|her2|amt|amts|mmt|slums|ashworth|tinetti|berg|borg|faces|flacc|npass|nips|sofa|qsofa|curb|perc|wells|nodes|cores|cas|allred|ishihara|gleason|jaeger|pn0|pn1|pn1a|pn1b|pn2|pn2a|pn2b|pain|bims|iddsi|nippv|cpap|bipap|epap|ipap|losses|mrs|cage|audit|points|correct|recall|snellen|frax|braden|morse|norton|katz|barthel|fim|peak|pip|peep|lead|leads|teeth|fev|ratio|pap|rate|reps|sets|score|strength|reflexes|dtr|dtrs|grade|vision|va|bp|murmur|stage|mmse|phq|apgar|scale|motor|dose|day";

impl ShapeDetector for Dates {
    fn id(&self) -> &'static str {
        "phi.date"
    }

    fn source(&self) -> &'static str {
        include_str!("date.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        (
            "Seen 04-MAR-25 in clinic.",
            "Pain 3/10, then 3-4/10, BP 120/80, T4-5, ratio 3:4, 24/7 care, since 2019.",
        )
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Dates,
                r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?\b",
            ),
            (
                Pass::Dates,
                r"\b(?:\d{4}([/.-])\d{1,2}[/.-]\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|'?\d{2}))\b|[a-z]\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})\b",
            ),
            (Pass::Dates, r"\b(?:19|20)\d{6}(?:\d{6}|\d{4})?\b"),
            (
                Pass::Dates,
                with_months!(
                    r"\b\d{1,2}(?:st|nd|rd|th)?\.?(?: of| de)?[ /-]?",
                    r"(?:[.,]?[ -]?(?:'\d{2}|\d{4})|\.?[ -]?\d{2}|/(?:\d{4}|\d{2})\b|\.)?"
                ),
            ),
            (
                Pass::Dates,
                with_months!(
                    r"\b",
                    r"\.?,? {0,2}(?:the )?\d{1,2}(?:st|nd|rd|th)?(?:,? ?(?:'\d{2}|\d{4})|, \d{2}|/(?:20)?\d{2})?\b"
                ),
            ),
            (Pass::Dates, with_months!(r"\b\d{4}[-/ ]", r"\.?[-/ ]\d{1,2}\b")),
            (Pass::Dates, with_months!(r"\b", r"\.?,?(?: of)? (?:\d{4}\b|'\d{2}\b)")),
            (Pass::Dates, r"\b(?:0?[1-9]|1[0-2])/(?:19|20)\d{2}\b"),
            (Pass::Dates, r"\b\d{1,2}[/-]\d{1,2}\b|\b\d{2}\.\d{2}\."),
            (Pass::Dates, r"\b\d{6}\b"),
            (Pass::Dates, r"\b\d{1,2}([./ -])(?:i{1,3}|i?v|vi{1,3}|i?x|xi{1,2})[./ -](?:19|20)\d{2}\b"),
            (
                Pass::Dates,
                r"\b(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d{2} (?:[01]\d|2[0-3]):?[0-5]\d\b",
            ),
            (
                Pass::Cues,
                r"\b(?:dob|d\.o\.b\.?|d/o/b|born|birth date|date of birth)\b:? {0,2}(?:\d{1,2} / \d{1,2} / (?:\d{4}|\d{2})|\d{1,2} \d{1,2} (?:19|20)?\d{2})\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        // `signed3/22/24`: run together.
        let letter = hit.shape == 1 && note.byte(hit.start).is_ascii_alphabetic();
        let hit = Hit { start: hit.start + usize::from(letter), ..hit };
        let text = note.slice(hit.start, hit.end);
        if hit.shape >= 10 {
            // A day in Roman numerals of the month; month, day and year in a row before a time.
            let end = if hit.shape == 11 { hit.start + 8 } else { hit.end };
            if hit.shape == 12 {
                // `DOB 12 12 98`, `DOB 4 / 1 / 61`
                let start = hit.start + text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
                out.push(found(Label::BIRTH_DATE, start, end, Evidence::Checked));
                return;
            }
            out.push(found(Label::DATE, hit.start, end, Evidence::Checked));
            return;
        }
        let (before, after) = (note.byte_before(hit.start), note.byte(hit.end));
        let ranged = matches!(hit.shape, 1 | 7) && in_range(hit, note);
        let joined = matches!(before, b'/' | b'-' | b'.' | b'_' | b'#')
            && note.byte_before(hit.start.saturating_sub(1)).is_ascii_alphanumeric()
            || (matches!(after, b'/' | b'-')
                && note.byte(hit.end + 1).is_ascii_digit()
                && !to_ordinal(note, hit.end))
            || (after == b'.' && note.byte(hit.end + 1).is_ascii_digit())
            || after.is_ascii_alphabetic();
        if hit.shape == 1 && (is_score(hit, note, text) || is_mixed(note, hit, text)) {
            return;
        }
        // `OCT 4 0640`: a day and a time of day.
        let clocked = hit.shape == 4
            && text.len() > 5
            && calendar::parse(text).is_none()
            && text.get(text.len() - 5..).is_some_and(|time| {
                time.starts_with(' ') && time.bytes().skip(1).all(|b| b.is_ascii_digit())
            });
        let hit = if clocked { Hit { end: hit.end - 5, ..hit } } else { hit };
        let text = note.slice(hit.start, hit.end);
        let birth = note.cue_before(hit.start, 16, "dob|born|birth|birthdate|d.o.b.|geb|b");
        let Some(date) = calendar::parse(text.trim_end_matches(['.', ','])) else {
            // `DOB 2/30 (sic)`: no day of the calendar, and meant as one.
            if birth && matches!(hit.shape, 1 | 8) && !joined && text.contains('/') {
                out.push(found(Label::BIRTH_DATE, hit.start, hit.end, Evidence::Shape));
            }
            return;
        };
        // `8-19 March 2025`: a stretch of days.
        if hit.shape == 8
            && text.contains('-')
            && let Some(end) = month_end(note, hit.end)
        {
            out.push(found(Label::DATE, hit.start, end, Evidence::Checked));
            return;
        }
        let evidence = match hit.shape {
            0 => Evidence::Named,
            1 | 7 if !joined || ranged => Evidence::Checked,
            2 if !joined
                && !after.is_ascii_alphanumeric()
                && !note.cue_before(hit.start, 12, "snomed|loinc|code|rxcui") =>
            {
                Evidence::Shape
            }
            // `Bili 7.7. May go`: the end of a number.
            3..=6 if before == b'.' && note.byte_before(hit.start.saturating_sub(1)).is_ascii_digit() => {
                return;
            }
            3..=6 if !after.is_ascii_alphabetic() && month_is_meant(hit, note, text) => Evidence::Checked,
            8 if !joined && date.has_day() && to_ordinal(note, hit.end) => Evidence::Checked,
            8 if !joined && date.has_day() && short_is_date(hit, note, text, birth) => Evidence::Shape,
            9 if birth => Evidence::Named,
            // `d 013026 t 013126`: when it was dictated and typed.
            9 if note.cue_before(hit.start, 6, "d|t|dd|dt|dict|trans|typed|dictated") => Evidence::Shape,
            9 if timed(note, hit, text) => Evidence::Shape,
            _ => return,
        };
        let end = if text.ends_with(',') { hit.end - 1 } else { hit.end };
        let end = if matches!(hit.shape, 4 | 8) { days_end(note, end, out) } else { end };
        let mut start = with_weekday(hit, note);
        if note.before(start, 4).eq_ignore_ascii_case("mid-") {
            start -= 4;
        }
        start = days_start(note, start, hit.shape);
        start = months_start(note, start, hit.shape);
        if note.before(start, 5).to_ascii_lowercase().ends_with("the ") {
            start -= 4;
        }
        out.push(found(if birth { Label::BIRTH_DATE } else { Label::DATE }, start, end, evidence));
    }
}

/// `3-4/10`, `GCS 10-12/15`: from one number to another, of the most there can be. A date has one kind of sign.
fn is_score(hit: Hit, note: &Note<'_>, text: &str) -> bool {
    let Some(((low, high), most)) =
        text.rsplit_once('/').and_then(|(range, most)| Some((range.split_once('-')?, most)))
    else {
        return false;
    };
    let number = |part: &str| part.parse::<u16>().ok();
    let (Some(low), Some(high), Some(most)) = (number(low), number(high), number(most)) else { return false };
    low <= high
        && high <= most
        && (most == 10
            || note.cue_before(
                hit.start,
                24,
                "gcs|coma|mmse|moca|apgar|score|scores|scored|scale|phq|gad|nihss|borg|exam",
            ))
}

/// `5-6/90/-1`, `1-1.25 mcg`: two kinds of sign, and a unit or another sign after them: no date is written so.
fn is_mixed(note: &Note<'_>, hit: Hit, text: &str) -> bool {
    let signs = ['/', '-', '.'].iter().filter(|sign| text.contains(**sign)).count();
    let amount = note.after(hit.end, 8).trim_start();
    let unit = ["mcg", "mg", "ml", "g/", "units", "meq", "mmol", "u/", "cm", "mm"]
        .iter()
        .any(|unit| amount.starts_with(unit));
    signs > 1
        && (unit || note.after(hit.end, 2).starts_with("/-") || note.after(hit.end, 2).starts_with("/+"))
}

/// `may 2` and `march 4` in lower case are verbs unless an ordinal, a year or a day before says otherwise.
fn month_is_meant(hit: Hit, note: &Note<'_>, text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let verb = lower.starts_with("may") || lower.starts_with("mar");
    let certain = text.bytes().filter(u8::is_ascii_digit).count() > 2
        || ["st", "nd", "rd", "th"].iter().any(|o| lower.ends_with(o));
    // `04JUL1980 M`: after a year a letter is no unit.
    let year = text.bytes().rev().take_while(u8::is_ascii_digit).count() == 4;
    // `Mayo 6`: a score; `7.7. May have`: a value that ends a sentence.
    let score = lower.starts_with("mayo") && !certain;
    let value = text.starts_with(|c: char| c.is_ascii_digit())
        && note.byte_before(hit.start) == b'.'
        && note.byte_before(hit.start.saturating_sub(1)).is_ascii_digit();
    // `turns 98 on may 3.`
    let led = lower.len() > 4 && note.cue_before(hit.start, 6, "on|since|until|till|by|born|due|dob");
    (!verb || certain || led || text.starts_with('M'))
        && !score
        && !value
        && (year || !unit_follows(note, hit.end))
}

/// What a day is `of`: of a week, or of a study or paper, which has one (`MBS of 11/4`); of a score it is the most.
const OF: &str = "weekend of|week of|wk of|night of|morning of|evening of|as of|mbs of|ct of|mri of|echo of|labs of|xray of|films of|note of|visit of|eeg of|cxr of|us of|pet of|scan of|mammo of|bx of|biopsy of|letter of|order of|fax of|study of|report of|email of|call of|culture of|ekg of|ecg of|draw of";

/// Whether two numbers are day and month.
fn short_is_date(hit: Hit, note: &Note<'_>, text: &str, birth: bool) -> bool {
    if birth {
        return true;
    }
    // `PRBC 3/11, unit W1417 …`: the blood's number follows.
    let bag = note
        .after(hit.end, 8)
        .trim_start_matches([',', ' '])
        .strip_prefix("unit ")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    let index = note.token_at(hit.start);
    let last = index.checked_sub(1).and_then(|at| note.tokens().get(at));
    let near = last.filter(|t| hit.start - t.end <= 3);
    // `Wed 11/26`, `saw Dr Quill 11/9`: a day of the week, or who was seen.
    let told = near.is_some_and(|t| t.has(Marks::WEEKDAY) && t.len() > 2) || doctor_before(note, index);
    if told && !text.contains('-') && !unit_follows(note, hit.end) && note.byte(hit.end) != b'%' {
        return true;
    }
    if unit_follows(note, hit.end) && !bag
        || (note.cue_before(hit.start, 18, NOT)
            && !note.cue_before(hit.start, 12, "weekend of|week of|night of|morning of"))
        || matches!(note.byte(hit.end), b'%')
        // `form TR-7 rev. 04/21`: the version of a form.
        || note.before(hit.start, 6).to_ascii_lowercase().ends_with("rev. ") && note.cue_before(hit.start, 24, "form")
    {
        return false;
    }
    let given = near.is_some_and(|t| {
        ["rhogam", "tdap", "shingrix", "pneumovax", "depo", "prolia"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(note.word(t)))
    });
    if near.is_some_and(|t| t.has(Marks::EPONYM.or(Marks::EPONYM_HEAD).or(Marks::DEVICE))) && !given {
        return false;
    }
    if !given && near.is_some_and(|t| t.has(Marks::DRUG)) {
        return no_strengths(text);
    }
    let dash = text.contains('-');
    let before = note.before(hit.start, 4);
    if before.ends_with(" of ") && !note.cue_before(hit.start, 12, OF) || before.ends_with("w/ ") {
        return false;
    }
    if !dash
        && note.cue_before(
            hit.start,
            20,
            "weekend of|week of|wk of|night of|morning of|evening of|as of|next|scheduled|rescheduled|booked|cycle",
        )
    {
        return text.split('/').next().is_some_and(|month| month.len() <= 2)
            && !note.cue_before(hit.start, 20, "pain|dose|tab|tabs");
    }
    if note.cue_before(hit.start, 22, "compared with|compared to|comparison|comparison:|prior of") && !dash {
        return true;
    }
    // A cell of its own in a table.
    let celled = note.before(hit.start, 24).trim_end().ends_with('|')
        && note.after(hit.end, 24).trim_start().starts_with('|');
    if celled && text.split('/').nth(1).and_then(|day| day.parse::<u8>().ok()).is_some_and(|day| day > 12) {
        return true;
    }
    let cued = near.is_some_and(|t| {
        // `maneuver done. 5/5 strength`: a sentence ends between.
        let ends = t.len() > 3 && note.byte(t.end) == b'.';
        !ends && CUES.has(t.hash) || t.has(Marks::WEEKDAY)
    }) || note.cue_before(hit.start, 5, "f/u|d/c");
    // `form GL-2207 (Ed. 03/23)`, `rev 04/22`: when a form was printed.
    if note.cue_before(hit.start, 8, "ed|ed.|edition|rev|rev.|revised|form|version|vers")
        && !note.cue_before(hit.start, 24, "seen|dc|admit")
    {
        return false;
    }
    if dash {
        return hyphened_is_date(hit, note, index, near);
    }
    if text.ends_with('.') {
        return true;
    }
    let time = note.after(hit.end, 6).trim_start().as_bytes().get(..3).is_some_and(
        |t| matches!(t, [a, b, b':'] | [a, b':', b] if a.is_ascii_digit() && b.is_ascii_digit()),
    );
    let after_time = {
        let before = note.before(hit.start, 6);
        matches!(before.as_bytes(), [_, b':', a, b, b' '] | [_, _, b':', a, b, b' '] if a.is_ascii_digit() && b.is_ascii_digit())
    };
    if after_time {
        return true;
    }
    let padded = text.split('/').any(|part| part.len() == 2 && part.starts_with('0'));
    if time || padded {
        return true;
    }
    let alone = note.before(hit.start, 200).trim().is_empty();
    let bracketed = note.byte_before(hit.start) == b'(' && note.byte(hit.end) == b')';
    let day = text.split('/').nth(1).and_then(|d| d.parse::<u8>().ok()).unwrap_or(0);
    // A fraction or a score is seldom more than the whole.
    let more = text.split_once('/').and_then(|(a, b)| Some((a.parse::<u8>().ok()?, b.parse::<u8>().ok()?)));
    let greater = more.is_some_and(|(a, b)| (a, b) != (24, 7) && a > b && (a <= 12 || a <= 31 && b <= 12));
    cued || alone || greater || (day > 12 && day != 20 && day != 30) || (bracketed && day > 5)
}

/// The same with a hyphen between them, which is mostly a range.
fn hyphened_is_date(hit: Hit, note: &Note<'_>, index: usize, near: Option<&Token>) -> bool {
    // `RTC 4-6 wk`
    if unit_follows(note, hit.end) || note.cue_after(hit.end, 5, "wk|wks|mo|mos|mth|mths|visits|times|x") {
        return false;
    }
    // `10-3 1405`, `3-5 11a` at a line's beginning: a log.
    let time = note.after(hit.end, 8);
    let clock = time.trim_start().bytes().take_while(u8::is_ascii_digit).count();
    let hour = clock == 4
        || (1..=2).contains(&clock)
            && time.trim_start().get(clock..).is_some_and(|rest| rest.starts_with(['a', 'p', ':']));
    if matches!(note.byte_before(hit.start), 0 | b'\n') && time.starts_with(' ') && hour {
        return true;
    }
    // `NV 11-19`: the next visit. `CXR 11-13 No change`: when the picture was taken.
    let next = note.tokens().get(index + 2);
    let closes = next.is_none_or(|t| t.case == Case::Capital || note.byte(hit.end) != b' ');
    near.is_some_and(|t| {
        matches!(note.word(t), "NV" | "nv" | "RTC" | "rtc")
            || closes
                && is_one_of(note.word(t), "appt|Appt|APPT|appointment|f2f|F2F|visit|due|seen|CXR|MRI|CT|HUS|EEG|ECG|EKG|TTE|TEE|Echo|MRA|CTA|PET|EGD|KUB")
    })
}

/// Whether a doctor's or a person's title and name stand right before the word at `index`: `Dr Quill`, `Ms Vane-Quill`.
fn doctor_before(note: &Note<'_>, index: usize) -> bool {
    let mut end = note.tokens().get(index).map_or(0, |t| t.start);
    for (count, token) in note.tokens().iter().take(index).rev().take(4).enumerate() {
        let gap = note.slice(token.end, end);
        if token.has(Marks::TITLE) {
            return count > 0 && matches!(gap, " " | ". ") && token.case == Case::Capital && token.len() <= 4;
        }
        if !token.capitalised() || !matches!(gap, " " | "-" | "'") {
            return false;
        }
        end = token.start;
    }
    false
}

/// `Bactrim 3/14`: one number too great for a month and, unlike most strengths, not a round one; `4/24` is hours.
fn no_strengths(text: &str) -> bool {
    let day = |number: u8| (13..=31).contains(&number) && !number.is_multiple_of(5) && number != 24;
    let numbers =
        text.split_once('/').and_then(|(a, b)| Some((a.parse::<u8>().ok()?, b.parse::<u8>().ok()?)));
    numbers.is_some_and(|(a, b)| a <= 12 && day(b) || b <= 12 && day(a))
}

/// `1/2/2024-1/5/2024`, `11/2019-1/2020`: what stands beyond the hyphen is a date too.
fn in_range(hit: Hit, note: &Note<'_>) -> bool {
    let numbers = |part: &str| {
        let mut numbers = part.split('/');
        let short = |number: Option<&str>| {
            number.is_some_and(|n| matches!(n.len(), 1 | 2 | 4) && n.bytes().all(|b| b.is_ascii_digit()))
        };
        short(numbers.next()) && short(numbers.next()) && numbers.next().is_none_or(|n| short(Some(n)))
    };
    let apart = |c: char| !(c.is_ascii_digit() || c == '/');
    let next = note.after(hit.end, 11).strip_prefix('-').and_then(|rest| rest.split(apart).next());
    let last = note.before(hit.start, 11).strip_suffix('-').and_then(|rest| rest.rsplit(apart).next());
    let free =
        |byte: u8, sign: Option<&str>| sign.is_some_and(numbers) || !matches!(byte, b'-' | b'/' | b'.');
    free(note.byte(hit.end), next)
        && free(note.byte_before(hit.start), last)
        && !note.byte(hit.end).is_ascii_alphanumeric()
        && (next.is_some_and(numbers) || last.is_some_and(numbers))
}

/// Whether a stretch of days goes on with an ordinal: `12/8-9th`.
fn to_ordinal(note: &Note<'_>, at: usize) -> bool {
    let rest = note.after(at, 8);
    let Some(rest) = rest.strip_prefix(['-', '\u{2013}']) else { return false };
    let day = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (1..=2).contains(&(rest.len() - day.len())) && ["st", "nd", "rd", "th"].iter().any(|o| day.starts_with(o))
}

/// `January 9th-10th, 2025` as a whole; of `April 8th and 9th` the second day is a date of its own.
fn days_end(note: &Note<'_>, end: usize, out: &mut Vec<Found>) -> usize {
    let rest = note.after(end, 18);
    let day = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let ordinal =
            ["st", "nd", "rd", "th"].iter().any(|o| rest.get(digits..).is_some_and(|r| r.starts_with(o)));
        ((1..=2).contains(&digits)).then_some(digits + if ordinal { 2 } else { 0 })
    };
    let closes = |at: usize| !note.byte(at).is_ascii_alphanumeric() && note.byte(at) != b'/';
    let stroke = rest.chars().next().filter(|c| matches!(c, '-' | '\u{2013}')).map_or(1, char::len_utf8);
    let through = rest.strip_prefix(['-', '\u{2013}']).and_then(day);
    if let Some(length) = through.filter(|length| closes(end + stroke + length)) {
        let end = end + stroke + length;
        let year =
            note.after(end, 6).strip_prefix(", ").filter(|year| year.bytes().all(|b| b.is_ascii_digit()));
        return if year.is_some_and(|year| year.len() == 4) { end + 6 } else { end };
    }
    let ordinal =
        rest.strip_prefix(" and ").and_then(day).filter(|length| *length > 2 && closes(end + 5 + length));
    if let Some(length) = ordinal {
        out.push(found(Label::DATE, end + 5, end + 5 + length, Evidence::Shape));
    }
    end
}

/// The end of a month and its year after a blank.
fn month_end(note: &Note<'_>, end: usize) -> Option<usize> {
    let index = note.token_at(end);
    let month = note
        .tokens()
        .get(index)
        .filter(|t| t.start == end + 1 && t.has(Marks::MONTH) && t.case == Case::Capital)?;
    let year = note
        .tokens()
        .get(index + 1)
        .filter(|t| t.digits && t.len() == 4 && note.slice(month.end, t.start) == " ");
    Some(year.map_or(month.end, |year| year.end))
}

/// `s. quorrell 030225 0330`: month, day and year in a row after a word, and a time after them.
fn timed(note: &Note<'_>, hit: Hit, text: &str) -> bool {
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u8>().ok()).unwrap_or(0);
    let rest = note.after(hit.end, 6);
    let time = rest.strip_prefix(' ').is_some_and(|time| {
        time.len() >= 4
            && time.bytes().take(4).all(|b| b.is_ascii_digit())
            && !time.as_bytes().get(4).is_some_and(u8::is_ascii_alphanumeric)
            && number(time.get(..2)) < 24
            && number(time.get(2..4)) < 60
    });
    let day = (1..=12).contains(&number(text.get(..2))) && (1..=31).contains(&number(text.get(2..4)));
    let word = note.before(hit.start, 2);
    day && time && word.ends_with(' ') && word.starts_with(|c: char| c.is_alphabetic())
}

/// `May-June 2025`: back over the first month of a stretch.
fn months_start(note: &Note<'_>, start: usize, shape: usize) -> usize {
    let month = note.token_at(start).checked_sub(1).and_then(|at| note.tokens().get(at));
    month
        .filter(|t| {
            shape == 6
                && t.has(Marks::MONTH)
                && matches!(note.slice(t.end, start), "-" | "\u{2013}" | "/" | " to ")
        })
        .map_or(start, |t| t.start)
}

/// `8-19 March`, `8 to 19 March`, `le 24 sept`: back over the first day of a stretch, and over the article.
fn days_start(note: &Note<'_>, start: usize, shape: usize) -> usize {
    if shape != 3 {
        return start;
    }
    let before = note.before(start, 8);
    let Some(head) =
        ["-", "\u{2013}", " - ", " to ", "/", " & "].iter().find_map(|sign| before.strip_suffix(sign))
    else {
        return if before.ends_with(" le ") { start - 3 } else { start };
    };
    let count = head.bytes().rev().take_while(u8::is_ascii_digit).count();
    let day = head.get(head.len() - count..).and_then(|day| day.parse::<u8>().ok());
    let lead = head.get(..head.len() - count).unwrap_or("");
    let free = lead.is_empty() || lead.ends_with([' ', '(', '\n', ':', ',', '\t']);
    if day.is_some_and(|day| (1..=31).contains(&day)) && free {
        start - (before.len() - head.len()) - count
    } else {
        start
    }
}

/// Takes the weekday before a date in.
fn with_weekday(Hit { start, shape, .. }: Hit, note: &Note<'_>) -> usize {
    let index = note.token_at(start);
    let last = index.checked_sub(1).and_then(|at| note.tokens().get(at));
    // `mardi le 6 août`, `Dienstag, den 6. August`
    let article = last.is_some_and(|t| matches!(note.word(t), "le" | "den" | "el"));
    let last = if article { index.checked_sub(2).and_then(|at| note.tokens().get(at)) } else { last };
    last.filter(|t| {
        (t.has(Marks::WEEKDAY)
            || shape != 8 && matches!(note.word(t), "Mo" | "Tu" | "We" | "Th" | "Fr" | "Sa" | "Su"))
            && (t.capitalised() || (article || shape <= 6) && t.case == Case::Lower)
            && matches!(
                note.slice(t.end, start),
                " " | ", " | ". " | "., " | " le " | ", le " | ", den " | " den "
            )
    })
    .map_or(start, |t| t.start)
}
