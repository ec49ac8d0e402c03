//! The folder of a model opened, and a text read with it.
//!
//! A text is read in windows of as many pieces as the model has positions for, 512 at most, each beginning before the last
//! one ends; what a piece is, is taken from the window in which it has more around it. Memory beyond the weights is that
//! of one window, and 32 bytes for each piece of the text.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lazaret_core::{Confidence, DetectorError, Label, Limit, Limits, Span, hex};
use lazaret_input::{OpenError, ReadError, read_file};
use lazaret_phi::{MAX_MODEL_CONFIG, MAX_MODEL_TOKENIZER, MAX_MODEL_WEIGHTS, Marked, TokenClassifier};
use ring::digest::{Context, SHA256};

use crate::byte_level;
use crate::config::{Architecture, CONFIG, Config};
use crate::encoder::Encoder;
use crate::error::ModelError;
use crate::labels::Tags;
use crate::tokens::{Piece, TOKENIZER, TOKENIZER_CONFIG, Tokens, VOCABULARY};
use crate::weights::{WEIGHTS, Weights};

pub(crate) const NAME: &str = "phi-model";

/// Most pieces of a window, with the one before and the one after: memory grows with its square.
const WINDOW: usize = 512;

/// What the settings say of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// The least probability, above 0 and at most 1, from which on a word is marked: that it is of any label that identifies.
    pub threshold: f32,
    /// What the model's labels are here, by their names without `B-` or `I-`; none for what identifies nobody.
    pub labels: BTreeMap<String, Option<Label>>,
    /// The SHA-256 that the weights must have, in hexadecimal.
    pub sha256: Option<String>,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { threshold: 0.5, labels: BTreeMap::new(), sha256: None }
    }
}

/// Gives a file by its name, not longer than a limit.
pub type ReadFile<'a> = dyn Fn(&str, Limit) -> Result<Vec<u8>, ReadError> + 'a;

/// A model, ready.
pub struct LocalModel {
    tokens: Tokens,
    encoder: Encoder,
    tags: Tags,
    /// Pieces of a window, without the one before and the one after.
    room: usize,
    threshold: f64,
    version: String,
}

impl fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalModel").field("version", &self.version).finish_non_exhaustive()
    }
}

impl LocalModel {
    /// Opens a folder with `config.json`, `model.safetensors`, and `tokenizer.json`, `vocab.txt`, or `vocab.json` and
    /// `merges.txt`. Needs about twice the memory of the weights while it reads.
    pub fn open(folder: &Path, settings: &ModelSettings, limits: &Limits) -> Result<Self, ModelError> {
        let read = |file: &str, most: Limit| read_file(&folder.join(file), most);
        Self::of_files(&read, settings, limits).map_err(|error| {
            let is_there = |file: &str| folder.join(file).exists();
            let no_weights = matches!(&error, ModelError::Read { file: WEIGHTS, .. }) && is_missing(&error);
            match no_weights {
                true if is_there("pytorch_model.bin") => ModelError::Pickle,
                true if is_there("model.safetensors.index.json") => ModelError::Sharded,
                _ => error,
            }
        })
    }

