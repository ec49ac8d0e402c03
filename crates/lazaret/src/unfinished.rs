//! What a process that ended too early left half done, put right at the next start, before anything crosses.
//!
//! Orders and rotations are recorded in the ledger and carried out in the vault: two files, so a crash can come
//! between. What is recorded is carried out, and what was carried out is recorded.

use lazaret_core::{CrossingId, HoldId, Ordered, Sha256};
use lazaret_ledger::{OrderWords, Query, SqliteLedger, StoreError};
use lazaret_vault::{HoldFilter, HoldState, Settlement, SqliteVault};
use serde::{Deserialize, Serialize};

use crate::exit::CliError;
use crate::registry::settle_hold;

/// The kind of the ledger's event.
const ROTATED: &str = "keys.rotated";

/// A rotation of the key-encryption key, as the ledger tells it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RotatedEvent {
    from: String,
    to: String,
    keys: u64,
}

/// The event's place in its leaf.
#[derive(Deserialize)]
struct Body {
    event: RotatedEvent,
}

/// Ends what a crash left: crossings that were not sealed are sealed as cut; the last order, if it is sealed,
/// is carried out; rotations that the ledger does not tell yet are recorded.
pub(crate) fn end(vault: &SqliteVault, ledger: &SqliteLedger) -> Result<(), CliError> {
    const WHAT: &str = "what a crash left could not be ended";
    // The records they held first: once a crossing is sealed, nobody looks for it again.
    for left in ledger.unsealed() {
        vault.mark_cut(left.crossing).map_err(|error| CliError::failed(WHAT, error))?;
    }
    ledger
        .cut_unsealed("the process ended before the crossing was sealed")
        .map_err(|error| CliError::failed(WHAT, error))?;
    carry_out_last(vault, ledger)?;
    settle_models(vault, ledger)?;
    record_rotations(vault, ledger)
}

/// A command gives an order as its last crossing, so only the last one of the ledger can be left.
fn carry_out_last(vault: &SqliteVault, ledger: &SqliteLedger) -> Result<(), CliError> {
    let failed = |error| CliError::failed("the last order could not be carried out", error);
    let newest = Query { limit: 1, ..Query::default() };
    let Some(row) = ledger.reader().crossings(&newest).map_err(of_ledger)?.pop() else { return Ok(()) };
    let Some(crossing) = ledger.reader().crossing_at(row.opened_at).map_err(of_ledger)? else {
        return Ok(());
    };
    let Some(order) = crossing.opened.order else { return Ok(()) };
    let complete = crossing.sealed.filter(|sealed| sealed.seal.ending == "complete");
    let (Some(sealed), Some(id)) = (complete, CrossingId::parse(&crossing.opened.crossing)) else {
        return Ok(());
    };
    match order.what.as_str() {
        // A record that could not be released is held still, and the seal says so.
        "release" if sealed.seal.counts.held() == 0 => settle(vault, &order, Settlement::Released),
        "reject" => settle(vault, &order, Settlement::Rejected),
        "shred" => {
            let second = order.second.as_deref().unwrap_or_default();
            vault.end_shred(&order.object, id.when(), &order.by, second, &order.reason).map_err(failed)
        }
        what @ ("legal-hold" | "lift-legal-hold") => {
            vault.end_legal_hold(&order.object, what == "legal-hold", &order.by).map_err(failed)
        }
        _ => Ok(()),
    }
}

fn settle(vault: &SqliteVault, order: &OrderWords, how: Settlement) -> Result<(), CliError> {
    let failed = |error| CliError::failed("the last order could not be carried out", error);
    let Some(id) = hold_id(&order.object) else { return Ok(()) };
    if vault.held(id).map_err(failed)?.state == HoldState::Held {
        vault.settle(id, how, &order.by, order.second.as_deref()).map_err(failed)?;
    }
    Ok(())
}

