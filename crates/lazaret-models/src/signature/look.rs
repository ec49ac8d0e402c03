//! A signature among the files that are looked at: without keys it is not checked, but where its names lead is told.

use lazaret_input::json::Node;

use super::bundle;
use super::manifest::Manifest;
use crate::look::Looking;
use crate::part::Part;

/// Looks at the names of a bundle's statement. Bundles that sign something else than a model are no concern here.
pub(crate) fn look_at(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(envelope) = root.get("dsseEnvelope") else { return };
    let (payload, faults) = match bundle::payload_of(envelope, looking.limits) {
        Ok(payload) => match Manifest::read(&payload, looking.limits) {
            Ok(manifest) => {
                let mut faults = manifest.names_at_fault(None);
                faults.extend(manifest.shards_at_fault());
                ("dsseEnvelope.payload!", faults)
            }
            Err(fault) if matches!(fault.at.as_str(), "_type" | "predicateType") => return,
            Err(fault) => ("dsseEnvelope.payload!", vec![fault]),
        },
        Err(fault) => ("", vec![fault]),
    };
    for fault in faults {
        let at = format!("{payload}{}", fault.at);
        looking.find(fault.rule, part.inner(at.trim_end_matches('!')), fault.message);
    }
}
