//! `lazaret serve`: the console on this machine, and the interface of Presidio for programs.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::cli::ServeArgs;
use crate::compose::Reading;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::knowledge::Watched;
use crate::server::presidio::{self, PresidioState};
use crate::server::{ConsoleState, bind, router, serve};

/// Runs the command.
pub(crate) fn run(args: &ServeArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let Some(port) = args.presidio else { return open_console(&Reading::open(config)?, args.port, out) };
    let failed = |error: crate::server::ServeError| CliError::failed("nothing is served", error);
    let state = PresidioState::new(Watched::new(config)?, config.limits());
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
    writeln!(out, "in the place of presidio: {}  (Ctrl-C ends it)", bound.url())?;
    let mut served = vec![bound.with(|hosts| presidio::router(state, hosts))];
    // It looks only, so it needs no data directory; the console does.
    if !args.no_console {
        let (console, url) = console(&Reading::open(config)?, args.port)?;
        writeln!(out, "console: {url}")?;
        served.push(console);
    }
    out.flush()?;
    serve(served).map_err(failed)?;
    Ok(Exit::Clear)
}

/// Serves the console over some data until it is interrupted. It only reads, so other commands may write
/// meanwhile; it is ready for as long as it can read.
pub(crate) fn open_console(data: &Reading, port: u16, out: &mut impl Write) -> Result<Exit, CliError> {
    let (console, url) = console(data, port)?;
    writeln!(out, "console: {url}  (Ctrl-C ends it)")?;
    out.flush()?;
    serve(vec![console]).map_err(|error| CliError::failed("the console is not served", error))?;
    Ok(Exit::Clear)
}

fn console(data: &Reading, port: u16) -> Result<(crate::server::Served, String), CliError> {
    let failed = |error: crate::server::ServeError| CliError::failed("the console is not served", error);
    let state = ConsoleState::open(&data.folder.join("ledger.db"), Arc::clone(&data.vault), || true)
        .map_err(super::policy::of_ledger)?;
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
    let url = bound.url();
    Ok((bound.with(|hosts| router(state, hosts)), url))
}