    /// The same of files wherever they are: `read` gives one by its name in the folder, whole, or refuses one above a limit.
    pub fn of_files(
        read: &ReadFile<'_>,
        settings: &ModelSettings,
        limits: &Limits,
    ) -> Result<Self, ModelError> {
        let read = |file: &'static str, most: Limit| {
            read(file, limits.get(most)).map_err(|source| ModelError::Read { file, source })
        };
        let config_bytes = read(CONFIG, MAX_MODEL_CONFIG)?;
        let config = Config::read(&config_bytes, limits)?;
        let tags = Tags::read(&config.tags, &settings.labels)?;
        let mut decides = Context::new(&SHA256);
        decides.update(&config_bytes);
        let tokens = read_tokens(&read, &config, &mut decides, limits)?;
        let bytes = read(WEIGHTS, MAX_MODEL_WEIGHTS)?;
        let digest = hex(ring::digest::digest(&SHA256, &bytes).as_ref());
        if let Some(wanted) = &settings.sha256 {
            let wanted = wanted.strip_prefix("sha256:").unwrap_or(wanted).to_ascii_lowercase();
            if wanted != digest {
                return Err(ModelError::Digest { expected: wanted, found: digest });
            }
        }
        let encoder = Encoder::new(&config, &Weights::read(&bytes, limits)?)?;
        decides.update(format!("{} {:?}", settings.threshold, settings.labels).as_bytes());
        let decides = hex(decides.finish().as_ref());
        let model = Self {
            tokens,
            encoder,
            tags,
            room: config.positions.saturating_sub(config.first_position).min(WINDOW).saturating_sub(2),
            threshold: f64::from(settings.threshold),
            version: format!("sha256:{digest} read-as {}", decides.get(..16).unwrap_or("")),
        };
        model.classify("lazaret").map_err(|error| ModelError::Trial(error.reason))?;
        Ok(model)
    }

    fn mark(&self, text: &str) -> Result<Vec<Marked>, DetectorError> {
        let pieces = self.tokens.pieces(text)?;
        let mut spans = Spans { text, out: Vec::new(), last: None };
        for window in windows(&pieces, self.room) {
            let of_window = pieces.get(window.from..window.to).unwrap_or(&[]);
            let ids = of_window.iter().map(|piece| piece.id);
            let ids: Vec<u32> =
                [self.tokens.opens].into_iter().chain(ids).chain([self.tokens.closes]).collect();
            let scores = self
                .encoder
                .scores(&ids)
                // Its words would tell of the text.
                .map_err(|_| failed("the model could not compute"))?;
            if scores.len() != ids.len() {
                return Err(failed("the model answers for another number of pieces"));
            }
            // The first row is of what opens the window.
            let rows = of_window.iter().zip(scores.iter().skip(1));
            let kept = rows.skip(window.keep_from - window.from).take(window.keep_to - window.keep_from);
            let mut word = Word::default();
            for (piece, scores) in kept {
                if piece.first {
                    spans.add(&self.judge(&std::mem::take(&mut word)));
                }
                word.add(piece, &probabilities(scores)?);
            }
            spans.add(&self.judge(&word));
        }
        Ok(spans.out)
    }

    /// What a word is, none below the threshold: by its first piece or by the mean of its pieces, whichever says more. Models
    /// are trained to label the first piece alone, or all of them.
    fn judge(&self, word: &Word) -> Judged {
        let mean: Vec<f64> = word.sums.iter().map(|sum| sum / word.pieces).collect();
        let (by_first, by_mean) = (self.weigh(&word.first), self.weigh(&mean));
        let (probability, label) = if by_first.0 < by_mean.0 { by_mean } else { by_first };
        let label = label.filter(|_| probability >= self.threshold);
        let begins = |label: usize| {
            let of_label = self.tags.rows.iter().zip(&word.first).filter(|(tag, _)| tag.label == Some(label));
            // More for a tag that begins a stretch than for one that goes on.
            of_label.map(|(tag, p)| if tag.begins { *p } else { -p }).sum::<f64>() > 0.0
        };
        let label = label.and_then(|label| self.tags.labels.get(label).map(|known| (*known, begins(label))));
        Judged { start: word.start, end: word.end, label, probability }
    }

    /// The probability of all labels that identify, and the strongest of them.
    fn weigh(&self, probabilities: &[f64]) -> (f64, Option<usize>) {
        let mut of_label = vec![0.0; self.tags.labels.len()];
        for (tag, probability) in self.tags.rows.iter().zip(probabilities) {
            if let Some(all) = tag.label.and_then(|label| of_label.get_mut(label)) {
                *all += probability;
            }
        }
        let strongest = of_label.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        (of_label.iter().sum(), strongest.map(|(label, _)| label))
    }
}

