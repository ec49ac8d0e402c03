//! `lazaret models …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use lazaret_models::Statistics;

use super::registry::{
    ModelsAdmitArgs, ModelsBomArgs, ModelsImpactArgs, ModelsOrderArgs, ModelsPassArgs, ModelsRequestsArgs,
    ModelsRescanArgs, ModelsWatchArgs,
};

/// `models …`
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Say what loading model files would do; nothing is loaded or run
    Scan(ModelsScanArgs),
    /// Pass a model through the checkpoint into the registry
    Pass(ModelsPassArgs),
    /// Pass what is put into a folder, as soon as nobody writes it any more
    Watch(ModelsWatchArgs),
    /// Say what the gate would keep back in mode enforce, of what it let pass in mode observe
    #[command(after_help = "Examples:
  lazaret models dry-run                           before `gates.models.mode` is set to enforce: which files, and who has them
  lazaret models dry-run --json                    the same for machines

Read from the ledger alone: the last verdict on each file, by a crossing or by `models rescan`, which looks at all of them by
the rules and policies of now. What is admitted would pass. Exit codes: 0 nothing would be held; 1 something would; 2 used
wrongly; 3 could not read")]
    DryRun,
    /// List the models that policy holds: who asked for them, how long they wait
    Requests(ModelsRequestsArgs),
    /// Ask for a model that policy holds, or will
    #[command(after_help = "Examples:
  lazaret models request 5891b5b5… --by joe --reason 'the pilot on ward 7 needs it'
                                                   somebody else admits or refuses it

It may not have come yet: then its digest is asked for. Exit codes: 0 asked; 2 used wrongly; 3 could not record")]
    Request(ModelsOrderArgs),
    /// Let a model pass that policy holds, until a day
    Admit(ModelsAdmitArgs),
    /// Refuse a model that was asked for
    #[command(after_help = "Examples:
  lazaret models refuse 5891b5b5… --by m.osei --reason 'its layer runs code'

Exit codes: 0 refused; 2 used wrongly, or it was never held; 3 could not record")]
    Refuse(ModelsOrderArgs),
    /// End the admission of a model
    #[command(after_help = "Examples:
  lazaret models revoke 5891b5b5… --by m.osei --reason 'the vendor has a new release'

From then on policy holds it again; `models impact` says who has it. Exit codes: 0 revoked; 2 used wrongly, or it is not
admitted; 3 could not record")]
    Revoke(ModelsOrderArgs),
    /// Say what a file of the registry touches: who has it, what to go back to
    Impact(ModelsImpactArgs),
    /// Look at the files of the registry again, by the rules and policies of now
    Rescan(ModelsRescanArgs),
    /// Print a model's bill of materials (CycloneDX)
    Bom(ModelsBomArgs),
    /// Show a model file from the inside: its parts, and what loading each would use
    Show(ModelsShowArgs),
    /// List the formats that are read, and how far
    #[command(after_help = "Examples:
  lazaret models formats                           each format, and whether it is read whole, in part, or only known
  lazaret models formats --json                    the same for machines

Exit codes: 0 listed; 2 used wrongly; 3 could not write")]
    Formats,
    /// The hospital's own rules: classes of its own, an allow list, patterns
    #[command(
        subcommand,
        after_help = "Examples:
  lazaret models rules check models.toml           what each entry does, and which have run out
  lazaret models scan --rules models.toml models/  looks by them

Exit codes: those of the command"
    )]
    Rules(ModelsRulesCommand),
    /// Sign a model with a key or a certificate (OpenSSF Model Signing)
    Sign(ModelsSignArgs),
    /// Check a model against its signature (OpenSSF Model Signing)
    Verify(ModelsVerifyArgs),
}

/// `models rules …`
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsRulesCommand {
    /// Validate a file of rules and say what each entry does
    #[command(after_help = "Examples:
  lazaret models rules check models.toml           what each entry does, and which have run out
  lazaret models rules check --json models.toml    the same for machines, with the file's SHA-256

All that is wrong is told at once, each with its line and the way out; a file with anything wrong in it
is refused whole, here and by `models scan`. The documentation says what stands in the file.
Exit codes: 0 valid; 1 valid, and entries have run out; 2 not valid; 3 could not read")]
    Check {
        /// The file
        file: PathBuf,
    },
}

