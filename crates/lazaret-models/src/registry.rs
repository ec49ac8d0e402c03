//! Every format, rule and limit of this gate: a new one is one file and one line here.

use lazaret_core::{FormatId, Likeness, Limit, Rule};

use crate::formats as readers;
use crate::hidden;
use crate::inside;
use crate::look::{self, Head, Looking};
use crate::own;
use crate::part::{self, Part, Unread};
use crate::rules::{self, ModelRule};
use crate::signature;
use crate::vulnerabilities;
use crate::weights;

/// How far a format is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything that a loader would act on.
    Whole,
    /// Its header; the rest is data that no loader acts on, or is not read here.
    Header,
    /// It is recognised and refused.
    Refused,
}

impl Depth {
    /// As `lazaret models formats` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "read whole",
            Self::Header => "header only",
            Self::Refused => "refused",
        }
    }
}

/// One format of model files.
pub(crate) trait ModelFormat: Send + Sync {
    /// Its id.
    fn id(&self) -> FormatId;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// How far it is read.
    fn depth(&self) -> Depth {
        Depth::Whole
    }
    /// The endings of names it goes by, in lower case.
    fn extensions(&self) -> &'static [&'static str];
    /// Whether no loader runs anything that lies in it, so that a name of this format promises plain data.
    fn runs_nothing(&self) -> bool {
        false
    }
    /// Whether its files carry another format in good faith, so that one that is both is no trick.
    fn carries(&self, _other: FormatId) -> bool {
        false
    }
    /// Whether it recognises anew, part by part, what another format would read as a whole: then that one does not.
    fn takes_apart(&self, _other: FormatId) -> bool {
        false
    }
    /// How sure it is that a part is its own. Content decides; a name alone gives `ByName`.
    fn recognise(&self, head: &Head<'_>) -> Likeness;
    /// Reads a part and tells what loading it would do; gives what it is more exactly (`torch-zip` of a zip). What it
    /// cannot read is an error, told as a finding.
    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread>;
}

/// All formats, in the order in which equals are taken.
const FORMATS: &[&dyn ModelFormat] = &[
    // What lies in another file is told before what it looks like alone.
    &readers::distcp::DistCp,
    &readers::pickle::Pickle,
    &readers::zip::Zip,
    &readers::json::Json,
    &readers::tar::Tar,
    &readers::sevenz::SevenZ,
    &readers::packed::GZIP,
    &readers::packed::ZLIB,
    &readers::packed::ZSTD,
    &readers::packed::BZIP2,
    &readers::packed::XZ,
    &readers::packed::LZMA,
    &readers::packed::LZ4,
    &readers::executable::ELF,
    &readers::executable::PE,
    &readers::executable::MACH_O,
    &readers::executable::LLAMAFILE,
    &readers::executable::JAVA,
    &readers::executable::SCRIPT,
    &readers::executable::TensorRt,
    // Tensors and graphs
    &readers::safetensors::Safetensors,
    &readers::gguf::Gguf,
    &readers::onnx::Onnx,
    &readers::onnx::ExternalData,
    &readers::tensorflow::SavedModel,
    &readers::tensorflow::MetaGraph,
    &readers::tensorflow::GraphDef,
    &readers::tensorflow::Fingerprint,
    &readers::tensorflow::KerasMetadata,
    &readers::tensorflow::TextGraph,
    &readers::tensorflow::CheckpointIndex,
    &readers::tensorflow::CheckpointData,
    &readers::tensorflow::CheckpointState,
    &readers::tensorboard::Events,
    &readers::tfrecord::TfRecord,
    &readers::tflite::TfLite,
    &readers::executorch::ExecuTorch,
    &readers::coreml::CoreMl,
    &readers::coreml::CoreMlWeights,
    &readers::paddle::Paddle,
    &readers::paddle::PaddleParameters,
    &readers::sentencepiece::SentencePiece,
    &readers::xml::OpenVino,
    &readers::xml::OpenVinoWeights,
    &readers::xml::Pmml,
    &readers::xml::Xml,
    &readers::numpy::Numpy,
    &readers::requirements::Requirements,
    &readers::template::TemplateFile,
    &readers::go_template::GoTemplate,
    &readers::python::PythonSource,
    &readers::python::PythonBytecode,
    &readers::hdf5::Hdf5,
    &readers::rds::Rds,
    &readers::yaml::Yaml,
    &readers::ubjson::Ubjson,
    &readers::msgpack::Msgpack,
    &readers::trees::CatBoost,
    &readers::trees::LightGbm,
    &readers::embeddings::Word2Vec,
    &readers::embeddings::WordVectors,
    &readers::logging::LoggingConfig,
    &readers::toml::Toml,
    &readers::ini::Settings,
    &readers::dockerfile::Dockerfile,
    &readers::picture::Picture,
    &readers::apple::AppleMetadata,
    &readers::text::Text,
];

pub(crate) fn all() -> impl Iterator<Item = &'static dyn ModelFormat> {
    FORMATS.iter().copied()
}

/// A format as `lazaret models formats` lists it.
#[derive(Debug, Clone, Copy)]
pub struct FormatEntry {
    /// Its id.
    pub id: FormatId,
    /// What it is, in a line.
    pub about: &'static str,
    /// How far it is read.
    pub depth: Depth,
}

