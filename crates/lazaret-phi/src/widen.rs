//! Widens names over what belongs to them: initials before, parts joined by a hyphen, suffixes and further words of the
//! name after.

use lazaret_core::Kind;

use crate::lexicon::Marks;
use crate::names::{last_word, unlisted_name};
use crate::overlap::{Evidence, Found};
use crate::view::{Case, Note, Token};

/// Most words that are taken in on either side.
const MOST: usize = 4;

/// Widens the names among the claims.
pub(crate) fn widen(note: &Note<'_>, claims: &mut [Found]) {
    for claim in claims.iter_mut().filter(|claim| claim.label.kind == Kind::Name) {
        back(note, claim);
        for _ in 0..MOST {
            let Some((end, goes_on)) = ahead(note, claim) else { break };
            claim.end = end;
            if !goes_on {
                break;
            }
        }
    }
}

fn back(note: &Note<'_>, claim: &mut Found) {
    let mut first = note.token_at(claim.start);
    for _ in 0..MOST {
        let (Some(before), Some(this)) =
            (first.checked_sub(1).and_then(|at| note.tokens().get(at)), note.tokens().get(first))
        else {
            break;
        };
        let gap = note.slice(before.end, this.start);
        // Most names stand after a word of grammar or at the start of a line.
        if gap == " " && before.case == Case::Lower && before.len() > 2 && !before.has(Marks::PARTICLE)
            || gap == "\n"
        {
            break;
        }
        let initial = bare_initial(note, claim, first)
            || before.len() == 1 && before.case != Case::Number && gap.starts_with('.') && gap.len() <= 2;
        // `de la Quill`, `Mac an tQuill`: small words that belong to the name.
        let particle = matches!(gap, " " | "'" | "-")
            && before.has(Marks::PARTICLE)
            && !matches!(before.case, Case::Initial | Case::Number | Case::Mixed)
            && (before.case == Case::Lower
                || before.len() >= 2 && !before.has(Marks::FUNCTION.or(Marks::STATE)))
            && (this.capitalised() || this.has(Marks::PARTICLE))
            && note.word(before).chars().count() >= 2;
        let hyphen = gap == "-"
            && !matches!(before.case, Case::Number | Case::Mixed)
            && (!before.has(Marks::EPONYM) || claim.evidence >= Evidence::Named)
            && before.case == this.case;
        // `Mac an tQuill`
        let gaelic = gap == " "
            && note.word(before) == "an"
            && ["Mac an ", "Nic an ", "Mag an "]
                .iter()
                .any(|lead| note.before(this.start, 7).ends_with(lead));
        // `Quillan "QJ" Fenwick`, read from its end.
        let nick = matches!(gap, "\" " | "\") ")
            && before.capitalised()
            && note.byte_before(before.start) == b'"'
            && first.checked_sub(2).and_then(|at| note.tokens().get(at)).is_some_and(|given| {
                given.case == Case::Capital && matches!(note.slice(given.end, before.start), " \"" | " (\"")
            });
        if gaelic && let Some(son) = first.checked_sub(2).and_then(|at| note.tokens().get(at)) {
            claim.start = son.start;
            first -= 2;
            // The given name before it.
            if let Some(given) = first.checked_sub(1).and_then(|at| note.tokens().get(at))
                && given.case == Case::Capital
                && note.slice(given.end, son.start) == " "
                && !given.has(Marks::FUNCTION.or(Marks::TITLE).or(Marks::STAFF))
            {
                claim.start = given.start;
            }
            break;
        }
        if nick && let Some(given) = first.checked_sub(2).and_then(|at| note.tokens().get(at)) {
            claim.start = given.start;
            first -= 2;
            continue;
        }
        if !(initial || hyphen || particle) {
            break;
        }
        claim.start = before.start;
        first -= 1;
    }
}

