//! What stands in the place of a span, as Presidio's operators do it.

use aes::{Aes128, Aes192, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use lazaret_core::{Random as _, hex};
use lazaret_vault::SystemRandom;
use ring::digest::{Context, SHA256, SHA512};
use serde_json::{Map, Value};

use super::Refusal;

/// The operators of `/anonymize`, in the order Presidio names them.
pub(super) const ANONYMIZERS: [&str; 6] = ["hash", "mask", "redact", "replace", "encrypt", "keep"];
/// The operators of `/deanonymize`.
pub(super) const DEANONYMIZERS: [&str; 2] = ["decrypt", "deanonymize_keep"];

/// Length of an AES block and of an initialisation vector, in bytes.
const BLOCK: usize = 16;
/// Shortest salt, in bytes.
const SALT: usize = 16;

/// An operator with its parameters, as a request names it.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    pub(super) name: String,
    parameters: Map<String, Value>,
}

impl Operator {
    /// What Presidio does where nothing is said.
    pub(super) fn replace() -> Self {
        Self { name: "replace".to_owned(), parameters: Map::new() }
    }

    /// From `{"type": "mask", …}`.
    pub(super) fn read(mut parameters: Map<String, Value>) -> Result<Self, Refusal> {
        match parameters.remove("type") {
            Some(Value::String(name)) if !name.is_empty() => Ok(Self { name, parameters }),
            _ => Err(Refusal::invalid("Invalid input, operator config must contain operator_name")),
        }
    }

    /// What stands in the place of a text of an entity.
    pub(super) fn anonymize(&self, text: &str, entity: &str) -> Result<String, Refusal> {
        match self.name.as_str() {
            "replace" => self.replaced(entity),
            "redact" => Ok(String::new()),
            "keep" => Ok(text.to_owned()),
            "mask" => self.mask(text),
            "hash" => self.hash(text),
            "encrypt" => encrypt(&self.key()?, text),
            other => Err(Refusal::invalid(format!("Invalid operator class '{other}'."))),
        }
    }

    /// What an encrypted text was.
    pub(super) fn deanonymize(&self, text: &str) -> Result<String, Refusal> {
        match self.name.as_str() {
            "decrypt" => decrypt(&self.key()?, text).ok_or_else(|| {
                Refusal::invalid(
                    "a text could not be decrypted: it is not what `encrypt` made under this key",
                )
            }),
            "deanonymize_keep" => Ok(text.to_owned()),
            other => Err(Refusal::invalid(format!("Invalid operator class '{other}'."))),
        }
    }

    fn replaced(&self, entity: &str) -> Result<String, Refusal> {
        Ok(match self.parameters.get("new_value") {
            Some(Value::String(value)) if !value.is_empty() => value.clone(),
            None | Some(Value::Null) => format!("<{entity}>"),
            Some(value) if is_empty(value) => format!("<{entity}>"),
            Some(_) => {
                return Err(Refusal::invalid("Invalid parameter value for new_value. Expecting 'string'."));
            }
        })
    }

    fn mask(&self, text: &str) -> Result<String, Refusal> {
        let missing = |name: &str| Refusal::invalid(format!("Expected parameter {name}"));
        let wrong = |name: &str, kind: &str| {
            Refusal::invalid(format!("Invalid parameter value for {name}. Expecting '{kind}'."))
        };
        let given = |name: &str| self.parameters.get(name).filter(|value| !value.is_null());
        let mark = given("masking_char").ok_or_else(|| missing("masking_char"))?;
        let mark = mark.as_str().ok_or_else(|| wrong("masking_char", "string"))?;
        if mark.chars().count() > 1 {
            return Err(Refusal::invalid("Invalid input, masking_char must be a character"));
        }
        let many = given("chars_to_mask").ok_or_else(|| missing("chars_to_mask"))?;
        let many = many.as_i64().ok_or_else(|| wrong("chars_to_mask", "number"))?;
        let from_end = given("from_end").ok_or_else(|| missing("from_end"))?;
        let from_end = from_end.as_bool().ok_or_else(|| wrong("from_end", "boolean"))?;
        let length = text.chars().count();
        let many = usize::try_from(many).unwrap_or(0).min(length);
        let masked = mark.repeat(many);
        Ok(if from_end {
            text.chars().take(length - many).collect::<String>() + &masked
        } else {
            masked + &text.chars().skip(many).collect::<String>()
        })
    }