/// Arguments of `models scan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models scan model.pt                     what is in it, and the verdict of the policies
  lazaret models scan --jsonl models/ > found.jsonl
                                                   one JSON object a file: path, format, inspected, verdict, findings
  lazaret models scan --sarif models/ > found.sarif
                                                   for code scanning services
  lazaret models scan --rules models.toml models/  with the hospital's own rules
  lazaret models scan --vulnerabilities models/    and the known faults of the packages that they name
  lazaret models scan --weights model.safetensors  reads every number too: payloads, outliers
  lazaret explain pickle.dangerous-call            what a rule means

Looks only: nothing is written or recorded. The content decides what a file is; its name is a hint.
Exit codes: 0 clear; 1 a file would be held or blocked, or a finding of medium or above; 2 used wrongly; 3 could not inspect")]
pub(crate) struct ModelsScanArgs {
    /// Files or folders; hidden files too
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print one JSON object a file
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// Print SARIF 2.1.0, as code scanning services read it
    #[arg(long, conflicts_with_all = ["json", "jsonl"])]
    pub(crate) sarif: bool,
    /// With --json or --jsonl the SHA-256 of each file too: every byte is read
    #[arg(long)]
    pub(crate) sha256: bool,
    /// Check the packages that files name against the database of known faults (`lazaret vulns`): the data directory's, or
    /// the file named. Never by itself, so that a file has the same verdict on every machine
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) vulnerabilities: Option<PathBuf>,
    /// Read the numbers of tensors too, and tell signs of tampering: payloads in low bits, replaced bytes, layers and rows that
    /// stand out. With `all`, also signs that more than 1 % of honest models have
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "measured",
        hide_possible_values = true
    )]
    pub(crate) weights: Option<WeightsArg>,
    /// Decide by the policies of this folder [default: the data directory's, else the built-in ones]
    #[arg(long, value_name = "DIR")]
    pub(crate) policies: Option<PathBuf>,
    /// The hospital's own rules [default: the setting `models.rules`, else the data directory's models.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

/// Which signs of tampering are told.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WeightsArg {
    /// Those that at most 1 % of honest models had when it was measured
    Measured,
    /// All
    All,
}

impl From<WeightsArg> for Statistics {
    fn from(how: WeightsArg) -> Self {
        match how {
            WeightsArg::Measured => Self::Measured,
            WeightsArg::All => Self::All,
        }
    }
}

/// Arguments of `models show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret models show model.pt                     its members, the functions that its pickles call, what was found where
  lazaret models show --json model.pt              the same for machines
  lazaret models show 5891b5b5…                    a cleared file of the registry, by its SHA-256

