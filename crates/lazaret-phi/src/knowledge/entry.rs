//! An entry that is not in the file yet: what it would say, the lines it would be there, and the file with it. What is
//! in the file stays byte for byte.

use std::fmt::Write as _;

use lazaret_core::{Label, Limits, Timestamp};

use super::Knowledge;
use crate::section::plain;

/// Longest text of an entry, in bytes.
const LONGEST: usize = 200;

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// What is found within its text is no identifier.
    Allow,
    /// Its text is an identifier.
    Deny,
    /// Its text is the shape of an identifier: a regular expression.
    Shape,
}

impl EntryKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Deny, Self::Shape];

    /// Its name: `allow`, `deny`, `shape`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Shape => "shape",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An entry that somebody would like in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What it does.
    pub kind: EntryKind,
    /// The words, or the expression.
    pub text: String,
    /// What the text is; for an `allow`: only what is found of this kind.
    pub label: Option<Label>,
    /// Of a shape: it counts only after one of these words.
    pub after: Vec<String>,
    /// Only in this ward.
    pub ward: Option<String>,
    /// Only in texts of this author.
    pub author: Option<String>,
    /// Only in this section.
    pub section: Option<String>,
    /// The last day it holds: `2027-03-31`.
    pub until: Option<String>,
}

/// Who answers for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers<'a> {
    /// Who proposed it.
    pub owner: &'a str,
    /// Who agreed; empty while nobody has.
    pub approver: &'a str,
    /// Why it is there.
    pub reason: &'a str,
}

impl NewEntry {
    /// Whether the file's own reader would take it, alone in a file. Says what is wrong, without the text.
    pub fn check(&self, now: Timestamp, limits: &Limits) -> Result<(), String> {
        let scopes = [("ward", &self.ward), ("author", &self.author), ("section", &self.section)];
        for (name, scope) in scopes {
            if scope.as_deref().is_some_and(|scope| plain(scope).is_empty() || !is_short_line(scope)) {
                return Err(format!("`{name}` is a name of one line, {LONGEST} bytes at most"));
            }
        }
        if !is_short_line(&self.text) {
            return Err(format!("the text is one line, {LONGEST} bytes at most"));
        }
        if self.kind != EntryKind::Shape && !self.after.is_empty() {
            return Err("only a shape has words after which it counts".to_owned());
        }
        if self.until.as_deref().is_some_and(|day| !is_day(day)) {
            return Err("`until` is a day: 2027-03-31".to_owned());
        }
        let answers = Answers { owner: "-", approver: "-", reason: "-" };
        let alone = with_lines("version = 1\n", &self.lines(&answers));
        let read = Knowledge::read(&alone, "", now, limits).map_err(|error| {
            let whys: Vec<&str> = error.faults().iter().map(|fault| fault.why.as_str()).collect();
            whys.join("; ")
        })?;
        if read.expired().is_empty() { Ok(()) } else { Err("its last day has passed".to_owned()) }
    }

    /// The lines it would be in the file.
    pub fn lines(&self, answers: &Answers<'_>) -> String {
        let mut lines = String::new();
        let mut line = |key: &str, value: String| {
            let _ = writeln!(lines, "{key} = {value}"); // writing to a String cannot fail
        };
        let text = quoted(&self.text);
        match self.kind {
            EntryKind::Allow | EntryKind::Deny => line("texts", format!("[{text}]")),
            EntryKind::Shape => line("shape", text),
        }
        if let Some(label) = self.label {
            line("label", quoted(&label.to_string()));
        }
        if !self.after.is_empty() {
            let words: Vec<String> = self.after.iter().map(|word| quoted(word)).collect();
            line("after", format!("[{}]", words.join(", ")));
        }
        for (key, scope) in [("ward", &self.ward), ("author", &self.author), ("section", &self.section)] {
            if let Some(scope) = scope {
                line(key, quoted(scope));
            }
        }
        if let Some(day) = self.until.as_deref().filter(|day| is_day(day)) {
            line("until", day.to_owned());
        }
        let Answers { owner, approver, reason } = answers;
        line("owner", quoted(owner));
        if !approver.is_empty() {
            line("approver", quoted(approver));
        }
        line("reason", quoted(reason));
        let table = if self.kind == EntryKind::Shape { "identifier" } else { self.kind.name() };
        format!("[[{table}]]\n{lines}")
    }

