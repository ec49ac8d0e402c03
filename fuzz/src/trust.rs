//! What is believed or not: proofs, keys, policies, single words.

use std::sync::LazyLock;

use lazaret_core::{Basis, CrossingId, Purpose, Sensitive};
use lazaret_ledger::note::{Checkpoint, VerifierKey};
use lazaret_policy::{CedarPolicy, PolicyText};
use lazaret_vault::{Kms as _, LocalKms, SystemRandom, WrapContext};

/// The key that trusts nothing a fuzzer can write.
fn nobody() -> Option<VerifierKey> {
    VerifierKey::new("ledger.test/fuzz", [7; 32]).ok()
}

/// Verifier keys, checkpoints and notes: what is read is written the same, and nothing unsigned is believed.
pub fn checkpoint(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let key = VerifierKey::parse(&text);
    if let Ok(key) = &key {
        assert_eq!(VerifierKey::parse(&key.to_string()).ok().as_ref(), Some(key));
    }
    let checkpoint = Checkpoint::parse(&text);
    if let Ok(checkpoint) = &checkpoint {
        assert_eq!(Checkpoint::parse(&checkpoint.text()).ok().as_ref(), Some(checkpoint));
    }
    let believed = nobody().map(|key| Checkpoint::verify(&text, &key));
    assert!(believed.as_ref().is_none_or(Result::is_err), "an unsigned note was believed");
    format!("{key:?} {checkpoint:?} {believed:?} {:?}", lazaret_ledger::note::unhex(&text))
}

/// Proofs of a ledger: none holds that nobody signed.
pub fn proof(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let proven = nobody().map(|key| lazaret_ledger::verify_proof(&text, &key));
    assert!(proven.as_ref().is_none_or(Result::is_err), "a proof that nobody signed holds");
    format!("{proven:?}")
}

/// Wrapped keys: what nobody wrapped does not unwrap.
pub fn vault_key(bytes: &[u8]) -> String {
    static KMS: LazyLock<Option<LocalKms>> = LazyLock::new(|| {
        LocalKms::new_passphrase(&Sensitive::new("a passphrase of tests".to_owned()), &SystemRandom).ok()
    });
    let Some(kms) = KMS.as_ref() else { return "no key".to_owned() };
    let context = WrapContext { key: "k", class: "vault", dataset: "holds", column: "" };
    assert!(kms.unwrap(&context, bytes).is_err(), "a forged key unwraps");
    LocalKms::wants_passphrase(&String::from_utf8_lossy(bytes)).to_string()
}

/// Policies in Cedar: a set, or errors that name the file.
pub fn policy(bytes: &[u8]) -> String {
    let text =
        PolicyText { name: "fuzz.cedar".to_owned(), text: String::from_utf8_lossy(bytes).into_owned() };
    match CedarPolicy::from_texts(&[text]) {
        Ok(policy) => format!("{:?}", policy.notes()),
        Err(refused) => {
            assert!(refused.diagnostics.iter().all(|wrong| wrong.file == "fuzz.cedar"));
            assert!(!refused.diagnostics.is_empty());
            refused.diagnostics.len().to_string()
        }
    }
}

/// Single words as they come on a command line or from a database: what is read is written the same.
pub fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let crossing = CrossingId::parse(&text);
    if let Some(id) = crossing {
        assert_eq!(CrossingId::parse(&id.to_string()), Some(id));
        assert_eq!(CrossingId::from_bytes(*id.as_bytes()), id);
    }
    let basis = Basis::parse(&text);
    assert!(basis.is_none_or(|basis| basis.name() == text));
    let purpose = Purpose::parse(&text);
    assert!(
        purpose.as_ref().is_none_or(|purpose| Purpose::parse(&purpose.to_string()).as_ref() == Some(purpose))
    );
    format!("{crossing:?} {basis:?} {purpose:?}")
}
