//! Makes the weights of the statistical step, for words and for numbers, from texts that it writes itself: sentences from
//! templates, and pieces of the made-up notes and lines of `testdata/phi` with other names and numbers in them.
//!
//!     cargo run --release -p lazaret-phi --example train -- catalogue/phi
//!
//! writes `weights.bin`, `numbers.bin` and beside them a file of one line with the digest of what they were learnt from.
//! One template and one note in five are held out: what is made of those is printed. The weights that are written are
//! learnt from all. `--write` after the folder leaves the figures out.
#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a tool: it writes three files and prints figures"
)]

mod inputs;
mod notes;
mod slots;
mod words;

use std::error::Error;
use std::path::Path;

use lazaret_core::Kind;
use lazaret_phi::model::{Guess, Lesson, Model, NumberLesson, Numbers, Sort, Tag, train, train_numbers};
use notes::{Note, Stay};
use slots::{Dice, Lists, Writer};

const ROUNDS: usize = 3;
/// Lessons of words from templates, and between them from notes.
const FROM_TEMPLATES: usize = 300_000;
const FROM_NOTES: usize = 150_000;
/// Lessons of numbers.
const NUMBERS: usize = 300_000;
/// The least margin by tag: other, person, town, street, organisation; from the figures on what is held out.
const MARGINS: [u16; 5] = [0, 200, 160, 160, 200];
/// And by sort of number: other, identifier, date, age.
const NUMBER_MARGINS: [u16; 4] = [0, 120, 120, 120];

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).ok_or("usage: train FOLDER [--write]")?;
    let lists = Lists::new();
    let templates: Vec<&str> = include_str!("templates.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (stay, notes) = (Stay::new(), notes::all()?);
    let school = |seed| School { writer: Writer { lists: &lists, dice: Dice::new(seed) }, stay: &stay };
    if std::env::args().nth(2).is_none() {
        let (held, kept) = apart(templates.clone());
        let (held_notes, kept_notes) = apart(notes::all()?);
        println!("held out: {} templates, {} notes", held.len(), held_notes.len());
        let words = school(0x5eed_0001).words(&kept, &kept_notes);
        let model = Model::parse(&words).ok_or("what was written cannot be read")?;
        let mut other = school(0x5eed_0002);
        measure(&model, "templates", &(0..6_000).map(|_| other.writer.lesson(&held)).collect::<Vec<_>>());
        measure(
            &model,
            "notes",
            &(0..6_000).map(|_| other.writer.words_of(&held_notes, &stay)).collect::<Vec<_>>(),
        );
        let numbers = school(0x5eed_0004).numbers(&kept_notes);
        let numbers = Numbers::parse(&numbers).ok_or("what was written cannot be read")?;
        let lessons: Vec<_> = (0..6_000).map(|_| other.writer.numbers_of(&held_notes, &stay)).collect();
        measure_numbers(&numbers, &lessons);
    }
    let words = school(0x5eed_0003).words(&templates, &notes);
    let numbers = school(0x5eed_0005).numbers(&notes);
    let out = Path::new(&out);
    std::fs::write(out.join("weights.inputs"), inputs::line(&words, &numbers)?)?;
    std::fs::write(out.join("weights.bin"), words)?;
    std::fs::write(out.join("numbers.bin"), numbers)?;
    Ok(())
}

/// One in five, and the others.
fn apart<T>(all: Vec<T>) -> (Vec<T>, Vec<T>) {
    let (held, kept): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(at, _)| at % 5 == 3);
    let strip = |numbered: Vec<(usize, T)>| numbered.into_iter().map(|(_, one)| one).collect();
    (strip(held), strip(kept))
}

/// Writes lessons, and learns from them.
struct School<'a> {
    writer: Writer<'a>,
    stay: &'a Stay,
}

