//! The words of a file of rules: names, ids, formats, digests, and what is said of one that is none.

use strsim::levenshtein;

use crate::callables::documents::{self, judge};
use crate::callables::{Effect, effect_of, sounds_dangerous};
use crate::registry;

/// What is longer than any word is near none.
const LONGEST_WORD: usize = 100;

/// `ourlab.layers.Attention`, or `ourlab.layers:Outer.Inner`, as module and name.
pub(super) fn parts_of(name: &str) -> Result<(&str, &str), String> {
    if name.contains('*') {
        return Err(format!(
            "`{name}`: no package is trusted by the beginning of its names; list each by its exact name. Code of a package \
             is looked for with `package` in a `[[rule]]`"
        ));
    }
    let parts = name.split_once(':').or_else(|| name.rsplit_once('.'));
    let is_dotted = |text: &str| text.split('.').all(is_step);
    match parts {
        Some((module, name)) if is_dotted(module) && is_dotted(name) => Ok((module, name)),
        _ => Err(format!("`{name}` is no name of a class or function: `package.module.name`")),
    }
}

pub(super) fn is_step(step: &str) -> bool {
    let mut letters = step.chars();
    letters.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && letters.all(|c| c == '_' || c.is_alphanumeric())
}

/// Every module and name that a dotted name may be read as.
pub(super) fn splits(dotted: &str) -> Vec<(&str, &str)> {
    dotted
        .match_indices('.')
        .filter_map(|(at, _)| Some((dotted.get(..at)?, dotted.get(at.saturating_add(1)..)?)))
        .collect()
}

/// Whether the hospital may call it harmless: what is known to be dangerous, or says so by its name, it may not.
pub(super) fn may_construct(module: &str, name: &str) -> Result<(), String> {
    use Effect::{Dangerous, Doubtful, Dunder, Holder, Plain, Unknown};
    const WAY_OUT: &str = "allow the files that need it by their `sha256`";
    match effect_of(module, name) {
        Dangerous(does) => return Err(format!("{does}: no entry makes it harmless; {WAY_OUT}")),
        Dunder => return Err(format!("is a way round every list of names; {WAY_OUT}")),
        Doubtful | Holder => return Err(format!("calls or keeps what it is given; {WAY_OUT}")),
        Plain | Unknown => {}
    }
    if let documents::Effect::Dangerous(does) = judge(module, name) {
        return Err(format!("{does}: no entry makes it harmless; {WAY_OUT}"));
    }
    if sounds_dangerous(name) {
        return Err(format!("runs, loads, reads or writes something by its own name; {WAY_OUT}"));
    }
    Ok(())
}

pub(super) fn is_own_id(id: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    id.len() <= 80 && id.strip_prefix("user.").is_some_and(|name| name.split(['-', '.']).all(is_word))
}

/// What is said of a word that is no format, if it is none.
pub(super) fn no_format(word: &str) -> Option<String> {
    let known = registry::formats();
    let mut ids: Vec<&str> = known.iter().map(|format| format.id.0).collect();
    ids.extend(registry::other_formats().map(|id| id.0));
    if ids.contains(&word) {
        return None;
    }
    Some(match nearest(word, ids.into_iter()) {
        Some(near) => format!("no format `{word}`; did you mean `{near}`?"),
        None => format!("no format `{word}`; `lazaret models formats` lists them"),
    })
}

/// What is said of a word that is none of the known ones.
pub(super) fn no_such<'k>(what: &str, word: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    const MOST: usize = 12;
    if let Some(near) = nearest(word, known.clone()) {
        return format!("no {what} `{word}`; did you mean `{near}`?");
    }
    let mut all: Vec<&str> = known.collect();
    all.sort_unstable();
    if all.len() > MOST {
        return format!("no {what} `{word}`; `lazaret explain` lists them");
    }
    format!("no {what} `{word}`; there are {}", all.join(", "))
}

/// The nearest known word, if any is near.
fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let (distance, near) = known.map(|known| (levenshtein(word, known), known)).min()?;
    (distance <= word.chars().count() / 3 + 1).then_some(near)
}

pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if digits.len() == 64 { bytes.try_into().ok() } else { None }
}
