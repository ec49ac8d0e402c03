//! Tokens: what stands in place of an identifier, and the way back.
//!
//! A token is `lz-` and twenty characters of Crockford's base 32: 100 bits. Under safe harbor and in a limited
//! data set they are random (45 CFR 164.514(c)); under an expert's determination they are a keyed digest of the
//! value and the purpose under the subject's secret. Both are kept in a table with the value sealed under the
//! subject's secret, so that they can be reversed until the subject is shredded.
//!
//! A row is found by a keyed digest of (random or keyed, scope, system, value, purpose), where the scope is the
//! request's domain or else the label's kind. Whose secret keys that digest:
//!
//! | domain | subject of the token | found by |
//! |---|---|---|
//! | `Patient` | the patient the value names | that patient's secret |
//! | none | the subject of the request | its secret, or the installation's if there is none |
//! | any other | the subject of the request | the installation's, so that a reference from a record of another subject or of none gets the same token |
//!
//! What several patients share ([`SHARED_DOMAINS`]) belongs to no subject and outlives their shredding.

use lazaret_core::{Basis, Sensitive, Subject, TokenForm, TokenRequest};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

use crate::envelope::Binding;
use crate::random::random_bytes;
use crate::subjects::{SubjectKeys, bare_id};
use crate::{SqliteVault, VaultFailure};

/// Domains whose things belong to no one patient.
const SHARED_DOMAINS: &[&str] = &[
    "Endpoint",
    "HealthcareService",
    "InsurancePlan",
    "Library",
    "Location",
    "Medication",
    "Organization",
    "OrganizationAffiliation",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "ResearchStudy",
    "Schedule",
    "Slot",
    "Substance",
];
const PATIENT: &str = "Patient";
const PREFIX: &str = "lz-";
/// Crockford's base 32 in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What a token spells: 100 bits, the last four of the thirteen bytes are nought.
pub(crate) type Body = [u8; 13];

/// A token in the cache.
#[derive(Clone, Copy)]
pub(crate) struct Cached {
    body: Body,
    owned: bool,
}

/// What a token stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// Its domain (`Patient`) or the kind of its label (`MRN`).
    pub scope: String,
    /// For which purpose it was made.
    pub purpose: String,
    /// The source system of the value.
    pub system: Sensitive<String>,
    /// The value.
    pub value: Sensitive<String>,
}

/// A request with its scope and its subject made out.
struct Asked<'r> {
    request: &'r TokenRequest<'r>,
    subject: Option<Subject>,
    scope: &'r str,
    system: &'r str,
    value: &'r str,
    purpose: String,
    keyed: bool,
}

impl<'r> Asked<'r> {
    fn of(request: &'r TokenRequest<'r>) -> Self {
        let (mut subject, mut system, mut value) = (request.subject.cloned(), request.system, request.value);
        let mut scope = request.domain;
        if scope == PATIENT {
            value = bare_id(value);
            // The patient the value names, in the system of the record; a subject that is that patient says so.
            if subject.as_ref().is_none_or(|subject| bare_id(subject.id.expose()) != value) {
                let id = Sensitive::new(value.to_owned());
                subject = Some(Subject { system: system.to_owned(), id });
            }
            system = ""; // the subject's own system already tells patients apart
        } else if scope.is_empty() {
            scope = request.label.kind.name();
        } else if SHARED_DOMAINS.contains(&scope) {
            subject = None;
        }
        let purpose = request.purpose.to_string();
        Self { request, subject, scope, system, value, purpose, keyed: request.basis == Basis::Expert }
    }

    /// Whether the row is found the same way from records of any subject.
    fn found_by_installation(&self) -> bool {
        !self.request.domain.is_empty() && self.scope != PATIENT
    }

    fn binding(&self) -> Binding {
        Binding::to(if self.keyed { "keyed token" } else { "random token" })
            .and(self.scope.as_bytes())
            .and(self.system.as_bytes())
            .and(self.value.as_bytes())
            .and(self.purpose.as_bytes())
    }

