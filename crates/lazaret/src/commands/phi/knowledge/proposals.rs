//! `lazaret phi knowledge propose|proposals|approve|reject`.

use std::io::{Read as _, Write};

use lazaret_core::Label;
use lazaret_phi::score::effect::Places;
use lazaret_phi::score::{share, wilson};
use lazaret_phi::{EntryKind, NewEntry};
use serde_json::{Value, json};

use crate::cli::PhiProposeArgs;
use crate::commands::phi::visible::visible;
use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::proposals::{
    Decided, Proposal, Proposals, Refused, SHARES, Side, State, View, Weighed, Word, interval, percent,
    places, reviewers,
};
use crate::report::{json_document, table};

/// Longest line that is read from standard input, in bytes.
const LONGEST_LINE: u64 = 4 << 10;

/// Keeps a proposal.
pub(super) fn propose(
    args: &PhiProposeArgs,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let by = reviewers::who_asks(config)?;
    let (kind, text) = match (&args.not_phi, &args.missed, &args.shape) {
        (Some(text), None, None) => (EntryKind::Allow, text),
        (None, Some(text), None) => (EntryKind::Deny, text),
        (None, None, Some(text)) => (EntryKind::Shape, text),
        _ => return Err(CliError::Usage("one of --not-phi, --missed and --shape".to_owned())),
    };
    let label = args.label.as_deref().map(read_label).transpose()?;
    let entry = NewEntry {
        kind,
        text: if text == "-" { line_of_stdin()? } else { text.clone() },
        // What is allowed is allowed by kind.
        label: label.map(|label| if kind == EntryKind::Allow { Label::of(label.kind) } else { label }),
        after: args.after.clone(),
        ward: args.ward.clone(),
        author: args.author.clone(),
        section: args.section.clone(),
        until: args.until.clone(),
    };
    let (proposal, view) = Proposals::open(config)?.propose(&by, &entry, &args.reason)?;
    if json {
        json_document(out, &document(&proposal, Some(&view)))?;
    } else {
        writeln!(out, "proposal {} by {}", proposal.id, proposal.by)?;
        write_view(&view, out)?;
    }
    Ok(exit_of(&view))
}

fn read_label(text: &str) -> Result<Label, CliError> {
    Label::parse(text).ok_or_else(|| {
        let kinds: Vec<&str> = lazaret_core::Kind::ALL.iter().map(|kind| kind.name()).collect();
        CliError::Usage(format!("--label: no label `{text}`; the kinds are {}", kinds.join(", ")))
    })
}