    /// Whether other words hold this entry's text or the names it is for: such words may not stand where the entry's
    /// own text may not.
    pub fn is_told_by(&self, words: &str) -> bool {
        let words = plain(words);
        let names = [Some(&self.text), self.ward.as_ref(), self.author.as_ref()];
        let mut names = names.into_iter().flatten().map(|name| plain(name));
        names.any(|name| !name.is_empty() && words.contains(name.as_str()))
    }
}

/// A file's text with further lines at its end. All that is in it stays as it is.
pub fn with_lines(file: &str, lines: &str) -> String {
    let parted = if file.is_empty() || file.ends_with('\n') { "" } else { "\n" };
    format!("{file}{parted}\n{lines}")
}

/// The shape of a number as one is written: `QH.4471` is `QH[.]\d{4}`. None of a text that has fewer than three
/// digits, or signs beyond ASCII.
pub fn shape_of(text: &str) -> Option<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < 3 || !text.is_ascii() || !is_short_line(text) {
        return None;
    }
    let mut shape = String::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        if sign.is_ascii_digit() {
            let mut count = 1;
            while signs.next_if(char::is_ascii_digit).is_some() {
                count += 1;
            }
            let _ = write!(shape, "\\d{{{count}}}"); // writing to a String cannot fail
        } else if sign.is_ascii_alphanumeric() || sign == ' ' {
            shape.push(sign);
        } else if matches!(sign, '^' | '\\' | '[' | ']') {
            shape.extend(['\\', sign]);
        } else {
            shape.extend(['[', sign, ']']);
        }
    }
    Some(shape)
}

fn is_short_line(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains(|c: char| c.is_control() || turns(c))
}

