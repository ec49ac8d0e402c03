//! `lazaret phi …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `phi …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiCommand {
    /// Print where identifying text stands in files
    Scan(PhiScanArgs),
    /// Write texts anew without what is found in them
    Edit(PhiEditArgs),
    /// What the hospital knows of its own texts
    #[command(subcommand)]
    Knowledge(PhiKnowledgeCommand),
}

/// `phi knowledge …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiKnowledgeCommand {
    /// Check the file: the hospital's shapes of numbers, staff, wards, what to leave and what to find
    #[command(after_help = "Examples:
  lazaret phi knowledge check knowledge.toml
  lazaret phi knowledge check                      the file that `phi.knowledge` names

Exit codes: 0 all holds; 1 an entry has run out; 2 something is wrong, told with its line")]
    Check {
        /// The file [default: as `phi.knowledge` in lazaret.toml says]
        #[arg(value_name = "FILE")]
        path: Option<PathBuf>,
    },
}

/// Arguments of `phi scan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi scan note.txt                        kinds and places
  lazaret phi scan --profile i2b2 note.txt         also states, countries, years, professions, every age
  lazaret phi scan --context patient.json note.txt what the record knows of the patient is sought besides
  lazaret phi scan --jsonl notes.jsonl             {\"id\", \"text\"} in, {\"id\", \"spans\"} out; offsets in code points")]
pub(crate) struct PhiScanArgs {
    /// Text files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read one {"id", "text"} object a line and print one {"id", "spans"} object a line; `-` is standard input
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// How the texts are looked at
    #[command(flatten)]
    pub(crate) look: PhiLookArgs,
}

/// How texts are looked at
#[derive(Debug, Args)]
pub(crate) struct PhiLookArgs {
    /// What counts as an identifier: safe-harbor, i2b2, limited-data-set, expert, or one of `[profiles]` in
    /// lazaret.toml
    #[arg(long, default_value = "safe-harbor", value_name = "NAME")]
    pub(crate) profile: String,
    /// A file of what is known of the patient, sought in any form:
    /// {"names": [], "addresses": [], "numbers": [], "dates": []}
    #[arg(long, value_name = "FILE")]
    pub(crate) context: Option<PathBuf>,
    /// The ward the texts are from, for entries of the hospital's knowledge that hold there alone
    #[arg(long)]
    pub(crate) ward: Option<String>,
    /// Who wrote them, likewise
    #[arg(long)]
    pub(crate) author: Option<String>,
}

/// Arguments of `phi edit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi edit --with redact note.txt          [NAME 1], [DATE 1] in the place of what is found
  lazaret phi edit --with surrogate note.txt       made-up names, numbers and places; dates moved
  lazaret phi edit --with shift --subject 129c note.txt   dates moved by the patient's own number of days
  lazaret phi edit --with token note.txt           tokens, which `lazaret tokens reveal` turns back: a crossing

The text goes to stdout, what was done to stderr. It removes what it detects and no more.
Exit codes: 0 written; 1 held by the policy (tokens only), so nothing is written; 2 used wrongly; 3 could not inspect
or record")]
pub(crate) struct PhiEditArgs {
    /// Text files of one patient or conversation: the same person or number is edited alike in all of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// What stands in the place of what is found
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) with: PhiEditWith,
    /// The patient the texts are about: made-up values and moved dates are then the same every time, and what the
    /// vault knows of the patient is sought. Needs a data directory
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// How the texts are looked at
    #[command(flatten)]
    pub(crate) look: PhiLookArgs,
}

/// What stands in the place of what is found
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhiEditWith {
    /// A typed placeholder, numbered per person, number or date
    Redact,
    /// A token of the vault; needs `lazaret init`, and is recorded
    Token,
    /// A made-up value of the same form; dates move
    Surrogate,
    /// Dates move, in their form; all else is redacted
    Shift,
    /// 90+, three digits of a ZIP code, years; all else is redacted
    Generalise,
}
