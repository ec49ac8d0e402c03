//! ONNX: a graph of operators as a protocol buffer, with tensors in it or in files beside it.
//!
//! All graphs are walked: those of branches and loops, of functions, of training. Judged are the operators by domain and
//! name, and the files that tensors name.

mod external;
mod functions;
mod walk;

use std::sync::{Arc, LazyLock};

use lazaret_core::{FormatId, Likeness, Limit, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use external::ExternalData;
use external::Externals;
use functions::Functions;
use walk::{Context, Inner, Told, walk};

use super::protobuf::{Is, Shape, begins_message};
use super::{beside, packages};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Tensor, Tensors};

/// Most different operators and functions of one model.
pub(crate) const MAX_OPERATORS: Limit = Limit::new("onnx.max_operators", 100_000);

/// Domains whose operators are part of ONNX or of ONNX Runtime.
const DOMAINS: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.preview",
    "ai.onnx.preview.training",
    "ai.onnx.training",
    "com.microsoft",
    "com.microsoft.dml",
    "com.microsoft.experimental",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

/// The domains among them whose operators ONNX itself defines.
const OF_ONNX: &[&str] = &["", "ai.onnx", "ai.onnx.ml"];
/// The newest sets of operators that are known here.
const NEWEST_SET: u64 = 28;
const NEWEST_SET_ML: u64 = 5;

/// The names of operators that ONNX defines or has defined.
static KNOWN: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../../../../catalogue/models/onnx_ops.txt").lines().collect());

/// Operators that run Python code: of ONNX Runtime, its extensions and its training.
const PYTHON: &[&str] = &["PyCustomOp", "PyOp", "PythonOp", "PythonOpGrad"];

static TENSOR: Shape = Shape {
    fields: &[
        (1, Is::Number),
        (2, Is::Number),
        (3, Is::Bytes),
        (4, Is::Bytes),
        (5, Is::Number),
        (6, Is::Bytes),
        (7, Is::Number),
        (8, Is::Text),
        (9, Is::Bytes),
        (10, Is::Bytes),
        (11, Is::Number),
        (12, Is::Text),
        (13, Is::Bytes),
        (14, Is::Number),
        (16, Is::Bytes),
    ],
    one_of: &[],
};
static NODE: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (2, Is::Text),
        (3, Is::Text),
        (4, Is::Text),
        (5, Is::Bytes),
        (6, Is::Text),
        (7, Is::Text),
        (8, Is::Text),
        (9, Is::Bytes),
        (10, Is::Bytes),
    ],
    one_of: &[4],
};
static GRAPH: Shape = Shape {
    fields: &[
        (1, Is::Message(&NODE)),
        (2, Is::Text),
        (5, Is::Message(&TENSOR)),
        (10, Is::Text),
        (11, Is::Bytes),
        (12, Is::Bytes),
        (13, Is::Bytes),
        (14, Is::Bytes),
        (15, Is::Bytes),
        (16, Is::Bytes),
    ],
    one_of: &[],
};
static OPSET: Shape = Shape { fields: &[(1, Is::Text), (2, Is::Number)], one_of: &[] };
static FUNCTION: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (4, Is::Text),
        (5, Is::Text),
        (6, Is::Text),
        (7, Is::Message(&NODE)),
        (8, Is::Text),
        (9, Is::Message(&OPSET)),
        (10, Is::Text),
        (11, Is::Bytes),
        (12, Is::Bytes),
        (13, Is::Text),
        (14, Is::Bytes),
    ],
    one_of: &[7],
};
static TRAINING: Shape = Shape {
    fields: &[(1, Is::Message(&GRAPH)), (2, Is::Message(&GRAPH)), (3, Is::Bytes), (4, Is::Bytes)],
    one_of: &[1, 2],
};
static MODEL: Shape = Shape {
    fields: &[
        (1, Is::Number),
        (2, Is::Text),
        (3, Is::Text),
        (4, Is::Text),
        (5, Is::Number),
        (6, Is::Text),
        (7, Is::Message(&GRAPH)),
        (8, Is::Message(&OPSET)),
        (14, Is::Bytes),
        (20, Is::Message(&TRAINING)),
        (25, Is::Message(&FUNCTION)),
        (26, Is::Bytes),
    ],
    one_of: &[7, 20, 25],
};