    fn hash(&self, text: &str) -> Result<String, Refusal> {
        let algorithm = match self.parameters.get("hash_type") {
            None => &SHA256,
            Some(Value::String(name)) if name == "sha256" => &SHA256,
            Some(Value::String(name)) if name == "sha512" => &SHA512,
            Some(other) => {
                let name: String = other.as_str().unwrap_or("of another type").chars().take(40).collect();
                let why = format!(
                    "Parameter hash_type value {name} is not in range of values ['sha256', 'sha512']"
                );
                return Err(Refusal::invalid(why));
            }
        };
        let salt = match self.parameters.get("salt") {
            // Without a salt of the caller's nobody can try values out.
            None => {
                let mut salt = vec![0; 32];
                SystemRandom.fill(&mut salt).map_err(|_| Refusal::failed("Internal server error"))?;
                salt
            }
            Some(Value::String(salt)) if salt.len() >= SALT => salt.clone().into_bytes(),
            Some(other) => {
                let length = other.as_str().map_or(0, str::len);
                let why = format!(
                    "Salt must be at least {SALT} bytes (128 bits). Provided salt is {length} bytes."
                );
                return Err(Refusal::invalid(why));
            }
        };
        let mut context = Context::new(algorithm);
        context.update(text.as_bytes());
        context.update(&salt);
        Ok(hex(context.finish().as_ref()))
    }

    fn key(&self) -> Result<Vec<u8>, Refusal> {
        let key = match self.parameters.get("key") {
            None | Some(Value::Null) => return Err(Refusal::invalid("Expected parameter key")),
            Some(Value::String(key)) => key.as_bytes(),
            Some(_) => return Err(Refusal::invalid("Invalid parameter value for key. Expecting 'string'.")),
        };
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(Refusal::invalid("Invalid input, key must be of length 128, 192 or 256 bits"));
        }
        Ok(key.to_vec())
    }
}

/// What Python takes for nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// AES-CBC under a random vector, PKCS #7 padding; the vector and the cipher text in base64 (RFC 4648, section 5).
fn encrypt(key: &[u8], text: &str) -> Result<String, Refusal> {
    let mut iv = [0_u8; BLOCK];
    SystemRandom.fill(&mut iv).map_err(|_| Refusal::failed("Internal server error"))?;
    let plain = text.as_bytes();
    let sealed =
        match key.len() {
            16 => cbc::Encryptor::<Aes128>::new_from_slices(key, &iv)
                .map(|e| e.encrypt_padded_vec::<Pkcs7>(plain)),
            24 => cbc::Encryptor::<Aes192>::new_from_slices(key, &iv)
                .map(|e| e.encrypt_padded_vec::<Pkcs7>(plain)),
            _ => cbc::Encryptor::<Aes256>::new_from_slices(key, &iv)
                .map(|e| e.encrypt_padded_vec::<Pkcs7>(plain)),
        };
    let sealed = sealed.map_err(|_| Refusal::failed("Internal server error"))?;
    Ok(URL_SAFE.encode([iv.as_slice(), &sealed].concat()))
}

fn decrypt(key: &[u8], text: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(text).ok()?;
    let (iv, sealed) = bytes.split_at_checked(BLOCK)?;
    let plain = match key.len() {
        16 => cbc::Decryptor::<Aes128>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
        24 => cbc::Decryptor::<Aes192>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
        _ => cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?.decrypt_padded_vec::<Pkcs7>(sealed),
    };
    String::from_utf8(plain.ok()?).ok()
}
