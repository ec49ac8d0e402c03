//! Presidio's operators: what becomes of one piece of text. Their parameters are checked, and refused, as Presidio
//! does it (`presidio_anonymizer.operators`).

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use lazaret_core::{Random as _, hex};
use lazaret_vault::SystemRandom;
use ring::digest;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Refusal, python};

/// The names under which anonymizers are asked for, in Presidio's order. `custom` runs code of the caller, so it is
/// not to be had over HTTP, in Presidio neither.
pub(super) const ANONYMIZERS: [&str; 6] = ["encrypt", "hash", "keep", "mask", "redact", "replace"];
/// The same for the way back.
pub(super) const DEANONYMIZERS: [&str; 2] = ["decrypt", "deanonymize_keep"];

/// Bytes of an AES block, and so of the initialisation vector.
const BLOCK: usize = 16;
/// Shortest salt, in bytes.
const SHORTEST_SALT: usize = 16;

/// One operator with its parameters. Keys and salts are wiped when it goes.
pub(super) enum Operator {
    Replace(Option<String>),
    Redact,
    Keep,
    /// `keep` on the way back, where nothing is to be removed.
    Return,
    Mask {
        with: String,
        count: usize,
        from_end: bool,
    },
    Hash {
        algorithm: &'static digest::Algorithm,
        salt: Option<Zeroizing<Vec<u8>>>,
    },
    Encrypt(Zeroizing<Vec<u8>>),
    Decrypt(Zeroizing<Vec<u8>>),
}

impl Operator {
    /// An anonymizer by its name.
    pub(super) fn anonymizer(name: &str, params: &Map<String, Value>) -> Result<Self, Refusal> {
        match name {
            "replace" => {
                let value = params.get("new_value").unwrap_or(&Value::Null);
                of_type(value, "new_value", Type::Text)?;
                Ok(Self::Replace(value.as_str().filter(|value| !value.is_empty()).map(str::to_owned)))
            }
            "redact" => Ok(Self::Redact),
            "keep" => Ok(Self::Keep),
            "mask" => mask(params),
            "hash" => hash(params),
            "encrypt" => Ok(Self::Encrypt(key(params)?)),
            _ => Err(Refusal::invalid(format!("Invalid operator class '{name}'."))),
        }
    }

    /// A deanonymizer by its name.
    pub(super) fn deanonymizer(name: &str, params: &Map<String, Value>) -> Result<Self, Refusal> {
        match name {
            "decrypt" => Ok(Self::Decrypt(key(params)?)),
            "deanonymize_keep" => Ok(Self::Return),
            _ => Err(Refusal::invalid(format!("Invalid operator class '{name}'."))),
        }
    }

    /// Whether what it writes has characters of its piece in it.
    pub(super) fn shows(&self) -> bool {
        matches!(self, Self::Keep | Self::Mask { .. })
    }

    /// What stands in place of a text of an entity.
    pub(super) fn operate(&self, text: &str, entity: &str) -> Result<String, Refusal> {
        Ok(match self {
            Self::Replace(Some(value)) => value.clone(),
            Self::Replace(None) => format!("<{entity}>"),
            Self::Redact => String::new(),
            Self::Keep | Self::Return => text.to_owned(),
            Self::Mask { with, count, from_end } => masked(text, with, *count, *from_end),
            Self::Hash { algorithm, salt } => {
                let mut random = [0; 32];
                let salt = if let Some(salt) = salt {
                    salt.as_slice()
                } else {
                    SystemRandom.fill(&mut random).map_err(|_| Refusal::broke())?;
                    &random
                };
                let mut context = digest::Context::new(algorithm);
                context.update(text.as_bytes());
                context.update(salt);
                hex(context.finish().as_ref())
            }
            Self::Encrypt(key) => encrypt(key, text)?,
            Self::Decrypt(key) => decrypt(key, text).ok_or_else(|| {
                Refusal::invalid("the text of a result could not be decrypted with this key".to_owned())
            })?,
        })
    }
}

/// The types a parameter may have, as Presidio names them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Flag,
    Whole,
    /// Bytes, which no JSON value is.
    Bytes,
}

