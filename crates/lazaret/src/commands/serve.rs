//! `lazaret serve`: the console on this machine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::cli::ServeArgs;
use crate::compose::Reading;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::server::{ConsoleState, bind};

/// Runs the command.
pub(crate) fn run(args: &ServeArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    open_console(&Reading::open(config)?, args.port, out)
}

/// Serves the console over some data until it is interrupted. It only reads, so other commands may write
/// meanwhile; it is ready for as long as it can read.
pub(crate) fn open_console(data: &Reading, port: u16, out: &mut impl Write) -> Result<Exit, CliError> {
    let failed = |error: crate::server::ServeError| CliError::failed("the console is not served", error);
    let state = ConsoleState::open(&data.folder.join("ledger.db"), Arc::clone(&data.vault), || true)
        .map_err(super::policy::of_ledger)?;
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
    writeln!(out, "console: {}  (Ctrl-C ends it)", bound.url())?;
    out.flush()?;
    bound.serve(state).map_err(failed)?;
    Ok(Exit::Clear)
}
