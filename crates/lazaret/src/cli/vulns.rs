//! `lazaret vulns …` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `vulns …`
#[derive(Debug, Subcommand)]
pub(crate) enum VulnsCommand {
    /// Bring records of known faults in from files in the OSV format; nothing is fetched
    Import(VulnsImportArgs),
    /// What is in the database, and from which files
    Status(VulnsPlace),
    /// The faults known of a package, or the packages with the most
    List(VulnsListArgs),
    /// Show a fault by any of its names
    Show(VulnsShowArgs),
    /// What somebody who answers for it says of faults (VEX)
    #[command(subcommand)]
    Vex(VexCommand),
}

/// `vulns vex …`
#[derive(Debug, Subcommand)]
pub(crate) enum VexCommand {
    /// Bring statements in: OpenVEX 0.2.0, CycloneDX 1.4 to 1.7, CSAF 2.0
    Import(VexImportArgs),
    /// The statements that were brought in
    List(VulnsPlace),
    /// Write what is found in model files as VEX
    Export(VexExportArgs),
}

/// Where the database is.
#[derive(Debug, Args)]
pub(crate) struct VulnsPlace {
    /// The database [default: vulnerabilities.db in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
}

/// Arguments of `vulns import`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret vulns import all.zip                     an ecosystem as OSV publishes it, carried in from where there is a network
  lazaret vulns import --replace all.zip           and drop what is no longer in it
  lazaret vulns import GHSA-53q9-r3pm-6pq6.json    one record; a list of them, or one a line, goes too

A record that is there is replaced by one that is not older. A record that breaks the format is refused,
the others are taken, and the exit code is 1.
Exit codes: 0 all taken; 1 some were refused; 2 used wrongly; 3 could not read or write")]
pub(crate) struct VulnsImportArgs {
    /// Files: a zip of records, or JSON
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Remove records about packages of the same ecosystems that are in none of the files given
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) place: VulnsPlace,
}

/// Arguments of `vulns list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret vulns list                               the packages with the most known faults
  lazaret vulns list torch                         all that is known of one
  lazaret vulns list torch==2.1.0                  what that version has
  lazaret vulns list --ecosystem npm lodash")]
pub(crate) struct VulnsListArgs {
    /// A package, or a package and a version: `torch==2.1.0`
    pub(crate) package: Option<String>,
    /// The ecosystem, as OSV names it
    #[arg(long, default_value = "PyPI", value_name = "NAME")]
    pub(crate) ecosystem: String,
    #[command(flatten)]
    pub(crate) place: VulnsPlace,
}

/// Arguments of `vulns show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret vulns show CVE-2025-32434
  lazaret vulns show GHSA-53q9-r3pm-6pq6 --json")]
pub(crate) struct VulnsShowArgs {
    /// An id: CVE, GHSA, PYSEC …
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: VulnsPlace,
}

/// Arguments of `vulns vex import`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret vulns vex import vendor.openvex.json
  lazaret vulns vex import --owner ward-7 --until 2026-12-31 own.cdx.json

A statement `not_affected` with its reason makes a finding information, and says who says so; it never
drops one. A document with the same id is replaced.")]
pub(crate) struct VexImportArgs {
    /// VEX documents
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Who answers here for believing them
    #[arg(long, value_name = "NAME", value_parser = super::one_line)]
    pub(crate) owner: Option<String>,
    /// The day from which they no longer count: `2026-12-31`
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) until: Option<String>,
    #[command(flatten)]
    pub(crate) place: VulnsPlace,
}

/// Arguments of `vulns vex export`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lazaret vulns vex export --author \"Security Office\" models/ > found.openvex.json
  lazaret vulns vex export --author \"Security Office\" --format cyclonedx models/ > found.cdx.json

Files are named by their digests, packages by their package URLs; no path is in it.")]
pub(crate) struct VexExportArgs {
    /// Model files or folders
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Who says it
    #[arg(long, value_name = "NAME", value_parser = super::one_line)]
    pub(crate) author: String,
    /// In which format
    #[arg(long, value_enum, default_value_t = VexOutput::Openvex)]
    pub(crate) format: VexOutput,
    #[command(flatten)]
    pub(crate) place: VulnsPlace,
}

/// A format that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VexOutput {
    /// OpenVEX 0.2.0
    Openvex,
    /// CycloneDX 1.6
    Cyclonedx,
}

/// A day of the calendar.
fn day(text: &str) -> Result<String, String> {
    let numbers: Vec<u32> = text.split('-').filter_map(|number| number.parse().ok()).collect();
    let fine = text.len() == 10
        && matches!(numbers.as_slice(), [1970..=9999, 1..=12, 1..=31])
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if fine { Ok(text.to_owned()) } else { Err("a day is written as 2026-12-31".to_owned()) }
}
