//! Finds what identifies a patient in text, and rewrites single values. No I/O, no state, and no neural model but one that
//! is handed in.
//!
//! [`Scanner`] looks at one text. [`PhiText`] is the same behind core's `Detector`; [`PhiRewriter`] is core's
//! `Rewriter`. A text is folded and split once (`view`), read by the shapes of all detectors in four automata
//! (`registry`), each match is judged by hand-written checks, words are looked up in one packed dictionary
//! (`lexicon`); names learnt from a strong cue are then sought everywhere in the note, facts known from the
//! record too, and what overlaps is made disjoint. Time is linear in the text, memory is bounded by a block.
//!
//! | file | what is in it |
//! |---|---|
//! | `scan` | the scanner: blocks, whole-note pass, code points |
//! | `view` | folded text with the way back to the original; words and their marks |
//! | `registry` | the list of detectors, their shapes and rules |
//! | `automaton` | many shapes in one automaton, tried where one can begin |
//! | `detectors/*` | one detector a file; its first lines are its page (`lazaret explain phi.mrn`) |
//! | `names`, `value`, `calendar`, `checks` | how names, ids after a cue, and dates are read; check digits |
//! | `cue` | words that say what stands beside them |
//! | `lexicon`, `fnv` | the word lists of `catalogue/phi` as one packed set; a hash that never changes |
//! | `model` | the statistical step: what no rule claims and looks like a name, an identifier or a date all the same |
//! | `knowledge` | what the hospital knows of its own texts: one checked file |
//! | `classifier` | a model of the hospital's own that looks beside the rules: what it must offer, how it joins |
//! | `section` | the header lines of a text, and which stands above a place |
//! | `address` | what belongs to a street: unit, town, state, country, code |
//! | `widen` | further words of a name: initials, joined parts, suffixes |
//! | `edges` | words beside what was found that belong to it |
//! | `logins` | user names, short forms and a log's initials, made of names of the note or told by their place |
//! | `short_dates` | day and month alone, where the note has other dates of the month |
//! | `stays` | clinical content that looks like something that identifies, let go |
//! | `ocr` | damage of scanned text, mended byte for byte |
//! | `wide` | states, countries, ages, years, professions: for wider profiles only |
//! | `language`, `abroad` | which parts of a note are German, French or Spanish, and the detectors that read them |
//! | `known` | facts known of the subject, sought in the note |
//! | `overlap` | disjoint spans, the best evidence names them |
//! | `clinical` | clinical content that an edit would take with it |
//! | `entities` | who and what was met: one person, number or date, however it is written |
//! | `edit` | a text written anew: placeholders, made-up values, moved dates, coarser values |
//! | `residual` | what is left of a text: whether it is a patient's record, and may single someone out |
//! | `corpus` | marked notes in and out: JSON lines, i2b2 2014 XML, brat |
//! | `score` | predictions against gold, with Wilson intervals |
//! | `rewrite`, `surrogate`, `states` | years, shifted dates, `90+`, ZIP prefixes, made-up values; states and their ZIP codes |

mod abroad;
mod address;
mod automaton;
mod calendar;
mod checks;
mod classifier;
mod clinical;
pub mod corpus;
mod cue;
mod detectors;
mod edges;
mod edit;
mod entities;
mod fnv;
mod knowledge;
mod known;
mod language;
mod lexicon;
mod logins;
#[doc(hidden)]
pub mod model;
mod names;
mod ocr;
mod overlap;
mod registry;
mod residual;
mod rewrite;
mod scan;
pub mod score;
mod section;
mod short_dates;
mod states;
mod stays;
mod surrogate;
mod value;
mod view;
mod wide;
mod widen;

pub use classifier::{
    MAX_MODEL_CONFIG, MAX_MODEL_HEADER, MAX_MODEL_HEADS, MAX_MODEL_LABELS, MAX_MODEL_TEXT,
    MAX_MODEL_TOKENIZER, MAX_MODEL_VOCABULARY, MAX_MODEL_WEIGHTS, MAX_MODEL_WIDTH, Marked, TokenClassifier,
};
pub use clinical::clinical_content;
pub use edit::{Edited, Editor, With};
pub use knowledge::{Answers, EntryKind, Knowledge, MAX_KNOWLEDGE, NewEntry, Setting, shape_of, with_lines};
pub use registry::{examples, ids, page};
pub use residual::{Assessment, RULES};
pub use rewrite::PhiRewriter;
pub use scan::{PhiText, Scanner, code_points};
pub use section::section_at;

/// The limits of this room, sorted by key.
pub const LIMITS: &[lazaret_core::Limit] = &[
    knowledge::MAX_PHRASES,
    knowledge::MAX_SHAPES,
    knowledge::MAX_KNOWLEDGE,
    known::MAX_FACT_WORDS,
    scan::MAX_LEARNT,
    corpus::MAX_MARKS,
    MAX_MODEL_CONFIG,
    MAX_MODEL_HEADER,
    MAX_MODEL_HEADS,
    MAX_MODEL_LABELS,
    MAX_MODEL_TEXT,
    MAX_MODEL_TOKENIZER,
    MAX_MODEL_VOCABULARY,
    MAX_MODEL_WEIGHTS,
    MAX_MODEL_WIDTH,
];
