//! Names of persons, as they stand in orders: where two agree, they are two.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::{MixedScript, skeleton};

use crate::commands::phi::visible::acts;

/// Whether two names name one person: written otherwise, or so that nobody tells them apart.
pub(crate) fn is_one_person(one: &str, two: &str) -> bool {
    let (one, two) = (folded(one), folded(two));
    // Digits and letters of ASCII that look alike are told apart by who types them.
    one == two || (!(one.is_ascii() && two.is_ascii()) && skeleton(&one).eq(skeleton(&two)))
}

fn folded(name: &str) -> String {
    let composed: String = name.nfkc().collect();
    composed.to_lowercase().nfkc().filter(|c| !c.is_whitespace() && !acts(*c)).collect()
}

/// A name that says who it is: nothing in it is hidden, and no word has letters of several scripts, which look alike.
pub(crate) fn check_person(name: &str) -> Result<(), String> {
    if name.chars().any(acts) {
        return Err("a person's name has nothing invisible in it".to_owned());
    }
    if !name.split_whitespace().all(MixedScript::is_single_script) {
        return Err("a word of a person's name has letters of one script".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_one_however_the_name_is_written() {
        for (one, two) in [
            ("a.b", "A.B "),
            ("ana  li", "ana li"),
            ("a.b", "\u{ff41}.b"),
            ("a.b", "a\u{200b}.b"),
            ("a.b", "\u{430}.b"),
            ("J. \u{c5}ngstr\u{f6}m", "j. A\u{30a}ngstro\u{308}m"),
        ] {
            assert!(is_one_person(one, two), "{one} {two}");
        }
        for (one, two) in
            [("a.b", "a.c"), ("ward1", "wardl"), ("m.osei", "a.reyes"), ("\u{674e}", "\u{738b}")]
        {
            assert!(!is_one_person(one, two), "{one} {two}");
        }
    }

    #[test]
    fn a_name_hides_nothing_and_mixes_no_scripts() {
        for good in [
            "ana",
            "J. \u{c5}ngstr\u{f6}m",
            "O\u{2019}Neill",
            "\u{674e} Li",
            "\u{410}\u{43d}\u{43d}\u{430}",
            "m.osei-2",
        ] {
            assert_eq!(check_person(good), Ok(()), "{good}");
        }
        for bad in ["a\u{200b}na", "\u{430}na", "a.\u{432}", "ana\u{2060}"] {
            assert!(check_person(bad).is_err(), "{bad}");
        }
    }
}
