//! The layers of BERT (Devlin et al., 2019), `DistilBERT` (Sanh et al., 2019) and `RoBERTa` (Liu et al., 2019), and the row of
//! labels after them. They are the same but for the names of their tensors, the types of segments that `DistilBERT` leaves
//! out, and the row at which the positions of `RoBERTa` begin.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{LayerNorm, Linear, Module};

use crate::config::{Activation, Architecture, Config};
use crate::error::ModelError;
use crate::weights::Weights;

/// Where the tensors of a layer are, in each architecture.
struct Names {
    embeddings: &'static str,
    layers: &'static str,
    query: &'static str,
    key: &'static str,
    value: &'static str,
    joined: &'static str,
    after_attention: &'static str,
    up: &'static str,
    down: &'static str,
    after_all: &'static str,
}

const BERT: Names = Names {
    embeddings: "bert.embeddings",
    layers: "bert.encoder.layer.",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    joined: "attention.output.dense",
    after_attention: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    after_all: "output.LayerNorm",
};

const ROBERTA: Names = Names { embeddings: "roberta.embeddings", layers: "roberta.encoder.layer.", ..BERT };

const DISTILBERT: Names = Names {
    embeddings: "distilbert.embeddings",
    layers: "distilbert.transformer.layer.",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    joined: "attention.out_lin",
    after_attention: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    after_all: "output_layer_norm",
};

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    joined: Linear,
    after_attention: LayerNorm,
    up: Linear,
    down: Linear,
    after_all: LayerNorm,
}

/// A model's layers.
pub(crate) struct Encoder {
    words: Tensor,
    /// Positions from the first, with the type of the one segment added.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    classifier: Linear,
    heads: usize,
    activation: Activation,
}

impl Encoder {
    /// Takes the tensors of a configuration; each must be there with its shape.
    pub(crate) fn new(config: &Config, weights: &Weights<'_>) -> std::result::Result<Self, ModelError> {
        let names = match config.architecture {
            Architecture::Bert => BERT,
            Architecture::DistilBert => DISTILBERT,
            Architecture::Roberta => ROBERTA,
        };
        let (hidden, inner) = (config.hidden, config.inner);
        let linear = |name: &str, from: usize, to: usize| {
            let weight = weights.take(&format!("{name}.weight"), &[to, from])?;
            Ok(Linear::new(weight, Some(weights.take(&format!("{name}.bias"), &[to])?)))
        };
        let norm = |name: &str| {
            // Older models call them gamma and beta.
            let (weight, gamma) = (format!("{name}.weight"), format!("{name}.gamma"));
            let (bias, beta) = (format!("{name}.bias"), format!("{name}.beta"));
            let weight = weights.take(weights.named([&weight, &gamma]), &[hidden])?;
            let bias = weights.take(weights.named([&bias, &beta]), &[hidden])?;
            Ok(LayerNorm::new(weight, bias, config.epsilon))
        };
        weights.beyond(names.layers, config.layers)?;
        let embedding = |name: &str, rows: usize| {
            weights.take(&format!("{}.{name}_embeddings.weight", names.embeddings), &[rows, hidden])
        };
        let failed = |error: candle_core::Error| ModelError::Trial(error.to_string());
        let rows = config.positions.saturating_sub(config.first_position);
        let mut positions = embedding("position", config.positions)?;
        positions = positions.narrow(0, config.first_position, rows).map_err(failed)?;
        if config.types > 0 {
            let first = embedding("token_type", config.types)?.narrow(0, 0, 1);
            positions = first.and_then(|first| positions.broadcast_add(&first)).map_err(failed)?;
        }
        let mut layers = Vec::new();
        for number in 0..config.layers {
            let of = |name: &str| format!("{}{number}.{name}", names.layers);
            layers.push(Layer {
                query: linear(&of(names.query), hidden, hidden)?,
                key: linear(&of(names.key), hidden, hidden)?,
                value: linear(&of(names.value), hidden, hidden)?,
                joined: linear(&of(names.joined), hidden, hidden)?,
                after_attention: norm(&of(names.after_attention))?,
                up: linear(&of(names.up), hidden, inner)?,
                down: linear(&of(names.down), inner, hidden)?,
                after_all: norm(&of(names.after_all))?,
            });
        }
        Ok(Self {
            words: embedding("word", config.vocabulary)?,
            positions,
            norm: norm(&format!("{}.LayerNorm", names.embeddings))?,
            layers,
            classifier: linear("classifier", hidden, config.tags.len())?,
            heads: config.heads,
            activation: config.activation,
        })
    }