/// `2027-03-31`; whether there is such a day the file's reader says.
fn is_day(day: &str) -> bool {
    day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Signs that are not seen, or turn the text round.
fn turns(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A basic string of TOML 1.0.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || turns(c) => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c)); // writing to a String cannot fail
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_694_400_000); // 2026-11-26
    const ANSWERS: Answers<'_> = Answers { owner: "ana", approver: "ben", reason: "our score" };

    fn entry(kind: EntryKind, text: &str) -> NewEntry {
        NewEntry {
            kind,
            text: text.to_owned(),
            label: (kind != EntryKind::Allow).then_some(Label::MRN),
            after: Vec::new(),
            ward: None,
            author: None,
            section: None,
            until: None,
        }
    }

    fn check(entry: &NewEntry) -> Result<(), String> {
        entry.check(NOW, &Limits::default())
    }

    #[test]
    fn an_entry_is_the_lines_a_person_would_write() {
        let one = NewEntry {
            label: Some(Label::NAME),
            section: Some("Assessment".to_owned()),
            until: Some("2027-03-31".to_owned()),
            ..entry(EntryKind::Allow, "Larkspur \"L\"")
        };
        check(&one).unwrap();
        assert_eq!(
            one.lines(&ANSWERS),
            "[[allow]]\ntexts = [\"Larkspur \\\"L\\\"\"]\nlabel = \"NAME\"\nsection = \"Assessment\"\nuntil = 2027-03-31\n\
             owner = \"ana\"\napprover = \"ben\"\nreason = \"our score\"\n"
        );
        let shape = NewEntry { after: vec!["folder".to_owned()], ..entry(EntryKind::Shape, r"QH[.]\d{4}") };
        check(&shape).unwrap();
        assert!(
            shape.lines(&ANSWERS).starts_with("[[identifier]]\nshape = \"QH[.]\\\\d{4}\"\nlabel = \"MRN\"\n")
        );
    }

    #[test]
    fn what_the_file_would_refuse_is_refused_here_without_the_text() {
        let until =
            |day: &str| NewEntry { until: Some(day.to_owned()), ..entry(EntryKind::Deny, "bay seven") };
        for (entry, why) in [
            (entry(EntryKind::Deny, "x"), "a phrase has two letters"),
            (entry(EntryKind::Deny, "Quillmoor\nb"), "one line"),
            (entry(EntryKind::Deny, "Quillmoor \u{202e}"), "one line"),
            (entry(EntryKind::Deny, &"ab ".repeat(90)), "200 bytes"),
            (NewEntry { label: None, ..entry(EntryKind::Deny, "Quillmoor") }, "needs a `label`"),
            (entry(EntryKind::Shape, "."), "a single sign"),
            (entry(EntryKind::Shape, "(Quillmoor"), "no regular expression"),
            (NewEntry { after: vec!["a".to_owned()], ..entry(EntryKind::Deny, "Quillmoor") }, "only a shape"),
            (NewEntry { ward: Some(" - ".to_owned()), ..entry(EntryKind::Deny, "Quillmoor") }, "`ward`"),
            (until("2027-3-1"), "`until` is a day"),
            (until("2027-13-41"), ""),
            (until("2026-11-25"), "has passed"),
        ] {
            let told = check(&entry).unwrap_err();
            assert!(told.contains(why), "{told}");
            assert!(entry.kind == EntryKind::Shape || !told.contains("Quillmoor"), "{told}");
        }
    }

    #[test]
    fn words_that_repeat_the_entry_are_known() {
        let one = NewEntry { author: Some("Dr. Q. Vane".to_owned()), ..entry(EntryKind::Deny, "bay seven") };
        assert!(one.is_told_by("the  Bay Seven is a room") && one.is_told_by("as dr. q. vane says"));
        assert!(!one.is_told_by("a room of one bed"));
    }

    #[test]
    fn shapes_are_read_off_numbers() {
        for (text, shape) in [
            ("QH.4471", Some(r"QH[.]\d{4}")),
            ("12-345", Some(r"\d{2}[-]\d{3}")),
            (r"a\1^2]3", Some(r"a\\\d{1}\^\d{1}\]\d{1}")),
            ("AB12", None),
            ("é1234", None),
        ] {
            assert_eq!(shape_of(text).as_deref(), shape, "{text}");
        }
    }

    proptest! {
        /// Whatever somebody writes: it is refused, or it is one more entry and nothing else.
        #[test]
        fn any_entry_that_holds_is_one_entry_more(
            text in "[ -~éß\u{200b}\n\"\\\\]{0,30}",
            scope in prop::option::of("[ -~\n\"\\\\\\]\\[#=]{0,12}"),
            // A blank one is asked for again.
            reason in "[!-~][ -~\n\"\\\\\u{1b}]{0,19}",
            shape in any::<bool>(),
        ) {
            let kind = if shape { EntryKind::Shape } else { EntryKind::Deny };
            let one = NewEntry { ward: scope, ..entry(kind, &text) };
            let before = "# ours\nversion = 1\n[[ward]]\nnames = ['Tansy East']   # kept";
            let lines = one.lines(&Answers { reason: &reason, ..ANSWERS });
            let after = with_lines(before, &lines);
            prop_assert!(after.starts_with(before) && after.ends_with(&lines));
            if check(&one).is_ok() {
                let read = Knowledge::read(&after, "", NOW, &Limits::default()).unwrap();
                prop_assert_eq!(read.size(), if shape { (1, 1) } else { (2, 0) });
            }
        }

        #[test]
        fn a_shape_matches_what_it_was_read_off(text in "[!-~]{0,20}") {
            if let Some(shape) = shape_of(&text) {
                let regex = regex_automata::meta::Regex::new(&format!("^(?:{shape})$")).unwrap();
                prop_assert!(regex.is_match(&text), "{} {}", shape, text);
            }
        }
    }
}