impl Type {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("string"),
            Self::Flag => Some("boolean"),
            Self::Whole => Some("number"),
            Self::Bytes => None,
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Whole => value.is_boolean() || value.is_i64() || value.is_u64(),
            Self::Bytes => false,
        }
    }
}

/// Whether Python takes a value for true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Refuses a value of another type. What is false in Python passes, as it does there.
pub(super) fn of_type(value: &Value, name: &str, wanted: Type) -> Result<(), Refusal> {
    if !truthy(value) || wanted.takes(value) {
        return Ok(());
    }
    let got = match value {
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some("number"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        _ => None,
    };
    Err(Refusal::invalid(match (wanted.name(), got) {
        (Some(wanted), Some(got)) => {
            format!("Invalid parameter value for {name}. Expecting '{wanted}', but got '{got}'.")
        }
        _ => format!("Invalid parameter value for '{name}'."),
    }))
}

fn wanted<'a>(params: &'a Map<String, Value>, name: &str, kind: Type) -> Result<&'a Value, Refusal> {
    let value = params.get(name).filter(|value| !value.is_null());
    let value = value.ok_or_else(|| Refusal::invalid(format!("Expected parameter {name}")))?;
    of_type(value, name, kind)?;
    Ok(value)
}

fn mask(params: &Map<String, Value>) -> Result<Operator, Refusal> {
    let with = wanted(params, "masking_char", Type::Text)?;
    let with = with
        .as_str()
        .filter(|with| with.chars().count() <= 1)
        .ok_or_else(|| Refusal::invalid("Invalid input, masking_char must be a character".to_owned()))?;
    let count = wanted(params, "chars_to_mask", Type::Whole)?;
    let count = match count {
        Value::Bool(truth) => usize::from(*truth),
        // Of numbers alone nothing, or fewer than none, means that none is masked.
        Value::Number(count) => {
            count.as_u64().map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
        }
        _ => return Err(Refusal::invalid("Invalid parameter value for 'chars_to_mask'.".to_owned())),
    };
    let from_end = truthy(wanted(params, "from_end", Type::Flag)?);
    Ok(Operator::Mask { with: with.to_owned(), count, from_end })
}

fn masked(text: &str, with: &str, count: usize, from_end: bool) -> String {
    let all = text.chars().count();
    let count = count.min(all);
    let mask = with.repeat(count);
    let edge = |number: usize| text.char_indices().nth(number).map_or(text.len(), |(at, _)| at);
    if from_end {
        let (stays, _) = text.split_at(edge(all.saturating_sub(count)));
        stays.to_owned() + &mask
    } else {
        let (_, stays) = text.split_at(edge(count));
        mask + stays
    }
}

fn hash(params: &Map<String, Value>) -> Result<Operator, Refusal> {
    let algorithm = match params.get("hash_type") {
        None => &digest::SHA256,
        Some(Value::Null) => return Err(Refusal::invalid("Expected parameter hash_type".to_owned())),
        Some(Value::String(name)) if name == "sha256" => &digest::SHA256,
        Some(Value::String(name)) if name == "sha512" => &digest::SHA512,
        Some(other) => {
            let Some(given) = python::text(other) else {
                return Err(Refusal::invalid("Invalid parameter value for 'hash_type'.".to_owned()));
            };
            return Err(Refusal::invalid(format!(
                "Parameter hash_type value {given} is not in range of values ['sha256', 'sha512']"
            )));
        }
    };
    let salt = match params.get("salt") {
        None => None,
        Some(Value::String(salt)) if salt.is_empty() => {
            let why = "Salt parameter cannot be empty. Either omit the salt parameter to auto-generate a random \
                       salt, or provide a salt of at least 16 bytes (128 bits).";
            return Err(Refusal::invalid(why.to_owned()));
        }
        Some(Value::String(salt)) if salt.len() < SHORTEST_SALT => {
            return Err(Refusal::invalid(format!(
                "Salt must be at least 16 bytes (128 bits). Provided salt is {} bytes.",
                salt.len()
            )));
        }
        Some(Value::String(salt)) => Some(Zeroizing::new(salt.as_bytes().to_vec())),
        Some(_) => return Err(Refusal::invalid("Invalid parameter value for 'salt'.".to_owned())),
    };
    Ok(Operator::Hash { algorithm, salt })
}

