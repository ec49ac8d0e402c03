//! `lazaret models requests`, `request`, `admit`, `refuse`, `revoke`: models that policy holds, and who lets them pass.
//!
//! What waits are the files that the vault holds; what was asked and decided about them are orders in the ledger.

use std::collections::BTreeMap;
use std::io::Write;

use lazaret_core::{Clock as _, Order, Ordered, Sha256, SystemClock, Timestamp};
use lazaret_ledger::{AboutFile, LedgerReader, OrderWords};
use lazaret_vault::{HeldFinding, HeldRecord, HoldFilter, HoldState, SqliteVault};
use serde::Serialize;

use super::recall::LastWord;
use crate::cli::{ModelsAdmitArgs, ModelsOrderArgs, ModelsRequestsArgs};
use crate::compose::{Crossings, Data, Reading};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::persons::is_one_person;
use crate::registry::{REGISTRY, holds_of, settle_holds};
use crate::report::{json_document, table};

/// How long an admission holds where no day is given.
const DEFAULT_DAYS: u64 = 90;
/// How long an admission may hold at most.
const MOST_DAYS: u64 = 366;
const DAY: u64 = 86_400_000;
/// Orders that are read at once.
const PAGE: u32 = 1_000;

/// Where a held file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// Nobody asked for it.
    Held,
    /// Somebody asked for it, and nobody has decided.
    Requested,
    /// It may pass.
    Admitted,
    /// It may not.
    Refused,
    /// It might, and no longer may.
    Revoked,
    /// It crossed since without an order: policy holds it no more.
    Crossed,
}

impl Standing {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Requested => "requested",
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
            Self::Crossed => "crossed since",
        }
    }
}

/// A file that policy holds.
#[derive(Debug, Serialize)]
pub(crate) struct Request {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Its name in its model.
    pub(crate) file: String,
    /// The model it came with.
    pub(crate) model: Option<String>,
    /// Who brought it: who asked, as far as they said, else who was configured.
    pub(crate) brought_by: Option<String>,
    pub(crate) format: String,
    pub(crate) standing: Standing,
    /// Whether it takes two persons.
    pub(crate) blocked: bool,
    /// The first receipt by which it was held.
    pub(crate) receipt: String,
    pub(crate) received: Timestamp,
    /// How long it waits, or waited until it was decided, in seconds.
    pub(crate) waiting_seconds: u64,
    /// Who asked for it, and why.
    pub(crate) owner: Option<String>,
    pub(crate) reason: Option<String>,
    /// Who decided, and until when that holds.
    pub(crate) approver: Option<String>,
    pub(crate) second: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) findings: Vec<HeldFinding>,
    /// The policies that held it first.
    pub(crate) policies: Vec<String>,
}

/// Lists what waits.
pub(super) fn requests(
    args: &ModelsRequestsArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let data = Reading::open(config)?;
    let mut all = of_vault(&data.vault, &data.ledger)?;
    if !args.all {
        all.retain(|request| matches!(request.standing, Standing::Held | Standing::Requested));
    }
    let waits = all.iter().any(|request| matches!(request.standing, Standing::Held | Standing::Requested));
    if json {
        json_document(out, &all)?;
    } else if all.is_empty() {
        writeln!(out, "no model waits")?;
    } else {
        let mut rows = table([
            "sha256",
            "model",
            "file",
            "brought by",
            "standing",
            "waiting",
            "owner",
            "reason",
            "decided by",
            "why it is held",
        ]);
        for request in &all {
            rows.add_row([
                request.sha256.clone(),
                request.model.clone().unwrap_or_default(),
                request.file.clone(),
                request.brought_by.clone().unwrap_or_default(),
                standing(request),
                waited(request.waiting_seconds),
                request.owner.clone().unwrap_or_default(),
                request.reason.clone().unwrap_or_default(),
                deciders(request),
                why(request),
            ]);
        }
        writeln!(out, "{rows}")?;
    }
    Ok(if waits { Exit::Findings } else { Exit::Clear })
}

fn standing(request: &Request) -> String {
    let name = request.standing.name();
    match (&request.until, request.blocked) {
        (Some(until), _) => format!("{name} until {}", until.get(..10).unwrap_or(until)),
        (None, true) => format!("{name}, blocked"),
        (None, false) => name.to_owned(),
    }
}

/// `2 d 3 h`, `5 min`.
pub(crate) fn waited(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn deciders(request: &Request) -> String {
    let both: Vec<&str> = request.approver.iter().chain(&request.second).map(String::as_str).collect();
    both.join(", ")
}

/// The rules that found something grave; where none did, the policies, which may hold by anything.
fn why(request: &Request) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for finding in
        request.findings.iter().filter(|finding| !matches!(finding.severity.as_str(), "info" | "low"))
    {
        if !rules.contains(&finding.id.as_str()) {
            rules.push(&finding.id);
        }
    }
    match rules.as_slice() {
        [] => request.policies.iter().map(|policy| format!("policy {policy}")).collect::<Vec<_>>().join(", "),
        [first, second, third, more @ ..] if !more.is_empty() => {
            format!("{first}, {second}, {third} and {} more", more.len())
        }
        _ => rules.join(", "),
    }
}