fn line_of_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LONGEST_LINE).bytes();
    for byte in read {
        bytes.push(byte.map_err(|error| CliError::failed("standard input", error))?);
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| CliError::Usage("standard input is not UTF-8".to_owned()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Lists proposals.
pub(super) fn list(all: bool, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let proposals = Proposals::open(config)?.all()?;
    let waits = |one: &Proposal| matches!(one.state, State::Open | State::Approving);
    let shown: Vec<&Proposal> = proposals.iter().filter(|one| all || waits(one)).collect();
    if json {
        let documents: Vec<Value> = shown.iter().map(|one| document(one, None)).collect();
        json_document(out, &documents)?;
    } else if shown.is_empty() {
        writeln!(out, "{}", if all { "no proposals" } else { "no proposal waits" })?;
    } else {
        let mut rows = table(["no", "state", "entry", "text", "gold when proposed", "by", "reason"]);
        for one in &shown {
            rows.add_row([
                one.id.to_string(),
                one.state.name().to_owned(),
                one.entry.kind_and_scope(),
                visible(&one.entry.text).into_owned(),
                one.weighed.as_ref().map_or("not measured", Weighed::verdict).to_owned(),
                visible(&one.by).into_owned(),
                visible(&one.reason).into_owned(),
            ]);
        }
        writeln!(out, "{rows}")?;
    }
    Ok(if shown.iter().any(|one| waits(one)) { Exit::Findings } else { Exit::Clear })
}

/// Shows one.
pub(super) fn show(id: u64, config: &Config, json: bool, out: &mut impl Write) -> Result<Exit, CliError> {
    let proposals = Proposals::open(config)?;
    let proposal = proposals.one(id)?;
    // What was decided is in the file, or is not to be.
    let view = (proposal.state == State::Open).then(|| proposals.view(&proposal)).transpose()?;
    if json {
        json_document(out, &document(&proposal, view.as_ref()))?;
    } else {
        writeln!(out, "proposal {} by {}, {}", proposal.id, visible(&proposal.by), proposal.at)?;
        writeln!(out, "reason   {}", visible(&proposal.reason))?;
        writeln!(out, "state    {}", proposal.state.name())?;
        if let Some(decision) = &proposal.decision {
            let (by, reason) = (visible(&decision.by), visible(&decision.reason));
            writeln!(out, "decided  by {by}, {}: {reason}; receipt {}", decision.at, decision.receipt)?;
        }
        match &view {
            Some(view) => write_view(view, out)?,
            None => writeln!(
                out,
                "entry    {}: {}",
                proposal.entry.kind_and_scope(),
                visible(&proposal.entry.text)
            )?,
        }
    }
    Ok(view.map_or(Exit::Clear, |view| exit_of(&view)))
}

/// A second person agrees.
pub(super) fn approve(
    id: u64,
    reason: &str,
    despite: bool,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let by = reviewers::who_asks(config)?;
    let proposals = Proposals::open(config)?;
    let data = Data::open(config)?;
    let word = Word { by: &by, reason, despite, seen: None };
    let decided = proposals.approve(id, &word, &data);
    data.close()?;
    match decided {
        Err(Refused::Unconfirmed(why)) => {
            if json {
                json_document(out, &json!({ "approved": false, "why": why }))?;
            } else {
                writeln!(out, "not approved: {why}; `lazaret phi knowledge proposals {id}` shows it")?;
                writeln!(out, "to approve it all the same: --despite, and a reason that says why")?;
            }
            Ok(Exit::Findings)
        }
        decided => {
            let decided = decided?;
            write_decided(&decided, "approved", json, out)?;
            Ok(Exit::Clear)
        }
    }
}

/// Somebody does not agree.
pub(super) fn reject(
    id: u64,
    reason: &str,
    config: &Config,
    json: bool,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let by = reviewers::who_asks(config)?;
    let proposals = Proposals::open(config)?;
    let data = Data::open(config)?;
    let decided = proposals.reject(id, &Word { by: &by, reason, despite: false, seen: None }, &data);
    data.close()?;
    write_decided(&decided?, "rejected", json, out)?;
    Ok(Exit::Clear)
}

fn write_decided(decided: &Decided, what: &str, json: bool, out: &mut impl Write) -> Result<(), CliError> {
    let proposal = &decided.proposal;
    let receipt = proposal.decision.as_ref().map_or("", |decision| decision.receipt.as_str());
    if json {
        let mut document = document(proposal, None);
        if let Value::Object(members) = &mut document {
            if let Some((before, after)) = &decided.knowledge {
                members.insert("knowledge".to_owned(), json!({ "before": before, "after": after }));
            }
            members.insert("weighed_now".to_owned(), decided.weighed.as_ref().map_or(Value::Null, figures));
        }
        json_document(out, &document)?;
        return Ok(());
    }
    writeln!(out, "{what} proposal {}; receipt {receipt}", proposal.id)?;
    if let Some((before, after)) = &decided.knowledge {
        writeln!(out, "knowledge {before}\nis now    {after}")?;
    }
    if let Some(weighed) = &decided.weighed {
        writeln!(out, "gold      {}", weighed.sentence())?;
    }
    Ok(())
}

fn exit_of(view: &View) -> Exit {
    if view.weighed.as_ref().is_none_or(|weighed| weighed.worse) { Exit::Findings } else { Exit::Clear }
}

/// The lines, the figures and the places.
fn write_view(view: &View, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(out, "\n{}", view.lines)?;
    let (Some(weighed), Some(effect)) = (&view.weighed, &view.effect) else {
        writeln!(out, "gold: not measured; `phi.gold` in lazaret.toml names the hospital's marked notes")?;
        return Ok(());
    };
    let verdict = if weighed.worse { "WORSE" } else { weighed.verdict() };
    writeln!(out, "gold, {} notes: {verdict}: {}", weighed.notes, weighed.sentence())?;
    let mut rows = table(["", "before", "95 %", "after", "95 %"]);
    for (name, of) in SHARES {
        let cells = |side: &Side| {
            let (part, whole) = of(side);
            (percent(part, whole), interval(part, whole))
        };
        let ((before, around_before), (after, around_after)) =
            (cells(&weighed.before), cells(&weighed.after));
        rows.add_row([name.to_owned(), before, around_before, after, around_after]);
    }
    writeln!(out, "{rows}")?;
    for (what, places) in places(effect) {
        if places.count > 0 {
            writeln!(out, "{what} ({}):", places.count)?;
        }
        for place in &places.first {
            let label =
                if place.label.is_empty() { String::new() } else { format!("{} | ", visible(&place.label)) };
            writeln!(out, "  {} | {label}{}", visible(&place.id), visible(&place.text))?;
        }
    }
    Ok(())
}

fn figures(weighed: &Weighed) -> Value {
    let side = |side: &Side| {
        let shares = SHARES.iter().map(|(name, of)| {
            let (part, whole) = of(side);
            let interval = wilson::interval(part, whole);
            let value = json!({
                "part": part,
                "of": whole,
                "share": share(part, whole),
                "low": interval.map(|interval| interval.low),
                "high": interval.map(|interval| interval.high),
            });
            (name.replace(' ', "_"), value)
        });
        shares.collect::<serde_json::Map<_, _>>()
    };
    json!({
        "worse": weighed.worse,
        "gold": weighed.gold,
        "knowledge": weighed.knowledge,
        "notes": weighed.notes,
        "before": side(&weighed.before),
        "after": side(&weighed.after),
        "found": weighed.found,
        "lost": weighed.lost,
        "masked": weighed.masked,
        "freed": weighed.freed,
    })
}

fn document(proposal: &Proposal, view: Option<&View>) -> Value {
    let mut document = json!({
        "id": proposal.id,
        "state": proposal.state,
        "entry": proposal.entry,
        "by": proposal.by,
        "at": proposal.at,
        "reason": proposal.reason,
        "weighed": proposal.weighed.as_ref().map(figures),
        "decision": proposal.decision,
    });
    if let (Some(view), Value::Object(members)) = (view, &mut document) {
        members.insert("lines".to_owned(), json!(view.lines));
        members.insert("weighed_now".to_owned(), view.weighed.as_ref().map_or(Value::Null, figures));
        let listed = |places: &Places| -> Vec<Value> {
            let one = |place: &lazaret_phi::score::effect::Place| json!({ "id": place.id, "label": place.label, "text": place.text });
            places.first.iter().map(one).collect()
        };
        if let Some(effect) = &view.effect {
            let places = json!({
                "lost": listed(&effect.lost),
                "masked": listed(&effect.masked),
                "found": listed(&effect.found),
                "freed": listed(&effect.freed),
            });
            members.insert("places".to_owned(), places);
        }
    }
    document
}
