//! Finds names, numbers and dates in tables by the head of their column: `| serial | … | by |`, `mrn,name,dob`.
//!
//! The first line of a table, with bars or commas between its cells, says what the columns hold; rows of two cells
//! (`| serial | 0044-AX |`) say it themselves. Cells without a letter or digit, and words for nothing, stay.
//!
//! Why: 45 CFR 164.514(b)(2)(i): a cell has no other cue than its column.
//!
//! Example: under `| time | by |` the cell `qv` is found; under `| test | result |` nothing is.
//!
//! References: RFC 4180; 45 CFR 164.514(b)(2)(i).

use lazaret_core::{Kind, Label};
use memchr::memmem;

use crate::calendar;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::digits;
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct NameColumn;

/// Most bytes of a line, and most lines of a table that one head is taken for.
const LINE: usize = 1_024;
const ROWS: usize = 2_000;
/// Most columns.
const COLUMNS: usize = 32;
/// Bytes that a cell may stand beside its head.
const ASKEW: usize = 10;

impl ShapeDetector for NameColumn {
    fn id(&self) -> &'static str {
        "phi.name.column"
    }

    fn source(&self) -> &'static str {
        include_str!("name_column.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("| time | event | by |\n| 08:02 | arrived | qv |", "| test | result |\n| sodium | low |")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Signs, r"\||\t"),
            (
                Pass::Signs,
                r",(?:mrn|name|first_?name|last_?name|patient(?:_?name)?|family|given|lname|fname|dob|birth_?date|phone|ssn|provider|pcp|attending|address|serial|member_?id|account)(?:,|\n)",
            ),
        ]
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        aligned(note, out);
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let mark = match (hit.shape, note.byte(hit.start)) {
            (0, b'\t') => '\t',
            (0, _) => '|',
            _ => ',',
        };
        let first = match mark {
            '|' => b'|',
            '\t' => b'\t',
            _ => 0,
        };
        let Some(start) = line_start(note, hit.start, first) else { return };
        let lead = note.slice(start, hit.start);
        if mark == ',' && lead.split_once(',').is_some_and(|(_, rest)| known_columns(rest)) {
            return;
        }
        let line = line_at(note, start, LINE);
        if mark == '|' {
            cells(line, mark).for_each(|(at, cell)| turned(note, start + at, cell, out));
        }
        let filled = cells(line, mark).filter(|(_, cell)| !cell.is_empty()).count();
        let above = start
            .checked_sub(1)
            .and_then(|end| Some(note.slice(line_start(note, end, 0)?, end)))
            .unwrap_or("");
        // Most lines with bars are further rows.
        if mark == '|' && filled != 2 && above.contains(mark) {
            return;
        }
        let head: Vec<Option<Label>> = cells(line, mark).map(|(_, cell)| column(cell)).collect();
        let known = head.iter().flatten().count();
        let under = match mark {
            '|' => above.contains(mark),
            ',' => known_columns(above),
            _ => cells(above, mark).any(|(_, cell)| column(cell).is_some()),
        };
        // A row of its own: what it is, and the value.
        if mark == '|' && filled == 2 && known == 1 {
            let label = head.iter().flatten().next().copied();
            if let (Some(label), Some((at, cell))) =
                (label, cells(line, mark).filter(|(_, cell)| !cell.is_empty()).nth(1))
                && column(cell).is_none()
            {
                value(note, start + at, cell, label, out);
            }
            return;
        }
        let plain = cells(line, mark).all(|(_, cell)| cell.len() <= 32 && digits(cell) <= 3);
        if under || known == 0 || filled < 3 && mark != '|' || !plain || head.len() > COLUMNS {
            return;
        }
        let mut at = start + line.len() + 1;
        for _ in 0..ROWS {
            let row = line_at(note, at, LINE);
            if !row.contains(mark) {
                break;
            }
            // A row of another form is keys and values.
            if mark == '\t' && cells(row, mark).count() != head.len() {
                at += row.len() + 1;
                continue;
            }
            for (label, (offset, cell)) in head.iter().zip(cells(row, mark)) {
                if let Some(label) = label {
                    value(note, at + offset, cell, *label, out);
                }
            }
            at += row.len() + 1;
        }
    }
}

