//! Made-up values of the same shape: the same seed and value give the same one.

use lazaret_core::{KeyedDigest, Kind, Label};

/// A value of the same shape: digits for digits, letters for letters, names for words of a name. None for kinds
/// whose made-up values would mislead (dates, ages, places).
pub(crate) fn surrogate(label: Label, text: &str, seed: &KeyedDigest) -> Option<String> {
    let mut stream = Stream::new(seed, label, text);
    match label.kind {
        Kind::Name => Some(name(text, &mut stream)),
        Kind::Mrn
        | Kind::Ssn
        | Kind::Account
        | Kind::HealthPlan
        | Kind::License
        | Kind::Vehicle
        | Kind::Device
        | Kind::Biometric
        | Kind::OtherId
        | Kind::Phone
        | Kind::Fax => Some(shape(text, &mut stream)),
        Kind::Email => {
            let (local, _) = text.split_once('@')?;
            Some(format!("{}@mail.example", shape(local, &mut stream)))
        }
        _ => None,
    }
}

/// Digits and letters each give way to another of their class; signs stay.
fn shape(text: &str, stream: &mut Stream) -> String {
    text.chars()
        .map(|c| {
            let pick = |first: u8, many: u32, stream: &mut Stream| {
                char::from(first + u8::try_from(stream.below(many)).unwrap_or(0))
            };
            match c {
                '0'..='9' => pick(b'0', 10, stream),
                'a'..='z' => pick(b'a', 26, stream),
                'A'..='Z' => pick(b'A', 26, stream),
                other if other.is_alphanumeric() => pick(b'a', 26, stream),
                other => other,
            }
        })
        .collect()
}

/// Each word of a name gives way to one of an own list, in its case; initials stay initials.
fn name(text: &str, stream: &mut Stream) -> String {
    const WORDS: [&str; 32] = [
        "alder",
        "birch",
        "cedar",
        "dovetail",
        "elmwood",
        "fernley",
        "gorse",
        "heathley",
        "ivywood",
        "juniperley",
        "kestrel",
        "larch",
        "mallow",
        "nettle",
        "oakhurst",
        "poplar",
        "quillon",
        "rowanley",
        "sorrel",
        "thistle",
        "umber",
        "vetch",
        "willowby",
        "yarrow",
        "zinnia",
        "bracken",
        "cobbleby",
        "dunlin",
        "egret",
        "flaxen",
        "goosander",
        "harrier",
    ];
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String, stream: &mut Stream| {
        let letters = word.chars().count();
        let upper = letters > 1 && word.chars().all(|c| !c.is_lowercase());
        let capital = word.chars().next().is_some_and(char::is_uppercase);
        if letters == 1 {
            out.push_str(&shape(word, stream));
        } else if letters > 1 {
            let pick = WORDS.get(usize::try_from(stream.below(32)).unwrap_or(0)).copied().unwrap_or("alder");
            let mut chars = pick.chars();
            match (upper, capital, chars.next()) {
                (true, _, _) => out.push_str(&pick.to_uppercase()),
                (false, true, Some(first)) => {
                    out.push(first.to_ascii_uppercase());
                    out.push_str(chars.as_str());
                }
                _ => out.push_str(pick),
            }
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            flush(&mut word, &mut out, stream);
            out.push(c);
        }
    }
    flush(&mut word, &mut out, stream);
    out
}

/// A stream of numbers from the seed (`SplitMix64` over the digest and the value): no secret beyond the seed's.
struct Stream(u64);

impl Stream {
    fn new(seed: &KeyedDigest, label: Label, text: &str) -> Self {
        let bytes =
            seed.0.iter().copied().chain(label.kind.name().bytes()).chain(text.to_lowercase().into_bytes());
        Self(
            bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(most)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_has_the_shape_and_depends_on_the_seed() {
        let (a, b) = (KeyedDigest([1; 32]), KeyedDigest([2; 32]));
        let made = surrogate(Label::MRN, "HN-7714 0036", &a).unwrap();
        assert_eq!(made.len(), 12);
        assert_eq!((made.as_bytes()[2], made.as_bytes()[7]), (b'-', b' '));
        assert_eq!(surrogate(Label::MRN, "HN-7714 0036", &a).unwrap(), made);
        assert_ne!(surrogate(Label::MRN, "HN-7714 0036", &b).unwrap(), made);
        let name = surrogate(Label::PATIENT, "VANE, Quill Q.", &a).unwrap();
        assert!(name.contains(", ") && name.ends_with('.') && name.starts_with(char::is_uppercase));
        assert_eq!(surrogate(Label::CITY, "Fernmere", &a), None);
    }
}
