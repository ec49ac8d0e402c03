//! A text as the pieces of words that the model was trained with, each with its place.
//!
//! `WordPiece` over BERT's splitting, or byte-level BPE (`byte_level`), by Hugging Face's own code; of `tokenizer.json` only
//! what such a tokenizer is made of is taken, so that no pattern or added token of a file meets a text. `[SEP]` in a text is
//! a bracket, a word and a bracket.

use std::borrow::Cow;

use ahash::AHashMap;
use lazaret_core::{DetectorError, Limits};
use lazaret_input::json::Node;
use tokenizers::Tokenizer;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::byte_level;
use crate::config::{Architecture, document, whole};
use crate::error::ModelError;

pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const VOCABULARY: &str = "vocab.txt";
pub(crate) const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Bytes of text that are split at once: what the library keeps for each piece is many times a piece of ours.
const CHUNK: usize = 8 << 10;
/// Longest word that is looked up in pieces, in characters: the time for a word grows with its square.
const LONGEST_WORD: usize = 1_000;

/// A piece of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) id: u32,
    /// Where it stands in the text, in bytes, without the white space around it. A character of several pieces is whole in each
    /// of them; a piece of white space is empty.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// It begins a word.
    pub(crate) first: bool,
}

/// The tokenizer of a model.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    splits: Splits,
    /// What stands before and after every window.
    pub(crate) opens: u32,
    pub(crate) closes: u32,
}

/// How blanks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Splits {
    /// They are of no piece.
    AtBlanks,
    /// A blank is of the word after it; where it says so, the first word has one in any case.
    BeforeBlanks { prefix: bool },
}

/// What a tokenizer is made of.
struct Parts {
    words: AHashMap<String, u32>,
    unknown: String,
    prefix: String,
    longest: usize,
    normalizer: BertNormalizer,
}

/// Whether an id is one of the model's: it has `most`.
pub(crate) fn within(file: &'static str, id: u32, most: usize) -> Result<(), ModelError> {
    if usize::try_from(id).is_ok_and(|id| id < most) {
        return Ok(());
    }
    Err(ModelError::malformed(file, format!("has an id of {id}, and `vocab_size` of config.json is {most}")))
}

/// The `type` of a part.
pub(crate) fn kind<'d>(node: Option<Node<'d, '_>>) -> Option<&'d str> {
    node?.get("type")?.as_str()
}

/// Whether what was added to the pieces is tags alone.
pub(crate) fn only_special(root: Node<'_, '_>) -> Result<(), ModelError> {
    let added = root.get("added_tokens").into_iter().flat_map(|list| list.items());
    if added.into_iter().all(|token| token.get("special").and_then(|node| node.as_bool()) == Some(true)) {
        return Ok(());
    }
    let why = "has `added_tokens` that are not special: words added after training are not read";
    Err(ModelError::malformed(TOKENIZER, why))
}

impl Tokens {
    /// From `tokenizer.json`; `most` is how many ids the model has.
    pub(crate) fn from_json(
        bytes: &[u8],
        architecture: Architecture,
        most: usize,
        limits: &Limits,
    ) -> Result<Self, ModelError> {
        let document = document(TOKENIZER, bytes, limits)?;
        match architecture {
            Architecture::Bert | Architecture::DistilBert => Self::word_piece(document.root(), most),
            Architecture::Roberta => Ok(Self::of_bytes(byte_level::Parts::from_json(document.root(), most)?)),
        }
    }

