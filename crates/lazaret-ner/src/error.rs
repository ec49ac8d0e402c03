//! Why a model was refused: the file, the cause, the way out.

use lazaret_core::LimitExceeded;
use lazaret_input::ReadError;

/// Why a model was refused. It is used whole or not at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file is missing, unreadable or too long.
    #[error("{file}")]
    Read {
        /// Its name in the folder.
        file: &'static str,
        /// Why.
        source: ReadError,
    },
    /// Something in a file is above a limit.
    #[error("{file}: {what}")]
    Limit {
        /// Its name in the folder.
        file: &'static str,
        /// What is counted.
        what: &'static str,
        /// Which limit.
        source: LimitExceeded,
    },
    /// A file does not say what it should.
    #[error("{file}: {why}")]
    Malformed {
        /// Its name in the folder.
        file: &'static str,
        /// What is wrong, and where.
        why: String,
    },
    /// The weights are there as pickle alone.
    #[error(
        "the weights are there as pickle only (`pytorch_model.bin`): a pickle runs code when it is read, so it is not \
         opened; save the model as `model.safetensors`"
    )]
    Pickle,
    /// The weights are in several files.
    #[error(
        "the weights are in several files (`model.safetensors.index.json`); save them as one `model.safetensors`"
    )]
    Sharded,
    /// The architecture is another.
    #[error(
        "config.json: no architecture `{0}` here; there are BertForTokenClassification, DistilBertForTokenClassification \
         and RobertaForTokenClassification"
    )]
    Architecture(String),
    /// A label of the model means nothing here.
    #[error(
        "config.json: it is not known here what the model's label `{0}` is; say so under [phi.model.labels]: a label such \
         as `NAME.patient`, or `none` where it identifies nobody"
    )]
    UnknownLabel(String),
    /// The settings speak of a label that the model does not have.
    #[error("[phi.model.labels] speaks of `{0}`, which is none of the model's labels: {1}")]
    NoSuchLabel(String, String),
    /// A tensor is missing or has another form.
    #[error("model.safetensors: tensor `{name}` {why}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The weights are not those that the settings name.
    #[error(
        "model.safetensors: its SHA-256 is {found}, and `phi.model.sha256` says {expected}: these are other weights than \
         were approved"
    )]
    Digest {
        /// What the settings say.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The model does not compute.
    #[error("the model was tried on one word and failed: {0}")]
    Trial(String),
}

impl ModelError {
    pub(crate) fn malformed(file: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { file, why: why.into() }
    }
}
