//! C2SP signed notes and checkpoints (tlog-checkpoint): a text that says "the log of this origin has this many
//! entries and this root", signed with Ed25519 (RFC 8032).
//!
//! ```text
//! ledger.hospital.example/lazaret
//! 70000
//! pipUvjMpT/1aXExjf9dUYwtxqJLoNW46Zmpcin/9FRg=
//!
//! — ledger.hospital.example/lazaret 5xZhtqcj…
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazaret_core::{Limit, LimitExceeded, Signer, VaultError, hex};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::merkle::{Hash, sha256};

/// Longest note that is read.
pub const MAX_NOTE: Limit = Limit::fixed("ledger.max_note", 65_536);
/// Most signatures of one note.
pub const MAX_SIGNATURES: Limit = Limit::fixed("ledger.max_signatures", 100);

const ED25519_ALGORITHM: u8 = 1;
const SIGNATURE_LINE: &str = "\u{2014} ";

/// Why a note, a key or a checkpoint was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The name cannot be that of a key.
    #[error("a key's name is not empty and has no space, line end or `+`")]
    Name,
    /// The key is not in the form of a verifier key.
    #[error("not a verifier key: expected NAME+HASH+KEY with an Ed25519 key, and the hash must fit")]
    Key,
    /// The text is not a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// The body is not a checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// A limit was reached.
    #[error("note refused")]
    Limit(#[source] LimitExceeded),
    /// No line is signed by the trusted key.
    #[error("no signature by the trusted key {name}+{id}")]
    Unsigned {
        /// The key's name.
        name: String,
        /// The key's id, hex.
        id: String,
    },
    /// A line bears the trusted key's name and id, and its signature does not hold.
    #[error("the signature of the trusted key does not hold")]
    Forged,
    /// The vault did not sign.
    #[error("the checkpoint could not be signed")]
    Signer(#[source] VaultError),
}

/// A key that verifies notes: `NAME+HASH+KEY`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl VerifierKey {
    /// A key by its name and its 32 bytes.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
            return Err(NoteError::Name);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, &key), key })
    }

    /// Reads the form `NAME+HASH+KEY`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end_matches(['\r', '\n']).splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let Some((&ED25519_ALGORITHM, key)) = key.split_first() else { return Err(NoteError::Key) };
        let key = <[u8; 32]>::try_from(key).map_err(|_| NoteError::Key)?;
        let parsed = Self::new(name, key)?;
        if hex(&parsed.id) != id {
            return Err(NoteError::Key);
        }
        Ok(parsed)
    }

    /// The name: for a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's 32 bytes.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_ALGORITHM];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, hex(&self.id), STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first four bytes of SHA-256(name || 0x0A || 0x01 || key).
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(&[b'\n', ED25519_ALGORITHM]);
    bytes.extend_from_slice(key);
    let [a, b, c, d, ..] = sha256(&bytes);
    [a, b, c, d]
}

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// The signed note.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, NoteError> {
        sign_note(&self.text(), &self.origin, signer)
    }

    /// Reads a note that the trusted key has signed, and whose origin is that key's name.
    pub fn verify(note: &str, trusted: &VerifierKey) -> Result<Self, NoteError> {
        let text = verify_note(note, trusted)?;
        let checkpoint = Self::parse(text)?;
        if checkpoint.origin != trusted.name {
            return Err(NoteError::Checkpoint("its origin is another than the trusted key's name"));
        }
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint; lines after the third are extensions and are passed over.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty());
        let origin = origin.ok_or(NoteError::Checkpoint("the first line is no origin"))?;
        let size = lines.next().unwrap_or_default();
        let canonical = size == "0" || (!size.starts_with('0') && size.bytes().all(|b| b.is_ascii_digit()));
        let size = size.parse::<u64>().ok().filter(|_| canonical);
        let size = size.ok_or(NoteError::Checkpoint("the second line is no decimal size"))?;
        let root = STANDARD.decode(lines.next().unwrap_or_default()).ok();
        let root = root.and_then(|root| Hash::try_from(root).ok());
        let root = root.ok_or(NoteError::Checkpoint("the third line is no root of 32 bytes in base64"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A text as a note, signed under a name. The text ends with its last line's end.
pub fn sign_note(text: &str, name: &str, signer: &dyn Signer) -> Result<String, NoteError> {
    let key = VerifierKey::new(name, signer.public_key())?;
    let signature = signer.sign(text.as_bytes()).map_err(NoteError::Signer)?;
    let mut line = key.id.to_vec();
    line.extend_from_slice(&signature);
    Ok(format!("{text}\n{SIGNATURE_LINE}{} {}\n", key.name, STANDARD.encode(line)))
}

/// The text of a note, once a signature by the trusted key holds. Lines of other keys are passed over.
pub fn verify_note<'n>(note: &'n str, trusted: &VerifierKey) -> Result<&'n str, NoteError> {
    MAX_NOTE.check(u64::try_from(note.len()).unwrap_or(u64::MAX)).map_err(NoteError::Limit)?;
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it has a control character"));
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))?;
    let (text, signatures) = note.split_at_checked(at + 1).ok_or(NoteError::Malformed("cut"))?;
    let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let signatures = signatures.ok_or(NoteError::Malformed("the last line does not end"))?;
    let mut held = false;
    for (number, line) in (1_u64..).zip(signatures.split('\n')) {
        MAX_SIGNATURES.check(number).map_err(NoteError::Limit)?;
        let (name, signature) = line
            .strip_prefix(SIGNATURE_LINE)
            .and_then(|line| line.split_once(' '))
            .ok_or(NoteError::Malformed("a line after the empty one is no signature"))?;
        let bytes =
            STANDARD.decode(signature).map_err(|_| NoteError::Malformed("a signature is no base64"))?;
        let (id, signature) =
            bytes.split_at_checked(4).ok_or(NoteError::Malformed("a signature is too short"))?;
        if name == trusted.name && id == trusted.id {
            UnparsedPublicKey::new(&ED25519, &trusted.key)
                .verify(text.as_bytes(), signature)
                .map_err(|_| NoteError::Forged)?;
            held = true;
        }
    }
    if !held {
        return Err(NoteError::Unsigned { name: trusted.name.clone(), id: hex(&trusted.id) });
    }
    Ok(text)
}

