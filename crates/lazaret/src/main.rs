//! The binary: the command line, the server and the console. The only place that knows every room.

mod admission;
mod buckets;
mod cli;
mod commands;
mod compose;
mod config;
mod exit;
mod knowledge;
mod lakes;
mod looking;
mod model;
mod orders;
mod own_rules;
mod persons;
mod proposals;
mod registry;
mod report;
mod reread;
mod server;
mod signatories;
mod unfinished;
mod updates;
mod vulnerabilities;
mod watching;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::{Exit, chain};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wanted = !error.use_stderr(); // --help and --version
            // If even this cannot be printed there is nobody to tell.
            let _printed = error.print();
            return if wanted { Exit::Clear.into() } else { Exit::Usage.into() };
        }
    };
    let mut out = std::io::stdout().lock();
    let ended = commands::run(&cli, &mut out).and_then(|exit| out.flush().map(|()| exit).map_err(Into::into));
    match ended {
        Ok(exit) => exit.into(),
        // `| head` has what it wanted. What the exit code would have told is not known then.
        Err(error) if error.is_broken_pipe() => {
            if cli.command.tells_by_its_exit_code() {
                Exit::Failed.into()
            } else {
                Exit::Clear.into()
            }
        }
        Err(error) => {
            let mut err = std::io::stderr().lock();
            let _printed = writeln!(err, "error: {}", chain(&error));
            error.exit().into()
        }
    }
}

/// A panic's message may hold a piece of a record (slicing a string prints it), so only its place is said.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let _printed = writeln!(std::io::stderr(), "a step broke off{place}; please report this");
    }));
}
