//! A text with what is found in it, and the entry that a word about it would make. It is pasted, and then goes back and forth
//! between browser and server, which keeps none of it; or it is a note of the gold, which the forms name.

use askama::Template;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use lazaret_core::Label;
use lazaret_phi::corpus::{Characters, Mark};
use lazaret_phi::{EntryKind, NewEntry, Setting, section_at, shape_of};
use serde::Deserialize;

use super::gold::OfGold;
use super::{MAX_TEXT, ReviewState, Rooms, Who, form_of, page, status, to, told, too_long, work};
use crate::commands::phi::visible::visible;
use crate::commands::phi::{label_of, marks_of};
use crate::exit::CliError;
use crate::proposals::Refused;
use crate::server::sheet::{self, Drawn, Piece};

/// A text, and where it was written, as the form tells; or the note of the gold that the form names.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    text: String,
    /// The note's key.
    #[serde(default)]
    gold: String,
    #[serde(default)]
    ward: String,
    #[serde(default)]
    author: String,
    /// `found`, `missed`, `range`, `gold`.
    #[serde(default)]
    what: String,
    /// The place that was found, or that is marked in the gold: `12-20`.
    #[serde(default)]
    place: String,
    /// A text that was missed, copied.
    #[serde(default)]
    missed: String,
    /// Or its characters.
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    label: String,
}

impl Asked {
    /// For a note of the gold.
    pub(super) fn of_gold(key: String) -> Self {
        Self { gold: key, ..Self::default() }
    }
}

/// A text as it is looked at.
pub(super) struct Looked {
    /// What was pasted, with line ends as they are counted: a browser sends them as CR LF, whatever they were. A note of the
    /// gold as it is.
    text: String,
    setting: Setting,
    marks: Vec<Mark>,
    /// Where it stands in the gold.
    gold: Option<OfGold>,
}

impl Looked {
    pub(super) fn of(rooms: &Rooms, asked: &Asked) -> Result<Self, Refused> {
        if !asked.gold.is_empty() {
            let gold = OfGold::of(rooms, &asked.gold)?;
            let text = gold.note().text.clone();
            let (setting, marks) = (Setting::default().or_from(&text), gold.found().to_vec());
            return Ok(Self { text, setting, marks, gold: Some(gold) });
        }
        let limit = rooms.config.limits().get(MAX_TEXT);
        if limit.check(asked.text.len() as u64).is_err() {
            return Err(Refused::Wrong(too_long(limit).trim_end().to_owned()));
        }
        let text = asked.text.replace("\r\n", "\n");
        let told = |name: &str| (!name.trim().is_empty()).then(|| name.trim().to_owned());
        let setting = Setting::new(told(&asked.ward).as_deref(), told(&asked.author).as_deref());
        let profile = rooms.config.profile("safe-harbor")?;
        let scanner = rooms.scanner.scanner();
        let mut found = scanner
            .scan_in(&text, None, setting.clone())
            .map_err(|error| CliError::failed("the text could not be inspected", error))?;
        found.retain(|detection| profile.reports(detection.label));
        let marks = marks_of(&text, &found);
        let setting = setting.or_from(&text);
        Ok(Self { text, setting, marks, gold: None })
    }
}

#[derive(Template)]
#[template(path = "review_text.html")]
struct TextPage<'a> {
    at: &'a str,
    who: &'a str,
    text: &'a str,
    ward: &'a str,
    author: &'a str,
    pieces: Vec<Piece>,
    found: Vec<Row>,
    labels: Vec<String>,
    gold: Option<&'a OfGold>,
    wrong: Option<String>,
    broken: Option<String>,
}

/// A finding, or a gold span that was missed.
pub(super) struct Row {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: String,
    /// What it was found as; none of what was missed.
    pub(super) found: Option<String>,
    /// What the gold says of it.
    pub(super) gold: String,
}

/// The text with what is found in it, and what the gold says, where it is of the gold.
pub(super) fn text_page(
    rooms: &Rooms,
    who: &Who,
    asked: &Asked,
    looked: &Looked,
    (code, wrong): (StatusCode, Option<String>),
) -> Result<Response, Refused> {
    let characters = Characters::of(&looked.text);
    let (drawn, found) = match &looked.gold {
        Some(gold) => gold.shown(&characters),
        None => looked.marks.iter().map(|mark| found(mark, &characters)).unzip(),
    };
    let made = TextPage {
        at: &rooms.at,
        who: &who.0,
        text: &looked.text,
        ward: &asked.ward,
        author: &asked.author,
        pieces: sheet::pieces(&characters, drawn),
        found,
        labels: sheet::labels(),
        gold: looked.gold.as_ref(),
        wrong,
        broken: rooms.scanner.broken(),
    };
    page(code, &made)
}

