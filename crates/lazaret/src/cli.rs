//! What may be typed. Help texts are the reference page; every example in them is real.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod models;
mod phi;
mod registry;
mod vulns;

pub(crate) use models::{
    ModelsCommand, ModelsRulesCommand, ModelsScanArgs, ModelsShowArgs, ModelsSignArgs, ModelsVerifyArgs,
    SignatureArgs,
};
pub(crate) use phi::{
    PhiAnnotateArgs, PhiCommand, PhiConvertArgs, PhiEditArgs, PhiEditWith, PhiFormat, PhiKnowledgeCommand,
    PhiLabels, PhiLookArgs, PhiPredUnit, PhiProposeArgs, PhiScanArgs, PhiScoreArgs,
};
pub(crate) use registry::{
    ModelsAdmitArgs, ModelsBomArgs, ModelsImpactArgs, ModelsOrderArgs, ModelsPassArgs, ModelsRequestsArgs,
    ModelsRescanArgs, ModelsWatchArgs,
};

pub(crate) use vulns::{
    VexCommand, VexExportArgs, VexImportArgs, VexOutput, VulnsCommand, VulnsImportArgs, VulnsListArgs,
    VulnsPlace, VulnsShowArgs,
};

/// The checkpoint between your hospital's data and AI
///
/// Every record, prompt and model on its way to AI is inspected, decided and recorded.
///
/// Exit codes: 0 clear; 1 something was held, or a finding of medium or above; 2 used wrongly; 3 could not
/// inspect or record, so nothing passed.
#[derive(Debug, Parser)]
#[command(name = "lazaret", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// What is set for every command
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Configuration file [default: lazaret.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory: ledger, vault, quarantine, policies [default: lazaret-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// File of the key-encryption key; outside the data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say on stderr what is being done; twice for more. Never a value of a record
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a data directory with its ledger, vault and policies
    Init(InitArgs),
    /// Pass clinical records through the checkpoint into the lake
    Ingest(IngestArgs),
    /// What loading model files would do
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Known faults of the packages that models name
    #[command(subcommand)]
    Vulns(VulnsCommand),
    /// Find identifying text
    #[command(subcommand)]
    Phi(PhiCommand),
    /// Explain a rule: what it finds, why it matters
    Explain(ExplainArgs),
    /// Check, explain and try policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Read and verify what was recorded
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Print a dataset's bill of materials
    Bom(BomArgs),
    /// Records kept back
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Tokens and what they stand for
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Keys: status, export to readers of the lake, rotation, shredding a subject
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Copy the data directory, consistently, while it is in use
    Backup(BackupArgs),
    /// Restore a backup into a new data directory
    Restore(RestoreArgs),
    /// Print the settings in force and where each came from
    Config,
    /// Serve the console on this machine, the interface of Presidio, and models through the gate
    Serve(ServeArgs),
    /// The main job on sample records, in a directory of its own
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Arguments of `init`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret init                                     data in ./lazaret-data, a new key in ./lazaret-data.key
  lazaret init --data /var/lib/lazaret --key-file /etc/lazaret/kek.key
  LAZARET_PASSPHRASE=… lazaret init --passphrase   a passphrase instead of a key file")]
pub(crate) struct InitArgs {
    /// Protect the keys with a passphrase (asked for, or from `LAZARET_PASSPHRASE`) instead of a key file
    #[arg(long)]
    pub(crate) passphrase: bool,
}

/// Arguments of `ingest`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret ingest --check export/                   look only: nothing is written or recorded
  lazaret ingest export/ --to /lake                validate, de-identify, encrypt, record
  lazaret ingest --check --jsonl Patient.ndjson    one JSON object a record, for pipelines
  lazaret ingest note.txt --subject Patient/129c   a text note of a patient whose record was ingested
  lazaret ingest visits.csv --schema visits.toml --to /lake --basis expert --purpose research:IRB-7")]
pub(crate) struct IngestArgs {
    /// Files or folders: FHIR R4 JSON or NDJSON, CSV, text notes; gzip, zlib, zstd, brotli around them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The lake to write to [default: setting `lake`]
    #[arg(long, value_name = "LAKE", conflicts_with = "check")]
    pub(crate) to: Option<PathBuf>,
    /// What the lake is called in receipts, datasets and keys [default: as it was called before, else as its folder]
    #[arg(long, value_name = "NAME", conflicts_with = "check")]
    pub(crate) name: Option<String>,
    /// Report only: nothing is written or recorded, and no key is needed
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check, a folder of *.cedar files to decide by [default: the data directory's policies if there is
    /// one, else the built-in ones]
    #[arg(long, value_name = "DIR", requires = "check", conflicts_with = "to")]
    pub(crate) policies: Option<PathBuf>,
    /// With --check one JSON object a record; without, one a file, as soon as its receipt is durable
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// Schema of CSV files (TOML; see the guide "CSV schemas")
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// The patient that the text notes are about, as records name it: `Patient/129c` or `129c`
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// The charset of the text notes, where they are neither UTF-8 nor marked: `windows-1252`
    #[arg(long, value_name = "NAME")]
    pub(crate) charset: Option<String>,
    /// What the data is for: treatment, payment, operations, research:PROTOCOL, public-health
    #[arg(long)]
    pub(crate) purpose: Option<String>,
    /// Legal basis: safe-harbor, expert, limited-data-set, identified
    #[arg(long)]
    pub(crate) basis: Option<String>,
    /// Source system the patient ids belong to
    #[arg(long)]
    pub(crate) system: Option<String>,
}

/// Arguments of `explain`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret explain json.duplicate-key
  lazaret explain                                  list every rule
  lazaret explain user.no-vendor-x --rules models.toml
                                                   a rule of the hospital's own")]
pub(crate) struct ExplainArgs {
    /// A rule id; none lists all
    pub(crate) id: Option<String>,
    /// The hospital's own rules [default: the setting `models.rules`, else the data directory's models.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

/// `policy …`
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Validate policies against the schema
    Check {
        /// A folder of *.cedar files [default: the data directory's policies]
        dir: Option<PathBuf>,
    },
    /// Say which policies decided a recorded crossing, and why
    Explain {
        /// A receipt's id
        receipt: String,
        /// One record's number, from 0
        #[arg(long)]
        record: Option<u64>,
    },
    /// Replay recorded crossings against other policies and show what would differ
    DryRun {
        /// A folder of *.cedar files
        dir: PathBuf,
    },
}

/// `ledger …`
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Verify every entry, tree and signed checkpoint
    Verify {
        /// The public key to trust (C2SP vkey) [default: the vault's own]
        #[arg(long)]
        key: Option<String>,
        /// A checkpoint kept elsewhere, which this ledger must still contain
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Prove that a crossing, or one record of it, is in the ledger
    Prove {
        /// A receipt's id
        receipt: String,
        /// One record's number, from 0
        #[arg(long)]
        record: Option<u64>,
    },
    /// Check a proof that `prove` or the console gave, without the ledger
    CheckProof {
        /// The proof's file
        file: PathBuf,
        /// The public key to trust (C2SP vkey)
        #[arg(long)]
        key: String,
    },
    /// Show crossings, or one of them
    Show {
        /// A receipt's id; none lists the latest
        receipt: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        last: usize,
    },
}

/// Arguments of `bom`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret bom lake/Patient                         CycloneDX 1.7
  lazaret bom lake/Patient --spec 1.6 > patient.cdx.json")]
pub(crate) struct BomArgs {
    /// The dataset, as `ledger show` names it, or all of a lake; none lists them
    pub(crate) dataset: Option<String>,
    /// CycloneDX version: 1.6 or 1.7
    #[arg(long, default_value = "1.7")]
    pub(crate) spec: String,
    /// The same as a page for people (HTML)
    #[arg(long)]
    pub(crate) page: bool,
    /// The lake's id, where an earlier one bore the same name; the bill of the present one names those
    #[arg(long, value_name = "ID")]
    pub(crate) lake: Option<String>,
}

/// `quarantine …`
#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List records kept back
    List {
        /// Also those released or rejected
        #[arg(long)]
        all: bool,
    },
    /// Show one record kept back. A look at content is itself a crossing
    Show {
        /// The hold's id
        id: String,
        /// Print the record itself, unchanged, to the terminal
        #[arg(long, requires_all = ["by", "reason"])]
        content: bool,
        /// Who looks at the content
        #[arg(long, requires = "content", value_parser = one_line)]
        by: Option<String>,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, requires = "content", value_parser = one_line)]
        reason: Option<String>,
    },
    /// Release a record to the lake as it is policed now
    Release {
        /// The hold's id
        id: String,
        /// Who releases
        #[arg(long, value_parser = one_line)]
        by: String,
        /// The second person, needed for a blocked record
        #[arg(long, value_parser = one_line)]
        second: Option<String>,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
        /// The lake to write to [default: setting `lake`]
        #[arg(long, value_name = "LAKE")]
        to: Option<PathBuf>,
        /// What the lake is called in receipts, datasets and keys [default: as it was called before, else as its
        /// folder]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Reject a record for good
    Reject {
        /// The hold's id
        id: String,
        /// Who rejects
        #[arg(long, value_parser = one_line)]
        by: String,
        /// The second person, needed for a blocked record
        #[arg(long, value_parser = one_line)]
        second: Option<String>,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
}

/// `tokens …`
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Print what a token stands for. Recorded as a crossing before it is shown
    Reveal {
        /// The token
        token: String,
        /// Who asks
        #[arg(long, value_parser = one_line)]
        by: String,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
}

/// `keys …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Which keys there are, and how old
    Status,
    /// Write the keys of some columns of datasets to a file, for a reader of the lake. Recorded before it is done
    #[command(after_help = "Examples:
  lazaret keys export lake/Condition --columns clinical --for ward-7 --by ana --reason IRB-7 --to keys.json
  lazaret keys export lake/Patient lake/Observation --columns identity,clinical --for dr-osei \\
      --by ana --second ben --reason \"cohort of IRB-7\" --to /mnt/stick/keys.json

Whoever has the file reads those columns of what was and will be written under these keys.
It cannot be taken back.")]
    Export {
        /// The datasets, as `bom` names them: `lake/Patient`
        #[arg(required = true, value_name = "DATASET")]
        datasets: Vec<String>,
        /// Which columns, commas between: ids and references; what was found, done and prescribed; the record as a
        /// whole, and notes
        #[arg(long, required = true, value_delimiter = ',', value_parser = ["identity", "clinical", "content"])]
        columns: Vec<String>,
        /// Who will read with them: a person or a system
        #[arg(long = "for", value_name = "READER", value_parser = one_line)]
        reader: String,
        /// Who hands them out
        #[arg(long, value_parser = one_line)]
        by: String,
        /// A second person who agrees
        #[arg(long, value_parser = one_line)]
        second: Option<String>,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
        /// A new file, which its owner alone may read; outside the data directory and the lake
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Wrap every data key under a new key-encryption key; no data is rewritten. Recorded before it is done
    Rotate {
        /// The new key file; made if it is not there
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
        /// Who rotates
        #[arg(long, value_parser = one_line)]
        by: String,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
    /// Print the public half of a key that signs models, or make it. What is made is recorded before it is done
    #[command(after_help = "Examples:
  lazaret keys model-signing-key registry --make --by ana --reason \"models of ward 7\" > registry-pub.pem
  lazaret models sign --vault-key registry --signature model.sig model/
  lazaret models verify --public-key registry-pub.pem --signature model.sig model/

The key is on P-256 and never leaves the vault; a backup holds it, sealed. None is ever replaced.")]
    ModelSigningKey {
        /// What the key is called: small letters, digits and `-`
        name: String,
        /// Make it
        #[arg(long, requires_all = ["by", "reason"])]
        make: bool,
        /// Who makes it
        #[arg(long, value_parser = one_line, requires = "make")]
        by: Option<String>,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line, requires = "make")]
        reason: Option<String>,
    },
    /// Destroy one subject's secret: tokens, digests and held records of it become meaningless
    Shred {
        /// The subject's id in its source system, `Patient/123`
        subject: String,
        /// The source system
        #[arg(long)]
        system: Option<String>,
        /// Who asks
        #[arg(long, value_parser = one_line)]
        by: String,
        /// The second person
        #[arg(long, value_parser = one_line)]
        second: String,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
    /// Set or lift a legal hold on a subject: while it holds, the subject cannot be shredded. Recorded before it
    /// is done
    LegalHold {
        /// The subject's id in its source system
        subject: String,
        /// The source system
        #[arg(long)]
        system: Option<String>,
        /// Lift the hold
        #[arg(long)]
        lift: bool,
        /// Who asks
        #[arg(long, value_parser = one_line)]
        by: String,
        /// Why. It stands in the ledger for good: no patient data in it
        #[arg(long, value_parser = one_line)]
        reason: String,
    },
}

/// Arguments of `backup`
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// A new folder for the copy
    pub(crate) to: PathBuf,
}

/// Arguments of `restore`
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A backup's folder
    pub(crate) from: PathBuf,
}