/// Thirty-two bytes from lower-case hex, the one form in which the ledger writes them.
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (to, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(hash)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::SeedSigner;

    fn signed() -> (String, VerifierKey) {
        let signer = SeedSigner::new([7; 32]);
        let checkpoint = Checkpoint { origin: "ledger.example/a".into(), size: 3, root: [9; 32] };
        let key = VerifierKey::new("ledger.example/a", signer.public_key()).unwrap();
        (checkpoint.sign(&signer).unwrap(), key)
    }

    #[test]
    fn a_note_signed_by_another_key_or_under_another_name_is_refused() {
        let (note, key) = signed();
        assert_eq!(Checkpoint::verify(&note, &key).unwrap().size, 3);
        let other = VerifierKey::new("ledger.example/a", SeedSigner::new([8; 32]).public_key()).unwrap();
        assert!(matches!(Checkpoint::verify(&note, &other), Err(NoteError::Unsigned { .. })));
        let renamed = VerifierKey::new("ledger.example/b", *key.key()).unwrap();
        assert!(matches!(Checkpoint::verify(&note, &renamed), Err(NoteError::Unsigned { .. })));
        let changed = note.replacen("\n3\n", "\n4\n", 1);
        assert!(matches!(Checkpoint::verify(&changed, &key), Err(NoteError::Forged)));
    }

    #[test]
    fn a_size_that_is_not_canonical_is_refused() {
        let root = STANDARD.encode([0_u8; 32]);
        for size in ["", "01", "+1", "-1", "1 ", "18446744073709551616"] {
            assert!(Checkpoint::parse(&format!("a\n{size}\n{root}\n")).is_err(), "{size}");
        }
        assert_eq!(Checkpoint::parse(&format!("a\n0\n{root}\nmore\n")).unwrap().size, 0);
    }

    #[test]
    fn a_key_whose_hash_does_not_fit_is_refused() {
        let (_, key) = signed();
        let text = key.to_string();
        assert_eq!(VerifierKey::parse(&text).unwrap(), key);
        assert!(VerifierKey::parse(&text.replacen("example", "exampel", 1)).is_err());
        assert!(VerifierKey::parse("a+b").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,200}", lines in "(— [a-c]{1,3} [A-Za-z=]{0,40}\n){0,3}") {
            let (_, key) = signed();
            prop_assert!(verify_note(&text, &key).is_err());
            let note = [text.as_str(), "\n\n", lines.as_str()].concat();
            prop_assert!(verify_note(&note, &key).is_err());
            let _ = VerifierKey::parse(&text);
            let _ = Checkpoint::parse(&text);
        }

        #[test]
        fn a_note_with_one_byte_changed_is_refused(at in 0_usize..170, by in 1_u8..255) {
            let (note, key) = signed();
            let mut bytes = note.into_bytes();
            let at = at % bytes.len();
            bytes[at] = bytes[at].wrapping_add(by);
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(Checkpoint::verify(&text, &key).is_err());
            }
        }
    }
}