fn key(params: &Map<String, Value>) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let Some(Value::String(key)) = params.get("key") else {
        let given = wanted(params, "key", Type::Bytes);
        return Err(given
            .err()
            .unwrap_or_else(|| Refusal::invalid("Invalid parameter value for 'key'.".to_owned())));
    };
    if !matches!(key.len(), 16 | 24 | 32) {
        let why = "Invalid input, key must be of length 128, 192 or 256 bits";
        return Err(Refusal::invalid(why.to_owned()));
    }
    Ok(Zeroizing::new(key.as_bytes().to_vec()))
}

/// AES-CBC with PKCS #7 padding (NIST SP 800-38A, 6.2; RFC 5652, 6.3): base64url of the initialisation vector and
/// the ciphertext. It hides the text; it does not show that the ciphertext was changed.
fn encrypt(key: &[u8], text: &str) -> Result<String, Refusal> {
    let mut iv = [0; BLOCK];
    SystemRandom.fill(&mut iv).map_err(|_| Refusal::broke())?;
    let text = text.as_bytes();
    let sealed = match key.len() {
        16 => {
            cbc::Encryptor::<Aes128>::new_from_slices(key, &iv).map(|c| c.encrypt_padded_vec::<Pkcs7>(text))
        }
        24 => {
            cbc::Encryptor::<Aes192>::new_from_slices(key, &iv).map(|c| c.encrypt_padded_vec::<Pkcs7>(text))
        }
        _ => cbc::Encryptor::<Aes256>::new_from_slices(key, &iv).map(|c| c.encrypt_padded_vec::<Pkcs7>(text)),
    };
    let sealed = sealed.map_err(|_| Refusal::broke())?;
    Ok(URL_SAFE.encode([&iv[..], &sealed].concat()))
}

fn decrypt(key: &[u8], text: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(text).ok()?;
    let (iv, sealed) = bytes.split_at_checked(BLOCK)?;
    let opened = match key.len() {
        16 => cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
        24 => cbc::Decryptor::<Aes192>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
        _ => cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
    };
    String::from_utf8(opened.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(name: &str, params: Value, text: &str) -> Result<String, String> {
        let Value::Object(params) = params else { panic!("parameters are an object") };
        let operator = if DEANONYMIZERS.contains(&name) {
            Operator::deanonymizer(name, &params)
        } else {
            Operator::anonymizer(name, &params)
        };
        operator.and_then(|operator| operator.operate(text, "PERSON")).map_err(|refusal| refusal.why)
    }

    #[test]
    fn characters_are_masked_not_bytes() {
        let params = |count: i64, from_end: bool| json!({"masking_char": "•", "chars_to_mask": count, "from_end": from_end});
        assert_eq!(run("mask", params(3, false), "Zoë😀x"), Ok("•••😀x".to_owned()));
        assert_eq!(run("mask", params(2, true), "Zoë😀x"), Ok("Zoë••".to_owned()));
        assert_eq!(run("mask", params(99, true), "Zoë"), Ok("•••".to_owned()));
        assert_eq!(run("mask", params(-1, true), "Zoë"), Ok("Zoë".to_owned()));
    }

    #[test]
    fn what_was_encrypted_comes_back_under_its_key_alone() {
        for length in [16, 24, 32] {
            let key = json!({"key": "k".repeat(length)});
            let sealed = run("encrypt", key.clone(), "Zoë Quillmoor").unwrap();
            assert_ne!(
                sealed,
                run("encrypt", key.clone(), "Zoë Quillmoor").unwrap(),
                "a new vector each time"
            );
            assert_eq!(run("decrypt", key, &sealed), Ok("Zoë Quillmoor".to_owned()));
            let other = run("decrypt", json!({"key": "o".repeat(length)}), &sealed);
            assert_ne!(other, Ok("Zoë Quillmoor".to_owned()));
        }
        for text in ["", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let error = run("decrypt", json!({"key": "k".repeat(16)}), text).unwrap_err();
            assert_eq!(error, "the text of a result could not be decrypted with this key");
        }
    }

    #[test]
    fn a_hash_without_salt_differs_each_time() {
        let one = run("hash", json!({}), "Quillmoor").unwrap();
        assert_eq!(one.len(), 64);
        assert_ne!(one, run("hash", json!({}), "Quillmoor").unwrap());
    }
}