/// The tokenizer of whichever files there are. `decides` takes their bytes.
fn read_tokens(
    read: &impl Fn(&'static str, Limit) -> Result<Vec<u8>, ModelError>,
    config: &Config,
    decides: &mut Context,
    limits: &Limits,
) -> Result<Tokens, ModelError> {
    let most = config.vocabulary;
    let mut next =
        |file: &'static str, limit: Limit| read(file, limit).inspect(|bytes| decides.update(bytes));
    match next(TOKENIZER, MAX_MODEL_TOKENIZER) {
        Ok(bytes) => return Tokens::from_json(&bytes, config.architecture, most, limits),
        Err(error) if !is_missing(&error) => return Err(error),
        Err(_) => {}
    }
    if config.architecture != Architecture::Roberta {
        let list = next(VOCABULARY, MAX_MODEL_TOKENIZER)?;
        let how = next(TOKENIZER_CONFIG, MAX_MODEL_CONFIG)?;
        return Tokens::from_list(&list, &how, most, limits);
    }
    let list = next(byte_level::VOCABULARY, MAX_MODEL_TOKENIZER)?;
    let merges = next(byte_level::MERGES, MAX_MODEL_TOKENIZER)?;
    let how = match next(TOKENIZER_CONFIG, MAX_MODEL_CONFIG) {
        Ok(bytes) => Some(bytes),
        Err(error) if is_missing(&error) => None,
        Err(error) => return Err(error),
    };
    let parts = byte_level::Parts::from_lists(&list, &merges, how.as_deref(), most, limits)?;
    Ok(Tokens::of_bytes(parts))
}

impl TokenClassifier for LocalModel {
    fn version(&self) -> String {
        self.version.clone()
    }

    /// A panic in the code of others is an error too: nothing is changed by reading a text.
    fn classify(&self, text: &str) -> Result<Vec<Marked>, DetectorError> {
        catch_unwind(AssertUnwindSafe(|| self.mark(text)))
            .unwrap_or_else(|_| Err(failed("the model broke off")))
    }
}

fn failed(why: &str) -> DetectorError {
    DetectorError { detector: NAME, reason: why.to_owned() }
}

fn is_missing(error: &ModelError) -> bool {
    let ModelError::Read { source: ReadError::Open(OpenError::System(error)), .. } = error else {
        return false;
    };
    error.kind() == std::io::ErrorKind::NotFound
}

/// The softmax of a row; a score that is no number is an error.
fn probabilities(scores: &[f32]) -> Result<Vec<f64>, DetectorError> {
    if !scores.iter().all(|score| score.is_finite()) {
        return Err(failed("the model answers with what is no number"));
    }
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f64> = scores.iter().map(|score| f64::from(score - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    Ok(powers.into_iter().map(|power| power / sum).collect())
}

/// The pieces of a word.
#[derive(Default)]
struct Word {
    start: usize,
    end: usize,
    pieces: f64,
    /// By row of the classifier: of the first piece, and of all of them added up.
    first: Vec<f64>,
    sums: Vec<f64>,
}

impl Word {
    fn add(&mut self, piece: &Piece, probabilities: &[f64]) {
        if self.sums.is_empty() {
            self.start = piece.start;
            self.first = probabilities.to_vec();
            self.sums = vec![0.0; probabilities.len()];
        }
        self.end = piece.end;
        self.pieces += 1.0;
        self.sums.iter_mut().zip(probabilities).for_each(|(sum, one)| *sum += one);
    }
}

/// A word with its label, and whether a stretch begins with it.
struct Judged {
    start: usize,
    end: usize,
    label: Option<(Label, bool)>,
    probability: f64,
}

/// Words of one label joined to spans.
struct Spans<'a> {
    text: &'a str,
    out: Vec<Marked>,
    /// The label of the word before.
    last: Option<Label>,
}

impl Spans<'_> {
    #[expect(clippy::cast_possible_truncation, reason = "a probability")]
    fn add(&mut self, word: &Judged) {
        // Where a window ends within a word, and there within a character of several pieces, both parts have that character.
        let start = word.start.max(self.out.last().map_or(0, |last| last.span.end));
        if start >= word.end {
            return;
        }
        let before = self.last;
        self.last = word.label.map(|(label, _)| label);
        let Some((label, begins)) = word.label else { return };
        let confidence = Confidence::new(word.probability as f32);
        if let Some(last) = self.out.last_mut()
            && before == Some(label)
            && !begins
            && self.text.get(last.span.end..start).is_some_and(is_inside)
        {
            last.span.end = word.end;
            // A span is as sure as its least sure word.
            if confidence < last.confidence {
                last.confidence = confidence;
            }
            return;
        }
        self.out.push(Marked { label, span: Span::new(start, word.end), confidence });
    }
}

/// Whether what stands between two words of one label is inside the span: some blanks, not a line's end.
fn is_inside(gap: &str) -> bool {
    gap.len() <= 4 && !gap.contains(['\n', '\r'])
}

/// A window: the pieces it reads, and those it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    from: usize,
    to: usize,
    keep_from: usize,
    keep_to: usize,
}

/// Windows of at most `room` pieces, a quarter of each read by the next one again. The pieces they decide are all pieces,
/// once each; where two windows meet, a word of some length is not parted.
fn windows(pieces: &[Piece], room: usize) -> Vec<Window> {
    let overlap = room / 4;
    let step = (room - overlap).max(1);
    let mut windows = Vec::new();
    let (mut from, mut keep_from) = (0, 0);
    while keep_from < pieces.len() {
        let to = (from + room).min(pieces.len());
        let middle = from + step + overlap / 2;
        let keep_to = if to == pieces.len() {
            to
        } else {
            let near = pieces.get(middle..to).unwrap_or(&[]);
            near.iter().position(|piece| piece.first).map_or(middle, |more| middle + more)
        };
        windows.push(Window { from, to, keep_from, keep_to });
        keep_from = keep_to;
        from += step;
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_score_that_is_no_number_is_an_error() {
        assert!(probabilities(&[0.0, f32::NAN]).is_err() && probabilities(&[f32::INFINITY, 0.0]).is_err());
        let even = probabilities(&[3.0, 3.0]).unwrap();
        assert!(even.iter().all(|p| (p - 0.5).abs() < 1e-12));
    }

    proptest! {
        #[test]
        fn windows_decide_every_piece_once_with_something_around_it(
            firsts in prop::collection::vec(any::<bool>(), 0..300),
            room in 1_usize..60,
        ) {
            let pieces: Vec<Piece> = firsts.iter()
                .map(|first| Piece { id: 0, start: 0, end: 0, first: *first }).collect();
            let windows = windows(&pieces, room);
            let mut decided = 0;
            for window in &windows {
                prop_assert!(window.to - window.from <= room && window.keep_from == decided);
                prop_assert!(window.from <= window.keep_from && window.keep_to <= window.to);
                prop_assert!(window.keep_from < window.keep_to, "{window:?}");
                // What is read before and after: an eighth of the window, less the pieces of one word.
                let around = room / 4 / 2;
                prop_assert!(window.from == 0 || window.keep_from - window.from >= around, "{window:?}");
                decided = window.keep_to;
            }
            prop_assert_eq!(decided, pieces.len());
        }
    }
}
