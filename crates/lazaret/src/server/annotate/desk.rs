//! The notes under correction and the two files they are kept in: gold, which holds the notes that are done, and
//! beside it `….open`, which holds those that someone has begun. Both are written whole and durably before a change is
//! answered, so a kill loses nothing that was acknowledged. A note that stands in both is done: so one write decides each
//! change, and a failure before or after it leaves files that say the same as the answer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lazaret_core::{Label, Limit, Limits};
use lazaret_input::{json, read_file, write_durably};
use lazaret_phi::corpus::{Characters, Mark, Note, jsonl};
use lazaret_phi::score::{Labels, Score, Scorer, Unit};

use crate::commands::phi::MAX_ANNOTATED;

/// One note.
pub(crate) struct Item {
    /// With the spans as they are now.
    pub(crate) note: Note,
    /// What was found in it.
    pub(crate) predicted: Vec<Mark>,
    /// Whether someone said that it is done.
    pub(crate) done: bool,
    /// Whether someone began it.
    pub(crate) begun: bool,
    /// Who changed it last; nobody yet where it was not begun.
    by: Option<String>,
    /// Goes up with every change: a page that shows an older one changes nothing.
    pub(crate) revision: u64,
}

/// What a person does to a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Marks a span.
    Add(usize, usize, Label),
    /// Marks a text wherever it stands and nothing is marked yet.
    AddText(String, Label),
    /// Takes a mark away.
    Remove(usize, usize),
    /// Gives a mark another label.
    Relabel(usize, usize, Label),
    /// Says that it is done.
    Done,
    /// Takes that back.
    Reopen,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The page was an older one.
    #[error("the note was changed meanwhile; this is how it is now")]
    Stale,
    /// It makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// It could not be kept.
    #[error("{} could not be written", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is in the file, but the disk did not say that it stays there.
    #[error(
        "the change was made, and {} holds it, but the disk did not confirm that it stays there", .path.display()
    )]
    Unconfirmed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Who changed a saved note last.
fn saved_by(line: &[u8], limits: &Limits) -> Option<String> {
    let document = json::parse(line, limits).document?;
    document.root().get("by").and_then(|by| by.as_str()).map(str::to_owned)
}

/// All notes.
pub(crate) struct Desk {
    pub(crate) items: Vec<Item>,
    /// By what the notes were looked at.
    version: String,
    gold: PathBuf,
    open: PathBuf,
    by: String,
    /// Longest file that is written.
    most: Limit,
}

