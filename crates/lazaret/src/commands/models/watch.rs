//! `lazaret models watch`: what is put into a folder passes into the registry as soon as nobody writes it any more; here, or in
//! the server that has the ledger open.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use lazaret_ledger::LedgerReader;

use super::on_disk::OnDisk;
use super::pass::summary;
use crate::cli::ModelsWatchArgs;
use crate::commands::policy::of_ledger;
use crate::compose::{Data, ledger_of};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::orders::{self, Handed, Order};
use crate::registry::Brings;
use crate::report::json_line;
use crate::watching::{Became, Folder, Inbox, Outcome, Passes, is_admitted, pass};

/// Watches a folder.
pub(super) fn run(
    args: &ModelsWatchArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let folder = folder(args)?;
    folder.over(config).models_mode()?;
    if !args.inbox.is_dir() {
        return Err(CliError::Usage(format!("{}: no folder", args.inbox.display())));
    }
    if orders::is_taking(config) {
        let ledger = LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?;
        let order = Order::typed(config)?;
        let there = There {
            config,
            folder: &folder,
            order,
            ledger,
            once: args.once,
            told: BTreeMap::new(),
            held: false,
            out,
            json,
        };
        return watch(args, &folder, there, |there| there.held);
    }
    let data = Data::open(config)?;
    let here = Here { data: &data, config, folder: &folder, held: false, out, json };
    let ended = watch(args, &folder, here, |here| here.held)?;
    data.close()?;
    Ok(ended)
}

/// One model of a folder that somebody watches, in a server.
pub(crate) fn carry_out(
    args: &ModelsWatchArgs,
    model: Option<&str>,
    files: &mut dyn Brings,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let model = model.ok_or_else(|| CliError::Usage("the order names no model".to_owned()))?;
    let outcome = pass(data, config, &folder(args)?, Path::new(model), files)?;
    tell(model, &outcome, json, out)?;
    Ok(if is_held(&outcome) { Exit::Findings } else { Exit::Clear })
}

fn folder(args: &ModelsWatchArgs) -> Result<Folder, CliError> {
    Folder::new(args.inbox.clone(), &args.interval, args.under.as_deref(), args.mode.as_deref())
}

fn watch<P: Passes>(
    args: &ModelsWatchArgs,
    folder: &Folder,
    mut passes: P,
    held: impl Fn(&P) -> bool,
) -> Result<Exit, CliError> {
    let mut inbox = Inbox::default();
    loop {
        inbox.look(&folder.inbox, args.once, &mut passes)?;
        if args.once {
            return Ok(if held(&passes) { Exit::Findings } else { Exit::Clear });
        }
        std::thread::sleep(folder.interval);
    }
}

/// Over data that this process has open.
struct Here<'a, W> {
    data: &'a Data,
    config: &'a Config,
    folder: &'a Folder,
    held: bool,
    out: &'a mut W,
    json: bool,
}

impl<W: Write> Passes for Here<'_, W> {
    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        let outcome = match OnDisk::of(model, &[]) {
            Ok(mut files) => pass(self.data, self.config, self.folder, model, &mut files)?,
            Err(error) => Outcome::NotPassed(error),
        };
        tell(&model.display().to_string(), &outcome, self.json, self.out)?;
        self.held |= is_held(&outcome);
        Ok(Became::Settled { held: outcome.held() > 0 })
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(self.data.ledger.reader(), self.folder, model).map_err(of_ledger)
    }
}

/// Through the server that has the ledger open. Once it took one, this process never takes its place: it could not start again.
struct There<'a, W> {
    config: &'a Config,
    folder: &'a Folder,
    order: Order,
    ledger: LedgerReader,
    once: bool,
    /// What was said of models that wait.
    told: BTreeMap<PathBuf, String>,
    held: bool,
    out: &'a mut W,
    json: bool,
}

impl<W: Write> There<'_, W> {
    /// What waits is tried again at the next look, if there is one.
    fn waits(&mut self, model: &Path, why: CliError) -> Result<Became, CliError> {
        if self.once {
            return Err(why);
        }
        let said = chain(&why);
        if self.told.get(model) != Some(&said) {
            tracing::warn!(why = said, "a model waits");
            self.told.insert(model.to_owned(), said);
        }
        Ok(Became::Again)
    }
}

impl<W: Write> Passes for There<'_, W> {
    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        let shown = model.display().to_string();
        self.order.model = Some(shown.clone());
        let handed = OnDisk::of(model, &[])
            .and_then(|files| orders::hand_over(self.config, &self.order, files.files()));
        let held = match handed {
            Ok(Handed::Told(told)) if !told.busy => told.end(self.out)? == Exit::Findings,
            Ok(Handed::Told(busy)) => {
                let why = busy.end(self.out).err();
                return why.map_or(Ok(Became::Again), |why| self.waits(model, why));
            }
            Ok(Handed::Nobody) => {
                let why = "the server that had the ledger open takes no orders";
                return self.waits(model, CliError::Uninspectable(why.to_owned()));
            }
            Ok(Handed::Broken(error)) => return self.waits(model, orders::broken(&error)),
            Err(error) => {
                tell(&shown, &Outcome::NotPassed(error), self.json, self.out)?;
                self.held = true;
                return Ok(Became::Settled { held: false });
            }
        };
        self.out.flush()?;
        self.told.remove(model);
        self.held |= held;
        Ok(Became::Settled { held })
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(&self.ledger, self.folder, model).map_err(of_ledger)
    }
}

/// Whether something was held, or did not pass at all.
fn is_held(outcome: &Outcome) -> bool {
    outcome.held() > 0 || matches!(outcome, Outcome::NotPassed(_))
}

/// Says what became of a model.
fn tell(shown: &str, outcome: &Outcome, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    match outcome {
        Outcome::Passed(passed) if json => json_line(
            out,
            &serde_json::json!({ "path": shown, "files": passed.files, "receipt": summary(passed) }),
        )?,
        Outcome::Passed(passed) => {
            let held = outcome.held();
            let crossed = passed.files.len().saturating_sub(held);
            let receipt = passed.receipt.opened.crossing;
            writeln!(out, "{shown}: {crossed} crossed, {held} held; receipt {receipt}")?;
        }
        Outcome::Before { receipt, held } if json => {
            json_line(out, &serde_json::json!({ "path": shown, "passed_before": receipt, "held": held }))?;
        }
        Outcome::Before { receipt, held } => {
            writeln!(out, "{shown}: passed before, {held} held; receipt {receipt}")?;
        }
        Outcome::NotPassed(error) if json => {
            json_line(out, &serde_json::json!({ "path": shown, "not_passed": chain(error) }))?;
        }
        Outcome::NotPassed(error) => writeln!(out, "{shown}: not passed: {}", chain(error))?,
    }
    out.flush()?;
    Ok(())
}