Looks only: nothing is loaded, run, written or recorded. The console shows the same on the page of a file.
Exit codes: 0 clear; 1 a finding of medium or above; 2 used wrongly; 3 could not read")]
pub(crate) struct ModelsShowArgs {
    /// A file, or the SHA-256 of a file in the registry
    #[arg(value_name = "FILE|SHA256")]
    pub(crate) file: String,
    /// The hospital's own rules [default: the setting `models.rules`, else the data directory's models.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

/// What `sign` and `verify` have in common.
#[derive(Debug, Args)]
pub(crate) struct SignatureArgs {
    /// The model: a folder, or one file. The method may stand before it, as in `model_signing`
    #[arg(required = true, num_args = 1..=2, value_names = ["MODEL"])]
    pub(crate) model: Vec<PathBuf>,
    /// The signature
    #[arg(long, value_name = "FILE", default_value = "model.sig")]
    pub(crate) signature: PathBuf,
    /// Leave out a path of the model, and all that is below it; as often as needed
    #[arg(long, alias = "ignore_paths", value_name = "PATH")]
    pub(crate) ignore_paths: Vec<PathBuf>,
    /// Leave out what git keeps: .git, .github, .gitignore, .gitattributes (the default)
    #[arg(long, alias = "ignore_git_paths", overrides_with = "no_ignore_git_paths")]
    pub(crate) ignore_git_paths: bool,
    /// Do not leave out what git keeps
    #[arg(long, alias = "no-ignore_git_paths")]
    pub(crate) no_ignore_git_paths: bool,
    /// Follow links to files; links to folders are never followed
    #[arg(long, alias = "allow_symlinks")]
    pub(crate) allow_symlinks: bool,
}

/// Arguments of `models sign`
#[derive(Debug, Args)]
#[command(
    override_usage = "lazaret models sign [key] --private-key FILE [OPTIONS] MODEL
       lazaret models sign [key] --vault-key NAME [OPTIONS] MODEL
       lazaret models sign [certificate] --private-key FILE --signing-certificate FILE [--certificate-chain FILE]… MODEL
       lazaret models sign [pkcs11-key] --pkcs11-uri URI [OPTIONS] MODEL
       lazaret models sign [pkcs11-certificate] --pkcs11-uri URI --signing-certificate FILE [OPTIONS] MODEL",
    after_help = "Examples:
  openssl ecparam -name prime256v1 -genkey -noout -out signer.pem
  openssl ec -in signer.pem -pubout -out signer-pub.pem
                                                   a key, and the half of it that others check by
  lazaret models sign --private-key signer.pem --signature model/model.sig model/
                                                   signs every file of the folder
  lazaret models sign key --private_key signer.pem model/
                                                   the same as model_signing is called; writes ./model.sig
  lazaret models sign --private-key signer.pem --signing-certificate signer-cert.pem \\
      --certificate-chain between.pem model/       with a certificate, which names the signer
  lazaret models sign --vault-key registry model/  with a key that never leaves the vault (`lazaret keys
                                                   model-signing-key registry --make …`)
  LAZARET_PKCS11_PIN=… lazaret models sign pkcs11-key --pkcs11-uri \\
      'pkcs11:token=Models;object=registry?module-path=/usr/lib/softhsm/libsofthsm2.so' model/
                                                   with a key in a token

`lazaret models verify` checks the signature, and so does model_signing 1.1. Keys are on P-256,
P-384 or P-521; those in files are in PEM (PKCS#8 or SEC 1) and not encrypted. The PIN of a token
is in LAZARET_PKCS11_PIN or in the file that the URI's pin-source names. A signature that is there
is replaced.
Exit codes: 0 signed; 2 used wrongly, or the model cannot be signed as it is; 3 could not read or
write"
)]
pub(crate) struct ModelsSignArgs {
    #[command(flatten)]
    pub(crate) common: SignatureArgs,
    /// The private key, in PEM
    #[arg(long, alias = "private_key", value_name = "FILE", conflicts_with_all = ["vault_key", "pkcs11_uri"])]
    pub(crate) private_key: Option<PathBuf>,
    /// A key of the vault, by its name
    #[arg(long, value_name = "NAME", conflicts_with = "pkcs11_uri")]
    pub(crate) vault_key: Option<String>,
    /// A key in a token (RFC 7512), with the path of the token's library
    #[arg(long, alias = "pkcs11_uri", value_name = "URI")]
    pub(crate) pkcs11_uri: Option<String>,
    /// The certificate of the key, in PEM
    #[arg(long, alias = "signing_certificate", value_name = "FILE")]
    pub(crate) signing_certificate: Option<PathBuf>,
    /// Certificates between the signing one and one that is trusted, in PEM; as often as needed
    #[arg(
        long,
        alias = "certificate_chain",
        value_name = "FILE",
        num_args = 1,
        requires = "signing_certificate"
    )]
    pub(crate) certificate_chain: Vec<PathBuf>,
}

