//! `lazaret phi …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `phi …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiCommand {
    /// Print where identifying text stands in files
    Scan(PhiScanArgs),
    /// Write texts anew without what is found in them
    Edit(PhiEditArgs),
    /// Score predicted spans against gold spans
    Score(PhiScoreArgs),
    /// Serve pages on this machine to correct what is found, and save gold
    Annotate(PhiAnnotateArgs),
    /// Turn marked notes from one format into another
    Convert(PhiConvertArgs),
    /// What the hospital knows of its own texts
    #[command(subcommand)]
    Knowledge(PhiKnowledgeCommand),
}

/// `phi knowledge …`
#[derive(Debug, Subcommand)]
pub(crate) enum PhiKnowledgeCommand {
    /// Check the file: the hospital's shapes of numbers, staff, wards, what to leave and what to find
    #[command(after_help = "Examples:
  lazaret phi knowledge check knowledge.toml
  lazaret phi knowledge check                      the file that `phi.knowledge` names

Exit codes: 0 all holds; 1 an entry has run out; 2 something is wrong, told with its line")]
    Check {
        /// The file [default: as `phi.knowledge` in lazaret.toml says]
        #[arg(value_name = "FILE")]
        path: Option<PathBuf>,
    },
    /// Make a token for a reviewer, who proposes entries and approves those of others
    #[command(after_help = "Examples:
  lazaret phi knowledge reviewer ana               ana keeps the token; the line goes into lazaret.toml

The token is shown once and kept nowhere. Whoever runs this sees it: let each person run it for themselves and hand over
the line alone.")]
    Reviewer {
        /// The person's name, as the knowledge and the ledger bear it
        #[arg(value_name = "NAME", value_parser = super::one_line)]
        name: String,
    },
    /// Propose an entry, weighed on the gold that `phi.gold` names
    Propose(Box<PhiProposeArgs>),
    /// List proposals, or show one with what it would do to the gold
    #[command(after_help = "Examples:
  lazaret phi knowledge proposals                  those that wait
  lazaret phi knowledge proposals 7                its lines, figures before and after, and the places that change
  lazaret phi knowledge proposals --all --json

Prints entries and, of one, text of the gold: only where you may read it.
Exit codes: 0 none waits, or what is shown does no harm; 1 some wait, or what is shown makes the gold worse or is not
measured; 2 used wrongly")]
    Proposals {
        /// The number of one
        #[arg(value_name = "NUMBER")]
        id: Option<u64>,
        /// Also those that were decided
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Agree to another person's proposal: the entry joins the file, and the ledger records it
    #[command(after_help = "Examples:
  lazaret phi knowledge approve 7 --reason 'checked with the delirium team'

Needs the token of another person than the one who proposed it (`LAZARET_REVIEWER_TOKEN`, or asked for), and a data
directory. Exit codes: 0 it is in the file; 1 it makes the gold worse or is not measured, and --despite was not given;
2 used wrongly, or something changed meanwhile; 3 it could not be recorded or written")]
    Approve {
        /// The proposal's number
        #[arg(value_name = "NUMBER")]
        id: u64,
        /// Why. Stands in the ledger for good: no patient data, and no word of the entry
        #[arg(long, value_name = "REASON", value_parser = super::one_line)]
        reason: String,
        /// Approve although the gold gets worse, or there is no gold
        #[arg(long)]
        despite: bool,
    },
    /// Turn a proposal down, or take one's own back; the ledger records it
    #[command(after_help = "Examples:
  lazaret phi knowledge reject 7 --reason 'too wide: it is a family name here too'")]
    Reject {
        /// The proposal's number
        #[arg(value_name = "NUMBER")]
        id: u64,
        /// Why. Stands in the ledger for good: no patient data, and no word of the entry
        #[arg(long, value_name = "REASON", value_parser = super::one_line)]
        reason: String,
    },
}

/// Arguments of `phi knowledge propose`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["not_phi", "missed", "shape"])))]
#[command(after_help = "Examples:
  lazaret phi knowledge propose --not-phi Larkspur --label NAME --section Assessment --reason 'our delirium score'
  lazaret phi knowledge propose --missed 'bay seven' --label OTHER_ID.room --ward 'Tansy East' --reason 'one bed'
  lazaret phi knowledge propose --shape 'QH[.]\\d{4}' --label MRN --after folder --reason 'our record numbers'
  lazaret phi knowledge propose --missed - --label NAME --reason 'a nurse' < name.txt

Needs a reviewer's token (`LAZARET_REVIEWER_TOKEN`, or asked for).
Exit codes: 0 proposed; 1 proposed, and it makes the gold worse or is not measured; 2 used wrongly; 3 it could not be kept")]
pub(crate) struct PhiProposeArgs {
    /// Text that is found and is no identifier; `-` reads a line from standard input, so that it stands in no history
    #[arg(long, value_name = "TEXT")]
    pub(crate) not_phi: Option<String>,
    /// Text that is an identifier and is not found; `-` likewise
    #[arg(long, value_name = "TEXT", requires = "label")]
    pub(crate) missed: Option<String>,
    /// The shape of an identifier that is not found: a regular expression over ASCII
    #[arg(long, value_name = "EXPRESSION", requires = "label")]
    pub(crate) shape: Option<String>,
    /// What it is; with --not-phi: only what is found of this kind
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// With --shape: only after this word in its line; again for more
    #[arg(long, value_name = "WORD", requires = "shape")]
    pub(crate) after: Vec<String>,
    /// Only in this ward
    #[arg(long)]
    pub(crate) ward: Option<String>,
    /// Only in texts of this author
    #[arg(long)]
    pub(crate) author: Option<String>,
    /// Only in this section
    #[arg(long)]
    pub(crate) section: Option<String>,
    /// The last day it holds: 2027-03-31
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<String>,
    /// Why. Stands in the knowledge file
    #[arg(long, value_name = "REASON", value_parser = super::one_line)]
    pub(crate) reason: String,
}

/// Arguments of `phi scan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi scan note.txt                        kinds and places
  pbpaste | lazaret phi scan -                     a text from standard input
  lazaret phi scan --color always note.txt | less -R   the text with what was found marked in it
  lazaret phi scan --html found.html *.txt         the same as one page for a browser
  lazaret phi scan --profile i2b2 note.txt         also states, countries, years, professions, every age
  lazaret phi scan --context patient.json note.txt what the record knows of the patient is sought besides
  lazaret phi scan --jsonl notes.jsonl             {\"id\", \"text\"} in, {\"id\", \"spans\"} out; offsets in code points")]
