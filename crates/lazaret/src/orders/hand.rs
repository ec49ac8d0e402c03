//! The caller's end: hands an order to the server that has the ledger open, with the files that go with it.

use std::io::{self, Read as _};

use lazaret_input::{LocalStream, connect_locally};

use super::pieces::{Kind, hear, say};
use super::{MAX_ORDER, MAX_TOLD, NAME, Named, Order, Told};
use crate::commands::ingest::progress;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::registry::BLOCK;

/// What became of an order that was to be handed over.
#[derive(Debug)]
pub(crate) enum Handed {
    /// No server takes any.
    Nobody,
    /// The server said what became of it.
    Told(Told),
    /// The server ended, or what it said is not understood: whether it was carried out stands in the ledger.
    Broken(io::Error),
}

/// Why an order was not said whole.
enum Unsaid {
    /// A file of the caller's own could not be read.
    File(CliError),
    /// The server does not listen any more.
    Socket(io::Error),
}

impl From<io::Error> for Unsaid {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// Whether a server takes orders.
pub(crate) fn is_taking(config: &Config) -> bool {
    connect_locally(&config.path("data").join(NAME)).is_ok()
}

/// Hands over what was typed to start this process. None where no server takes it.
pub(crate) fn hand_over_typed(
    config: &Config,
    files: &[Named<'_>],
    out: &mut impl io::Write,
) -> Result<Option<Exit>, CliError> {
    match hand_over(config, &Order::typed(config)?, files)? {
        Handed::Nobody => Ok(None),
        Handed::Told(told) => told.end(out).map(Some),
        Handed::Broken(error) => Err(broken(&error)),
    }
}

/// What is said where a server ended before it answered.
pub(crate) fn broken(error: &io::Error) -> CliError {
    let what = "the server that has the ledger open did not answer; `lazaret ledger show` says whether it was carried out";
    // In words: a pipe that broke here is not that of the output, whose reader may have had enough.
    CliError::failed(what, error.to_string())
}

/// Hands an order to the server that has this data directory open, with the files that go with it. An error is one of the
/// caller's own files: the order is not carried out then.
pub(crate) fn hand_over(config: &Config, order: &Order, files: &[Named<'_>]) -> Result<Handed, CliError> {
    let place = config.path("data").join(NAME);
    let Ok(mut server) = connect_locally(&place) else { return Ok(Handed::Nobody) };
    let order = serde_json::to_vec(order).map_err(|error| CliError::failed("the order", error))?;
    MAX_ORDER.check(order.len() as u64).map_err(|error| CliError::failed("the order", error))?;
    let unsaid = match say_all(&mut server, &order, files) {
        Ok(()) => None,
        Err(Unsaid::File(error)) => return Err(error),
        Err(Unsaid::Socket(error)) => Some(error),
    };
    // A server that refuses an order says why and hears no more of it.
    let told = hear(&mut server, &[Kind::Told], MAX_TOLD).and_then(|(_, told)| said(&told));
    Ok(match (told, unsaid) {
        (Ok(told), _) => Handed::Told(told),
        (Err(_), Some(error)) | (Err(error), None) => Handed::Broken(error),
    })
}

fn say_all(server: &mut LocalStream, order: &[u8], files: &[Named<'_>]) -> Result<(), Unsaid> {
    say(server, Kind::Order, order)?;
    let bar = progress("sending to the server", files.len() as u64, false);
    let mut block = vec![0; BLOCK];
    for named in files {
        let mut file = named.open().map_err(Unsaid::File)?;
        say(server, Kind::File, named.name.as_bytes())?;
        loop {
            let read = file.read(&mut block);
            let read = read.map_err(|error| Unsaid::File(CliError::failed(named.shown(), error)))?;
            say(server, Kind::Bytes, block.get(..read).unwrap_or_default())?;
            if read == 0 {
                break;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    say(server, Kind::End, &[])?;
    Ok(())
}

/// What the same program said at the other end.
pub(super) fn said<T: for<'d> serde::Deserialize<'d>>(bytes: &[u8]) -> io::Result<T> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(serde_json::from_str(text)?)
}
