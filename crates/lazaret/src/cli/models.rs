//! `lazaret models …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `models …`
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Say what loading model files would do; nothing is loaded or run
    Scan(ModelsScanArgs),
    /// List the formats that are read, and how far
    Formats,
}

/// Arguments of `models scan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models scan model.pt                     what is in it, and the verdict of the policies
  lazaret models scan --jsonl models/ > found.jsonl
                                                   one JSON object a file: path, format, inspected, verdict, findings
  lazaret models scan --sarif models/ > found.sarif
                                                   for code scanning services
  lazaret explain pickle.dangerous-call            what a rule means

Looks only: nothing is written or recorded. The content decides what a file is; its name is a hint.
Exit codes: 0 clear; 1 a file would be held or blocked, or a finding of medium or above; 2 used wrongly; 3 could not inspect")]
pub(crate) struct ModelsScanArgs {
    /// Files or folders; hidden files too
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print one JSON object a file
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// Print SARIF 2.1.0, as code scanning services read it
    #[arg(long, conflicts_with_all = ["json", "jsonl"])]
    pub(crate) sarif: bool,
    /// Decide by the policies of this folder [default: the data directory's, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub(crate) policies: Option<PathBuf>,
}
