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
  lazaret phi scan --jsonl notes.jsonl             {\"id\", \"text\"} in, {\"id\", \"spans\"} out; offsets in code points")]
pub(crate) struct PhiScanArgs {
    /// Text files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read one {"id", "text"} object a line and print one {"id", "spans"} object a line; `-` is standard input
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}