/// Arguments of `serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret serve                                    the console
  lazaret serve --presidio 5002                    and the paths of Presidio: /analyze, /anonymize, /deanonymize
  lazaret serve --presidio 5002 --no-console       those alone; needs no data directory
  lazaret serve --review 8791                      and the pages on which entries of the hospital's knowledge are
                                                   proposed and approved
  lazaret serve --models-proxy 8795                and models and packages, fetched through the gate
  lazaret serve --admission 8443 --no-console      answers API servers of Kubernetes: were a workload's models cleared?
  lazaret serve --admission 8443 --no-console --verdicts-from https://lazaret.hospital.example:8443/
                                                   the same on another host, with a copy of the verdicts

Folders that the settings name (`gates.models.watch`) are watched: what is put into them passes into the registry.")]
pub(crate) struct ServeArgs {
    /// Port on the loopback interface; 0 for any free one
    #[arg(long, default_value_t = 8790)]
    pub(crate) port: u16,
    /// Also answer programs that call Presidio, on this port of the loopback interface
    #[arg(long, value_name = "PORT")]
    pub(crate) presidio: Option<u16>,
    /// Also serve the pages on which reviewers propose entries of the hospital's knowledge and approve those of others, on
    /// this port of the loopback interface; 0 for any free one
    #[arg(long, value_name = "PORT")]
    pub(crate) review: Option<u16>,
    /// Also give models and packages out, fetched through the model gate, on this port of the loopback interface; 0 for any
    /// free one
    #[arg(long, value_name = "PORT")]
    pub(crate) models_proxy: Option<u16>,
    /// Also answer API servers of Kubernetes before a workload with a model runs, on this port of
    /// `gates.models.admission_listen`; 0 for any free one
    #[arg(long, value_name = "PORT")]
    pub(crate) admission: Option<u16>,
    /// With --admission, use a copy of the verdicts of the lazaret at this address, which has the ledger; needs no data
    /// directory [default: setting `gates.models.verdicts_from`]
    #[arg(long, value_name = "URL", requires = "admission")]
    pub(crate) verdicts_from: Option<String>,
    /// Leave the console out
    #[arg(long)]
    pub(crate) no_console: bool,
    /// Watch none of the folders that the settings name: another process has the ledger open for writing
    #[arg(long)]
    pub(crate) no_watch: bool,
}

