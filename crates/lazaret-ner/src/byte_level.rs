//! What a byte-level BPE tokenizer is made of, as `RoBERTa` has it: `tokenizer.json`, or `vocab.json` and `merges.txt`. A text
//! is split by one fixed pattern (a blank goes with the word after it), its bytes are written as characters, and what
//! stands together most often in the model's training is merged. It has a piece for each byte, so no text is unknown to it.

use ahash::AHashMap;
use lazaret_core::Limits;
use lazaret_input::json::{JsonKind, Node};
use tokenizers::models::bpe::BPE;

use crate::config::{document, whole};
use crate::error::ModelError;
use crate::tokens::{TOKENIZER, TOKENIZER_CONFIG, kind, only_special, within};

pub(crate) const VOCABULARY: &str = "vocab.json";
pub(crate) const MERGES: &str = "merges.txt";

/// The parts, checked.
pub(crate) struct Parts {
    pub(crate) model: BPE,
    /// Whether the first word is read as if a blank stood before it.
    pub(crate) prefix: bool,
    /// What stands before and after every window.
    pub(crate) opens: u32,
    pub(crate) closes: u32,
}

impl Parts {
    /// From the document of `tokenizer.json`.
    pub(crate) fn from_json(root: Node<'_, '_>, most: usize) -> Result<Self, ModelError> {
        let wrong = |why: &str| ModelError::malformed(TOKENIZER, why);
        let model = root.get("model").ok_or_else(|| wrong("has no `model`"))?;
        if kind(Some(model)).map_or_else(|| model.get("merges").is_none(), |name| name != "BPE") {
            return Err(wrong("its `model` is not of type BPE"));
        }
        if !is_none(root.get("normalizer")) {
            return Err(wrong("has a `normalizer`: a byte-level BPE reads text as it is"));
        }
        let splits = root.get("pre_tokenizer");
        if kind(splits) != Some("ByteLevel") {
            return Err(wrong("its `pre_tokenizer` is not of type ByteLevel"));
        }
        let flag = |node: Option<Node<'_, '_>>, otherwise: bool| {
            node.map_or(Some(otherwise), |node| node.as_bool())
                .ok_or_else(|| wrong("its `pre_tokenizer` has a setting that is neither true nor false"))
        };
        let split = |key: &str, otherwise| flag(splits.and_then(|node| node.get(key)), otherwise);
        if !split("use_regex", true)? {
            return Err(wrong("its `pre_tokenizer` does not split by the pattern of RoBERTa (`use_regex`)"));
        }
        // What changes which pieces a word has, and RoBERTa does not have
        for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
            let node = model.get(key);
            if !is_none(node) && node.and_then(|node| node.as_str()) != Some("") {
                return Err(wrong(&format!("its `model` has a `{key}`")));
            }
        }
        for key in ["byte_fallback", "ignore_merges"] {
            if model.get(key).is_some_and(|node| node.as_bool() != Some(false)) {
                return Err(wrong(&format!("its `model` has `{key}`")));
            }
        }
        only_special(root)?;
        let words = vocabulary(TOKENIZER, model.get("vocab"), most)?;
        let mut merges = Vec::new();
        for (number, merge) in model.get("merges").into_iter().flat_map(|list| list.items()).enumerate() {
            // Either form: "a b", or ["a", "b"]
            let two: Vec<&str> = match merge.as_str() {
                Some(text) => text.split(' ').collect(),
                None => merge.items().filter_map(|node| node.as_str()).collect(),
            };
            let [first, second] = two.as_slice() else {
                return Err(wrong(&format!("entry {number} of its `merges` is not two pieces")));
            };
            merges.push(((*first).to_owned(), (*second).to_owned()));
        }
        Self::of(TOKENIZER, TOKENIZER, words, merges, split("add_prefix_space", true)?)
    }

    /// From `vocab.json`, `merges.txt` with two pieces a line, and `tokenizer_config.json` where there is one.
    pub(crate) fn from_lists(
        vocabulary_bytes: &[u8],
        merges: &[u8],
        config: Option<&[u8]>,
        most: usize,
        limits: &Limits,
    ) -> Result<Self, ModelError> {
        let document = |file, bytes| document(file, bytes, limits);
        let words = vocabulary(VOCABULARY, Some(document(VOCABULARY, vocabulary_bytes)?.root()), most)?;
        let list = std::str::from_utf8(merges).map_err(|error| {
            ModelError::malformed(MERGES, format!("is not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        let mut merges = Vec::new();
        for (line, number) in list.lines().zip(1_u64..) {
            if line.is_empty() || (number == 1 && line.starts_with("#version")) {
                continue;
            }
            let two = line.split_once(' ').filter(|(_, second)| !second.contains(' '));
            let (first, second) = two.ok_or_else(|| {
                ModelError::malformed(MERGES, format!("line {number} is not two pieces with a blank between"))
            })?;
            merges.push((first.to_owned(), second.to_owned()));
        }
        let prefix = match config {
            Some(bytes) => {
                let document = document(TOKENIZER_CONFIG, bytes)?;
                let flag = document.root().get("add_prefix_space").map_or(Some(false), |node| node.as_bool());
                flag.ok_or_else(|| {
                    let why = "`add_prefix_space` is neither true nor false";
                    ModelError::malformed(TOKENIZER_CONFIG, why)
                })?
            }
            None => false,
        };
        Self::of(VOCABULARY, MERGES, words, merges, prefix)
    }

    fn of(
        file: &'static str,
        file_of_merges: &'static str,
        words: AHashMap<String, u32>,
        merges: Vec<(String, String)>,
        prefix: bool,
    ) -> Result<Self, ModelError> {
        let id = |word: &str| {
            let id = words.get(word).copied();
            id.ok_or_else(|| ModelError::malformed(file, format!("has no `{word}` in its vocabulary")))
        };
        let (opens, closes) = (id("<s>")?, id("</s>")?);
        // A byte without a piece would be passed over, and with it a part of the text.
        for byte in 0..=u8::MAX {
            if !words.contains_key(character(byte).encode_utf8(&mut [0; 4])) {
                return Err(ModelError::malformed(file, format!("has no piece for the byte {byte:#04x}")));
            }
        }
        // The library trusts that what a merge makes is a piece.
        for (number, (first, second)) in merges.iter().enumerate() {
            if ![first, second, &format!("{first}{second}")]
                .into_iter()
                .all(|piece| words.contains_key(piece))
            {
                let why =
                    format!("merge {number}: its two pieces, or what they make, are not in the vocabulary");
                return Err(ModelError::malformed(file_of_merges, why));
            }
        }
        let model = BPE::builder()
            .vocab_and_merges(words, merges)
            .cache_capacity(0) // it would hold words of the texts
            .build()
            .map_err(|error| ModelError::malformed(file, error.to_string()))?;
        Ok(Self { model, prefix, opens, closes })
    }
}

fn is_none(node: Option<Node<'_, '_>>) -> bool {
    node.is_none_or(|node| node.kind() == JsonKind::Null)
}

/// Pieces by their ids; the model has `most`.
fn vocabulary(
    file: &'static str,
    node: Option<Node<'_, '_>>,
    most: usize,
) -> Result<AHashMap<String, u32>, ModelError> {
    let mut words = AHashMap::new();
    for member in node.into_iter().flat_map(|node| node.members()) {
        let id = whole(member.value).and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| {
            ModelError::malformed(file, "its vocabulary has an id that is not a whole number")
        })?;
        within(file, id, most)?;
        words.insert(member.key.to_owned(), id);
    }
    Ok(words)
}

/// The character that a byte is written as (GPT-2): printable ones as they are, the others from U+0100 on in their order.
fn character(byte: u8) -> char {
    let is_printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if is_printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|byte| !is_printable(*byte)).count();
    u32::try_from(before).ok().and_then(|before| char::from_u32(0x100 + before)).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Architecture;
    use crate::tokens::Tokens;

    const FILE: &[u8] = include_bytes!("../../../testdata/ner/roberta/tokenizer.json");
    const WORDS: &[u8] = include_bytes!("../../../testdata/ner/roberta/vocab.json");
    const PAIRS: &[u8] = include_bytes!("../../../testdata/ner/roberta/merges.txt");
    const MOST: usize = 299;

    fn read(bytes: &[u8], most: usize) -> Result<Tokens, String> {
        let read = Tokens::from_json(bytes, Architecture::Roberta, most, &Limits::default());
        read.map_err(|error| error.to_string())
    }

    fn lists(words: &[u8], merges: &[u8], config: Option<&[u8]>) -> Result<Tokens, String> {
        let read = Parts::from_lists(words, merges, config, MOST, &Limits::default());
        read.map(Tokens::of_bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn each_byte_has_a_character_of_its_own() {
        let all: BTreeSet<char> = (0..=u8::MAX).map(character).collect();
        assert_eq!(all.len(), 256);
        let some = [b' ', b'\n', b'!', 0x7f, 0xa0, 0xad, 0xff].map(character);
        assert_eq!(some, ['\u{120}', '\u{10a}', '!', '\u{121}', '\u{142}', '\u{143}', '\u{ff}']);
    }

    #[test]
    fn characters_of_several_pieces_are_whole_and_blanks_are_of_no_word() {
        let tokens = read(FILE, MOST).unwrap();
        let text = "Seen\u{a0}by M\u{fc}\u{1f600} <s>\n";
        let pieces = tokens.pieces(text).unwrap();
        let seen: Vec<_> = pieces.iter().map(|p| (text.get(p.start..p.end).unwrap(), p.first)).collect();
        let wanted = [
            ("Seen", true),
            ("", true), // the blank that does not break is two bytes
            ("", false),
            ("b", true),
            ("y", false),
            ("", true),
            ("M", false),
            ("\u{fc}", false),
            ("\u{fc}", false),
            ("\u{1f600}", true),
            ("\u{1f600}", false),
            ("\u{1f600}", false),
            ("\u{1f600}", false),
            ("", true),
            ("<", false),
            ("s", true),
            (">", true),
            ("", true),
        ];
        assert_eq!(seen, wanted);
        assert!(pieces.iter().all(|piece| piece.id != tokens.opens), "a tag in a text is three signs");
        let listed = lists(WORDS, PAIRS, None).unwrap();
        assert_eq!(listed.pieces(text).unwrap(), pieces);
        assert_eq!((listed.opens, listed.closes), (tokens.opens, tokens.closes));
    }

    #[test]
    fn a_first_word_is_read_with_a_blank_where_the_model_was_trained_so() {
        let prefixed = lists(WORDS, PAIRS, Some(br#"{"add_prefix_space": true}"#)).unwrap();
        let plain = lists(WORDS, PAIRS, Some(b"{}")).unwrap();
        let ids = |tokens: &Tokens, text: &str| -> Vec<(u32, usize, usize)> {
            tokens.pieces(text).unwrap().iter().map(|p| (p.id, p.start, p.end)).collect()
        };
        let (with, without) = (ids(&prefixed, "ward\u{e9}"), ids(&plain, "ward\u{e9}"));
        assert!(with.len() == 2 && without.len() > 2, "{with:?} {without:?}");
        assert_eq!((with[0].1, with[0].2, with[1].1, with[1].2), (0, 4, 4, 6));
        let blank = ids(&plain, " ward\u{e9}");
        assert_eq!(blank, [(with[0].0, 1, 5), (with[1].0, 5, 7)]);
        assert_eq!(ids(&prefixed, " ward\u{e9}"), blank);
    }

    #[test]
    fn a_long_text_has_the_pieces_it_has_in_parts() {
        let tokens = read(FILE, MOST).unwrap();
        let part = "Seen  by Dr Quilvermoor\n\n on ward\u{a0}\u{533b}, fever ";
        let count = 20_000 / part.len();
        let whole = tokens.pieces(&part.repeat(count)).unwrap();
        let first = tokens.pieces(&format!("{part}Seen")).unwrap();
        // But for the first, each part begins with the blank of the one before.
        let second: Vec<u32> =
            tokens.pieces(&format!("{part}{part}")).unwrap().iter().map(|p| p.id).collect();
        let of_one = second.len() - first.len() + 1;
        let ids: Vec<u32> = whole.iter().map(|piece| piece.id).collect();
        let tail = &second[second.len() - of_one..];
        for (number, chunk) in ids[second.len() - of_one..].chunks(of_one).take(count - 2).enumerate() {
            assert_eq!(chunk, tail, "{number}");
        }
    }

    fn good() -> Value {
        serde_json::from_str(std::str::from_utf8(FILE).unwrap()).unwrap()
    }

    #[test]
    fn what_is_no_such_tokenizer_is_refused_by_name() {
        let byte_level = |key: &str, value: Value| {
            let mut node = good()["pre_tokenizer"].clone();
            node[key] = value;
            ("pre_tokenizer", node)
        };
        let bpe = |key: &str, value: Value| {
            let mut node = good()["model"].clone();
            node[key] = value;
            ("model", node)
        };
        for ((part, value), why) in [
            (bpe("type", json!("WordPiece")), "`model` is not of type BPE"),
            (bpe("type", json!(null)), ""),
            (bpe("dropout", json!(0.1)), "`model` has a `dropout`"),
            (bpe("end_of_word_suffix", json!("</w>")), "has a `end_of_word_suffix`"),
            (bpe("byte_fallback", json!(true)), "`model` has `byte_fallback`"),
            (bpe("ignore_merges", json!(1)), "`model` has `ignore_merges`"),
            (bpe("merges", json!(["S e", "Se"])), "entry 1 of its `merges` is not two pieces"),
            (bpe("merges", json!([["S", "e", "e"]])), "entry 0 of its `merges` is not two pieces"),
            (bpe("merges", json!(["S zzzzzzzzzzzzzzzz"])), "merge 0: its two pieces, or what they make"),
            (bpe("merges", json!([["q", "x"]])), "merge 0: its two pieces, or what they make"),
            (bpe("merges", json!(["S e", ["Se", "e"]])), ""),
            (bpe("vocab", json!({"<s>": 0, "</s>": 2, "a": 3})), "has no piece for the byte 0x00"),
            (bpe("vocab", json!({"a": 3})), "has no `<s>`"),
            (bpe("vocab", json!({"a": "x"})), "an id that is not a whole number"),
            (("normalizer", json!({"type": "NFC"})), "has a `normalizer`"),
            (("pre_tokenizer", json!({"type": "Metaspace"})), "`pre_tokenizer` is not of type ByteLevel"),
            (byte_level("use_regex", json!(false)), "(`use_regex`)"),
            (byte_level("add_prefix_space", json!(1)), "neither true nor false"),
            (
                ("added_tokens", json!([{"content": "x", "special": false}])),
                "`added_tokens` that are not special",
            ),
        ] {
            let mut json = good();
            json[part] = value;
            match read(json.to_string().as_bytes(), MOST) {
                Ok(_) => assert_eq!(why, "", "{part}"),
                Err(error) => {
                    assert!(!why.is_empty() && error.contains(why), "{why}: {error}");
                    assert!(error.starts_with("tokenizer.json: "), "{error}");
                }
            }
        }
        assert!(read(FILE, 298).err().unwrap().contains("an id of 298, and `vocab_size`"));
        for (merges, config, why) in [
            ("#version: 0.2\na b c\n", None, "merges.txt: line 2 is not two pieces"),
            ("S\n", None, "merges.txt: line 1 is not two pieces"),
            ("S e\nq x\n", None, "merges.txt: merge 1: "),
            ("", Some(&b"{\"add_prefix_space\": 1}"[..]), "tokenizer_config.json: `add_prefix_space`"),
        ] {
            let error = lists(WORDS, merges.as_bytes(), config).err().unwrap();
            assert!(error.starts_with(why), "{error}");
        }
        assert!(lists(b"{", PAIRS, None).err().unwrap().starts_with("vocab.json: "));
        assert!(lists(WORDS, b"\xff", None).err().unwrap().starts_with("merges.txt: is not UTF-8"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_text_is_split_in_order_on_boundaries_and_nothing_is_left_out(
            text in "(?s)(Seen |fever|[a-z \\n]|\\PC|\u{301}|\u{200b}|\u{533b}|\u{1f600}){0,60}",
            times in 1_usize..200,
            prefix in any::<bool>(),
        ) {
            let text = text.repeat(times);
            let config = format!("{{\"add_prefix_space\": {prefix}}}");
            let tokens = lists(WORDS, PAIRS, Some(config.as_bytes())).unwrap();
            let (mut last, mut covered) = (0, 0);
            for piece in tokens.pieces(&text).unwrap() {
                prop_assert!(piece.start <= piece.end && last <= piece.start, "{piece:?}");
                prop_assert!(text.get(piece.start..piece.end).is_some());
                // What lies between two pieces is white space.
                prop_assert!(text.get(covered.min(piece.start)..piece.start).unwrap().trim().is_empty());
                (last, covered) = (piece.start, covered.max(piece.end));
            }
            prop_assert!(text.get(covered..).unwrap().trim().is_empty());
        }
    }
}
