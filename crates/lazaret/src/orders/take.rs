//! The server's end: takes orders, each on a thread of its own, and carries them out over the data that it has open.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser as _;
use lazaret_core::{Limit, Stored};
use lazaret_input::{LocalSocket, LocalStream};

use super::hand::said;
use super::pieces::{FileBytes, Kind, hear, say};
use super::{MAX_FILES, MAX_ORDER, MAX_TOLD, NAME, Order, Told};
use crate::cli::{Cli, Command, ModelsCommand};
use crate::commands::models;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::registry::{Brings, Registry, file_name};

/// Most orders that are carried out at once, and of these, most that bring files: these may take long, and a person's
/// decision does not wait for them.
const MOST_AT_ONCE: usize = 8;
const MOST_WITH_FILES: usize = 4;
/// How long a server that ends waits for orders that are being carried out.
const LAST_ORDERS: Duration = Duration::from_secs(2);
/// How long an order may take to be said, and an answer to be heard.
const TO_SAY: Duration = Duration::from_secs(5);
/// How long the next bytes of a file may take: the caller's disk may be a slow one.
const BETWEEN_BYTES: Duration = Duration::from_mins(1);
/// How long a server goes without looking whether somebody calls.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
        let ends = Arc::new(AtomicBool::new(false));
        let (until, config) = (Arc::clone(&ends), config.clone());
        let orders = Arc::new(Orders { data, config, with_files: Arc::new(()) });
        let serve = move || orders.take(&socket, &until);
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

/// What orders are carried out over.
struct Orders {
    data: Arc<Data>,
    config: Config,
    /// One clone for each order under way that brings files.
    with_files: Arc<()>,
}

impl Orders {
    fn take(self: &Arc<Self>, socket: &LocalSocket, until: &AtomicBool) {
        let under_way = Arc::new(());
        while !until.load(Ordering::Relaxed) {
            match socket.accept() {
                // Each on its own thread: a second look at everything takes long, and an order does not wait for it.
                Ok(caller) if Arc::strong_count(&under_way) <= MOST_AT_ONCE => {
                    let (orders, one) = (Arc::clone(self), Arc::clone(&under_way));
                    let work = move || {
                        if let Err(error) = orders.answer(&caller) {
                            tracing::warn!(why = chain(&error), "an order was not answered");
                        }
                        drop(one);
                    };
                    if std::thread::Builder::new().name("order".to_owned()).spawn(work).is_err() {
                        tracing::warn!("an order was not answered: there is no thread for it");
                    }
                }
                Ok(caller) => {
                    let _gone = caller.set_write_timeout(Some(TO_SAY));
                    let _gone = tell(&caller, &busy("orders", MOST_AT_ONCE));
                }
                Err(_) => std::thread::sleep(LOOK_AGAIN),
            }
        }
        let last = Instant::now();
        while Arc::strong_count(&under_way) > 1 && last.elapsed() < LAST_ORDERS {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn answer(&self, mut caller: &LocalStream) -> io::Result<()> {
        caller.set_read_timeout(Some(TO_SAY))?;
        caller.set_write_timeout(Some(TO_SAY))?;
        let order = match hear(&mut caller, &[Kind::Order], MAX_ORDER) {
            // Somebody only looked whether orders are taken.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            heard => heard?.1,
        };
        let order: Order = said(&order)?;
        let mut out = Answer::below(MAX_TOLD);
        let (exit, error) = match self.carry_out(&order, caller, &mut out) {
            Ok(Done::Exit(exit)) => (exit, None),
            Ok(Done::Busy) => return tell(caller, &busy("models", MOST_WITH_FILES)),
            Err(error) => (error.exit(), Some(chain(&error))),
        };
        let exit = match exit {
            Exit::Clear => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Failed => 3,
        };
        tell(caller, &out.told(exit, error))
    }

    /// Does what was typed, over data that is open already.
    fn carry_out(&self, order: &Order, caller: &LocalStream, out: &mut Answer) -> Result<Done, CliError> {
        let typed = Cli::try_parse_from(&order.words).map_err(|error| CliError::Usage(error.to_string()))?;
        let (data, config, json) = (self.data.as_ref(), order.over(&self.config)?, typed.common.json);
        let Command::Models(command) = &typed.command else {
            return Err(CliError::Usage("a server takes no such order".to_owned()));
        };
        let brings_files = matches!(command, ModelsCommand::Pass(_) | ModelsCommand::Watch(_));
        let _turn = brings_files.then(|| Arc::clone(&self.with_files));
        if brings_files && Arc::strong_count(&self.with_files) > MOST_WITH_FILES.saturating_add(1) {
            return Ok(Done::Busy);
        }
        let mut files = Sent { caller, most: self.config.limits().get(MAX_FILES) };
        let exit = match command {
            ModelsCommand::Pass(args) => models::pass::carry_out(args, &mut files, data, &config, json, out)?,
            ModelsCommand::Watch(args) => {
                let model = order.model.as_deref();
                models::watch::carry_out(args, model, &mut files, data, &config, json, out)?
            }
            command => {
                files.none()?;
                models::carry_out(command, data, &config, json, out)?
            }
        };
        // It was carried out, whatever becomes of this.
        if let Err(error) = data.remember() {
            tracing::warn!(why = chain(&error), "the vault does not remember how far the ledger is signed");
        }
        Ok(Done::Exit(exit))
    }
}

/// What is printed, as far as it can be told: an order goes on when its answer has become too long.
struct Answer {
    bytes: Vec<u8>,
    /// How much more may be told, as it stands in JSON.
    left: u64,
    most: Limit,
    is_cut: bool,
}

impl Answer {
    /// One that is told in a piece below a limit, with what else is told.
    fn below(most: Limit) -> Self {
        let left = most.most().saturating_sub(MAX_ORDER.most());
        Self { bytes: Vec::new(), left, most, is_cut: false }
    }

    fn told(self, exit: u8, error: Option<String>) -> Told {
        let cut = self.is_cut.then(|| {
            format!(
                "the answer is longer than `{}` allows ({} bytes), and its end is missing; the order was carried out: \
                 `lazaret ledger show` tells what became of it",
                self.most.key(),
                self.most.most()
            )
        });
        let out = String::from_utf8_lossy(&self.bytes).into_owned();
        Told { exit, out, error: error.or(cut), busy: false }
    }
}

impl io::Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            let len = match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
                0..0x20 => 6,
                0x20..0x80 => 1,
                _ => 3, // where it is no UTF-8
            };
            match self.left.checked_sub(len) {
                Some(left) if !self.is_cut => {
                    self.left = left;
                    self.bytes.push(*byte);
                }
                _ => self.is_cut = true,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How an order ended.
enum Done {
    Exit(Exit),
    /// It was not begun.
    Busy,
}

fn busy(what: &str, most: usize) -> Told {
    let error = format!(
        "the server that has the ledger open has {most} {what} under way; try again when one of them is done"
    );
    Told { exit: 3, out: String::new(), error: Some(error), busy: true }
}

fn tell(mut caller: &LocalStream, told: &Told) -> io::Result<()> {
    say(&mut caller, Kind::Told, &serde_json::to_vec(told).map_err(io::Error::from)?)
}

/// The files that come with an order.
struct Sent<'s> {
    caller: &'s LocalStream,
    most: Limit,
}

impl Sent<'_> {
    /// An order that brings none was said whole.
    fn none(&mut self) -> Result<(), CliError> {
        hear(&mut self.caller, &[Kind::End], MAX_ORDER).map(drop).map_err(unheard)
    }
}