    /// What is sealed: scope, purpose, system and value, each with its length. Bound to where the row is found
    /// and to the token, so that no two rows can be exchanged.
    fn seal(&self, keys: &SubjectKeys, lookup: &[u8; 16], body: &Body) -> Result<Vec<u8>, VaultFailure> {
        let parts = [self.scope, &self.purpose, self.request.system, self.request.value];
        let length = parts.iter().map(|part| part.len().saturating_add(4)).fold(0, usize::saturating_add);
        let mut plain = Vec::with_capacity(length); // never grows: no copy of the value is left behind
        for part in parts {
            let length = u32::try_from(part.len()).map_err(|_| VaultFailure::TooLarge)?;
            plain.extend_from_slice(&length.to_be_bytes());
            plain.extend_from_slice(part.as_bytes());
        }
        let plain = Sensitive::new(plain);
        Ok(keys.values.seal(&value_binding(lookup, body), plain.expose())?)
    }
}

impl SqliteVault {
    pub(crate) fn make_token(&self, request: &TokenRequest<'_>) -> Result<String, VaultFailure> {
        let asked = Asked::of(request);
        let body = self.attempt(|epoch| self.try_token(epoch, &asked))?;
        let body = crockford(&body);
        Ok(match request.form {
            TokenForm::Id => format!("{PREFIX}{body}"),
            TokenForm::Text => format!("[{} {PREFIX}{body}]", request.label.kind.name()),
        })
    }

    fn try_token(&self, epoch: u64, asked: &Asked<'_>) -> Result<Option<Body>, VaultFailure> {
        let owner = asked.subject.as_ref().map(|subject| self.subject(subject)).transpose()?;
        let owner = owner.as_deref();
        let keys = owner.unwrap_or(&self.keys.installation);
        let finder = if asked.found_by_installation() { &self.keys.installation } else { keys };
        let lookup = finder.lookups.lookup(&asked.binding());
        match self.tokens.get(&lookup) {
            Some(cached) if cached.owned || owner.is_none() => Ok(Some(cached.body)),
            Some(cached) => {
                // First asked for from a record without a subject; from now on it is shredded with this one.
                let sealed = asked.seal(keys, &lookup, &cached.body)?;
                self.write(epoch, |connection| {
                    let mut adopt = connection.prepare_cached(
                        "UPDATE tokens SET owner = ?2, sealed = ?3 WHERE lookup = ?1 AND owner IS NULL",
                    )?;
                    adopt.execute(params![lookup, keys.row, sealed])?;
                    self.tokens.put(lookup, Cached { body: cached.body, owned: true });
                    Ok(cached.body)
                })
            }
            None => self.new_token(epoch, asked, owner, &lookup),
        }
    }

    fn new_token(
        &self,
        epoch: u64,
        asked: &Asked<'_>,
        owner: Option<&SubjectKeys>,
        lookup: &[u8; 16],
    ) -> Result<Option<Body>, VaultFailure> {
        let keys = owner.unwrap_or(&self.keys.installation);
        for number in 0..4_u8 {
            let body = if asked.keyed {
                let digest =
                    keys.derivation.mac("keyed token")?.digest(asked.binding().and(&[number]).bytes());
                spelt(digest.first_chunk::<13>().copied().unwrap_or_default())
            } else {
                spelt(random_bytes()?)
            };
            let (row, sealed) = (owner.map(|owner| owner.row), asked.seal(keys, lookup, &body)?);
            let written = self.write(epoch, |connection| {
                let mut insert = connection.prepare_cached(
                    "INSERT INTO tokens (lookup, token, owner, sealed) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (lookup) DO NOTHING",
                )?;
                match insert.execute(params![lookup, body, row, sealed]) {
                    Ok(1) => {
                        self.tokens.put(*lookup, Cached { body, owned: owner.is_some() });
                        Ok(Written::Made)
                    }
                    Ok(_) => {
                        // It was made before, by this process or another: asked again, it is in the cache.
                        let kept = read_token(connection, lookup)?.ok_or(VaultFailure::Contended)?;
                        self.tokens.put(*lookup, kept);
                        Ok(Written::Before)
                    }
                    Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                        Ok(Written::Taken)
                    }
                    Err(error) => Err(error.into()),
                }
            })?;
            match written {
                None | Some(Written::Before) => return Ok(None),
                Some(Written::Made) => return Ok(Some(body)),
                Some(Written::Taken) => {} // of another value: once in 2^50 tokens
            }
        }
        Err(VaultFailure::Contended)
    }

    /// What a token stands for, given as `lz-…` or `[MRN lz-…]`. Reversing a token is a crossing: the caller
    /// records it first.
    pub fn reveal(&self, token: &str) -> Result<Revealed, VaultFailure> {
        let body = body_of(token).ok_or(VaultFailure::NotAToken)?;
        let row: Option<TokenRow> = {
            let database = self.database()?;
            let mut select = database
                .reading()?
                .prepare_cached("SELECT lookup, owner, sealed FROM tokens WHERE token = ?1")?;
            select
                .query_row([body], |row| {
                    Ok(TokenRow { lookup: row.get(0)?, owner: row.get(1)?, sealed: row.get(2)? })
                })
                .optional()?
        };
        let row = row.ok_or(VaultFailure::UnknownToken)?;
        let sealed = row.sealed.ok_or(VaultFailure::ShreddedToken)?;
        let owner = match row.owner {
            Some(owner) => Some(self.subject_of_row(owner)?.ok_or(VaultFailure::ShreddedToken)?),
            None => None,
        };
        let keys = owner.as_deref().unwrap_or(&self.keys.installation);
        let plain = keys.values.open(&value_binding(&row.lookup, &body), &sealed);
        let plain = plain.map_err(VaultFailure::not_opened("a token's value"))?;
        parse_plain(plain.expose()).ok_or(VaultFailure::NotOpened { what: "a token's value" })
    }
}

