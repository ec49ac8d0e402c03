//! TensorFlow graphs: `SavedModel`, `MetaGraph` (`.meta` of a checkpoint) and frozen `GraphDef`.
//!
//! Every node of every graph and function is judged by the exact name of its operator: what it does, or that nobody
//! knows it. Names of nodes and texts in constants are data.

mod checkpoint;
mod index;
mod ops;
mod text;
mod walk;

use lazaret_core::{FormatId, Likeness, Limit, Limits};

pub(crate) use checkpoint::{CheckpointData, CheckpointIndex, CheckpointState};
pub(crate) use ops::{Effect, effect, is_known};
pub(crate) use text::TextGraph;
use walk::Outermost;

use super::packages;
use super::protobuf::{Is, Shape, begins_message};
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::ModelFormat;

/// Most different operators and functions of one model.
pub(crate) const MAX_OPERATORS: Limit = Limit::new("tensorflow.max_operators", 100_000);

static NODE: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (2, Is::Text),
        (3, Is::Text),
        (4, Is::Text),
        (5, Is::Bytes),
        (6, Is::Bytes),
        (7, Is::Bytes),
    ],
    one_of: &[2],
};
static SIGNATURE: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (2, Is::Bytes),
        (3, Is::Bytes),
        (4, Is::Bytes),
        (5, Is::Text),
        (6, Is::Text),
        (8, Is::Bytes),
        (16, Is::Number),
        (17, Is::Number),
        (18, Is::Number),
        (19, Is::Number),
        (20, Is::Text),
        (21, Is::Number),
    ],
    one_of: &[1],
};
static FUNCTION: Shape = Shape {
    fields: &[
        (1, Is::Message(&SIGNATURE)),
        (3, Is::Message(&NODE)),
        (4, Is::Bytes),
        (5, Is::Bytes),
        (6, Is::Bytes),
        (7, Is::Bytes),
        (8, Is::Bytes),
    ],
    one_of: &[1],
};
static GRADIENT: Shape = Shape { fields: &[(1, Is::Text), (2, Is::Text)], one_of: &[] };
static LIBRARY: Shape = Shape {
    fields: &[(1, Is::Message(&FUNCTION)), (2, Is::Message(&GRADIENT)), (3, Is::Bytes)],
    one_of: &[],
};
static VERSIONS: Shape = Shape { fields: &[(1, Is::Number), (2, Is::Number), (3, Is::Number)], one_of: &[] };
static GRAPH: Shape = Shape {
    fields: &[
        (1, Is::Message(&NODE)),
        (2, Is::Message(&LIBRARY)),
        (3, Is::Number),
        (4, Is::Message(&VERSIONS)),
        (5, Is::Bytes),
    ],
    one_of: &[1, 2],
};
static META_INFO: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (2, Is::Bytes),
        (3, Is::Bytes),
        (4, Is::Text),
        (5, Is::Text),
        (6, Is::Text),
        (7, Is::Number),
        (8, Is::Bytes),
    ],
    one_of: &[],
};
static META_GRAPH: Shape = Shape {
    fields: &[
        (1, Is::Message(&META_INFO)),
        (2, Is::Message(&GRAPH)),
        (3, Is::Bytes),
        (4, Is::Bytes),
        (5, Is::Bytes),
        (6, Is::Bytes),
        (7, Is::Bytes),
    ],
    one_of: &[2],
};
static SAVED_MODEL: Shape = Shape { fields: &[(1, Is::Number), (2, Is::Message(&META_GRAPH))], one_of: &[2] };
static FINGERPRINT: Shape = Shape {
    fields: &[
        (1, Is::Number),
        (2, Is::Number),
        (3, Is::Number),
        (4, Is::Number),
        (5, Is::Number),
        (6, Is::Message(&VERSIONS)),
        (7, Is::Text),
    ],
    one_of: &[6, 7],
};
static KERAS_NODE: Shape = Shape {
    fields: &[(2, Is::Number), (3, Is::Text), (4, Is::Text), (5, Is::Text), (6, Is::Message(&VERSIONS))],
    one_of: &[4],
};
static KERAS_METADATA: Shape = Shape { fields: &[(1, Is::Message(&KERAS_NODE))], one_of: &[1] };

fn is(shape: &'static Shape, head: &Head<'_>) -> bool {
    begins_message(head.bytes) && shape.fits(head.part, &Limits::default())
}

/// A `SavedModel`.
pub(crate) struct SavedModel;

impl ModelFormat for SavedModel {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-savedmodel")
    }

    fn about(&self) -> &'static str {
        "TensorFlow SavedModel"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pb"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.file_name {
            _ if is(&SAVED_MODEL, head) => Likeness::Certain,
            "saved_model.pb" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        packages::of_tensorflow(part, &[2, 1], looking);
        walk::read(part, Outermost::SavedModel, looking)?;
        Ok(self.id())
    }
}

/// A `MetaGraph`.
pub(crate) struct MetaGraph;

impl ModelFormat for MetaGraph {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-metagraph")
    }

    fn about(&self) -> &'static str {
        "TensorFlow MetaGraph, the graph of a checkpoint"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["meta", "pb"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if is(&META_GRAPH, head) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        packages::of_tensorflow(part, &[1], looking);
        walk::read(part, Outermost::MetaGraph, looking)?;
        Ok(self.id())
    }
}

/// A frozen graph.
pub(crate) struct GraphDef;

impl ModelFormat for GraphDef {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-graphdef")
    }

    fn about(&self) -> &'static str {
        "TensorFlow GraphDef, a frozen graph"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pb", "graphdef"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if is(&GRAPH, head) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        walk::read(part, Outermost::Graph, looking)?;
        Ok(self.id())
    }
}

/// The file of numbers that tells one `SavedModel` from another: `fingerprint.pb`.
pub(crate) struct Fingerprint;

impl ModelFormat for Fingerprint {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-fingerprint")
    }

    fn about(&self) -> &'static str {
        "fingerprint of a TensorFlow SavedModel"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pb"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        // Numbers alone say little: the name must say the same.
        if head.file_name == "fingerprint.pb" && is(&FINGERPRINT, head) {
            Likeness::Certain
        } else {
            Likeness::No
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        walk::check(part, looking)?;
        Ok(self.id())
    }
}

/// What Keras knows of the layers of a `SavedModel`: `keras_metadata.pb`. Its texts are JSON and looked at as such.
pub(crate) struct KerasMetadata;

impl ModelFormat for KerasMetadata {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-keras-metadata")
    }

    fn about(&self) -> &'static str {
        "what Keras knows of the layers of a SavedModel"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pb"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.file_name {
            _ if is(&KERAS_METADATA, head) => Likeness::Certain,
            "keras_metadata.pb" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        walk::read(part, Outermost::KerasMetadata, looking)?;
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests;