/// A finding in a text that is not of the gold.
fn found(mark: &Mark, characters: &Characters<'_>) -> (Drawn, Row) {
    let (start, end, label) = (mark.start, mark.end, label_of(mark));
    let text = visible(characters.get(start, end).unwrap_or("")).into_owned();
    let row = Row { start, end, text, found: Some(label.clone()), gold: String::new() };
    (Drawn { start, end, label, tone: "" }, row)
}

/// `POST text`: looks at it.
pub(super) async fn look(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    form: Result<Form<Asked>, FormRejection>,
) -> Response {
    let asked = match form_of(form, Some(state.0.config.limits().get(MAX_TEXT))) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    work(state, move |rooms| {
        let looked = Looked::of(rooms, &asked)?;
        text_page(rooms, &who, &asked, &looked, (StatusCode::OK, None))
    })
    .await
}

/// An entry that may be proposed: what a page asks, and what its form sends.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Draft {
    kind: String,
    text: String,
    #[serde(default)]
    label: String,
    /// Words with commas between.
    #[serde(default)]
    after: String,
    #[serde(default)]
    ward: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    section: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    reason: String,
}

impl Draft {
    fn entry(&self) -> Result<NewEntry, Refused> {
        let wrong = |why: &str| Refused::Wrong(why.to_owned());
        let kind = EntryKind::parse(&self.kind).ok_or_else(|| wrong("no such entry"))?;
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let label = match some(&self.label) {
            Some(label) => Some(Label::parse(&label).ok_or_else(|| wrong("no such label"))?),
            None => None,
        };
        let after: Vec<String> = self.after.split(',').filter_map(some).collect();
        Ok(NewEntry {
            kind,
            text: self.text.trim().to_owned(),
            label: label.map(|label| if kind == EntryKind::Allow { Label::of(label.kind) } else { label }),
            after: if kind == EntryKind::Shape { after } else { Vec::new() },
            ward: some(&self.ward),
            author: some(&self.author),
            section: some(&self.section),
            until: some(&self.until),
        })
    }
}

#[derive(Template)]
#[template(path = "review_draft.html")]
struct DraftPage<'a> {
    at: &'a str,
    who: &'a str,
    drafts: Vec<DraftForm>,
    labels: Vec<String>,
    wrong: Option<String>,
}

/// One form of that page.
struct DraftForm {
    heading: &'static str,
    draft: Draft,
    /// As it is shown: nothing in it acts.
    text: String,
    is_shape: bool,
    is_allow: bool,
}

impl DraftForm {
    fn of(mut draft: Draft) -> Self {
        // An entry has none, and a page is better without.
        for field in [
            &mut draft.text,
            &mut draft.after,
            &mut draft.ward,
            &mut draft.author,
            &mut draft.section,
            &mut draft.until,
            &mut draft.reason,
        ] {
            *field = field.replace(char::is_control, " ");
        }
        let kind = EntryKind::parse(&draft.kind);
        let heading = match kind {
            Some(EntryKind::Allow) => "This text is no identifier",
            Some(EntryKind::Shape) => "Every number of this shape is one",
            _ => "This text is an identifier",
        };
        let text = visible(&draft.text).into_owned();
        Self {
            heading,
            text,
            is_shape: kind == Some(EntryKind::Shape),
            is_allow: kind == Some(EntryKind::Allow),
            draft,
        }
    }
}

fn draft_page(
    rooms: &Rooms,
    who: &Who,
    drafts: Vec<Draft>,
    (code, wrong): (StatusCode, Option<String>),
) -> Result<Response, Refused> {
    let drafts = drafts.into_iter().map(DraftForm::of).collect();
    page(code, &DraftPage { at: &rooms.at, who: &who.0, drafts, labels: sheet::labels(), wrong })
}