impl Desk {
    /// Notes with what was found in each by `version`; what was saved before is taken up again.
    pub(crate) fn new(
        notes: Vec<(Note, Vec<Mark>)>,
        version: String,
        gold: &Path,
        by: &str,
        limits: &Limits,
        read: impl Fn(&Path) -> Result<Option<Vec<u8>>, String>,
    ) -> Result<Self, String> {
        let item =
            |(note, predicted)| Item { note, predicted, done: false, begun: false, by: None, revision: 0 };
        let mut items: Vec<Item> = notes.into_iter().map(item).collect();
        let places: BTreeMap<String, usize> =
            items.iter().enumerate().map(|(place, item)| (item.note.id.clone(), place)).collect();
        let open = beside(gold);
        for (path, done) in [(&open, false), (&gold.to_owned(), true)] {
            let bytes = read(path)?.unwrap_or_default();
            let lines = bytes.split(|byte| *byte == b'\n').zip(1_u64..);
            for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
                let wrong = |why: &str| format!("{}:{number}: {why}", path.display());
                let saved = jsonl::read(line, limits).map_err(|error| wrong(&error.to_string()))?;
                let item = places.get(&saved.id).and_then(|place| items.get_mut(*place));
                let item = item.ok_or_else(|| wrong("the notes have none of this `id`"))?;
                if item.note.text != saved.text {
                    return Err(wrong("the note has another text now"));
                }
                (item.note, item.done, item.begun) = (saved, done, true);
                item.by = saved_by(line, limits);
            }
        }
        Ok(Self {
            items,
            version,
            gold: gold.to_owned(),
            open,
            by: by.to_owned(),
            most: limits.get(MAX_ANNOTATED),
        })
    }

    /// Looks at every note again where it is looked by something else now: a changed file of the hospital's knowledge. A note
    /// that nobody began shows what is found in it now; of the others only the score changes.
    pub(crate) fn look_again<E>(
        &mut self,
        version: &str,
        look: impl Fn(&str) -> Result<Vec<Mark>, E>,
    ) -> Result<(), E> {
        if self.version == version {
            return Ok(());
        }
        let found: Result<Vec<_>, E> = self.items.iter().map(|item| look(&item.note.text)).collect();
        for (item, found) in self.items.iter_mut().zip(found?) {
            if !item.begun && item.note.marks != found {
                item.note.marks.clone_from(&found);
                item.revision += 1;
            }
            item.predicted = found;
        }
        version.clone_into(&mut self.version);
        Ok(())
    }

    /// Makes a change and keeps it. Returns when it is durable.
    pub(crate) fn change(&mut self, place: usize, revision: u64, change: &Change) -> Result<(), Refused> {
        let item = self.items.get_mut(place).ok_or_else(|| Refused::Wrong("no such note".to_owned()))?;
        if item.revision != revision {
            return Err(Refused::Stale);
        }
        let before = (item.note.marks.clone(), item.done, item.begun, item.by.clone());
        apply(item, change).map_err(Refused::Wrong)?;
        item.begun = true;
        item.by = Some(self.by.clone());
        item.revision += 1;
        let (was_done, is_done) = (before.1, item.done);
        let saved = self.save(was_done, is_done);
        if let Err(Refused::Disk { .. }) = saved
            && let Some(item) = self.items.get_mut(place)
        {
            (item.note.marks, item.done, item.begun, item.by) = before;
        }
        saved
    }

    /// What decides is the one write that a new start would read the change from: of a note that is done before or after
    /// it, the one of gold.
    fn save(&self, was_done: bool, is_done: bool) -> Result<(), Refused> {
        if was_done {
            // Written where it goes to first. Until gold is written without it, it is done.
            return match self.save_open() {
                Ok(()) => self.save_gold(),
                Err(Refused::Unconfirmed { path, source }) => Err(Refused::Disk { path, source }),
                other => other,
            };
        }
        if !is_done {
            return self.save_open();
        }
        let saved = self.save_gold();
        if !matches!(saved, Err(Refused::Disk { .. })) {
            // In gold it is done: what is left of it in the other file is passed over, and goes with that file's next write.
            let _tidied = self.save_open();
        }
        saved
    }

    fn save_gold(&self) -> Result<(), Refused> {
        keep(&self.gold, self.lines(|item| item.done), self.most)
    }

    fn save_open(&self) -> Result<(), Refused> {
        keep(&self.open, self.lines(|item| item.begun && !item.done), self.most)
    }

    fn lines(&self, keep: impl Fn(&Item) -> bool) -> std::io::Result<String> {
        let mut lines = String::new();
        for item in self.items.iter().filter(|item| keep(item)) {
            let line = jsonl::write(&item.note).map_err(std::io::Error::other)?;
            let by = serde_json::to_string(item.by.as_ref().unwrap_or(&self.by))?;
            // Who changed it last stands beside what scorers read.
            lines.push_str(line.strip_suffix('}').unwrap_or(&line));
            lines.extend([",\"by\":", &by, "}\n"]);
        }
        Ok(lines)
    }

    /// What was found against the notes that are done, kind by kind.
    pub(crate) fn score(&self) -> Score {
        let labels = Labels { raw: true, ..Labels::default() };
        let scorer = Scorer { labels, unit: Unit::CodePoint, least_score: None, kept: (0, 0) };
        let mut score = Score::default();
        for item in self.items.iter().filter(|item| item.done) {
            // Offsets were checked when they came in.
            let _checked = scorer.add(&mut score, &item.note, Some(&item.predicted));
        }
        score
    }
}

/// Writes a file whole. Where that fails the file itself says whether it holds the change all the same.
fn keep(path: &Path, lines: std::io::Result<String>, most: Limit) -> Result<(), Refused> {
    let not_made = |source| Refused::Disk { path: path.to_owned(), source };
    let lines = lines.map_err(not_made)?;
    // What a new start would not read is not written.
    most.check(lines.len() as u64).map_err(|reached| not_made(std::io::Error::other(reached)))?;
    let Err(source) = write_durably(path, lines.as_bytes()) else { return Ok(()) };
    if read_file(path, most).is_ok_and(|now| now == lines.as_bytes()) {
        return Err(Refused::Unconfirmed { path: path.to_owned(), source });
    }
    Err(not_made(source))
}

fn beside(gold: &Path) -> PathBuf {
    let mut name = gold.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".open");
    gold.with_file_name(name)
}

fn mark(start: usize, end: usize, label: Label) -> Mark {
    let (kind, sub) = (label.kind.name().to_owned(), label.sub.map(str::to_owned));
    Mark { start, end, label: kind, sub, score: None }
}

