//! `lazaret phi …`: identifying text, found, shown and taken out. One command a file.

use std::io::Write;

use crate::cli::PhiCommand;
use crate::config::Config;
use crate::exit::{CliError, Exit};

pub(crate) use annotate::MAX_ANNOTATED;
pub(crate) use look::{Look, MAX_CONTEXT, label_of, marks_of};

mod annotate;
mod convert;
mod edit;
mod knowledge;
mod look;
mod notes;
mod picture;
mod python;
mod scan;
mod score;
mod text;
pub(crate) mod visible;

/// Runs the command.
pub(crate) fn run(
    command: &PhiCommand,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    match command {
        PhiCommand::Edit(args) => edit::run(args, config, json, out),
        PhiCommand::Knowledge(command) => knowledge::run(command, config, json, out),
        PhiCommand::Scan(args) => scan::run(args, config, json, out),
        PhiCommand::Score(args) => score::run(args, config, json, out),
        PhiCommand::Annotate(args) => annotate::run(args, config, out),
        PhiCommand::Convert(args) => convert::run(args, config, out),
    }
}