impl School<'_> {
    /// The lessons of notes stand evenly between those of templates.
    fn words(&mut self, templates: &[&str], notes: &[Note]) -> Vec<u8> {
        let mut lessons = Vec::with_capacity(FROM_TEMPLATES + FROM_NOTES);
        for number in 0..FROM_TEMPLATES {
            lessons.push(self.writer.lesson(templates));
            if (number + 1) * FROM_NOTES / FROM_TEMPLATES > number * FROM_NOTES / FROM_TEMPLATES {
                lessons.push(self.writer.words_of(notes, self.stay));
            }
        }
        train(&lessons, ROUNDS, MARGINS)
    }

    fn numbers(&mut self, notes: &[Note]) -> Vec<u8> {
        let lessons: Vec<_> = (0..NUMBERS).map(|_| self.writer.numbers_of(notes, self.stay)).collect();
        train_numbers(&lessons, ROUNDS, NUMBER_MARGINS)
    }
}

/// How many spans are found, and how many guesses are right.
#[derive(Default)]
struct Tally {
    spans: usize,
    found: usize,
    told: usize,
    right: usize,
}

impl Tally {
    fn print(&self, what: &str) {
        let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        let (recall, precision) = (share(self.found, self.spans), share(self.right, self.told));
        println!("{what}: recall {recall:.1}, precision {precision:.1} of {}", self.told);
    }
}

/// Prints by tag and least margin what is made of lessons.
fn measure(model: &Model<'_>, of: &str, lessons: &[Lesson]) {
    let guesses: Vec<Vec<Guess>> = lessons.iter().map(|lesson| model.guess_alone(&lesson.text)).collect();
    let over = |lesson: &Lesson, guess: &Guess| {
        lesson.spans.iter().any(|(start, end, _)| guess.start < *end && *start < guess.end)
    };
    for tag in Tag::ALL.into_iter().skip(1) {
        for least in [0, 100, 200, 300, 400, 600, 800, 1200] {
            let mut tally = Tally::default();
            for (lesson, guesses) in lessons.iter().zip(&guesses) {
                let sure = || guesses.iter().filter(|guess| guess.margin >= least);
                for (start, end, _) in lesson.spans.iter().filter(|(_, _, of)| *of == tag) {
                    tally.spans += 1;
                    tally.found += usize::from(sure().any(|guess| guess.start < *end && *start < guess.end));
                }
                for guess in sure().filter(|guess| guess.tag == tag) {
                    tally.told += 1;
                    tally.right += usize::from(over(lesson, guess));
                }
            }
            tally.print(&format!("{of}: {tag:?} margin {least}"));
        }
    }
}

/// The same of numbers.
fn measure_numbers(numbers: &Numbers<'_>, lessons: &[NumberLesson]) {
    let sort = |kind: &Option<Kind>| match kind {
        Some(Kind::Date) => Sort::Date,
        Some(Kind::Age) => Sort::Age,
        Some(Kind::OtherId) => Sort::Identifier,
        _ => Sort::Other,
    };
    let guesses: Vec<_> = lessons.iter().map(|lesson| numbers.guess_alone(&lesson.text)).collect();
    for of in [Sort::Identifier, Sort::Date, Sort::Age] {
        for least in [0, 30, 60, 120, 200, 300, 450] {
            let mut tally = Tally::default();
            for (lesson, guesses) in lessons.iter().zip(&guesses) {
                let sure = || guesses.iter().filter(|guess| guess.ahead >= least);
                for (start, end, _) in lesson.spans.iter().filter(|(.., kind)| sort(kind) == of) {
                    tally.spans += 1;
                    tally.found += usize::from(sure().any(|guess| guess.start < *end && *start < guess.end));
                }
                for guess in sure().filter(|guess| guess.sort == of) {
                    tally.told += 1;
                    let over =
                        lesson.spans.iter().any(|(start, end, _)| guess.start < *end && *start < guess.end);
                    tally.right += usize::from(over);
                }
            }
            tally.print(&format!("notes: {of:?} margin {least}"));
        }
    }
}