/// `Dr F Quillespie`, `Signed N Vane-Lowe`: a letter without its point after who is named so.
fn bare_initial(note: &Note<'_>, claim: &Found, first: usize) -> bool {
    let at = |back: usize| first.checked_sub(back).and_then(|at| note.tokens().get(at));
    let (Some(before), Some(this)) = (at(1), at(0)) else { return false };
    let plain = note.slice(before.end, this.start) == " "
        && before.case == Case::Initial
        && this.capitalised()
        && this.start == claim.start
        && this.len() > 2;
    plain
        && at(2).is_none_or(|lead| {
            let gap = note.slice(lead.end, before.start);
            gap.len() > 1 && gap.trim().is_empty()
                || gap.ends_with(['\n', '/'])
                || gap.ends_with(": ")
                || matches!(gap, " " | ". ")
                    && (lead.has(Marks::TITLE.or(Marks::STAFF).or(Marks::CREDENTIAL))
                        || matches!(note.word(lead), "Signed" | "signed" | "by" | "By" | "BY" | "cc"))
                || lead.case == Case::Initial && gap == " "
        })
}

/// Where a name ends with the word after it, and whether it may go on from there; none if the word is no part of it.
fn ahead(note: &Note<'_>, claim: &Found) -> Option<(usize, bool)> {
    let last = last_word(note, claim);
    let (this, next) = (note.tokens().get(last)?, note.tokens().get(last + 1)?);
    let gap = note.slice(claim.end.max(this.end), next.start);
    // What most names are followed by.
    if gap == " " && next.case == Case::Lower && next.len() > 1 || gap.starts_with(['\n', ';', ':']) {
        return None;
    }
    let beside = Beside { note, claim, last, this, next, gap };
    if let Some(end) = beside.double() {
        return Some((end, true));
    }
    if let Some(end) = beside.surname_letter() {
        return Some((end, false));
    }
    let suffix =
        matches!(gap, " " | ", ") && matches!(note.word(next), "Jr" | "JR" | "II" | "III" | "IV" | "Esq");
    let hyphen = gap == "-" && !matches!(next.case, Case::Number | Case::Mixed) && next.len() > 1;
    let more = gap == " "
        && this.capitalised()
        && unlisted_name(next)
        && next.case == this.case
        && this.case == Case::Capital;
    // `M.T.-H.`, `Quill A.`, `Q. "Jot" Fenwick`
    let dotted =
        this.case == Case::Initial && next.case == Case::Initial && matches!(gap, "." | ".-" | "-" | ".  ")
            || next.case == Case::Initial && matches!(gap, "-" | "-." | ".-");
    let closing = this.case == Case::Capital
        && gap == " "
        && next.case == Case::Initial
        && note.byte(next.end) == b'.'
        && this.has(Marks::GIVEN);
    let turned = beside.turned();
    let joined = suffix || hyphen || more || dotted || closing || turned || beside.nick() || beside.wordy();
    if !joined && !beside.lettered() {
        return None;
    }
    let pointed = suffix || dotted || closing || turned && next.case == Case::Initial;
    Some((next.end + usize::from(pointed && note.byte(next.end) == b'.'), true))
}

/// The last word of a name and the one after it.
struct Beside<'a> {
    note: &'a Note<'a>,
    claim: &'a Found,
    last: usize,
    this: &'a Token,
    next: &'a Token,
    gap: &'a str,
}