pub(crate) struct PhiScanArgs {
    /// Text files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// Read one {"id", "text"} object a line and print one {"id", "spans"} object a line
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// On a terminal the text is shown with its spans in colours and their kinds beside them; into a pipe go kinds and
    /// places alone, unless this is `always`. `NO_COLOR` is respected
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: clap::ColorChoice,
    /// Also write one self-contained page that shows the texts with what was found; it replaces the file
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    pub(crate) html: Option<PathBuf>,
    /// How the texts are looked at
    #[command(flatten)]
    pub(crate) look: PhiLookArgs,
}

/// How texts are looked at
#[derive(Debug, Args)]
pub(crate) struct PhiLookArgs {
    /// What counts as an identifier: safe-harbor, i2b2, limited-data-set, expert, or one of `[profiles]` in
    /// lazaret.toml
    #[arg(long, default_value = "safe-harbor", value_name = "NAME")]
    pub(crate) profile: String,
    /// A file of what is known of the patient, sought in any form:
    /// {"names": [], "addresses": [], "numbers": [], "dates": []}
    #[arg(long, value_name = "FILE")]
    pub(crate) context: Option<PathBuf>,
    /// The ward the texts are from, for entries of the hospital's knowledge that hold there alone
    #[arg(long)]
    pub(crate) ward: Option<String>,
    /// Who wrote them, likewise
    #[arg(long)]
    pub(crate) author: Option<String>,
}

/// Arguments of `phi edit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi edit --with redact note.txt          [NAME 1], [DATE 1] in the place of what is found
  lazaret phi edit --with surrogate note.txt       made-up names, numbers and places; dates moved
  lazaret phi edit --with shift --subject 129c note.txt   dates moved by the patient's own number of days
  lazaret phi edit --with token note.txt           tokens, which `lazaret tokens reveal` turns back: a crossing

The text goes to stdout, what was done to stderr. It removes what it detects and no more.
Exit codes: 0 written; 1 held by the policy (tokens only), so nothing is written; 2 used wrongly; 3 could not inspect
or record")]
pub(crate) struct PhiEditArgs {
    /// Text files of one patient or conversation: the same person or number is edited alike in all of them; `-` is
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// What stands in the place of what is found
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) with: PhiEditWith,
    /// The patient the texts are about: made-up values and moved dates are then the same every time, and what the
    /// vault knows of the patient is sought. Needs a data directory
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// How the texts are looked at
    #[command(flatten)]
    pub(crate) look: PhiLookArgs,
}

/// What stands in the place of what is found
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhiEditWith {
    /// A typed placeholder, numbered per person, number or date
    Redact,
    /// A token of the vault; needs `lazaret init`, and is recorded
    Token,
    /// A made-up value of the same form; dates move
    Surrogate,
    /// Dates move, in their form; all else is redacted
    Shift,
    /// 90+, three digits of a ZIP code, years; all else is redacted
    Generalise,
}