/// Every file that is or was held, oldest first, with what was decided about it.
fn of_vault(vault: &SqliteVault, ledger: &LedgerReader) -> Result<Vec<Request>, CliError> {
    let mut files: BTreeMap<String, HeldRecord> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = vault.holds(&HoldFilter { after, ..HoldFilter::default() }).map_err(CliError::vault)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for held in page {
            if let Some(sha256) = held.sha256.clone() {
                // The first counts; a later one may be held for more.
                let first = files.entry(sha256).or_insert_with(|| held.clone());
                first.releasable &= held.releasable;
                if held.state == HoldState::Held {
                    first.state = HoldState::Held;
                }
            }
        }
    }
    let mut requests: Vec<Request> =
        files.into_iter().map(|(sha256, held)| request(ledger, sha256, held)).collect::<Result<_, _>>()?;
    requests.sort_by_key(|request| request.received);
    Ok(requests)
}

/// A file that is or was held, with what was decided about it.
pub(crate) fn request(ledger: &LedgerReader, sha256: String, held: HeldRecord) -> Result<Request, CliError> {
    let file = Sha256::parse(&sha256).unwrap_or(Sha256([0; 32]));
    let entry = ledger.entry(held.id.crossing, held.id.record).map_err(of_ledger)?;
    let crossing = ledger.crossing(held.id.crossing).map_err(of_ledger)?;
    let now = SystemClock.now();
    let mut request = Request {
        sha256,
        bytes: held.bytes,
        file: entry
            .as_ref()
            .and_then(|entry| entry.file.as_ref())
            .map(|file| file.name.clone())
            .unwrap_or_default(),
        brought_by: crossing.as_ref().map(|crossing| crossing.opened.asked_by().to_owned()),
        model: crossing.and_then(|crossing| crossing.opened.model).map(|model| model.name),
        policies: entry.as_ref().map(|entry| entry.policies.clone()).unwrap_or_default(),
        format: entry.map(|entry| entry.format).unwrap_or_default(),
        standing: Standing::Held,
        blocked: !held.releasable,
        receipt: held.id.crossing.to_string(),
        received: held.received,
        waiting_seconds: now.since(held.received) / 1_000,
        owner: None,
        reason: None,
        approver: None,
        second: None,
        until: None,
        findings: held.findings,
    };
    each_order(ledger, file, |crossing, order| {
        apply(&mut request, crossing, order, now);
        Ok(())
    })?;
    // Turned down where records kept back are settled (`quarantine reject`): that is an order about the hold.
    if held.state == HoldState::Rejected && request.standing != Standing::Admitted {
        request.standing = Standing::Refused;
        request.approver = request.approver.or(held.settled_by);
    }
    if matches!(request.standing, Standing::Held | Standing::Requested)
        && LastWord::of(ledger, file).map_err(of_ledger)?.is_some_and(|last| !last.held && !last.is_bad())
    {
        request.standing = Standing::Crossed;
    }
    Ok(request)
}

/// Each order about a file that was carried out, oldest first.
fn each_order(
    ledger: &LedgerReader,
    file: Sha256,
    mut visit: impl FnMut(&str, &OrderWords) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let page = ledger.orders_about(file, after, PAGE).map_err(of_ledger)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.at());
        for about in page {
            if let AboutFile::Order { crossing, order, .. } = about {
                visit(&crossing, &order)?;
            }
        }
    }
}

/// What an order makes of a request.
fn apply(request: &mut Request, crossing: &str, order: &OrderWords, now: Timestamp) {
    match order.what.as_str() {
        "request-model" => {
            request.owner = Some(order.by.clone());
            request.reason = Some(order.reason.clone());
            request.standing = Standing::Requested;
        }
        "admit-model" if order.admits(now) => {
            request.approver = Some(order.by.clone());
            request.second.clone_from(&order.second);
            request.until.clone_from(&order.until);
            request.standing = Standing::Admitted;
        }
        "refuse-model" => {
            request.until = None;
            request.approver = Some(order.by.clone());
            request.standing = Standing::Refused;
        }
        "revoke-model" => {
            request.until = None;
            request.standing = Standing::Revoked;
        }
        _ => return,
    }
    if matches!(request.standing, Standing::Admitted | Standing::Refused | Standing::Revoked)
        && let Some(decided) = lazaret_core::CrossingId::parse(crossing)
    {
        request.waiting_seconds = decided.when().since(request.received) / 1_000;
    }
}

