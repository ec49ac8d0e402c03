//! `lazaret phi …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `phi …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiCommand {
    /// Print where identifying text stands in files
    Scan(PhiScanArgs),
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
