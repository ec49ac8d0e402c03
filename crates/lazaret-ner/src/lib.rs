//! A hospital's own token classifier, run on this machine beside the detectors of identifying text.
//!
//! [`LocalModel`] opens a folder with a BERT, `DistilBERT` or `RoBERTa` model for token classification as Hugging Face's libraries
//! save it, and is a [`TokenClassifier`](lazaret_phi::TokenClassifier) for the scanner. Nothing is downloaded, and only
//! data is read: no pickle, no code. Everything in the folder is checked before a text is looked at; what does not fit is
//! an error that names the file and the way out. A number that is none, or any other failure on a text, is an error of
//! the detector: the text does not pass.
//!
//! | file | what is in it |
//! |---|---|
//! | `model` | the folder opened; a text read in windows, words joined to spans |
//! | `config` | `config.json`: architecture, dimensions, labels |
//! | `labels` | tags of well-known models and the labels they are here |
//! | `tokens` | `tokenizer.json` or `vocab.txt`: a text as pieces with their places |
//! | `byte_level` | `tokenizer.json`, or `vocab.json` and `merges.txt`, of a model that reads bytes |
//! | `weights` | `model.safetensors`: tensors by name, their shapes checked |
//! | `encoder` | the layers |
//! | `error` | why a model was refused |

mod byte_level;
mod config;
mod encoder;
mod error;
mod labels;
mod model;
mod tokens;
mod weights;

pub use error::ModelError;
pub use model::{LocalModel, ModelSettings, ReadFile};
