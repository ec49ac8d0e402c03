//! `lazaret models watch`: what is put into a folder passes into the registry as soon as nobody writes it any more; here, or in
//! the server that has the ledger open.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_ledger::LedgerReader;
use lazaret_vault::SqliteVault;

use super::pass::summary;
use crate::cli::ModelsWatchArgs;
use crate::commands::phi::visible::visible;
use crate::commands::policy::of_ledger;
use crate::compose::{Data, ledger_of};
use crate::config::Config;
use crate::exit::{CliError, Exit, chain};
use crate::orders::{self, Handed, Order};
use crate::registry::Brings;
use crate::report::json_line;
use crate::watching::{Became, Folder, Inbox, Outcome, Passes, Place, Waits, is_admitted, pass};

/// Watches a folder.
pub(super) fn run(
    args: &ModelsWatchArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let folder = folder(args)?;
    folder.over(config).models_mode()?;
    let place = Place::open(&args.inbox, config)?;
    if matches!(place, Place::Folder(_)) && !args.inbox.is_dir() {
        return Err(CliError::Usage(format!("{}: no folder", args.inbox.display())));
    }
    if orders::is_taking(config) {
        let ledger = LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?;
        let order = Order::typed(config)?;
        let there = There {
            config,
            folder: &folder,
            place: &place,
            order,
            ledger,
            says: Says::new(args, &folder, json, out),
        };
        return watch(args, (&folder, &place), there, |there| there.says.ended);
    }
    let data = Data::open(config)?;
    let (vault, ledger) =
        (Arc::clone(&data.vault), LedgerReader::open(&ledger_of(config)?).map_err(of_ledger)?);
    let says = Says::new(args, &folder, json, out);
    let here = Here { data: Some(data), vault, ledger, config, folder: &folder, place: &place, says };
    watch(args, (&folder, &place), here, |here| here.says.ended)
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
    Ok(exit_of(&outcome))
}

fn folder(args: &ModelsWatchArgs) -> Result<Folder, CliError> {
    Folder::new(args.inbox.clone(), &args.interval, args.under.as_deref(), args.mode.as_deref())
}

fn watch<P: Passes>(
    args: &ModelsWatchArgs,
    (folder, place): (&Folder, &Place),
    mut passes: P,
    ended: impl Fn(&P) -> Exit,
) -> Result<Exit, CliError> {
    let mut inbox = Inbox::default();
    loop {
        inbox.look(place, args.once, &mut passes)?;
        passes.rests()?;
        if args.once {
            return Ok(ended(&passes));
        }
        std::thread::sleep(folder.interval);
    }
}

/// What is said of models that are passing, and was said of those that wait.
struct Says<'a, W> {
    once: bool,
    waits: Waits,
    /// Why the folder could not be looked into the last time.
    fault: Option<String>,
    /// How the run ends, as far as it has come.
    ended: Exit,
    out: &'a mut W,
    json: bool,
}

impl<'a, W: Write> Says<'a, W> {
    fn new(args: &ModelsWatchArgs, folder: &Folder, json: bool, out: &'a mut W) -> Self {
        let (once, waits) = (args.once, Waits::new(folder.interval));
        Self { once, waits, fault: None, ended: Exit::Clear, out, json }
    }

    /// Of several models the run ends as the gravest: something was held, or did not pass as it is.
    fn ends(&mut self, exit: Exit) {
        self.ended = match (self.ended, exit) {
            (Exit::Findings, _) | (_, Exit::Clear) => self.ended,
            _ => exit,
        };
    }

    fn became(&mut self, model: &Path, outcome: &Outcome) -> Result<Became, CliError> {
        self.waits.end(model);
        self.ends(exit_of(outcome));
        tell(&model.display().to_string(), outcome, self.json, self.out)?;
        Ok(Became::Settled { held: outcome.held() > 0 })
    }

    /// What is wrong with it as it is settles it. Anything else may end (a full disk, a share that is away): it is told when it
    /// changes.
    fn not_passed(&mut self, model: &Path, why: CliError) -> Result<Became, CliError> {
        if stays(&why) {
            return self.became(model, &Outcome::NotPassed(why));
        }
        self.ends(Exit::Findings);
        if self.waits.begin(model, chain(&why)) {
            tell(&model.display().to_string(), &Outcome::NotPassed(why), self.json, self.out)?;
        }
        Ok(Became::Again)
    }

    /// What is wrong with no model, but where they pass, is tried again, if there is another look.
    fn waits(&mut self, model: &Path, why: CliError) -> Result<Became, CliError> {
        if self.once {
            return Err(why);
        }
        if self.waits.begin(model, chain(&why)) {
            tracing::warn!(why = chain(&why), "a model waits");
        }
        Ok(Became::Again)
    }