fn read_token(connection: &Connection, lookup: &[u8; 16]) -> Result<Option<Cached>, VaultFailure> {
    let mut select =
        connection.prepare_cached("SELECT token, owner IS NOT NULL FROM tokens WHERE lookup = ?1")?;
    let row = select.query_row([lookup], |row| Ok(Cached { body: row.get(0)?, owned: row.get(1)? }));
    Ok(row.optional()?)
}

enum Written {
    Made,
    Before,
    Taken,
}

struct TokenRow {
    lookup: [u8; 16],
    owner: Option<i64>,
    sealed: Option<Vec<u8>>,
}

fn value_binding(lookup: &[u8; 16], body: &Body) -> Binding {
    Binding::to("token value").and(lookup).and(body)
}

fn parse_plain(plain: &[u8]) -> Option<Revealed> {
    let mut rest = plain;
    let mut part = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, after) = after.split_at_checked(length)?;
        rest = after;
        String::from_utf8(part.to_vec()).ok()
    };
    let (scope, purpose) = (part()?, part()?);
    Some(Revealed { scope, purpose, system: Sensitive::new(part()?), value: Sensitive::new(part()?) })
}

/// The token in a text, given as `lz-…` or `[MRN lz-…]`, written without what stands around it. None: it is none, and
/// may be a value that somebody took for one.
pub fn token_in(text: &str) -> Option<String> {
    Some(format!("{PREFIX}{}", crockford(&body_of(text)?)))
}

fn body_of(token: &str) -> Option<Body> {
    let token = token.trim();
    let token = match token.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.rsplit(' ').next()?,
        None => token,
    };
    let body = token.strip_prefix(PREFIX)?.as_bytes();
    let mut bits = 0_u128;
    for letter in <&[u8; 20]>::try_from(body).ok()? {
        bits = bits << 5 | ALPHABET.iter().position(|known| known == letter)? as u128;
    }
    (bits << 28).to_be_bytes().first_chunk::<13>().copied()
}

/// Thirteen bytes without the four bits that a token does not spell.
fn spelt(mut bytes: Body) -> Body {
    bytes[12] &= 0xf0;
    bytes
}

/// The first 100 bits in Crockford's base 32.
#[expect(clippy::indexing_slicing, reason = "five bits are below 32, the length of the alphabet")]
pub(crate) fn crockford(bytes: &Body) -> String {
    let bits = bytes.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte)) >> 4; // 104 bits to 100
    (0..20).rev().map(|place| char::from(ALPHABET[(bits >> (place * 5) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_spells_its_hundred_bits(bytes in any::<[u8; 13]>()) {
            let text = format!("{PREFIX}{}", crockford(&bytes));
            prop_assert_eq!(body_of(&text), Some(spelt(bytes)));
            prop_assert_eq!(body_of(&format!(" [HEALTH_PLAN {text}]")), Some(spelt(bytes)));
            prop_assert_eq!(body_of(&text.to_uppercase()), None);
            prop_assert_eq!(token_in(&format!("[somebody's name {text}]")), Some(text));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,40}") {
            let _ = body_of(&text);
            let _ = body_of(&format!("{PREFIX}{text}"));
        }

        #[test]
        fn any_opened_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_plain(&bytes);
        }
    }
}