/// Arguments of `models verify`
#[derive(Debug, Args)]
#[command(
    override_usage = "lazaret models verify [key] --public-key FILE [OPTIONS] MODEL
       lazaret models verify [certificate] --certificate-chain FILE… [OPTIONS] MODEL
       lazaret models verify [sigstore] --identity WHO --identity-provider URL [OPTIONS] MODEL",
    after_help = "Examples:
  lazaret models verify --public-key signer-pub.pem --signature model/model.sig model/
                                                   signed with a key
  lazaret models verify --certificate-chain ca.pem --signature model/model.sig model/
                                                   signed with a certificate that leads to ca.pem
  lazaret models verify key --public_key signer-pub.pem --signature model.sig model/
                                                   the same as model_signing is called
  lazaret models verify --identity ana@hospital.example --identity-provider https://accounts.google.com \\
      --signature model/model.sig model/           signed with Sigstore, by this person
  lazaret models verify --public-key signer-pub.pem --signature model.sig \\
      --provenance model.intoto.json --provenance-key builder-pub.pem \\
      --builder-id https://ci.hospital.example --source-uri https://git.hospital.example/sepsis model/
                                                   signed, and built by whom from what
  lazaret explain signature.unsigned-file          what a rule means

The signed bytes are checked first, then every name before any file is opened, then the files, then
where they are from. Files that no signature covers and paths that are left out are told. Nothing is
written or recorded, and no network is used: of Sigstore, the authorities and logs are those of its
public service as they were when this program was made, or those of --trust-config.
Exit codes: 0 verified; 1 not verified; 2 used wrongly; 3 could not read"
)]
pub(crate) struct ModelsVerifyArgs {
    #[command(flatten)]
    pub(crate) common: SignatureArgs,
    /// The signer's public key, in PEM
    #[arg(long, alias = "public_key", value_name = "FILE", conflicts_with = "certificate_chain")]
    pub(crate) public_key: Option<PathBuf>,
    /// Certificates that you trust, in PEM; as often as needed. Every one of them is trusted
    #[arg(long, alias = "certificate_chain", value_name = "FILE", num_args = 1)]
    pub(crate) certificate_chain: Vec<PathBuf>,
    /// Who is to have signed with Sigstore: a mail address, or the URI of a workflow
    #[arg(long, value_name = "WHO", conflicts_with_all = ["public_key", "certificate_chain"], requires = "identity_provider")]
    pub(crate) identity: Option<String>,
    /// Who knows that identity: the issuer of its tokens
    #[arg(long, alias = "identity_provider", value_name = "URL", requires = "identity")]
    pub(crate) identity_provider: Option<String>,
    /// Authorities and logs of another Sigstore: a `trusted_root.json`, or a client's configuration with one
    #[arg(long, alias = "trust_config", value_name = "FILE")]
    pub(crate) trust_config: Option<PathBuf>,
    /// SLSA provenance of the model: a bundle of Sigstore, or a DSSE envelope
    #[arg(long, value_name = "FILE")]
    pub(crate) provenance: Option<PathBuf>,
    /// The public key of who signed the provenance, in PEM
    #[arg(long, value_name = "FILE", requires = "provenance", conflicts_with = "provenance_identity")]
    pub(crate) provenance_key: Option<PathBuf>,
    /// Who is to have signed the provenance with Sigstore
    #[arg(long, value_name = "WHO", requires_all = ["provenance", "provenance_identity_provider"])]
    pub(crate) provenance_identity: Option<String>,
    /// Who knows that identity
    #[arg(long, value_name = "URL", requires = "provenance_identity")]
    pub(crate) provenance_identity_provider: Option<String>,
    /// Who is to have built the model, exactly as the provenance names it
    #[arg(long, value_name = "ID", requires = "provenance")]
    pub(crate) builder_id: Option<String>,
    /// The repository that it is to be built from; with `@` and a commit, that commit
    #[arg(long, value_name = "URI", requires = "provenance")]
    pub(crate) source_uri: Option<String>,
    /// Files that no signature covers are told, and no fault
    #[arg(long, alias = "ignore_unsigned_files")]
    pub(crate) ignore_unsigned_files: bool,
}