impl Beside<'_> {
    fn after(&self) -> Option<&Token> {
        self.note.tokens().get(self.last + 2)
    }

    /// Whether the name is one word so far.
    fn is_sole(&self) -> bool {
        self.last == self.note.token_at(self.claim.start)
    }

    /// `Quillan "QJ" Fenwick`
    fn nick(&self) -> bool {
        let quoted = matches!(self.gap, " \"" | "  \"" | " (\"" | " '")
            && self.next.capitalised()
            && matches!(self.note.byte(self.next.end), b'"' | b'\'')
            && self.after().is_some_and(|after| {
                after.case == Case::Capital
                    && matches!(self.note.slice(self.next.end, after.start), "\" " | "\") " | "' ")
            });
        quoted
            || matches!(self.gap, "\" " | "\") " | "' ")
                && self.next.case == Case::Capital
                && !self.next.has(Marks::FUNCTION)
    }

    /// `Quill, P.`, `Quill-Moor, Ilse,`: the given name after its comma.
    fn turned(&self) -> bool {
        let (next, own) = (self.next, self.note.slice(self.claim.start, self.claim.end));
        let other = Marks::FUNCTION.or(Marks::CREDENTIAL).or(Marks::STATE).or(Marks::CALENDAR);
        let letter = next.case == Case::Initial && self.note.byte(next.end) == b'.';
        let given = next.case == Case::Capital
            && next.has(Marks::GIVEN)
            && !next.has(other)
            && own.contains('-')
            && !matches!(self.note.byte(next.end), b' ' | b'-' | b'.');
        self.gap == ", " && !own.contains(' ') && self.this.case == Case::Capital && (letter || given)
    }

    /// `Ilse Brand before`: a surname that is a word too, between a given name and what goes on in small letters.
    fn wordy(&self) -> bool {
        let other = Marks::FUNCTION
            .or(Marks::CLINICAL)
            .or(Marks::CALENDAR)
            .or(Marks::FACILITY)
            .or(Marks::STREET)
            .or(Marks::STAFF)
            .or(Marks::RELATION)
            .or(Marks::EPONYM_HEAD)
            .or(Marks::ORGANISATION)
            .or(Marks::CREDENTIAL);
        let (this, next) = (self.this, self.next);
        self.gap == " "
            && this.case == Case::Capital
            && next.case == Case::Capital
            && this.has(Marks::GIVEN)
            && !this.has(Marks::COMMON)
            && self.is_sole()
            && next.has(Marks::SURNAME)
            && !next.has(other)
            && self.after().is_none_or(|after| {
                self.note.slice(next.end, after.start) != " "
                    || after.case == Case::Lower && after.has(Marks::FUNCTION)
            })
    }

    /// `Ilse B+`, `ilse b 6:05`: the surname's letter, as a chat has it.
    fn lettered(&self) -> bool {
        let (note, this, next) = (self.note, self.this, self.next);
        let small = this.case == Case::Lower
            && next.case == Case::Lower
            && matches!(note.byte_before(this.start), 0 | b'\n');
        let closes = !matches!(note.byte(next.end), b' ' | b'-' | b'\'' | b'/' | b'.')
            || note.byte(next.end) != b'.' && note.byte(next.end + 1).is_ascii_digit();
        self.gap == " "
            && next.len() == 1
            && next.plain
            && this.has(Marks::GIVEN)
            && !this.has(Marks::CITY.or(Marks::CLINICAL))
            && self.is_sole()
            && (this.case == Case::Capital && next.case == Case::Initial || small)
            && closes
    }

    /// `lyndsey k.`, `LAFITTE-DAO, T,`: where the letter closes the name.
    fn surname_letter(&self) -> Option<usize> {
        let (note, this, next) = (self.note, self.this, self.next);
        let small = self.gap == " "
            && this.case == Case::Lower
            && next.case == Case::Lower
            && next.len() == 1
            && next.plain
            && note.byte(next.end) == b'.'
            && this.has(Marks::GIVEN)
            && self.is_sole();
        let lone = self.gap == ", "
            && next.case == Case::Initial
            && this.capitalised()
            && !note.slice(self.claim.start, self.claim.end).contains(' ')
            && (matches!(note.byte(next.end), b',' | b';' | b')' | b'|' | b'"' | b'\n' | 0)
                || note.after(next.end, 2) == " |");
        (small || lone).then_some(next.end + usize::from(small))
    }

    /// `Ilse Two-Quills`, `Ondine St. Quill`: the end of a surname of two parts.
    fn double(&self) -> Option<usize> {
        let (note, next) = (self.note, self.next);
        let second = self.after().filter(|second| second.case == Case::Capital)?;
        let gap = note.slice(next.end, second.start);
        let hyphened = gap == "-" && second.len() > 2 && !next.has(Marks::CLINICAL.or(Marks::CALENDAR));
        let saint = matches!(note.word(next), "St" | "Saint")
            && matches!(gap, ". " | " " | "-")
            && !second.has(Marks::FACILITY.or(Marks::STREET));
        let capitals = self.gap == " " && self.this.case == Case::Capital && next.case == Case::Capital;
        (capitals && (hyphened || saint)).then_some(second.end)
    }
}