/// The entries that a word about a text would make.
fn drafts_of(asked: &Asked, looked: &Looked) -> Result<Vec<Draft>, String> {
    let characters = Characters::of(&looked.text);
    let number = |text: &str| {
        text.trim().parse::<usize>().map_err(|_| "an offset is a whole number from 0".to_owned())
    };
    let at_place = |marks: &[Mark], why: &str| {
        let (start, end) = asked.place.split_once('-').ok_or("no such place")?;
        let (start, end) = (number(start)?, number(end)?);
        let mark = marks.iter().find(|mark| (mark.start, mark.end) == (start, end));
        mark.cloned().ok_or_else(|| why.to_owned())
    };
    let (start, end, label) = match asked.what.as_str() {
        "found" => {
            let mark = at_place(&looked.marks, "this is not found any more; look at the text again")?;
            (mark.start, mark.end, mark.kind().0.to_owned())
        }
        "gold" => {
            let marks = looked.gold.as_ref().map_or(&[][..], |gold| &gold.note().marks);
            let mark = at_place(marks, "the gold has no such span any more; look at the note again")?;
            (mark.start, mark.end, label_of(&mark))
        }
        "range" => (number(&asked.start)?, number(&asked.end)?, asked.label.clone()),
        "missed" => {
            // A browser sends line ends as CR LF, whatever the text has.
            let wanted = [asked.missed.clone(), asked.missed.replace("\r\n", "\n")];
            let mut wanted = wanted.iter().map(|missed| missed.trim()).filter(|missed| !missed.is_empty());
            let at = wanted.find_map(|missed| Some((looked.text.find(missed)?, missed)));
            let (at, missed) = at.ok_or("the text does not hold this")?;
            let places = (characters.at_byte(at), characters.at_byte(at + missed.len()));
            let (Some(start), Some(end)) = places else {
                return Err("the text does not hold this".to_owned());
            };
            (start, end, asked.label.clone())
        }
        _ => return Err("no such word about a text".to_owned()),
    };
    let text = characters.get(start, end).filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| format!("there is no span {start} to {end} in this text"))?;
    let is_found = asked.what == "found";
    if !is_found && Label::parse(&label).is_none() {
        return Err("choose what it is".to_owned());
    }
    let byte = looked.text.char_indices().nth(start).map_or(0, |(at, _)| at);
    // An entry is one line: what is broken over two is the same words with a blank between.
    let words: Vec<&str> = text.split_whitespace().collect();
    let draft = Draft {
        kind: if is_found { EntryKind::Allow } else { EntryKind::Deny }.name().to_owned(),
        text: words.join(" "),
        label,
        ward: looked.setting.ward().unwrap_or("").to_owned(),
        author: looked.setting.author().unwrap_or("").to_owned(),
        section: section_at(&looked.text, byte).unwrap_or_default(),
        ..Draft::default()
    };
    let shape = shape_of(&draft.text).filter(|_| !is_found);
    let shape = shape.map(|text| Draft { kind: EntryKind::Shape.name().to_owned(), text, ..draft.clone() });
    Ok(std::iter::once(draft).chain(shape).collect())
}

/// `POST draft`: shows the entry that a word would make.
pub(super) async fn draft(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    form: Result<Form<Asked>, FormRejection>,
) -> Response {
    let asked = match form_of(form, Some(state.0.config.limits().get(MAX_TEXT))) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    work(state, move |rooms| {
        let looked = Looked::of(rooms, &asked)?;
        match drafts_of(&asked, &looked) {
            Ok(drafts) => draft_page(rooms, &who, drafts, (StatusCode::OK, None)),
            Err(why) => {
                text_page(rooms, &who, &asked, &looked, (StatusCode::UNPROCESSABLE_ENTITY, Some(why)))
            }
        }
    })
    .await
}

/// What the form of an entry sends: of ward, author and section those that are ticked.
#[derive(Deserialize)]
pub(super) struct ProposeForm {
    #[serde(flatten)]
    draft: Draft,
    #[serde(default)]
    only_ward: Option<String>,
    #[serde(default)]
    only_author: Option<String>,
    #[serde(default)]
    only_section: Option<String>,
}

/// `POST propose`: keeps a proposal and shows it.
pub(super) async fn propose(
    State(state): State<ReviewState>,
    Extension(who): Extension<Who>,
    form: Result<Form<ProposeForm>, FormRejection>,
) -> Response {
    let form = match form_of(form, None) {
        Ok(form) => form,
        Err(response) => return *response,
    };
    work(state, move |rooms| {
        let mut entry = form.draft.entry()?;
        for (ticked, scope) in [
            (&form.only_ward, &mut entry.ward),
            (&form.only_author, &mut entry.author),
            (&form.only_section, &mut entry.section),
        ] {
            if ticked.is_none() {
                *scope = None;
            }
        }
        match rooms.proposals.propose(&who.0, &entry, form.draft.reason.trim()) {
            Ok((proposal, _)) => Ok(to(format!("{}proposals/{}", rooms.at, proposal.id))),
            Err(refused) => {
                let wrong = (status(&refused), Some(told(&refused)));
                draft_page(rooms, &who, vec![form.draft], wrong)
            }
        }
    })
    .await
}
