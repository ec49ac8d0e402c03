//! Finds account numbers: bank accounts, payment cards, billing accounts, guarantor numbers.
//!
//! Payment cards by their form and the Luhn check, IBAN by its form and modulus 97; what a cue names (`acct`,
//! `card`, `IBAN`, `guarantor`) is found whether its check digit holds or not: a typing error still points at a
//! person.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(J).
//!
//! Example: `card 4111 1111 1111 1112` gives the number; `44054006` alone gives nothing.
//!
//! References: ISO/IEC 7812-1 annex B (Luhn); ISO 13616-1 (IBAN).

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digits, luhn, named};
use crate::view::Note;

/// See the page above.
pub(crate) struct Account;

impl ShapeDetector for Account {
    fn id(&self) -> &'static str {
        "phi.account"
    }

    fn source(&self) -> &'static str {
        include_str!("account.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Paid with 4111 1111 1111 1111 today.", "SNOMED 44054006 and 4111 1111 1111 1113.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:acc(?:oun)?t\b\.?(?: (?:no\b\.?|number|#))?|account(?: (?:no\b\.?|number|id))?|(?:(?:credit|debit|prepaid|bank|payment|gift|ebt|store|member) ?)?card(?: (?:no\b\.?|number|#))?|iban|routing|bsb|guarantor(?: (?:no\b\.?|number|id))?|invoice (?:no\b\.?|number|#)|che(?:ck|que) ?(?:no\b\.?|number|#)|usdot|fin(?: (?:no\b\.?|number|#))?(?:: ?| #?)|csn|har(?: (?:no\b\.?|number|#)))",
            ),
            (
                Pass::Numbers,
                r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,7}\b|\b3[47]\d{2}[ -]\d{6}[ -]\d{5}\b|\b\d{13,19}\b",
            ),
            (Pass::Numbers, r"\b[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                // `acct ending in 8812`: the last four.
                let ending = note.cue_after(hit.end, 12, "ending|ends|last four|last 4");
                named(note, hit, if ending { 4 } else { 5 }, Label::ACCOUNT, out);
            }
            1 if luhn(note.slice(hit.start, hit.end))
                && !matches!(note.byte_before(hit.start), b'-' | b'.' | b'/' | b')') =>
            {
                out.push(found(Label::ACCOUNT, hit.start, hit.end, Evidence::Checked));
            }
            2 => {
                let text = note.slice(hit.start, hit.end);
                if digits(text) >= 10 && modulus_97(text) {
                    out.push(found(Label::ACCOUNT, hit.start, hit.end, Evidence::Checked));
                }
            }
            _ => {}
        }
    }
}

/// The IBAN check: the first four characters at the end, letters as 10 to 35, remainder 1.
fn modulus_97(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let Some((head, body)) = plain.split_at_checked(4) else { return false };
    let remainder = body.iter().chain(head).fold(0_u32, |sum, b| match b {
        b'0'..=b'9' => (sum * 10 + u32::from(b - b'0')) % 97,
        _ => (sum * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}
