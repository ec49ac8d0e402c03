//! One file a command. Each writes data to `out` and returns its exit code.

mod backup;
mod bom;
mod config;
pub(crate) mod demo;
pub(crate) mod explain;
mod export;
pub(crate) mod ingest;
mod init;
mod keys;
mod ledger;
pub(crate) mod models;
pub(crate) mod phi;
pub(crate) mod policy;
mod quarantine;
mod serve;
mod tokens;
mod vulns;

use std::io::Write;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::compose::known_limits;
use crate::config::Config;
use crate::exit::{CliError, Exit};

/// Runs what was typed.
pub(crate) fn run(cli: &Cli, out: &mut impl Write) -> Result<Exit, CliError> {
    log_to_stderr(cli.common.verbose);
    let json = cli.common.json;
    let path =
        |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let (data, key_file) = (path(&cli.common.data), path(&cli.common.key_file));
    let limits = known_limits();
    let flags = [("data", data.as_deref()), ("keys.file", key_file.as_deref())];
    let config =
        Config::load(cli.common.config.as_deref(), &limits, |name| std::env::var(name).ok(), &flags)?;
    match &cli.command {
        Command::Init(args) => init::run(args, &config, json, out),
        Command::Ingest(args) => ingest::run(args, &config, json, out),
        Command::Models(command) => models::run(command, &config, json, out),
        Command::Vulns(command) => vulns::run(command, &config, json, out),
        Command::Phi(command) => phi::run(command, &config, json, out),
        Command::Explain(args) => explain::run(args, &config, json, out),
        Command::Policy(command) => policy::run(command, &config, json, out),
        Command::Ledger(command) => ledger::run(command, &config, json, out),
        Command::Bom(args) => bom::run(args, &config, json, out),
        Command::Quarantine(command) => quarantine::run(command, &config, json, out),
        Command::Tokens(command) => tokens::run(command, &config, json, out),
        Command::Keys(command) => keys::run(command, &config, json, out),
        Command::Backup(args) => backup::backup(args, &config, out),
        Command::Restore(args) => backup::restore(args, &config, out),
        Command::Config => config::run(&config, &limits, json, out),
        Command::Serve(args) => serve::run(args, &config, out),
        Command::Demo(args) => demo::run(args, &config, json, out),
        Command::Completions(args) => {
            // It breaks off where it cannot write, and memory takes everything.
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "lazaret", &mut script);
            out.write_all(&script)?;
            Ok(Exit::Clear)
        }
    }
}

/// Messages go to stderr, key and value, never a value of a record.
fn log_to_stderr(verbose: u8) {
    use tracing_subscriber::filter::LevelFilter;
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // A second call, in tests, leaves the first in place.
    let _set = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
}
