//! `lazaret models …` into the registry and about it, as it is typed.

use std::path::PathBuf;

use clap::Args;
use lazaret_core::Sha256;

use super::one_line;
use crate::watching::INTERVAL;

/// Arguments of `models pass`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models pass chest.pt --name radiology/chest-xray --revision 1.2
                                                   one file
  lazaret models pass model/ --name sepsis --trained-on lake/Patient --code 4f1c2e9 --run mlflow:7d1
                                                   a folder, with what it was trained on, by which code, in which run
  lazaret models pass chest.pt --name chest --signature chest.sig --signature chest.intoto.json
                                                   with a signature and a statement of provenance that lie beside it
  lazaret models pass model/ --name sepsis --mode enforce
                                                   what policy holds is kept back, whatever the settings say

Every file is copied, hashed, inspected, decided and recorded; what is cleared is kept in the registry by its SHA-256.
Names, revisions and what else is told stand in the ledger for good: no patient data in them. Signatures in the model are
checked by the signers and builders that the settings trust (`gates.models.signers`, `gates.models.builders`). While
`lazaret serve` has the ledger open the files are read here and sent to it, and its settings are in force.
Exit codes: 0 all crossed; 1 a file was held or blocked (in mode observe: would have been), or a finding of medium or
above; 2 used wrongly; 3 could not inspect or record, so nothing crossed")]
pub(crate) struct ModelsPassArgs {
    /// The model: one file, or a folder with all that is below it, hidden files too
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// What it is called in the registry: `radiology/chest-xray`
    #[arg(long)]
    pub(crate) name: String,
    /// Its revision: a version, a tag, a commit
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// A dataset it was trained on, by the name that `lazaret bom` takes; as often as needed
    #[arg(long, value_name = "DATASET")]
    pub(crate) trained_on: Vec<String>,
    /// The commit of the code that trained it
    #[arg(long, value_name = "COMMIT")]
    pub(crate) code: Option<String>,
    /// The run that trained it
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// A signature or a statement of provenance that lies elsewhere and passes with the model; as often as needed
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Vec<PathBuf>,
    /// observe or enforce [default: setting `gates.models.mode`]
    #[arg(long)]
    pub(crate) mode: Option<String>,
    /// Print one JSON object a file, and one for the receipt
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
}

/// Arguments of `models watch`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models watch /srv/inbox                  until it is ended: each file or folder in it is a model of that name
  lazaret models watch /srv/inbox --once           what lies there now, then ends
  lazaret models watch s3://models/incoming        a bucket, also az://CONTAINER/… and gs://BUCKET/…
  lazaret models watch /srv/x-ray --under radiology
                                                   chest.pt in it is the model radiology/chest.pt

A model passes when it looks the same twice, an interval apart; one that changes passes again, one that was held when it is
admitted. What passed before, as the ledger knows, does not pass again. Names that begin with a dot are left alone. What lies
there stays there: what was cleared is in the registry, what is held is in `models requests`. Between two looks others may
request, admit and revoke; while models pass, the ledger is taken. While `lazaret serve` has the
ledger open, models are sent to it; it watches the folders of the settings (`gates.models.watch`) itself.
Exit codes, with --once: 0 all crossed; 1 something was held or could not be read; 2 used wrongly, or nothing was held and a
model cannot pass as it is; 3 could not inspect or record")]
pub(crate) struct ModelsWatchArgs {
    /// The folder, or the address of a bucket
    #[arg(value_name = "FOLDER")]
    pub(crate) inbox: PathBuf,
    /// How long between two looks
    #[arg(long, value_name = "TIME", default_value = INTERVAL)]
    pub(crate) interval: String,
    /// What the models' names begin with: `radiology` makes `chest.pt` the model `radiology/chest.pt`
    #[arg(long, value_name = "NAME")]
    pub(crate) under: Option<String>,
    /// Pass what lies there now, without a second look, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// observe or enforce [default: setting `gates.models.mode`]
    #[arg(long)]
    pub(crate) mode: Option<String>,
}

