//! `lazaret phi …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `phi …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiCommand {
    /// Print where identifying text stands in files
    Scan(PhiScanArgs),
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