fn apply(item: &mut Item, change: &Change) -> Result<(), String> {
    if item.done && *change != Change::Reopen {
        return Err("the note is done; reopen it to change it".to_owned());
    }
    let marks = &mut item.note.marks;
    let is = |start: usize, end: usize| move |mark: &Mark| (mark.start, mark.end) == (start, end);
    let touched = |marks: &[Mark], start: usize, end: usize| {
        marks.iter().any(|mark| mark.start < end && start < mark.end)
    };
    match change {
        Change::Add(start, end, label) => {
            if Characters::of(&item.note.text).get(*start, *end).is_none_or(str::is_empty) {
                return Err(format!("there is no span {start} to {end} in this note"));
            }
            if touched(marks, *start, *end) {
                return Err("a span there is marked already; remove it first".to_owned());
            }
            marks.push(mark(*start, *end, *label));
        }
        Change::AddText(text, label) => {
            // A browser sends line ends as CR LF, whatever the note has.
            let wanted = [text.clone(), text.replace("\r\n", "\n")];
            let wanted = wanted.iter().find(|wanted| item.note.text.contains(wanted.as_str()));
            let wanted = wanted.filter(|wanted| !wanted.is_empty());
            let wanted = wanted.ok_or_else(|| "the note does not hold this text".to_owned())?;
            let characters = Characters::of(&item.note.text);
            let mut added = 0;
            for (at, found) in item.note.text.match_indices(wanted.as_str()) {
                let places = (characters.at_byte(at), characters.at_byte(at.saturating_add(found.len())));
                let (Some(start), Some(end)) = places else { continue };
                if !touched(marks, start, end) {
                    marks.push(mark(start, end, *label));
                    added += 1;
                }
            }
            if added == 0 {
                return Err("this text is marked already".to_owned());
            }
        }
        Change::Remove(start, end) => {
            let count = marks.len();
            marks.retain(|mark| !is(*start, *end)(mark));
            if marks.len() == count {
                return Err("no such span is marked".to_owned());
            }
        }
        Change::Relabel(start, end, label) => {
            let found = marks.iter_mut().find(|mark| is(*start, *end)(mark));
            *found.ok_or_else(|| "no such span is marked".to_owned())? = mark(*start, *end, *label);
        }
        Change::Done => item.done = true,
        Change::Reopen => item.done = false,
    }
    item.note.marks.sort_by_key(|mark| (mark.start, mark.end));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test's own file")]
    fn desk_of(gold: &Path, by: &str) -> Result<Desk, String> {
        let note = |id: &str, text: &str| {
            let text = text.to_owned();
            Note { id: id.to_owned(), text, marks: Vec::new(), neutral: Vec::new(), traps: Vec::new() }
        };
        let notes = vec![
            (note("a", "Rook met \u{1f600} Rook"), vec![mark(0, 4, Label::PATIENT)]),
            (note("b", "SSN 1"), Vec::new()),
        ];
        Desk::new(notes, "v1".to_owned(), gold, by, &Limits::default(), |path| Ok(std::fs::read(path).ok()))
    }

    fn desk(gold: &Path) -> Result<Desk, String> {
        desk_of(gold, "ana")
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test's own file")]
    fn each_note_bears_the_name_of_who_changed_it_last() {
        let folder = tempfile::tempdir().unwrap();
        let gold = folder.path().join("gold.jsonl");
        desk_of(&gold, "ana").unwrap().change(0, 0, &Change::Done).unwrap();
        desk_of(&gold, "ben").unwrap().change(1, 0, &Change::Done).unwrap();
        let read = std::fs::read_to_string(&gold).unwrap();
        let names: Vec<bool> = read.lines().map(|line| line.contains("\"by\":\"ana\"")).collect();
        assert_eq!(names, [true, false], "{read}");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test's own file")]
    fn what_was_answered_is_there_after_a_new_start() {
        let folder = tempfile::tempdir().unwrap();
        let gold = folder.path().join("gold.jsonl");
        let mut first = desk(&gold).unwrap();
        first.change(0, 0, &Change::AddText("Rook".to_owned(), Label::PATIENT)).unwrap();
        assert!(matches!(first.change(0, 0, &Change::Done), Err(Refused::Stale)));
        first.change(1, 0, &Change::Add(4, 5, Label::SSN)).unwrap();
        let mut again = desk(&gold).unwrap();
        assert_eq!(again.items[0].note.marks.len(), 2);
        assert!(again.items.iter().all(|item| item.begun && !item.done));
        again.change(0, 0, &Change::Done).unwrap();
        let read = std::fs::read_to_string(&gold).unwrap();
        assert!(read.contains("\"by\":\"ana\"") && read.lines().count() == 1, "{read}");
        let mut third = desk(&gold).unwrap();
        assert!(third.items[0].done && !third.items[1].done && third.items[1].begun);
        let score = third.score();
        assert_eq!((score.overlap["NAME"].found, score.overlap["NAME"].gold), (1, 2));
        third.change(0, 0, &Change::Reopen).unwrap();
        assert_eq!(std::fs::read_to_string(&gold).unwrap(), "");
        assert!(desk(&gold).unwrap().items.iter().all(|item| item.begun && !item.done));
    }

    #[test]
    fn what_is_answered_of_a_save_that_half_fails_is_what_a_new_start_reads() {
        let folder = tempfile::tempdir().unwrap();
        let gold = folder.path().join("gold.jsonl");
        let open = folder.path().join("gold.jsonl.open");
        let state = |desk: &Desk| (desk.items[0].begun, desk.items[0].done, desk.items[0].note.marks.len());
        let mut first = desk(&gold).unwrap();
        // No file can be put where a folder is.
        std::fs::create_dir(&open).unwrap();
        let refused = first.change(0, 0, &Change::Add(0, 4, Label::NAME)).unwrap_err();
        assert!(matches!(&refused, Refused::Disk { path, .. } if *path == open), "{refused}");
        assert!(refused.to_string().contains("gold.jsonl.open could not be written"), "{refused}");
        assert_eq!(state(&first), state(&desk(&gold).unwrap()));
        // It is in gold, so it is done; the other file only holds no more than before.
        first.change(0, 1, &Change::Done).unwrap();
        assert_eq!(state(&first), (true, true, 0));
        assert_eq!(state(&first), state(&desk(&gold).unwrap()));
        let refused = first.change(0, 2, &Change::Reopen).unwrap_err();
        assert!(matches!(refused, Refused::Disk { .. }), "{refused}");
        assert_eq!(state(&first), (true, true, 0));
        assert_eq!(state(&first), state(&desk(&gold).unwrap()));
        std::fs::remove_dir(&open).unwrap();
        first.change(0, 3, &Change::Reopen).unwrap();
        assert_eq!(state(&first), state(&desk(&gold).unwrap()));
        // Gold cannot be written: what was begun stays begun.
        std::fs::remove_file(&gold).unwrap();
        std::fs::create_dir(&gold).unwrap();
        assert!(matches!(first.change(0, 4, &Change::Done), Err(Refused::Disk { .. })));
        assert_eq!(state(&first), (true, false, 0));
        assert_eq!(state(&first), state(&desk(&gold).unwrap()));
    }

    #[test]
    fn changed_knowledge_counts_for_notes_that_nobody_began_and_for_the_score() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = desk(&folder.path().join("gold.jsonl")).unwrap();
        desk.change(0, 0, &Change::Add(0, 4, Label::PATIENT)).unwrap();
        desk.change(0, 1, &Change::Done).unwrap();
        let look =
            |text: &str| Ok::<_, ()>(if text == "SSN 1" { vec![mark(4, 5, Label::SSN)] } else { Vec::new() });
        desk.look_again("v1", look).unwrap();
        assert_eq!(desk.score().overlap["NAME"].found, 1, "nothing changed");
        desk.look_again("v2", |_| Err(())).unwrap_err();
        desk.look_again("v2", look).unwrap();
        assert_eq!(desk.score().overlap["NAME"].found, 0);
        assert_eq!(desk.items[0].note.marks, [mark(0, 4, Label::PATIENT)]);
        assert_eq!((desk.items[1].note.marks.len(), desk.items[1].revision), (1, 1));
    }

    #[test]
    fn changes_that_make_no_sense_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = desk(&folder.path().join("gold.jsonl")).unwrap();
        desk.change(0, 0, &Change::Add(0, 4, Label::NAME)).unwrap();
        for change in [
            Change::Add(3, 5, Label::NAME),
            Change::Add(2, 99, Label::NAME),
            Change::Add(5, 5, Label::NAME),
            Change::AddText("nobody".to_owned(), Label::NAME),
            Change::AddText(String::new(), Label::NAME),
            Change::Remove(0, 3),
            Change::Relabel(1, 4, Label::NAME),
        ] {
            assert!(matches!(desk.change(0, 1, &change), Err(Refused::Wrong(_))), "{change:?}");
        }
        desk.change(0, 1, &Change::Relabel(0, 4, Label::PROVIDER)).unwrap();
        assert_eq!(desk.items[0].note.marks, [mark(0, 4, Label::PROVIDER)]);
        desk.change(0, 2, &Change::Done).unwrap();
        assert!(matches!(desk.change(0, 3, &Change::Remove(0, 4)), Err(Refused::Wrong(_))));
    }

    #[test]
    fn gold_of_other_notes_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let gold = folder.path().join("gold.jsonl");
        for (line, said) in [
            (r#"{"id":"z","text":"a","spans":[]}"#, "gold.jsonl:1: the notes have none"),
            (r#"{"id":"a","text":"other","spans":[]}"#, "gold.jsonl:1: the note has another text"),
            ("x", "gold.jsonl:1: at byte 0"),
        ] {
            std::fs::write(&gold, line).unwrap();
            let told = desk(&gold).err().unwrap();
            assert!(told.contains(said), "{told}");
        }
    }
}
