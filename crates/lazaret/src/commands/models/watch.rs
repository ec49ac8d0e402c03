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
            says: Says { once: args.once, told: BTreeMap::new(), held: false, out, json },
        };
        return watch(args, &folder, there, |there| there.says.held);
    }
    let data = Data::open(config)?;
    let says = Says { once: args.once, told: BTreeMap::new(), held: false, out, json };
    let here = Here { data: &data, config, folder: &folder, says };
    let ended = watch(args, &folder, here, |here| here.says.held)?;
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
    let outcome = match pass(data, config, &folder(args)?, Path::new(model), files)? {
        // The caller tries it again.
        Outcome::NotPassed(error) if !stays(&error) => return Err(error),
        outcome => outcome,
    };
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

/// What is said of models that are passing, and was said of those that wait.
struct Says<'a, W> {
    once: bool,
    told: BTreeMap<PathBuf, String>,
    held: bool,
    out: &'a mut W,
    json: bool,
}

impl<W: Write> Says<'_, W> {
    fn became(&mut self, model: &Path, outcome: &Outcome) -> Result<Became, CliError> {
        self.told.remove(model);
        self.held |= is_held(outcome);
        tell(&model.display().to_string(), outcome, self.json, self.out)?;
        Ok(Became::Settled { held: outcome.held() > 0 })
    }

    /// What is wrong with it as it is settles it. Anything else may end (a full disk, a share that is away): it is told when it
    /// changes.
    fn not_passed(&mut self, model: &Path, why: CliError) -> Result<Became, CliError> {
        if stays(&why) {
            return self.became(model, &Outcome::NotPassed(why));
        }
        self.held = true;
        if self.is_new(model, &why) {
            tell(&model.display().to_string(), &Outcome::NotPassed(why), self.json, self.out)?;
        }
        Ok(Became::Again)
    }

    /// What is wrong with no model, but where they pass, is tried again at the next look, if there is one.
    fn waits(&mut self, model: &Path, why: CliError) -> Result<Became, CliError> {
        if self.once {
            return Err(why);
        }
        if self.is_new(model, &why) {
            tracing::warn!(why = chain(&why), "a model waits");
        }
        Ok(Became::Again)
    }

    fn is_new(&mut self, model: &Path, why: &CliError) -> bool {
        self.told.retain(|model, _| model.symlink_metadata().is_ok());
        let why = chain(why);
        let is_new = self.told.get(model) != Some(&why);
        self.told.insert(model.to_owned(), why);
        is_new
    }
}

/// Over data that this process has open.
struct Here<'a, W> {
    data: &'a Data,
    config: &'a Config,
    folder: &'a Folder,
    says: Says<'a, W>,
}

impl<W: Write> Passes for Here<'_, W> {
    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        let outcome = match OnDisk::within(&self.folder.inbox, model) {
            Ok(mut files) => pass(self.data, self.config, self.folder, model, &mut files),
            Err(error) => Ok(Outcome::NotPassed(error)),
        };
        match outcome {
            Ok(Outcome::NotPassed(why)) => self.says.not_passed(model, why),
            Ok(outcome) => self.says.became(model, &outcome),
            Err(why) => self.says.waits(model, why),
        }
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
    says: Says<'a, W>,
}

impl<W: Write> Passes for There<'_, W> {
    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        self.order.model = Some(model.display().to_string());
        let handed = OnDisk::within(&self.folder.inbox, model)
            .and_then(|files| orders::hand_over(self.config, &self.order, files.files()));
        let held = match handed {
            Ok(Handed::Told(told)) => match told.end(self.says.out) {
                Ok(exit) => exit == Exit::Findings,
                Err(error) if error.is_broken_pipe() => return Err(error),
                Err(why) => return self.says.waits(model, why),
            },
            Ok(Handed::Nobody) => {
                let why = "the server that had the ledger open takes no orders";
                return self.says.waits(model, CliError::Uninspectable(why.to_owned()));
            }
            Ok(Handed::Broken(error)) => return self.says.waits(model, orders::broken(&error)),
            Err(why) => return self.says.not_passed(model, why),
        };
        self.says.out.flush()?;
        self.says.told.remove(model);
        self.says.held |= held;
        Ok(Became::Settled { held })
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(&self.ledger, self.folder, model).map_err(of_ledger)
    }
}

/// Whether a model will not pass for this as long as it is as it is.
fn stays(why: &CliError) -> bool {
    matches!(why, CliError::Usage(_))
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
