//! Orders while a server has the ledger open for writing: what persons decide about models is handed to it over a socket in
//! the data directory, as it was typed. Whoever may connect may write the directory anyway.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser as _;
use lazaret_core::Limit;
use lazaret_input::{LocalSocket, LocalStream, ReadError, connect_locally, read_stream};
use serde::{Deserialize, Serialize};

use crate::cli::{Cli, Command};
use crate::commands::models;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};

/// The socket's name in the data directory.
const NAME: &str = "orders.sock";
/// Longest order, and longest answer.
pub(crate) const MAX_ORDER: Limit = Limit::fixed("orders.max_order", 64 << 10);
pub(crate) const MAX_TOLD: Limit = Limit::fixed("orders.max_answer", 64 << 20);
/// Most orders that are carried out at once.
const MOST_AT_ONCE: usize = 8;
/// How long a server that ends waits for orders that are being carried out.
const LAST_ORDERS: Duration = Duration::from_secs(2);
/// How long an order may take to be said.
const TO_SAY: Duration = Duration::from_secs(5);
/// How long a server goes without looking whether somebody calls.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What became of an order.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    exit: u8,
    out: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A server that takes orders, until it is dropped.
pub(crate) struct Taking {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    place: PathBuf,
}

impl Taking {
    /// Takes orders over this data.
    pub(crate) fn begin(data: Arc<Data>, config: &Config) -> Result<Self, CliError> {
        let place = data.folder.join(NAME);
        let failed = |error: io::Error| CliError::failed(format!("orders at {}", place.display()), error);
        // The ledger is ours, so nobody listens there: a crash left it.
        match std::fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let socket = LocalSocket::listen(&place).map_err(failed)?;
        let (ends, config) = (Arc::new(AtomicBool::new(false)), config.clone());
        let until = Arc::clone(&ends);
        let serve = move || {
            // Each on its own thread: a second look at everything takes long, and an order does not wait for it.
            let under_way = Arc::new(());
            while !until.load(Ordering::Relaxed) {
                match socket.accept() {
                    Ok(caller) if Arc::strong_count(&under_way) <= MOST_AT_ONCE => {
                        let (data, config, one) = (Arc::clone(&data), config.clone(), Arc::clone(&under_way));
                        let work = move || {
                            if let Err(error) = answer(&caller, &data, &config) {
                                tracing::warn!(why = chain(&error), "an order was not answered");
                            }
                            drop(one);
                        };
                        if std::thread::Builder::new().name("order".to_owned()).spawn(work).is_err() {
                            tracing::warn!("an order was not answered: there is no thread for it");
                        }
                    }
                    Ok(caller) => drop(caller),
                    Err(_) => std::thread::sleep(LOOK_AGAIN),
                }
            }
            let last = Instant::now();
            while Arc::strong_count(&under_way) > 1 && last.elapsed() < LAST_ORDERS {
                std::thread::sleep(LOOK_AGAIN);
            }
        };
        let thread = std::thread::Builder::new().name("orders".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Self { ends, thread: Some(thread), place })
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
        let _left = std::fs::remove_file(&self.place); // the next start removes it
    }
}

fn answer(mut caller: &LocalStream, data: &Data, config: &Config) -> Result<(), CliError> {
    caller.set_read_timeout(Some(TO_SAY))?;
    caller.set_write_timeout(Some(TO_SAY))?;
    let order = read_stream(&mut caller, MAX_ORDER)
        .map_err(|error| CliError::failed("it could not be read", error))?;
    let words: Vec<String> = said(&order)?;
    let mut out = Vec::new();
    let ended = carry_out(&words, data, config, &mut out);
    let (exit, error) = match ended {
        Ok(exit) => (exit, None),
        Err(error) => (error.exit(), Some(chain(&error))),
    };
    let exit = match exit {
        Exit::Clear => 0,
        Exit::Findings => 1,
        Exit::Usage => 2,
        Exit::Failed => 3,
    };
    let told = Told { exit, out: String::from_utf8_lossy(&out).into_owned(), error };
    caller.write_all(&serde_json::to_vec(&told).map_err(io::Error::from)?)?;
    Ok(())
}

/// Does what was typed, over data that is open already.
fn carry_out(words: &[String], data: &Data, config: &Config, out: &mut Vec<u8>) -> Result<Exit, CliError> {
    let typed = Cli::try_parse_from(words).map_err(|error| CliError::Usage(error.to_string()))?;
    match &typed.command {
        Command::Models(command) => models::carry_out(command, data, config, typed.common.json, out),
        _ => Err(CliError::Usage("a server takes no such order".to_owned())),
    }
}

/// Hands what was typed to the server that has this data directory open. None if there is no such server.
pub(crate) fn hand_over(config: &Config, out: &mut impl io::Write) -> Result<Option<Exit>, CliError> {
    let place = config.path("data").join(NAME);
    let Ok(mut server) = connect_locally(&place) else { return Ok(None) };
    let failed =
        |error: io::Error| CliError::failed("the server that has the ledger open did not answer", error);
    let words: Option<Vec<String>> = std::env::args_os().map(|word| word.into_string().ok()).collect();
    let words = words.ok_or_else(|| CliError::Usage("the order is not UTF-8".to_owned()))?;
    let order = serde_json::to_vec(&words).map_err(|error| failed(error.into()))?;
    server.write_all(&order).map_err(failed)?;
    server.shutdown(std::net::Shutdown::Write).map_err(failed)?;
    let told = read_stream(&mut server, MAX_TOLD).map_err(|error| match error {
        ReadError::Limit(limit) => CliError::failed("the server that has the ledger open", limit),
        other => CliError::failed("the server that has the ledger open did not answer", other),
    })?;
    let told: Told = said(&told).map_err(failed)?;
    out.write_all(told.out.as_bytes())?;
    match (told.error, told.exit) {
        (None, 0) => Ok(Some(Exit::Clear)),
        (None, 1) => Ok(Some(Exit::Findings)),
        (Some(error), 2) => Err(CliError::Usage(error)),
        (error, _) => Err(CliError::Uninspectable(error.unwrap_or_default())),
    }
}

/// What the same program said at the other end.
fn said<T: for<'d> Deserialize<'d>>(bytes: &[u8]) -> io::Result<T> {
    let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(serde_json::from_str(text)?)
}