/// The format.
pub(crate) struct Onnx;

impl ModelFormat for Onnx {
    fn id(&self) -> FormatId {
        FormatId("onnx")
    }

    fn about(&self) -> &'static str {
        "ONNX graph"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["onnx"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.extension {
            _ if begins_message(head.bytes) && MODEL.fits(head.part, &lazaret_core::Limits::default()) => {
                Likeness::Certain
            }
            "onnx" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut judge = Judge {
            part,
            foreign: FxHashMap::default(),
            functions: Functions::new(looking.limits.get(MAX_OPERATORS)),
            newer: FxHashMap::default(),
            max_operators: looking.limits.get(MAX_OPERATORS),
            externals: Externals::new(part),
            file: Arc::new(part.clone()),
            tensors: Tensors::new(looking),
        };
        packages::of_onnx(part, looking);
        let end = walk(part, looking.limits, &mut |told| judge.take(told, looking));
        let tensors = judge.finish(looking);
        weights::judge(&tensors, part, looking);
        // What a fault leaves unread may be another file, glued to this one.
        match end {
            Ok(end) => looking.tail(part, end),
            Err(unread) => {
                if unread.at.is_some_and(|at| at > 0) {
                    looking.tail(part, walk::good_fields(part, looking.limits));
                }
                return Err(unread);
            }
        }
        Ok(self.id())
    }
}

/// A domain of ONNX by its one name: the first of them may be written in two ways.
fn own_domain(domain: String) -> String {
    if domain == "ai.onnx" { String::new() } else { domain }
}

/// What is known of the operators so far.
struct Judge<'p> {
    part: &'p Part,
    /// Operators of other domains: where the first stands, and how many there are.
    foreign: FxHashMap<(String, String), (u64, u64)>,
    /// Functions that the model defines.
    functions: Functions,
    /// The set of operators that the model asks for of each of ONNX's own domains, where it is newer than those known here.
    newer: FxHashMap<String, u64>,
    max_operators: Limit,
    externals: Externals<'p>,
    file: Arc<Part>,
    tensors: Tensors,
}

