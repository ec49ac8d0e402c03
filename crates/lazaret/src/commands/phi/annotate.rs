//! `lazaret phi annotate`: pages on which people correct what was found, until it is gold.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use lazaret_core::Limit;
use lazaret_input::{ReadError, read_file};
use lazaret_phi::corpus::{Mark, Note, jsonl};

use crate::cli::PhiAnnotateArgs;
use crate::commands::phi::look::{Look, marks_of};
use crate::commands::phi::notes::each_line;
use crate::commands::phi::score::HALF_WIDTH;
use crate::compose::secret;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::server::annotate::{Desk, router};
use crate::server::{bind, serve};

/// Largest file of notes under correction, in bytes: it is held in memory and written whole at each change.
pub(crate) const MAX_ANNOTATED: Limit = Limit::new("phi.max_annotated", 64 << 20);

/// Runs the command.
pub(crate) fn run(args: &PhiAnnotateArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let limits = &config.limits();
    if args.out.is_dir() {
        return Err(CliError::Usage(format!("{}: is a folder", args.out.display())));
    }
    // Held until the command ends; before anything is read, for another may be writing it.
    let _lock = lock(&args.out)?;
    let look = Look::watching(&args.look, config)?;
    let version = look.version();
    let most = limits.get(MAX_ANNOTATED);
    let mut notes: Vec<(Note, Vec<Mark>)> = Vec::new();
    let mut failed = None;
    let mut ids = std::collections::BTreeSet::new();
    let mut size = 0_u64;
    let read = each_line(&args.notes, limits, |_, line| {
        size = size.saturating_add(line.len() as u64);
        most.check(size).map_err(|error| error.to_string())?;
        let (id, text) = jsonl::read_text(line, limits).map_err(|error| error.to_string())?;
        if !ids.insert(id.clone()) {
            return Err("the same `id` stands on an earlier line".to_owned());
        }
        let found = match look.scan(&text) {
            Ok(found) => found,
            Err(error) => {
                failed = Some(error);
                return Err(String::new());
            }
        };
        let marks = marks_of(&text, &found);
        let note = Note { id, text, marks: marks.clone(), neutral: Vec::new(), traps: Vec::new() };
        notes.push((note, marks));
        Ok(())
    });
    read.map_err(|error| failed.unwrap_or(error))?;
    let saved = |path: &Path| {
        if !path.exists() {
            return Ok(None);
        }
        let bytes: Result<_, ReadError> = read_file(path, most).map(Some);
        bytes.map_err(|error| format!("{}: {}", path.display(), chain(&error)))
    };
    let desk = Desk::new(notes, version, &args.out, &args.by, limits, saved).map_err(CliError::Usage)?;
    let failed = |error: crate::server::ServeError| CliError::failed("the pages are not served", error);
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).map_err(failed)?;
    let secret = secret()?;
    let half_width = args.half_width.unwrap_or(HALF_WIDTH);
    writeln!(out, "notes: {}{secret}/  (Ctrl-C ends it; every change is saved at once)", bound.url())?;
    out.flush()?;
    let pages = bound.with(|hosts| router(desk, look, half_width, &secret, hosts), limits.clone());
    serve(vec![pages]).map_err(failed)?;
    Ok(Exit::Clear)
}

/// Locks the files of a gold file against a second process. The lock is the system's, of a file beside them, so it goes
/// with the process, however that ends; the file stays and says nothing.
fn lock(gold: &Path) -> Result<File, CliError> {
    let mut name = gold.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".lock");
    let place = gold.with_file_name(name);
    let failed = |error: std::io::Error| CliError::failed(place.display().to_string(), error);
    let file = File::options().write(true).create(true).truncate(false).open(&place).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CliError::Usage(format!(
            "{}: another `lazaret phi annotate` is at work on it; end that one, or save to another file with --out",
            gold.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