/// Columns that blanks align: a head of three cells or more with wide gaps, and rows whose cells stand under them.
fn aligned(note: &Note<'_>, out: &mut Vec<Found>) {
    let wide = memmem::Finder::new("   ");
    let text = note.text();
    let mut at = 0;
    while let Some(gap) = text.as_bytes().get(at..).and_then(|rest| wide.find(rest)) {
        let gap = at + gap;
        let Some(start) = line_start(note, gap, 0).filter(|start| *start >= at || at == 0) else {
            at = gap + 3;
            continue;
        };
        let line = line_at(note, start, LINE);
        at = start + line.len() + 1;
        let plain =
            spaced(line).all(|(_, cell)| cell.len() <= 32 && digits(cell) == 0 && !cell.contains(':'));
        if !plain || !(3..=COLUMNS).contains(&spaced(line).count()) {
            continue;
        }
        let head: Vec<(usize, Option<Label>)> =
            spaced(line).map(|(offset, cell)| (offset, column(cell))).collect();
        if head.iter().all(|(_, label)| label.is_none()) {
            continue;
        }
        for _ in 0..ROWS {
            let row = line_at(note, at, LINE);
            if spaced(row).count() < 2 {
                break;
            }
            for (offset, cell) in spaced(row) {
                // The head that begins nearest to the cell, which no other column's cells pass.
                let nearest = head.iter().min_by_key(|(from, _)| from.abs_diff(offset));
                if let Some((from, Some(label))) = nearest
                    && from.abs_diff(offset) <= ASKEW
                {
                    value(note, at + offset, cell, *label, out);
                }
            }
            at += row.len() + 1;
        }
    }
}

/// The cells of a line that gaps of two blanks or more part, each with its offset.
fn spaced(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split("  ").filter_map(move |cell| {
        let inner = cell.trim();
        (!inner.is_empty()).then(|| (inner.as_ptr() as usize - line.as_ptr() as usize, inner))
    })
}

/// Where the line of a sign begins, if none of `mark` stands before it in the line and the line is no longer than may be.
fn line_start(note: &Note<'_>, at: usize, mark: u8) -> Option<usize> {
    let mut start = at;
    while at - start < LINE {
        match note.byte_before(start) {
            b'\n' => return Some(start),
            0 if start == 0 => return Some(0),
            byte if byte == mark => return None,
            _ => start -= 1,
        }
    }
    None
}

/// The line that begins or goes on at an offset, at most so many bytes of it: no byte beyond is looked at.
pub(crate) fn line_at<'n>(note: &'n Note<'_>, start: usize, most: usize) -> &'n str {
    let mut end = start;
    while end - start < most && !matches!(note.byte(end), 0 | b'\n') {
        end += 1;
    }
    while end > start && !note.text().is_char_boundary(end) {
        end -= 1;
    }
    note.slice(start, end)
}

/// Whether a line with commas has a cell that heads a column.
fn known_columns(line: &str) -> bool {
    line.split(',').any(|cell| column(cell).is_some())
}

/// The cells of a line, trimmed, each with its offset. A comma inside quotes parts nothing.
fn cells(line: &str, mark: char) -> impl Iterator<Item = (usize, &str)> {
    let mut quoted = false;
    line.split(move |c: char| {
        quoted ^= c == '"' && mark == ',';
        c == mark && !quoted
    })
    .map(move |cell| {
        let inner = cell.trim_matches([' ', '\t', '"', '*', '\r']);
        let at = inner.as_ptr() as usize - line.as_ptr() as usize;
        (at, inner)
    })
}

