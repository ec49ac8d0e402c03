//! Makes the weights of the statistical step from sentences that it writes itself: no text of anyone is read.
//!
//!     cargo run --release -p lazaret-phi --example train -- catalogue/phi/weights.bin
//!
//! Beside it a file of one line holds the digest of what they were learnt from. One template in five is held out: what the model makes of those is printed. The weights that are written are learnt
//! from all templates.
#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a tool: it writes one file and prints figures"
)]

mod inputs;
mod slots;
mod words;

use std::error::Error;
use std::path::Path;

use lazaret_phi::model::{Guess, Lesson, Model, Tag, train};
use slots::{Dice, Lists, Writer};

const ROUNDS: usize = 3;
const LESSONS: usize = 640_000;
/// The least margin by tag: other, person, town, street, organisation; from the figures on held-out templates.
const MARGINS: [u16; 5] = [0, 290, 225, 225, 290];

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).ok_or("usage: train OUT")?;
    let lists = Lists::new();
    let templates: Vec<&str> = include_str!("templates.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (held, kept): (Vec<_>, Vec<_>) =
        templates.iter().copied().enumerate().partition(|(at, _)| at % 5 == 3);
    let strip =
        |numbered: Vec<(usize, &'static str)>| numbered.into_iter().map(|(_, t)| t).collect::<Vec<_>>();
    let write = |templates: &[&str], seed, count| {
        let mut writer = Writer { lists: &lists, dice: Dice::new(seed) };
        (0..count).map(|_| writer.lesson(templates)).collect::<Vec<Lesson>>()
    };
    let (held, kept) = (strip(held), strip(kept));
    if std::env::args().nth(2).is_none() {
        let bytes = train(&write(&kept, 0x5eed_0001, LESSONS), ROUNDS, MARGINS);
        let model = Model::parse(&bytes).ok_or("what was written cannot be read")?;
        println!("{} templates held out of {}", held.len(), templates.len());
        measure(&model, &write(&held, 0x5eed_0002, 6_000));
    }
    let weights = train(&write(&templates, 0x5eed_0003, LESSONS), ROUNDS, MARGINS);
    std::fs::write(Path::new(&out).with_extension("inputs"), inputs::line(&weights)?)?;
    std::fs::write(out, weights)?;
    Ok(())
}

/// Prints, by tag and least margin, how many spans are found and how many guesses are right.
fn measure(model: &Model<'_>, lessons: &[Lesson]) {
    let guesses: Vec<Vec<Guess>> = lessons.iter().map(|lesson| model.guess_alone(&lesson.text)).collect();
    let over = |lesson: &Lesson, guess: &Guess| {
        lesson.spans.iter().any(|(start, end, _)| guess.start < *end && *start < guess.end)
    };
    for tag in Tag::ALL.into_iter().skip(1) {
        for least in [0, 100, 200, 300, 400, 600, 800, 1200] {
            let (mut spans, mut found, mut told, mut right) = (0, 0, 0, 0);
            for (lesson, guesses) in lessons.iter().zip(&guesses) {
                let sure = || guesses.iter().filter(|guess| guess.margin >= least);
                for (start, end, _) in lesson.spans.iter().filter(|(_, _, of)| *of == tag) {
                    spans += 1;
                    found += usize::from(sure().any(|guess| guess.start < *end && *start < guess.end));
                }
                for guess in sure().filter(|guess| guess.tag == tag) {
                    told += 1;
                    right += usize::from(over(lesson, guess));
                }
            }
            let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
            println!(
                "{tag:?} margin {least}: recall {:.1}, precision {:.1} of {told}",
                share(found, spans),
                share(right, told)
            );
        }
    }
}
