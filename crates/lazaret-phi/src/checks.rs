//! Check digits of national numbers, and how such numbers are written in groups.

use crate::value::digit_values;
use crate::view::Note;

/// The end of exactly `count` letters and digits from `start` on, in groups parted by single blanks, dots, hyphens or
/// slashes. None if there are more or fewer.
pub(crate) fn grouped(note: &Note<'_>, start: usize, count: usize) -> Option<usize> {
    let (mut at, mut seen) = (start, 0);
    while seen < count {
        let b = note.byte(at);
        if b.is_ascii_alphanumeric() {
            seen += 1;
        } else if !(matches!(b, b' ' | b'.' | b'-' | b'/')
            && seen > 0
            && note.byte(at + 1).is_ascii_alphanumeric())
        {
            return None;
        }
        at += 1;
    }
    (!note.byte(at).is_ascii_alphanumeric()).then_some(at)
}

/// Whether the letters of a text are all capitals: shapes are matched in any case.
pub(crate) fn capitals(text: &str) -> bool {
    !text.bytes().any(|b| b.is_ascii_lowercase())
}

/// The letters and digits of a text.
pub(crate) fn signs(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect()
}

/// The digits weighted and summed.
pub(crate) fn weighted(text: &str, weights: &[u32]) -> u32 {
    digit_values(text).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Ten digits whose sum under the weights 10 to 1 is a multiple of 11: NHS, CHI and H&C numbers.
pub(crate) fn modulus_11(text: &str) -> bool {
    weighted(text, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// ISO/IEC 7064, MOD 11,10: the last digit is the check.
pub(crate) fn iso_7064_mod_11_10(text: &str) -> bool {
    let digits: Vec<u32> = digit_values(text).collect();
    let Some((check, head)) = digits.split_last() else { return false };
    let product = head.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// The last of thirteen digits under the weights 1 and 3 (GS1 General Specifications, 7.9).
pub(crate) fn ean_13(text: &str) -> bool {
    weighted(text, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// The number that the digits of a text make, if it is not too long.
pub(crate) fn number(text: &str) -> Option<u64> {
    digit_values(text).try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit)))
}

/// A letter of the alphabet as its place, from 1.
pub(crate) fn letter(sign: u8) -> Option<u32> {
    sign.is_ascii_uppercase().then(|| u32::from(sign - b'A') + 1)
}

/// The sum of the digits of a number below 100.
pub(crate) const fn cross_sum(number: u32) -> u32 {
    number / 10 + number % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_hold_and_fail_when_a_digit_changes() {
        assert!(modulus_11("943 476 5919") && !modulus_11("943 476 5918"));
        assert!(iso_7064_mod_11_10("86095742719") && !iso_7064_mod_11_10("86095742718"));
        assert!(ean_13("756.9217.0769.85") && !ean_13("756.9217.0769.84"));
    }

    #[test]
    fn a_grouped_number_has_exactly_its_signs() {
        let note = Note::new("1 85 05 78 006 084 91, then");
        assert_eq!(grouped(&note, 0, 15), Some(21));
        assert_eq!(grouped(&note, 0, 14), None);
        assert_eq!(grouped(&note, 0, 16), None);
    }
}