    fn word_piece(root: Node<'_, '_>, most: usize) -> Result<Self, ModelError> {
        let wrong = |why: &str| ModelError::malformed(TOKENIZER, why);
        let (Some(model), Some(normalizer)) = (root.get("model"), root.get("normalizer")) else {
            return Err(wrong("has no `model` or no `normalizer`"));
        };
        // Old files leave the type of the model out; only WordPiece has a prefix and a longest word.
        let word_piece = kind(Some(model))
            .map_or_else(|| model.get("max_input_chars_per_word").is_some(), |name| name == "WordPiece");
        if !word_piece {
            return Err(wrong("its `model` is not of type WordPiece"));
        }
        if kind(Some(normalizer)) != Some("BertNormalizer") {
            return Err(wrong("its `normalizer` is not of type BertNormalizer"));
        }
        if kind(root.get("pre_tokenizer")) != Some("BertPreTokenizer") {
            return Err(wrong("its `pre_tokenizer` is not of type BertPreTokenizer"));
        }
        only_special(root)?;
        let flag = |key: &str, otherwise: bool| {
            let node = normalizer.get(key);
            node.map_or(Some(otherwise), |node| node.as_bool())
                .ok_or_else(|| wrong("its `normalizer` has a setting that is neither true nor false"))
        };
        let mut words = AHashMap::new();
        for member in model.get("vocab").into_iter().flat_map(|node| node.members()) {
            let id = whole(member.value).and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| wrong("its vocabulary has an id that is not a whole number"))?;
            within(TOKENIZER, id, most)?;
            words.insert(member.key.to_owned(), id);
        }
        let text = |key: &str, otherwise: &str| {
            model.get(key).and_then(|node| node.as_str()).unwrap_or(otherwise).to_owned()
        };
        let parts = Parts {
            words,
            unknown: text("unk_token", "[UNK]"),
            prefix: text("continuing_subword_prefix", "##"),
            longest: model.get("max_input_chars_per_word").map_or(Some(100), whole).unwrap_or(usize::MAX),
            normalizer: BertNormalizer::new(
                flag("clean_text", true)?,
                flag("handle_chinese_chars", true)?,
                normalizer.get("strip_accents").and_then(|node| node.as_bool()),
                flag("lowercase", true)?,
            ),
        };
        Self::of(TOKENIZER, parts)
    }

    /// From `vocab.txt`, one piece a line, and `tokenizer_config.json`, which says whether capitals are read.
    pub(crate) fn from_list(
        list: &[u8],
        config: &[u8],
        most: usize,
        limits: &Limits,
    ) -> Result<Self, ModelError> {
        let list = std::str::from_utf8(list).map_err(|error| {
            ModelError::malformed(VOCABULARY, format!("is not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        let mut words = AHashMap::new();
        for (line, id) in list.lines().zip(0_u32..) {
            within(VOCABULARY, id, most)?;
            if words.insert(line.to_owned(), id).is_some() {
                let why = format!("line {}: a piece stands there a second time", u64::from(id) + 1);
                return Err(ModelError::malformed(VOCABULARY, why));
            }
        }
        let document = document(TOKENIZER_CONFIG, config, limits)?;
        let flag = |key: &str| document.root().get(key).and_then(|node| node.as_bool());
        let lowercase = flag("do_lower_case").ok_or_else(|| {
            let why =
                "`do_lower_case` is neither true nor false: whether the model reads capitals is not known";
            ModelError::malformed(TOKENIZER_CONFIG, why)
        })?;
        let chinese = flag("tokenize_chinese_chars").unwrap_or(true);
        let parts = Parts {
            words,
            unknown: "[UNK]".to_owned(),
            prefix: "##".to_owned(),
            longest: 100,
            normalizer: BertNormalizer::new(true, chinese, flag("strip_accents"), lowercase),
        };
        Self::of(VOCABULARY, parts)
    }

    fn of(file: &'static str, parts: Parts) -> Result<Self, ModelError> {
        let wrong = |why: String| ModelError::malformed(file, why);
        if parts.longest > LONGEST_WORD {
            return Err(wrong(format!("`max_input_chars_per_word` is above {LONGEST_WORD}")));
        }
        let id = |word: &str| {
            let id = parts.words.get(word).copied();
            id.ok_or_else(|| wrong(format!("has no `{word}` in its vocabulary")))
        };
        let (opens, closes, _) = (id("[CLS]")?, id("[SEP]")?, id(&parts.unknown)?);
        let pieces = WordPiece::builder()
            .vocab(parts.words)
            .unk_token(parts.unknown)
            .continuing_subword_prefix(parts.prefix)
            .max_input_chars_per_word(parts.longest)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let mut tokenizer = Tokenizer::new(pieces);
        tokenizer.with_normalizer(Some(parts.normalizer)).map_err(|error| wrong(error.to_string()))?;
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        Ok(Self { tokenizer, splits: Splits::AtBlanks, opens, closes })
    }

    /// Of a byte-level BPE.
    pub(crate) fn of_bytes(parts: byte_level::Parts) -> Self {
        let byte_level::Parts { model, prefix, opens, closes } = parts;
        let mut tokenizer = Tokenizer::new(model);
        // The blank before a text is put there for its first chunk alone, and where pieces lie is told here.
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
        Self { tokenizer, splits: Splits::BeforeBlanks { prefix }, opens, closes }
    }

    /// The pieces of a text, in order.
    pub(crate) fn pieces(&self, text: &str) -> Result<Vec<Piece>, DetectorError> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or("");
            let chunk = rest.get(..self.cut(rest)).unwrap_or(rest);
            let prefixed =
                at == 0 && self.splits == Splits::BeforeBlanks { prefix: true } && !chunk.starts_with(' ');
            let given = if prefixed { Cow::Owned(format!(" {chunk}")) } else { Cow::Borrowed(chunk) };
            let encoded = self.tokenizer.encode(given.as_ref(), false).map_err(|_| DetectorError {
                detector: crate::model::NAME,
                reason: "a part of the text could not be split into pieces".to_owned(),
            })?;
            let place = |of_given: usize| at + of_given.saturating_sub(usize::from(prefixed));
            let mut last = None;
            let places = encoded.get_offsets().iter().zip(encoded.get_word_ids());
            for (id, ((start, end), word)) in encoded.get_ids().iter().zip(places) {
                let first = word.is_none() || *word != last;
                last = *word;
                let (start, end) = solid(text, place(*start), place(*end));
                pieces.push(Piece { id: *id, start, end, first });
            }
            at += chunk.len();
        }
        Ok(pieces)
    }

    /// Where a chunk of a text ends: where no piece goes on, if there is such a place near its end, else on a boundary of
    /// characters.
    fn cut(&self, text: &str) -> usize {
        if text.len() <= CHUNK {
            return text.len();
        }
        let mut most = CHUNK;
        while !text.is_char_boundary(most) {
            most -= 1;
        }
        let part = text.get(..most).unwrap_or("");
        match self.splits {
            Splits::AtBlanks => part.rfind([' ', '\n', '\t']).map_or(most, |at| at + 1),
            Splits::BeforeBlanks { .. } => {
                // Before white space that nothing but a word stands before
                let ends = part.trim_end_matches(char::is_whitespace);
                let words = ends.trim_end_matches(|character: char| !character.is_whitespace());
                let at = words.trim_end().len();
                if at == 0 { most } else { at }
            }
        }
    }
}

/// A place without the white space at its ends.
fn solid(text: &str, start: usize, end: usize) -> (usize, usize) {
    let part = text.get(start..end).unwrap_or("");
    let begun = part.trim_start();
    (end - begun.len(), end - (begun.len() - begun.trim_end().len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const LIST: &str = "[CLS]\n[SEP]\n[UNK]\nquil\n##ver\njose\n.\n-\n[\n]\nsep\n";

    fn tokens() -> Tokens {
        let config = br#"{"do_lower_case": true}"#;
        Tokens::from_list(LIST.as_bytes(), config, 11, &Limits::default()).unwrap()
    }

    fn good() -> Value {
        let ids: serde_json::Map<_, _> =
            LIST.lines().zip(0..).map(|(word, id)| (word.to_owned(), Value::from(id))).collect();
        json!({
            "added_tokens": [{"content": "[CLS]", "special": true}],
            "normalizer": {"type": "BertNormalizer", "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": ids}
        })
    }

    fn from_json(bytes: &[u8], most: usize) -> Result<Tokens, ModelError> {
        Tokens::from_json(bytes, Architecture::Bert, most, &Limits::default())
    }

    fn refused(value: &Value, most: usize) -> String {
        from_json(value.to_string().as_bytes(), most).err().unwrap().to_string()
    }

    #[test]
    fn pieces_lie_where_they_stand_in_the_original() {
        let text = "Jos\u{e9}-QUILver [SEP] \u{1f600}.";
        let pieces = tokens().pieces(text).unwrap();
        let seen: Vec<_> =
            pieces.iter().map(|p| (p.id, text.get(p.start..p.end).unwrap(), p.first)).collect();
        let wanted = [
            (5, "Jos\u{e9}", true),
            (7, "-", true),
            (3, "QUIL", true),
            (4, "ver", false),
            (8, "[", true),
            (10, "SEP", true),
            (9, "]", true),
            (2, "\u{1f600}", true),
            (6, ".", true),
        ];
        assert_eq!(seen, wanted);
        let read = from_json(good().to_string().as_bytes(), 11).unwrap();
        assert_eq!(read.pieces(text).unwrap(), pieces);
    }

    #[test]
    fn what_is_no_such_tokenizer_is_refused_by_name() {
        for (part, value, why) in [
            ("model", json!({"type": "BPE"}), "`model` is not of type WordPiece"),
            ("normalizer", json!({"type": "Replace"}), "`normalizer` is not of type BertNormalizer"),
            ("normalizer", json!({"type": "BertNormalizer", "lowercase": 1}), "neither true nor false"),
            ("pre_tokenizer", json!({"type": "Split"}), "`pre_tokenizer` is not of type"),
            (
                "added_tokens",
                json!([{"content": "x", "special": false}]),
                "`added_tokens` that are not special",
            ),
            ("model", json!({"type": "WordPiece", "vocab": {"a": -1}}), "an id that is not a whole number"),
            ("model", json!({"type": "WordPiece", "vocab": {"a": 1}}), "no `[CLS]`"),
            ("model", json!({"type": "WordPiece", "max_input_chars_per_word": 5000}), "above 1000"),
        ] {
            let mut json = good();
            json[part] = value;
            let error = refused(&json, 11);
            assert!(error.starts_with("tokenizer.json: ") && error.contains(why), "{error}");
        }
        assert!(refused(&good(), 10).contains("an id of 10, and `vocab_size` of config.json is 10"));
        let list = |list: &str, config: &str| {
            let read = Tokens::from_list(list.as_bytes(), config.as_bytes(), 11, &Limits::default());
            read.err().unwrap().to_string()
        };
        assert!(list(LIST, "{}").contains("whether the model reads capitals is not known"));
        assert!(list("a\nb\na\n", "{\"do_lower_case\": true}").contains("vocab.txt: line 3: a piece stands"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_text_is_split_in_order_on_boundaries(
            text in "(?s)(quilver |jose|[a-z \\n]|\\PC|\u{301}|\u{200b}|\u{533b}){0,60}",
            times in 1_usize..200,
        ) {
            let text = text.repeat(times);
            let pieces = tokens().pieces(&text).unwrap();
            let mut last = 0;
            for piece in &pieces {
                prop_assert!(piece.start <= piece.end && last <= piece.start, "{piece:?}");
                prop_assert!(text.get(piece.start..piece.end).is_some());
                last = piece.end;
            }
        }
    }
}