/// What a column of this head holds.
fn column(head: &str) -> Option<Label> {
    let head = head.trim_matches([' ', '"', '#', '.', '*', ':']).to_ascii_lowercase().replace('_', " ");
    Some(match head.as_str() {
        "patient" | "name" | "pt" | "patient name" | "full name" | "resident" | "client" | "pt name"
        | "pt / mrn" | "patient / mrn" | "name / mrn" | "pt/mrn" | "patient/mrn" | "name/mrn"
        | "pt (mrn)" | "patient (mrn)" | "family" | "last" | "last name" | "lastname" | "lname" | "fname"
        | "surname" | "given" | "first name" | "firstname" | "forename" => Label::PATIENT,
        "by" | "checked by" | "verified by" | "given by" | "started by" | "signed by" | "done by"
        | "nurse" | "rn" | "init" | "initials" | "provider" | "pcp" | "attending" | "ordering provider"
        | "ordering" | "surgeon" | "tech" | "staff" | "signed" | "author" | "doctor" | "physician"
        | "clinician" | "drawn by" | "read by" | "prescriber" | "ordered by" | "requested by"
        | "consultant" | "gp" | "md" | "reader" | "radiologist" | "pathologist" | "operator" | "referrer" => {
            Label::PROVIDER
        }
        "nok" | "next of kin" | "emergency contact" | "guardian" | "spouse" | "mother" | "father" => {
            Label::RELATIVE
        }
        "mrn" | "mr no" | "hosp no" | "hospital no" | "pt id" | "patient id" | "chart no" | "record no"
        | "ur no" => Label::MRN,
        "serial" | "serial no" | "serial number" | "sn" | "s/n" | "udi" | "lot" | "lot no"
        | "serial / udi" | "din" | "serial/udi" | "lot/serial" | "serial/lot" | "device id"
        | "unit number" | "unit no" | "donation number" => Label::DEVICE,
        "accession" | "acc" | "acc no" | "specimen id" | "specimen no" | "accession no" => {
            Label::OTHER_ID.sub("accession")
        }
        "rx" | "rx no" | "rx number" | "rx id" | "prescription no" | "claim" | "claim no" | "claim id"
        | "confirmation" | "order no" | "order id" | "req no" | "request no" | "case no" | "case id"
        | "ticket" | "script" | "script no" | "encounter" | "encounter id" | "visit no" | "visit id"
        | "csn" | "invoice" | "ref no" => Label::OTHER_ID,
        "date" | "last fill" | "filled" | "last filled" | "last seen" | "seen" | "next" | "next visit"
        | "due" | "collected" | "drawn" | "received" | "admit" | "admitted" | "discharged" | "given on" => {
            Label::DATE
        }
        "age" | "age/sex" | "age / sex" => Label::AGE,
        "dob" | "birth date" | "birthdate" | "date of birth" | "d.o.b" => Label::BIRTH_DATE,
        "phone" | "tel" | "mobile" | "cell" | "telephone" | "phone no" => Label::PHONE,
        "fax" => Label::FAX,
        "ssn" => Label::SSN,
        "address" | "addr" | "street" => Label::STREET,
        "city" | "town" => Label::CITY,
        "zip" | "postcode" | "zip code" | "postal code" => Label::ZIP,
        "account" | "acct" | "account no" | "acct no" => Label::ACCOUNT,
        "member id" | "policy no" | "policy" | "insurance id" | "hcn" | "mbi" => Label::HEALTH_PLAN,
        "room" | "bed" | "rm" => Label::OTHER_ID.sub("room"),
        "facility" | "hospital" | "clinic" => Label::HOSPITAL,
        "user" | "username" | "login" => Label::OTHER_ID.sub("username"),
        _ => return None,
    })
}

/// `| QUILLKOHL, D |`, `| Vane, Ilse J. |`: a cell that is a family name, a comma, and a given name or its letter.
fn turned(note: &Note<'_>, start: usize, cell: &str, out: &mut Vec<Found>) {
    if cell.len() > 40 || cell.matches(", ").count() != 1 {
        return;
    }
    let other = Marks::FUNCTION
        .or(Marks::FACILITY)
        .or(Marks::STAFF)
        .or(Marks::STREET)
        .or(Marks::CITY)
        .or(Marks::STATE);
    let end = start + cell.len();
    let tokens: Vec<_> =
        note.tokens().iter().skip(note.token_at(start)).take_while(|t| t.start < end).take(5).collect();
    let comma = start + cell.find(',').unwrap_or(0);
    let (Some(family), Some(given)) = (tokens.first(), tokens.iter().find(|t| t.start > comma)) else {
        return;
    };
    let words = tokens.len() <= 4 && tokens.iter().all(|t| t.capitalised() || t.case == Case::Initial);
    let named = given.case == Case::Initial || given.has(Marks::GIVEN);
    let name = !family.has(other) && (!family.has(Marks::CLINICAL) || family.has(Marks::SURNAME));
    if words && named && name && family.len() > 1 && family.end <= comma {
        out.push(found(Label::PATIENT, start, end, Evidence::Shape));
    }
}