/// All formats.
pub fn formats() -> Vec<FormatEntry> {
    let own =
        all().map(|format| FormatEntry { id: format.id(), about: format.about(), depth: format.depth() });
    let zips = readers::zip::KINDS.iter().map(|kind| (kind.id(), kind.about()));
    let documents = readers::json::KINDS.iter().map(|kind| (kind.id(), kind.about()));
    let kinds = zips.chain(documents).map(|(id, about)| FormatEntry { id, about, depth: Depth::Whole });
    own.chain(kinds).collect()
}

/// Ids that a look gives beside those of [`formats`]: what a file of one of them is more exactly, or that nobody reads it.
pub const fn other_formats() -> [FormatId; 4] {
    [look::UNKNOWN, look::EMPTY, readers::pickle::TORCH_LEGACY, readers::json::LINES]
}

/// The rules of this gate, sorted by id.
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&'static Rule> = rules::ALL.iter().map(|rule| &rule.rule).collect();
    rules.sort_unstable_by_key(|rule| rule.id);
    rules
}

/// A rule with its weaknesses and techniques.
pub fn rule(id: &str) -> Option<&'static ModelRule> {
    rules::ALL.iter().find(|rule| rule.rule.id == id).copied()
}

/// The page of a rule: what it finds, why it matters, where it is known from.
pub fn page(id: &str) -> Option<String> {
    rule(id).map(ModelRule::page)
}

/// The limits of this gate with their defaults: what the `[limits]` table may set.
pub const LIMITS: &[Limit] = &[
    readers::coreml::MAX_BLOCKS,
    readers::distcp::MAX_PARTS,
    readers::flatbuffers::MAX_READS,
    readers::gguf::MAX_ENTRIES,
    readers::gguf::MAX_NESTING,
    readers::gguf::MAX_STRINGS,
    readers::hdf5::MAX_BLOCK,
    readers::hdf5::MAX_CHUNKS,
    readers::hdf5::MAX_CLAIMED,
    readers::hdf5::MAX_OBJECTS,
    readers::hdf5::MAX_READ,
    crate::components::MAX_COMPONENTS,
    look::MAX_DEPTH,
    part::MAX_WHOLE,
    look::MAX_EXPANDED,
    look::MAX_FINDINGS,
    own::MAX_ENTRIES,
    own::MAX_FILE,
    readers::json::MAX_SIZE,
    readers::json::MAX_VALUES,
    look::MAX_PARTS,
    hidden::MAX_PASSED_OVER,
    inside::MAX_SHOWN_NAMES,
    inside::MAX_SHOWN_PARTS,
    readers::pickle::MAX_MEMO,
    readers::pickle::MAX_PACKED,
    readers::pickle::MAX_STACK,
    readers::json::layout::MAX_HASHED,
    readers::onnx::MAX_OPERATORS,
    readers::paddle::MAX_OPERATORS,
    readers::paddle::MAX_PARAMETERS,
    readers::protobuf::MAX_DEPTH,
    readers::protobuf::MAX_FIELDS,
    readers::safetensors::MAX_HEADER,
    readers::tensorflow::MAX_OPERATORS,
    readers::numpy::MAX_HEADER,
    readers::python::MAX_SOURCE,
    readers::template::MAX_SIZE,
    readers::template::MAX_WORK,
    readers::template::USUAL_SIZE,
    readers::toml::MAX_LEN,
    readers::toml::MAX_SIGNS,
    readers::msgpack::MAX_DEPTH,
    readers::msgpack::MAX_NODES,
    readers::rds::MAX_DEPTH,
    readers::rds::MAX_ITEMS,
    readers::rds::MAX_REFERENCES,
    readers::ubjson::MAX_DEPTH,
    readers::ubjson::MAX_NODES,
    readers::yaml::document::MAX_DEPTH,
    readers::yaml::document::MAX_EXPANDED,
    readers::yaml::MAX_LEN,
    readers::yaml::document::MAX_NODES,
    signature::MAX_ATTESTATIONS,
    signature::MAX_FILES,
    signature::MAX_KEY,
    vulnerabilities::MAX_AFFECTED,
    vulnerabilities::MAX_ALIASES,
    vulnerabilities::MAX_DOCUMENT,
    vulnerabilities::MAX_EVENTS,
    vulnerabilities::MAX_MATCHES,
    vulnerabilities::MAX_NAMES,
    vulnerabilities::MAX_RECORD,
    vulnerabilities::MAX_RECORDS,
    vulnerabilities::MAX_STATEMENTS,
    vulnerabilities::MAX_VEX,
    weights::MAX_TENSORS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_pages_say_something() {
        let mut ids: Vec<_> = formats().iter().map(|format| format.id).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        let rules = rules();
        assert!(rules.windows(2).all(|pair| pair[0].id < pair[1].id));
        for rule in rules {
            let page = page(rule.id).unwrap();
            assert!(page.len() > 80 && !rule.title.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn limit_keys_are_unique() {
        let mut keys: Vec<_> = LIMITS.iter().map(Limit::key).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