impl Judge<'_> {
    fn take(&mut self, told: Told, looking: &mut Looking<'_>) -> Result<(), Unread> {
        match told {
            Told::Node { at, operator, domain, contexts, function } => {
                let part = self.part;
                looking.met_operator(&domain, &operator, || part.at(at));
                self.functions.node(function, &domain, &operator)?;
                if PYTHON.contains(&operator.as_str()) {
                    let message = format!(
                        "a node runs the operator `{}` of `{}`: Python code that the graph names",
                        printed(&operator),
                        printed(&domain)
                    );
                    let (rule, about) = (&rules::ONNX_PYTHON_OPERATOR, About::operator(&domain, &operator));
                    looking.find_about(rule.rule.severity, rule, about, self.part.at(at), message);
                } else if !DOMAINS.contains(&domain.as_str())
                    || (OF_ONNX.contains(&domain.as_str()) && !KNOWN.contains(operator.as_str()))
                {
                    let found = self.foreign.entry((domain, operator)).or_insert((at, 0));
                    found.1 = found.1.saturating_add(1);
                    self.max_operators.check(self.foreign.len() as u64)?;
                } else if operator == "EPContext" {
                    for context in &contexts {
                        self.compiled(context, at, looking);
                    }
                }
            }
            Told::Function { at, domain, name } => self.functions.function(at, domain, name)?,
            Told::Opset { domain, version } => {
                let newest = if domain == "ai.onnx.ml" { NEWEST_SET_ML } else { NEWEST_SET };
                if OF_ONNX.contains(&domain.as_str()) && version > newest {
                    self.newer.insert(own_domain(domain), version);
                }
            }
            Told::External(tensor) => {
                let data = self.externals.judge(&tensor, looking);
                let (name, kind, shape) = (tensor.name, tensor.kind, tensor.shape);
                self.tensors.push(Tensor { name, kind, shape, data });
            }
            Told::Inner(tensor) => self.inner(tensor, looking),
            Told::Unknown { at, number, bytes } => {
                let message =
                    format!("the model has a field {number} that ONNX does not have: loaders pass it over");
                looking.find_as(Severity::Low, &rules::MALFORMED, self.part.at(at), message);
                looking.passed_over(self.part, bytes.at, bytes.len());
            }
        }
        Ok(())
    }

    /// A model that was compiled for one kind of processor.
    fn compiled(&self, context: &Context, at: u64, looking: &mut Looking<'_>) {
        match context {
            Context::Path(path) => {
                if let Some(why) = beside::leaves(path) {
                    let message = format!(
                        "a node takes a compiled model from the path `{}`, which {why}",
                        printed(path)
                    );
                    looking.find(&rules::ONNX_EXTERNAL_PATH, self.part.at(at), message);
                }
            }
            Context::Inside(bytes) => {
                let message = "a node has a model in it that was compiled for one kind of processor";
                looking.find(&rules::COMPILED_ENGINE, self.part.at(at), message);
                looking.passed_over(self.part, bytes.at, bytes.len());
            }
        }
    }

    /// A tensor whose bytes stand in the graph.
    fn inner(&mut self, tensor: Inner, looking: &mut Looking<'_>) {
        let (from, len) = (tensor.bytes.at, tensor.bytes.end.saturating_sub(tensor.bytes.at));
        if let Some(size) = tensor.size.filter(|size| tensor.raw && *size != len) {
            let message = format!(
                "tensor `{}`: its shape and type make {size} bytes, {len} are there",
                printed(&tensor.name)
            );
            looking.find(&rules::WEIGHTS_SHAPE, self.part.at(tensor.at), message);
        }
        let data = Some(Data { part: Arc::clone(&self.file), from, len });
        self.tensors.push(Tensor { name: tensor.name, kind: tensor.kind, shape: tensor.shape, data });
    }

    /// Tells what could be told only at the end; gives the tensors.
    fn finish(self, looking: &mut Looking<'_>) -> Tensors {
        self.functions.judge(self.part, looking);
        let mut foreign: Vec<_> = self.foreign.into_iter().collect();
        foreign.sort_unstable();
        for (operator, (at, count)) in foreign {
            if self.functions.has(&operator) {
                continue;
            }
            let (domain, name) = operator;
            let of_onnx = OF_ONNX.contains(&domain.as_str());
            let newer = self.newer.get(&own_domain(domain.clone()));
            let nodes = match count {
                1 => "a node runs".to_owned(),
                count => format!("{count} nodes run"),
            };
            let name_shown = printed(&name);
            let message = if let (true, Some(version)) = (of_onnx, newer) {
                format!(
                    "{nodes} the operator `{name_shown}`, which is in no set of ONNX that is known here; the model asks for set \
                     {version}, which is newer: it is new, or a native library brings it"
                )
            } else if of_onnx {
                format!(
                    "{nodes} the operator `{name_shown}`, which ONNX does not have: a native library brings it"
                )
            } else {
                format!(
                    "{nodes} the operator `{name_shown}` of the domain `{}`, which is no part of ONNX: a native library brings it",
                    printed(&domain)
                )
            };
            let (rule, about) = (&rules::ONNX_CUSTOM_OPERATOR, About::operator(&domain, &name));
            looking.find_about(rule.rule.severity, rule, about, self.part.at(at), message);
        }
        self.tensors
    }
}

#[cfg(test)]
mod tests;
