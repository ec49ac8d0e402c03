//! `lazaret phi annotate`: pages on which people correct what was found, until it is gold.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use lazaret_core::{Limit, Random as _, hex};
use lazaret_input::{ReadError, read_file};
use lazaret_phi::code_points;
use lazaret_phi::corpus::{Mark, Note, jsonl};
use lazaret_vault::SystemRandom;

use crate::cli::PhiAnnotateArgs;
use crate::commands::phi::look::Look;
use crate::commands::phi::score::each_line;
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::server::annotate::{Desk, router};
use crate::server::{bind, serve};

/// Largest file of notes under correction, in bytes: it is held in memory and written whole at each change.
pub(crate) const MAX_ANNOTATED: Limit = Limit::new("phi.max_annotated", 64 << 20);

/// Runs the command.
pub(crate) fn run(args: &PhiAnnotateArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let limits = &config.limits();
    let look = Look::new(&args.look, config)?;
    let most = limits.get(MAX_ANNOTATED);
    let wrong = |path: &Path, why: String| CliError::Usage(format!("{}: {why}", path.display()));
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
        let marks: Vec<Mark> = code_points(&text, &found)
            .into_iter()
            .zip(&found)
            .map(|((start, end), detection)| Mark {
                start,
                end,
                label: detection.label.kind.name().to_owned(),
                sub: detection.label.sub.map(str::to_owned),
                score: None,
            })
            .collect();
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
    if args.out.is_dir() {
        return Err(wrong(&args.out, "is a folder".to_owned()));
    }
    let desk = Desk::new(notes, &args.out, &args.by, limits, saved).map_err(CliError::Usage)?;
    let failed = |error: crate::server::ServeError| CliError::failed("the pages are not served", error);
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).map_err(failed)?;
    let secret = secret()?;
    writeln!(out, "notes: {}{secret}/  (Ctrl-C ends it; every change is saved at once)", bound.url())?;
    out.flush()?;
    serve(vec![bound.with(|hosts| router(desk, &secret, hosts))]).map_err(failed)?;
    Ok(Exit::Clear)
}

/// What only who started the pages knows: other users of this machine reach the port too.
fn secret() -> Result<String, CliError> {
    let mut bytes = [0_u8; 16];
    let filled = SystemRandom.fill(&mut bytes);
    filled.map_err(|error| CliError::failed("no random numbers", error))?;
    Ok(hex(&bytes))
}