    /// For each id of a window, at most as many as there are positions, what it scores for each label.
    pub(crate) fn scores(&self, ids: &[u32]) -> Result<Vec<Vec<f32>>> {
        let index = Tensor::new(ids, &Device::Cpu)?;
        let words = self.words.index_select(&index, 0)?;
        let mut state = self.norm.forward(&(words + self.positions.narrow(0, 0, ids.len())?)?)?;
        for layer in &self.layers {
            let mixed = layer.joined.forward(&self.attend(layer, &state)?)?;
            state = layer.after_attention.forward(&(state + mixed)?)?;
            let inner = layer.up.forward(&state)?;
            let inner = match self.activation {
                Activation::Gelu => inner.gelu_erf(),
                Activation::GeluTanh => inner.gelu(),
                Activation::Relu => inner.relu(),
            }?;
            state = layer.after_all.forward(&(&state + layer.down.forward(&inner)?)?)?;
        }
        self.classifier.forward(&state)?.to_vec2()
    }

    /// What each place takes from all of them, head by head.
    #[expect(clippy::cast_precision_loss, reason = "a width of at most some thousands")]
    fn attend(&self, layer: &Layer, state: &Tensor) -> Result<Tensor> {
        let (count, hidden) = state.dims2()?;
        let width = hidden / self.heads;
        let split = |linear: &Linear| {
            linear.forward(state)?.reshape((count, self.heads, width))?.transpose(0, 1)?.contiguous()
        };
        let (query, key, value) = (split(&layer.query)?, split(&layer.key)?, split(&layer.value)?);
        let weights = (query.matmul(&key.transpose(D::Minus2, D::Minus1)?)? / (width as f64).sqrt())?;
        let taken = softmax_last_dim(&weights)?.matmul(&value)?;
        taken.transpose(0, 1)?.contiguous()?.reshape((count, hidden))
    }
}

#[cfg(test)]
mod tests {
    use lazaret_core::Limits;
    use serde_json::Value;

    use super::*;
    use crate::tokens::Tokens;

    /// A model with random weights and what Hugging Face's code makes of some texts (`testdata/ner/record.py`).
    fn check(config: &[u8], tokenizer: &[u8], weights: &[u8], expected: &str) {
        let limits = Limits::default();
        let config = Config::read(config, &limits).unwrap();
        let tokens = Tokens::from_json(tokenizer, config.architecture, config.vocabulary, &limits).unwrap();
        let encoder = Encoder::new(&config, &Weights::read(weights, &limits).unwrap()).unwrap();
        let texts: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(texts.as_array().unwrap().len(), 4);
        for case in texts.as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let pieces = tokens.pieces(text).unwrap();
            let (mut words, mut wanted) = (Vec::new(), Vec::new());
            for piece in &pieces {
                words.push((piece.id, piece.start, piece.end, piece.first));
            }
            let mut last = Value::Null;
            for piece in case["pieces"].as_array().unwrap() {
                let number = |key: &str| piece[key].as_u64().unwrap();
                let place = |key: &str| usize::try_from(number(key)).unwrap();
                let id = u32::try_from(number("id")).unwrap();
                // Of a piece of white space other than a blank that code tells the place; here it has none.
                let (from, to) = (place("from"), place("to"));
                let part = text.get(from..to).unwrap();
                let from = to - part.trim_start().len();
                wanted.push((id, from, from + part.trim().len(), piece["word"] != last));
                last = piece["word"].clone();
            }
            assert_eq!(words, wanted, "{text}");
            let ids = pieces.iter().map(|piece| piece.id);
            let ids: Vec<u32> = [tokens.opens].into_iter().chain(ids).chain([tokens.closes]).collect();
            let scores = encoder.scores(&ids).unwrap();
            for (row, wanted) in scores[1..].iter().zip(case["logits"].as_array().unwrap()) {
                for (score, wanted) in row.iter().zip(wanted.as_array().unwrap()) {
                    let off = (f64::from(*score) - wanted.as_f64().unwrap()).abs();
                    assert!(off < 1e-4, "{text}: {score} is not {wanted}");
                }
            }
        }
    }

    #[test]
    fn bert_scores_what_hugging_faces_code_scores() {
        check(
            include_bytes!("../../../testdata/ner/bert/config.json"),
            include_bytes!("../../../testdata/ner/bert/tokenizer.json"),
            include_bytes!("../../../testdata/ner/bert/model.safetensors"),
            include_str!("../../../testdata/ner/bert/expected.json"),
        );
    }

    #[test]
    fn distilbert_scores_what_hugging_faces_code_scores() {
        check(
            include_bytes!("../../../testdata/ner/distilbert/config.json"),
            include_bytes!("../../../testdata/ner/distilbert/tokenizer.json"),
            include_bytes!("../../../testdata/ner/distilbert/model.safetensors"),
            include_str!("../../../testdata/ner/distilbert/expected.json"),
        );
    }

    #[test]
    fn roberta_scores_what_hugging_faces_code_scores() {
        check(
            include_bytes!("../../../testdata/ner/roberta/config.json"),
            include_bytes!("../../../testdata/ner/roberta/tokenizer.json"),
            include_bytes!("../../../testdata/ner/roberta/model.safetensors"),
            include_str!("../../../testdata/ner/roberta/expected.json"),
        );
    }
}