/// A model is asked for or turned down, or an admission ends.
pub(super) fn order(
    args: &ModelsOrderArgs,
    what: Ordered,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let object = args.sha256.to_string();
    let admitted =
        data.ledger.reader().admission(args.sha256, SystemClock.now()).map_err(of_ledger)?.is_some();
    let held = !holds_of(&data.vault, args.sha256, None)?.is_empty();
    match what {
        Ordered::RevokeModel if !admitted => {
            return Err(CliError::Usage(format!("{object} is not admitted")));
        }
        // A file may be asked for before it comes.
        Ordered::RefuseModel if !held => {
            return Err(CliError::Usage(format!(
                "no file with the SHA-256 {object} was held; `lazaret models requests` lists those that were"
            )));
        }
        _ => {}
    }
    let order = Crossings::order(what, &object, &args.by, None, &args.reason);
    let receipt = data.carry_out(Crossings::new(config, REGISTRY, None, None, None)?.ordered(order)?)?;
    if what == Ordered::RefuseModel {
        settle_holds(&data.vault, args.sha256, what, &args.by, None)?;
    }
    let done = match what {
        Ordered::RequestModel => "asked for",
        Ordered::RefuseModel => "refused",
        _ => "no longer admitted",
    };
    if json {
        json_document(out, &serde_json::json!({ "sha256": object, "done": done, "receipt": receipt }))?;
    } else {
        writeln!(out, "{done}: {object}; receipt {receipt}")?;
    }
    Ok(Exit::Clear)
}

/// Lets a file pass, until a day.
pub(super) fn admit(
    args: &ModelsAdmitArgs,
    data: &Data,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let until = until(args.until.as_deref(), SystemClock.now())?;
    let object = args.sha256.to_string();
    may_admit(data, args)?;
    let order = Order {
        until: Some(until),
        ..Crossings::order(Ordered::AdmitModel, &object, &args.by, args.second.as_deref(), &args.reason)
    };
    let receipt = data.carry_out(Crossings::new(config, REGISTRY, None, None, None)?.ordered(order)?)?;
    settle_holds(&data.vault, args.sha256, Ordered::AdmitModel, &args.by, args.second.as_deref())?;
    if json {
        let admitted = serde_json::json!({ "sha256": object, "until": until, "receipt": receipt });
        json_document(out, &admitted)?;
    } else {
        writeln!(out, "admitted until {until}: {object}; receipt {receipt}")?;
        writeln!(out, "it passes when it comes again: send, fetch or pass it once more")?;
    }
    Ok(Exit::Clear)
}

/// Whoever asked for a file does not admit it; what policy blocks, and what has not come yet, takes two.
fn may_admit(data: &Data, args: &ModelsAdmitArgs) -> Result<(), CliError> {
    let held = holds_of(&data.vault, args.sha256, None)?;
    let blocked = held.iter().any(|held| !held.releasable);
    let other = args.second.as_ref().filter(|second| !is_one_person(&args.by, second));
    if (blocked || held.is_empty()) && other.is_none() {
        let came = LastWord::of(data.ledger.reader(), args.sha256).map_err(of_ledger)?.is_some();
        let why = match (blocked, came) {
            (true, _) => "policy blocks it",
            (false, true) => "it came and was never held, so nobody knows whether policy would block it",
            (false, false) => "it has not come yet",
        };
        return Err(CliError::Usage(format!("{why}: two different persons admit it (--by, --second)")));
    }
    each_order(data.ledger.reader(), args.sha256, |_, order| {
        let mut persons = [Some(&args.by), args.second.as_ref()].into_iter().flatten();
        if order.what == "request-model" && persons.any(|person| is_one_person(&order.by, person)) {
            return Err(CliError::Usage(format!(
                "{} asked for it: somebody else admits it (--by, --second)",
                order.by
            )));
        }
        Ok(())
    })
}

/// The end of the last day.
fn until(day: Option<&str>, now: Timestamp) -> Result<Timestamp, CliError> {
    let Some(day) = day else { return Ok(now.plus_millis(DEFAULT_DAYS * DAY)) };
    let end = Timestamp::of_day(day)
        .ok_or_else(|| CliError::Usage(format!("--until: `{day}` is no day (2027-03-31)")))?
        .plus_millis(DAY - 1);
    if end <= now {
        return Err(CliError::Usage(format!("--until: {day} is over")));
    }
    if end.since(now) > MOST_DAYS * DAY {
        return Err(CliError::Usage(format!(
            "--until: {day} is more than {MOST_DAYS} days ahead; admit it until then, and again when it is over"
        )));
    }
    Ok(end)
}

fn of_ledger(error: lazaret_ledger::StoreError) -> CliError {
    crate::commands::policy::of_ledger(error)
}
