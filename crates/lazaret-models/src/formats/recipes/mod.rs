//! Documents that a loader makes objects by: they name a function or class of Python, and the loader imports and calls it.
//! Any JSON, YAML or TOML may be one; each dialect is told by keys of its own, and all names are judged in one place
//! ([`names`]).
//!
//! | file | what is in it |
//! |---|---|
//! | `names` | what is said of a name |
//! | `hydra` | `_target_`, and what stands for a name there |
//! | `expressions` | texts of MONAI's bundles that are Python |
//! | `training` | `target`, `class_path`, `type`, `_base_`: latent diffusion, Lightning, Haystack, AllenNLP, mmengine |
//! | `objects` | objects written as JSON: jsonpickle, GluonTS, monty |
//! | `tags` | tags of HyperPyYAML |
//! | `encoders` | classes that sentence-transformers takes by their names |
//! | `fetched` | code and packages that are fetched from an address or a repository |
//! | `commands` | programs and handlers that a document has started: kernels, TorchServe, LangChain |

mod commands;
mod encoders;
mod expressions;
mod fetched;
pub(crate) mod hydra;
mod names;
mod objects;
pub(crate) mod tags;
mod training;

use lazaret_core::Locator;
use lazaret_input::json::{JsonKind, Node};

pub(crate) use self::commands::HANDLERS;

use super::json::Walk;
use crate::look::Looking;
use crate::part::Part;

/// A dialect: tells what an object of a document makes a loader do.
type Dialect = fn(Node<'_, '_>, &Part, &mut Looking<'_>);

/// The dialects, in the order in which they are asked of each object.
const DIALECTS: &[Dialect] =
    &[hydra::judge, training::judge, objects::judge, encoders::judge, fetched::judge, commands::judge];

/// Judges the name of a class that a loader makes an object of, where another format's keys say so.
pub(crate) fn judge_class(name: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    names::judge(name, names::Sure::Likely, part, looking);
}

/// Judges a name that a loader imports, where another format says so for sure.
pub(crate) fn judge_called(name: &str, at: impl Fn() -> Locator, looking: &mut Looking<'_>) {
    names::judge_text(name, names::Sure::Called, at, looking);
}

/// Tells what loading a document by any of the dialects would do.
pub(crate) fn judge(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(root).filter(|node| node.kind() == JsonKind::Object) {
        for dialect in DIALECTS {
            dialect(node, part, looking);
        }
    }
    expressions::judge(root, part, looking);
}