/// Reports a cell, if it can be what its column holds.
fn value(note: &Note<'_>, start: usize, cell: &str, label: Label, out: &mut Vec<Found>) {
    const NOTHING: [&str; 12] =
        ["none", "n/a", "na", "nil", "unknown", "pending", "self", "same", "yes", "no", "see", "tbd"];
    if cell.is_empty()
        || cell.len() > 64
        || column(cell).is_some()
        || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(cell))
    {
        return;
    }
    let signs = cell.bytes().filter(u8::is_ascii_alphanumeric).count();
    let fits = match label.kind {
        Kind::Name => {
            // `Quillé, G. 771190`: the record's number behind the name.
            let number = cell.bytes().rev().take_while(u8::is_ascii_digit).count();
            let name = cell.get(..cell.len() - number).unwrap_or("").trim_end_matches([' ', '#', '(']);
            if number >= 5 && !name.is_empty() && name.len() + number < cell.len() {
                out.push(found(Label::MRN, start + cell.len() - number, start + cell.len(), Evidence::Named));
                return names(note, start, name, label, out);
            }
            return names(note, start, cell, label, out);
        }
        Kind::Age => {
            let count = cell.bytes().take_while(u8::is_ascii_digit).count();
            let age = cell.get(..count).and_then(|age| age.parse::<u16>().ok());
            if age.is_some_and(|age| (90..=125).contains(&age)) {
                out.push(found(label, start, start + count, Evidence::Named));
            }
            return;
        }
        Kind::Date => digits(cell) >= 2 && calendar::parse(cell).is_some(),
        Kind::Location if label == Label::CITY => digits(cell) == 0,
        Kind::Hospital => digits(cell) < signs && signs >= 3,
        Kind::OtherId if label.sub == Some("username") => signs >= 3,
        Kind::OtherId if label.sub == Some("room") => digits(cell) > 0 && signs <= 6,
        // `Quillicity 1.5/0.5` is what a number is for.
        _ => digits(cell) >= 3 && !cell.split(|c: char| !c.is_ascii_lowercase()).any(|word| word.len() >= 4),
    };
    if fits {
        out.push(found(label, start, start + cell.len(), Evidence::Named));
    }
}

/// Names and initials of a cell: `qv`, `qv/MJ`, `S. Quist`, `Vo, Thuy`.
fn names(note: &Note<'_>, start: usize, cell: &str, label: Label, out: &mut Vec<Found>) {
    let mut at = start;
    for part in cell.split('/') {
        let name = part.trim();
        let from = at + (part.len() - part.trim_start().len());
        at += part.len() + 1;
        let first = note.token_at(from);
        let tokens = || note.tokens().iter().skip(first).take_while(|token| token.start < from + name.len());
        let other =
            Marks::FACILITY.or(Marks::CLINICAL).or(Marks::FUNCTION).or(Marks::STAFF).or(Marks::RELATION);
        let initials = name.len() <= 4
            && tokens().count() == 1
            && tokens().all(|token| {
                token.plain && !token.has(Marks::FACILITY.or(Marks::FUNCTION).or(Marks::DEVICE))
            });
        let words = tokens().count() <= 5
            && tokens().any(|token| token.len() > 1 && token.capitalised())
            && tokens().all(|token| !matches!(token.case, Case::Number | Case::Mixed))
            && !tokens().all(|token| {
                token.has(other) && !token.has(Marks::GIVEN_FREQUENT.or(Marks::SURNAME_FREQUENT))
            });
        if !name.is_empty() && (initials || words) {
            out.push(found(label, from, from + name.len(), Evidence::Named));
        }
    }
}

#[cfg(test)]
mod tests {
    fn texts(text: &str) -> Vec<String> {
        let found = crate::Scanner::new().unwrap().scan(text, None).unwrap();
        found.iter().map(|d| text.get(d.span.start..d.span.end).unwrap().to_owned()).collect()
    }

    #[test]
    fn cells_are_what_their_column_says() {
        let text = "| part | lot | serial | by |\n|---|---|---|---|\n| stem | QX7714 | - | qv/mj |\n| cup | - | 99-18A7 | lab |\n\nEnd.";
        assert_eq!(texts(text), ["QX7714", "qv", "mj", "99-18A7"]);
        let text = "mrn,name,dob,a1c\ne0044,\"Ma, Xi\",1/5/1990,6.7\n\nEnd.";
        assert_eq!(texts(text), ["e0044", "Ma, Xi", "1/5/1990"]);
    }
}