    /// The folder may be a share that is away.
    fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError> {
        match models {
            Err(why) if self.once => return Err(why),
            Err(why) if self.fault.as_ref() != Some(&chain(&why)) => {
                tracing::warn!(why = chain(&why), "the folder cannot be looked into");
                self.fault = Some(chain(&why));
            }
            Err(_) => {}
            Ok(models) => {
                self.waits.forget_gone(models);
                if self.fault.take().is_some() {
                    tracing::warn!("the folder can be looked into again");
                }
            }
        }
        Ok(())
    }
}

/// Over data that this process has open while something passes: between two looks others may ask for models, and admit them.
struct Here<'a, W> {
    data: Option<Data>,
    vault: Arc<SqliteVault>,
    ledger: LedgerReader,
    config: &'a Config,
    folder: &'a Folder,
    place: &'a Place,
    says: Says<'a, W>,
}

impl<W: Write> Passes for Here<'_, W> {
    fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError> {
        self.says.looked(models)
    }

    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        if self.says.waits.why(model).is_some() {
            return Ok(Became::Again);
        }
        let data = match self.data.take() {
            Some(data) => data,
            None => match Data::open_over(self.config, Arc::clone(&self.vault)) {
                Ok(data) => data,
                Err(why) => return self.says.waits(model, why),
            },
        };
        let data = self.data.insert(data);
        let outcome = match self.place.files(model) {
            Ok(mut files) => pass(data, self.config, self.folder, model, &mut files),
            Err(error) => Ok(Outcome::NotPassed(error)),
        };
        match outcome {
            Ok(Outcome::NotPassed(why)) => self.says.not_passed(model, why),
            Ok(outcome) => self.says.became(model, &outcome),
            Err(why) if self.says.once || stays(&why) => self.says.waits(model, why),
            // The store is opened anew for each look: what is wrong with it is told as what is wrong with a file in it.
            Err(why) => self.says.not_passed(model, why),
        }
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(&self.ledger, self.folder, model).map_err(of_ledger)
    }

    fn rests(&mut self) -> Result<(), CliError> {
        self.data.take().map_or(Ok(()), |data| data.close())
    }
}

/// Through the server that has the ledger open. Once it took one, this process never takes its place: it could not start again.
struct There<'a, W> {
    config: &'a Config,
    folder: &'a Folder,
    place: &'a Place,
    order: Order,
    ledger: LedgerReader,
    says: Says<'a, W>,
}

impl<W: Write> Passes for There<'_, W> {
    fn looked(&mut self, models: Result<&[PathBuf], CliError>) -> Result<(), CliError> {
        self.says.looked(models)
    }

    fn pass(&mut self, model: &Path) -> Result<Became, CliError> {
        if self.says.waits.why(model).is_some() {
            return Ok(Became::Again);
        }
        self.order.model = Some(model.display().to_string());
        let handed = self
            .place
            .files(model)
            .and_then(|files| orders::hand_over(self.config, &self.order, files.files()));
        let exit = match handed {
            Ok(Handed::Told(told)) => match told.end(self.says.out) {
                Ok(exit) => exit,
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
        self.says.waits.end(model);
        self.says.ends(exit);
        Ok(Became::Settled { held: exit == Exit::Findings })
    }

    fn is_admitted(&mut self, model: &Path) -> Result<bool, CliError> {
        is_admitted(&self.ledger, self.folder, model).map_err(of_ledger)
    }
}

/// Whether a model will not pass for this as long as it is as it is.
fn stays(why: &CliError) -> bool {
    matches!(why, CliError::Usage(_))
}

/// How a run ends over one model: something of it was held, or it did not pass as it is.
fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::NotPassed(why) => why.exit(),
        outcome if outcome.held() > 0 => Exit::Findings,
        _ => Exit::Clear,
    }
}

/// Says what became of a model.
fn tell(path: &str, outcome: &Outcome, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    // Whoever puts a file there names it.
    let shown = visible(path);
    match outcome {
        Outcome::Passed(passed) if json => json_line(
            out,
            &serde_json::json!({ "path": path, "files": passed.files, "receipt": summary(passed) }),
        )?,
        Outcome::Passed(passed) => {
            let held = outcome.held();
            let crossed = passed.files.len().saturating_sub(held);
            let receipt = passed.receipt.opened.crossing;
            writeln!(out, "{shown}: {crossed} crossed, {held} held; receipt {receipt}")?;
        }
        Outcome::Before { receipt, held } if json => {
            json_line(out, &serde_json::json!({ "path": path, "passed_before": receipt, "held": held }))?;
        }
        Outcome::Before { receipt, held } => {
            writeln!(out, "{shown}: passed before, {held} held; receipt {receipt}")?;
        }
        Outcome::NotPassed(error) if json => {
            json_line(out, &serde_json::json!({ "path": path, "not_passed": chain(error) }))?;
        }
        Outcome::NotPassed(error) => writeln!(out, "{shown}: not passed: {}", visible(&chain(error)))?,
    }
    out.flush()?;
    Ok(())
}