impl Brings for Sent<'_> {
    fn receive(&mut self, registry: &Registry) -> Result<Vec<Stored>, CliError> {
        self.caller.set_read_timeout(Some(BETWEEN_BYTES)).map_err(unheard)?;
        let mut received = Vec::new();
        for number in 1_u64.. {
            let (kind, name) =
                hear(&mut self.caller, &[Kind::File, Kind::End], MAX_ORDER).map_err(unheard)?;
            if kind == Kind::End {
                break;
            }
            self.most.check(number).map_err(|limit| {
                CliError::Usage(format!(
                    "the model has too many files for one order: {limit} in the settings of the server, or pass the model while \
                     no server has the ledger open"
                ))
            })?;
            let name = file_name(name)?;
            received.push(registry.receive_from(&mut FileBytes::new(&mut self.caller), &name, &name)?);
        }
        if received.is_empty() {
            return Err(CliError::Usage("no file came with the order".to_owned()));
        }
        Ok(received)
    }
}

fn unheard(error: io::Error) -> CliError {
    CliError::failed("the order was not said to its end", error)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn an_answer_ends_at_the_limit_and_says_so_and_the_exit_code_is_kept() {
        let most = Limit::fixed("orders.max_answer", MAX_ORDER.most() + 1000);
        for (line, lines) in [("abcd\n", 166), ("\u{1}\"\\\n", 83), ("ß€\n", 58)] {
            let mut out = Answer::below(most);
            for _ in 0..1000 {
                out.write_all(line.as_bytes()).unwrap();
            }
            let told = out.told(1, None);
            assert!(told.out.starts_with(&line.repeat(lines)), "{}", told.out);
            let said = serde_json::to_vec(&told).unwrap();
            most.check(said.len() as u64).unwrap();
            let told: Told = super::said(&said).unwrap();
            let why = told.error.clone().unwrap();
            assert!(
                why.contains("longer than `orders.max_answer`") && why.contains("was carried out"),
                "{why}"
            );
            let mut printed = Vec::new();
            assert_eq!(told.end(&mut printed).unwrap(), Exit::Findings);
            assert!(String::from_utf8(printed).unwrap().starts_with(line));
        }
        let mut out = Answer::below(most);
        out.write_all(b"short").unwrap();
        let told = out.told(3, Some("a fault".to_owned()));
        assert_eq!((told.out.as_str(), told.error.as_deref()), ("short", Some("a fault")));
        let mut out = Answer::below(MAX_TOLD);
        out.write_all(b"short").unwrap();
        assert_eq!(out.told(0, None).error, None);
    }
}
