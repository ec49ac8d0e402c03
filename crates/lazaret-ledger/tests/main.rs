//! The ledger as others use it.

#[cfg(test)]
#[path = "main/bom.rs"]
mod bom;
#[cfg(test)]
#[path = "main/crash.rs"]
mod crash;
#[cfg(test)]
#[path = "main/files.rs"]
mod files;
#[path = "main/ledger.rs"]
mod ledger;
#[cfg(test)]
#[path = "main/proofs.rs"]
mod proofs;
#[cfg(test)]
#[path = "main/support.rs"]
mod support;
#[cfg(test)]
#[path = "main/tampering.rs"]
mod tampering;
#[cfg(test)]
#[path = "main/vectors.rs"]
mod vectors;