/// A server carries out orders about models beside others, and beside models that cross, so more than the last one can be left:
/// what is held still, and about which the last word was said since.
fn settle_models(vault: &SqliteVault, ledger: &SqliteLedger) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let filter = HoldFilter { after, state: Some(HoldState::Held), ..HoldFilter::default() };
        let page = vault.holds(&filter).map_err(CliError::vault)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for held in page {
            let Some(file) = held.sha256.as_deref().and_then(Sha256::parse) else { continue };
            let Some((crossing, _, order)) = ledger.reader().last_word(file).map_err(of_ledger)? else {
                continue;
            };
            let what = match order.what.as_str() {
                "admit-model" => Ordered::AdmitModel,
                "refuse-model" => Ordered::RefuseModel,
                _ => continue,
            };
            if CrossingId::parse(&crossing).is_some_and(|order| order > held.id.crossing) {
                settle_hold(vault, &held, what, &order.by, order.second.as_deref())?;
            }
        }
    }
}

/// Reads `CROSSING:NUMBER`.
pub(crate) fn hold_id(text: &str) -> Option<HoldId> {
    let (crossing, record) = text.rsplit_once(':')?;
    Some(HoldId { crossing: CrossingId::parse(crossing)?, record: record.parse().ok()? })
}

fn of_ledger(error: StoreError) -> CliError {
    CliError::failed("the ledger", error)
}

/// Records each rotation of the vault that the ledger does not tell yet.
pub(crate) fn record_rotations(vault: &SqliteVault, ledger: &SqliteLedger) -> Result<(), CliError> {
    let rotations = vault.rotations().map_err(CliError::vault)?;
    if rotations.is_empty() {
        return Ok(());
    }
    let told = ledger.reader().events(ROTATED, None, u32::MAX).map_err(of_ledger)?;
    let mut told: Vec<RotatedEvent> = told
        .iter()
        .filter_map(|leaf| serde_json::from_str::<Body>(&leaf.body).ok())
        .map(|body| body.event)
        .collect();
    for rotated in rotations {
        let event = RotatedEvent { from: rotated.from.key_id, to: rotated.to.key_id, keys: rotated.keys };
        match told.iter().position(|told| told.from == event.from && told.to == event.to) {
            Some(at) => drop(told.swap_remove(at)),
            None => drop(ledger.append(ROTATED, &event).map_err(of_ledger)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Clock as _, ModelOrigin, Order, SystemClock};

    use super::*;
    use crate::compose::{Crossings, Data};
    use crate::config::Config;
    use crate::registry::{REGISTRY, Registry, holds_of};

    #[test]
    fn an_order_about_a_model_is_carried_out_whatever_crossed_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("data");
        let flags = [("data", place.to_str()), ("gates.models.mode", Some("enforce"))];
        let config = Config::load(None, &[], |_| None, &flags).unwrap();
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/docs");
        let pass = |data: &Data, name: &str| {
            let registry = Registry::open(data, &config).unwrap();
            let stored = registry.receive(&samples.join(name), name).unwrap();
            let origin = ModelOrigin { name: name.to_owned(), ..ModelOrigin::default() };
            let passed = registry.pass(registry.crossing(name, origin).unwrap(), vec![stored]).unwrap();
            passed.files.first().and_then(|file| file.sha256).unwrap()
        };
        let data = Data::init(&config, false).unwrap();
        let bad = pass(&data, "model.pkl");
        std::thread::sleep(std::time::Duration::from_millis(5));
        let order = Crossings::order(Ordered::AdmitModel, &bad.to_string(), "ann", Some("bob"), "read it");
        let order = Order { until: Some(SystemClock.now().plus_millis(86_400_000)), ..order };
        let crossings = Crossings::new(&config, REGISTRY, None, None, None).unwrap();
        data.carry_out(crossings.ordered(order).unwrap()).unwrap();
        pass(&data, "scaler.pkl");
        let held = |vault: &SqliteVault| holds_of(vault, bad, Some(HoldState::Held)).unwrap().len();
        assert_eq!(held(&data.vault), 1, "as a crash would leave it");
        drop(data);
        let data = Data::open(&config).unwrap();
        assert_eq!(held(&data.vault), 0);
        std::thread::sleep(std::time::Duration::from_millis(5));
        let revoked = Crossings::order(Ordered::RevokeModel, &bad.to_string(), "ann", None, "no more");
        data.carry_out(crossings.ordered(revoked).unwrap()).unwrap();
        assert_eq!(pass(&data, "model.pkl"), bad);
        let vault = Arc::clone(&data.vault);
        drop(data);
        let data = Data::open_over(&config, vault).unwrap();
        assert_eq!(held(&data.vault), 1, "what is held since is not what was decided about");
    }
}