/// Arguments of `phi score`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi score gold.jsonl pred.jsonl          tables of exact and overlapping hits, leaks, over-redaction
  lazaret phi score --wilson gold.jsonl pred.jsonl 95 % intervals, and how many more spans ± 2 points take
  lazaret phi score --pred-unit byte --show-misses 40 gold.jsonl pred.jsonl
  lazaret phi score gold-xml/ pred-brat/           folders of i2b2 and brat
  lazaret phi score --json gold.jsonl pred.jsonl   every figure as one JSON object")]
pub(crate) struct PhiScoreArgs {
    /// Gold notes, one {"id", "text", "spans", "neutral"?, "traps"?} object a line with offsets in code points; or a
    /// folder of i2b2 (.xml) or brat (.txt and .ann)
    #[arg(value_name = "GOLD")]
    pub(crate) gold: PathBuf,
    /// Predictions, one {"id", "spans"} object a line; or a folder, likewise
    #[arg(value_name = "PRED")]
    pub(crate) pred: PathBuf,
    /// In what the offsets of predictions count
    #[arg(long, value_enum, default_value_t = PhiPredUnit::Codepoint, value_name = "UNIT")]
    pub(crate) pred_unit: PhiPredUnit,
    /// Labels folded into coarse ones that most tools share, or compared as written
    #[arg(long, value_enum, default_value_t = PhiLabels::Coarse, value_name = "HOW")]
    pub(crate) labels: PhiLabels,
    /// A JSON file of further labels, {"FROM": "TO"}; an empty TO drops a label
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
    /// Leave out predictions whose score is below this
    #[arg(long, value_name = "SCORE")]
    pub(crate) min_score: Option<f64>,
    /// The labels to keep, after folding, with commas between
    #[arg(long, value_name = "LABELS")]
    pub(crate) only: Option<String>,
    /// Print the first so many gold spans that are not wholly covered. Prints their text
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "json")]
    pub(crate) show_misses: usize,
    /// Print the first so many predictions that touch no gold. Prints their text
    #[arg(long, default_value_t = 0, value_name = "N", conflicts_with = "json")]
    pub(crate) show_false: usize,
    /// Print 95 % intervals (Wilson 1927) of recall and precision, and the spans still needed
    #[arg(long)]
    pub(crate) wilson: bool,
    /// Half the width an interval shall have, as a share [default: 0.02]; implies --wilson
    #[arg(long, value_name = "SHARE", value_parser = half_width)]
    pub(crate) half_width: Option<f64>,
}

fn half_width(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| *share > 0.0 && *share < 0.5);
    share.ok_or_else(|| "a share above 0 and below 0.5, as 0.02".to_owned())
}

/// In what offsets count
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhiPredUnit {
    /// Unicode code points
    Codepoint,
    /// Bytes of UTF-8
    Byte,
    /// Units of UTF-16
    Utf16,
}

/// How labels are compared
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhiLabels {
    /// Folded into coarse ones
    Coarse,
    /// As written
    Raw,
}

/// Arguments of `phi convert`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi convert --from jsonl --to i2b2 gold.jsonl --out gold-xml/
  lazaret phi convert --from i2b2 --to jsonl gold-xml/ --out gold.jsonl
  lazaret phi convert --from brat --to jsonl notes/ > gold.jsonl

A note that cannot be written as it is in the other format is an error. No file that is there is replaced.")]
pub(crate) struct PhiConvertArgs {
    /// Format of what is read
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) from: PhiFormat,
    /// Format of what is written
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: PhiFormat,
    /// Files, or folders of them: .jsonl, .xml (i2b2), or .txt with their .ann beside them (brat)
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A new file of JSON lines [default: standard output], or the folder for i2b2 and brat, a file a note
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `phi annotate`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret phi annotate notes.jsonl --out gold.jsonl --by ana

Notes that are done stand in gold.jsonl, those that are begun in gold.jsonl.open; the same command goes on with both.
One process at a time: gold.jsonl.lock is locked meanwhile.")]
pub(crate) struct PhiAnnotateArgs {
    /// Notes, one {"id", "text"} object a line
    #[arg(value_name = "FILE")]
    pub(crate) notes: PathBuf,
    /// Where the notes that are done are saved, with their spans
    #[arg(long, value_name = "GOLD")]
    pub(crate) out: PathBuf,
    /// Who corrects them
    #[arg(long, value_name = "NAME", value_parser = super::one_line)]
    pub(crate) by: String,
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Half the width the intervals on the first page shall have, as a share [default: 0.02]
    #[arg(long, value_name = "SHARE", value_parser = half_width)]
    pub(crate) half_width: Option<f64>,
    /// How the notes are looked at first
    #[command(flatten)]
    pub(crate) look: PhiLookArgs,
}

/// Formats of marked notes
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PhiFormat {
    /// One {"id", "text", "spans"} object a line
    Jsonl,
    /// XML of the i2b2 2014 de-identification task, a file a note
    I2b2,
    /// brat standoff: a .txt and a .ann a note
    Brat,
}