/// Arguments of `demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The sample records
    #[arg(long, default_value = "testdata/demo", value_name = "DIR")]
    pub(crate) samples: PathBuf,
    /// A directory for the demo's own data, emptied first
    #[arg(long, default_value = ".demo", value_name = "DIR")]
    pub(crate) work: PathBuf,
    /// Do everything and end, without leaving the console open
    #[arg(long)]
    pub(crate) once: bool,
    /// The console's port; 0 for any free one
    #[arg(long, default_value_t = 8790)]
    pub(crate) port: u16,
}

/// Arguments of `completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    pub(crate) shell: clap_complete::Shell,
}

impl Command {
    /// Whether a script that reads only the beginning of the output would take the exit code for an answer about all of
    /// it: that everything crossed, or that a ledger, a proof or a signature holds.
    pub(crate) fn tells_by_its_exit_code(&self) -> bool {
        match self {
            Self::Ingest(args) => !args.check,
            Self::Ledger(LedgerCommand::Verify { .. } | LedgerCommand::CheckProof { .. })
            | Self::Models(ModelsCommand::Pass(_) | ModelsCommand::Watch(_) | ModelsCommand::Verify(_)) => {
                true
            }
            _ => false,
        }
    }
}

/// A name or a reason, which stands in the ledger for good and is read on terminals: it says something, in one line,
/// and nothing in it moves the cursor or turns the text round.
pub(crate) fn one_line(text: &str) -> Result<String, String> {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(|c: char| c.is_control() || turns(c)) {
        return Err("names and reasons are one line, without control characters".to_owned());
    }
    if !text.contains(char::is_alphanumeric) {
        return Err("an order needs a name (--by) and a reason (--reason), and this says nothing".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn names_and_reasons_say_something_in_one_line() {
        for good in ["ana", "J. Ångström", "IRB-7", "李", "7"] {
            assert_eq!(one_line(good).unwrap(), good);
        }
        let nothing = ["", " ", "\t", "...", "\u{200b}", "\u{a0}"];
        let moving = ["a\nb", "a\u{1b}[2J", "a\u{9b}b", "a\u{202e}b", "a\u{2028}b", "a\u{2066}b"];
        for bad in nothing.into_iter().chain(moving) {
            assert!(one_line(bad).is_err(), "{bad:?}");
        }
    }

    /// Every command that takes a name or a reason, found by its arguments, refuses what says nothing.
    #[test]
    fn no_command_takes_an_empty_name_or_reason() {
        fn of(command: &clap::Command, path: &[String], found: &mut usize) {
            for argument in command.get_arguments() {
                let Some(flag) = argument.get_long() else { continue };
                if !["by", "second", "reason", "for"].contains(&flag) {
                    continue;
                }
                *found += 1;
                for bad in ["", " ", "a\nb"] {
                    let line = path.iter().cloned().chain([format!("--{flag}={bad}")]);
                    let refused = Cli::try_parse_from(line).unwrap_err();
                    let kind = clap::error::ErrorKind::ValueValidation;
                    assert!(
                        refused.kind() == kind || bad.is_empty() && refused.to_string().contains(flag),
                        "{path:?} --{flag}={bad:?}: {refused}"
                    );
                }
            }
            for sub in command.get_subcommands() {
                of(sub, &[path, &[sub.get_name().to_owned()]].concat(), found);
            }
        }
        let mut found = 0;
        of(&Cli::command(), &["lazaret".to_owned()], &mut found);
        assert_eq!(found, 36);
    }
}