/// Arguments of `models requests`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models requests                          what waits, and how long
  lazaret models requests --all                    also what was admitted or refused

Exit codes: 0 nothing waits; 1 something does; 2 used wrongly; 3 could not read")]
pub(crate) struct ModelsRequestsArgs {
    /// Also those that were admitted or refused
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `models request`, `refuse` and `revoke`
#[derive(Debug, Args)]
pub(crate) struct ModelsOrderArgs {
    /// The file's SHA-256, as receipts and `models requests` name it
    #[arg(value_parser = sha256)]
    pub(crate) sha256: Sha256,
    /// Who says so
    #[arg(long, value_parser = one_line)]
    pub(crate) by: String,
    /// Why. It stands in the ledger for good: no patient data in it
    #[arg(long, value_parser = one_line)]
    pub(crate) reason: String,
}

/// Arguments of `models admit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models admit 5891b5b5… --by m.osei --reason 'read the code of its layer' --until 2027-03-31
                                                   a file that policy quarantines: one person, who did not ask for it
  lazaret models admit 5891b5b5… --by m.osei --second a.reyes --reason 'vendor rebuilds it by June'
                                                   a file that policy blocks, or that has not come yet: two persons

An admission is for these very bytes, and until its day; then policy holds them again. `models revoke` ends it before.")]
pub(crate) struct ModelsAdmitArgs {
    /// The file's SHA-256, as receipts and `models requests` name it
    #[arg(value_parser = sha256)]
    pub(crate) sha256: Sha256,
    /// Who admits it: not who asked for it
    #[arg(long, value_parser = one_line)]
    pub(crate) by: String,
    /// The second person
    #[arg(long, value_parser = one_line)]
    pub(crate) second: Option<String>,
    /// Why. It stands in the ledger for good: no patient data in it
    #[arg(long, value_parser = one_line)]
    pub(crate) reason: String,
    /// The last day on which it holds (UTC), at most a year ahead [default: in 90 days]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<String>,
}

/// Arguments of `models impact`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models impact 5891b5b5…                  who has it, what to go back to

Read from the ledger alone. Exit codes: 0 the last verdict lets it pass; 1 it does not; 2 used wrongly, or no such file;
3 could not read")]
pub(crate) struct ModelsImpactArgs {
    /// The file's SHA-256
    #[arg(value_parser = sha256)]
    pub(crate) sha256: Sha256,
}

/// Arguments of `models rescan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models rescan                            every file of the registry, by the rules and policies of now
  lazaret models rescan 5891b5b5…                  one of them

Files are known from the ledger. What differs from the last look is listed and recorded; nothing is taken out of the
registry: a model that runs keeps running, and `models impact` says who has it. Exit codes: 0 nothing that passed would be held
now; 1 something would; 2 used wrongly; 3 could not inspect or record")]
pub(crate) struct ModelsRescanArgs {
    /// Files by their SHA-256 [default: all]
    #[arg(value_parser = sha256)]
    pub(crate) sha256: Vec<Sha256>,
    /// List also files for which nothing differs, and those that are not in the registry
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `models bom`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models bom                               list the models of the ledger
  lazaret models bom radiology/chest-xray > chest-xray.cdx.json
                                                   CycloneDX 1.6 of its newest revision
  lazaret models bom radiology/chest-xray --revision 1.2 --spec 1.7

Read from the ledger alone, with what second looks found since. Files that are held are listed and marked so; what is only worth
knowing (info) is left out. Exit codes: 0 printed; 2 used wrongly, or no such model; 3 no such revision, or could not read")]
pub(crate) struct ModelsBomArgs {
    /// The model; none lists all
    pub(crate) model: Option<String>,
    /// Its revision [default: that of the newest crossing]
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Version of CycloneDX: 1.6 or 1.7
    #[arg(long, default_value = "1.6")]
    pub(crate) spec: String,
}

/// Reads a SHA-256.
pub(crate) fn sha256(text: &str) -> Result<Sha256, String> {
    Sha256::parse(text)
        .ok_or_else(|| "a SHA-256 has 64 hex digits; `sha256:` may stand before them".to_owned())
}
