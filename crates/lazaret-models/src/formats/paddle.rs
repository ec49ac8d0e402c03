//! Paddle programs (`.pdmodel`, and as JSON): the operators of every block. Parameters (`.pdparams`) are pickles.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lazaret_core::{FormatId, Likeness, Limit, Limits, Locator, Severity};
use lazaret_input::json::Node;
use rustc_hash::FxHashSet;

use super::json::{JsonKind, Walk, path_of};
use super::protobuf::{Fields, Is, Shape, begins_message};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// Most different operators of one program.
pub(crate) const MAX_OPERATORS: Limit = Limit::new("paddle.max_operators", 100_000);

static VARIABLE: Shape = Shape {
    fields: &[
        (1, Is::Text),
        (2, Is::Bytes),
        (3, Is::Number),
        (4, Is::Number),
        (5, Is::Number),
        (6, Is::Number),
        (7, Is::Bytes),
    ],
    one_of: &[1],
};
static OPERATOR: Shape = Shape {
    fields: &[(1, Is::Bytes), (2, Is::Bytes), (3, Is::Text), (4, Is::Bytes), (5, Is::Number)],
    one_of: &[3],
};
static BLOCK: Shape = Shape {
    fields: &[
        (1, Is::Number),
        (2, Is::Number),
        (3, Is::Message(&VARIABLE)),
        (4, Is::Message(&OPERATOR)),
        (5, Is::Number),
    ],
    one_of: &[3, 4],
};
static PROGRAM: Shape =
    Shape { fields: &[(1, Is::Message(&BLOCK)), (4, Is::Bytes), (5, Is::Bytes)], one_of: &[1] };

/// The format.
pub(crate) struct Paddle;

impl ModelFormat for Paddle {
    fn id(&self) -> FormatId {
        FormatId("paddle")
    }

    fn about(&self) -> &'static str {
        "Paddle program"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pdmodel"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match head.extension {
            _ if begins_message(head.bytes) && PROGRAM.fits(head.part, &Limits::default()) => {
                Likeness::Certain
            }
            "pdmodel" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut fields = Fields::new(part, looking.limits);
        let most = looking.limits.get(MAX_OPERATORS);
        let mut operators: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut program = fields.root();
        while let Some(block) = fields.next(&mut program)? {
            let Some(mut block) = block.span().filter(|_| block.number == 1) else { continue };
            while let Some(operator) = fields.next(&mut block)? {
                let Some(mut inside) = operator.span().filter(|_| operator.number == 4) else { continue };
                while let Some(field) = fields.next(&mut inside)? {
                    let Some(name) = field.span().filter(|_| field.number == 3) else { continue };
                    let found = operators.entry(fields.text(name, 256)?).or_insert((operator.at, 0));
                    found.1 = found.1.saturating_add(1);
                    most.check(operators.len() as u64)?;
                }
            }
        }
        for (name, (at, count)) in operators {
            looking.met_operator("", &name, || part.at(at));
            let nodes = match count {
                1 => "an operator".to_owned(),
                count => format!("{count} operators"),
            };
            tell(&nodes, &name, part.at(at), looking);
        }
        Ok(self.id())
    }
}

/// The names of operators that Paddle registers or has registered.
static KNOWN: LazyLock<FxHashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../../../catalogue/models/paddle_ops.txt").lines().collect());

/// Says what there is to say of an operator by its name.
fn tell(nodes: &str, name: &str, at: Locator, looking: &mut Looking<'_>) {
    let about = || About::operator("", name);
    if let Some((severity, does)) = judge(name) {
        let message = format!("{nodes} `{}`: {does}", printed(name));
        looking.find_about(severity, &rules::PADDLE_OPERATOR, about(), at, message);
    } else if !KNOWN.contains(name.trim_end_matches('_')) {
        let rule = &rules::PADDLE_UNKNOWN_OPERATOR;
        let message =
            format!("{nodes} `{}`, which Paddle does not have: a native library brings it", printed(name));
        looking.find_about(rule.rule.severity, rule, about(), at, message);
    }
}

/// What an operator does beside computing, if it does.
fn judge(name: &str) -> Option<(Severity, &'static str)> {
    Some(match name {
        "py_func" | "py_layer" => (Severity::Critical, "Python code of the process is called"),
        "save" | "save_combine" | "sparse_tensor_save" | "recv_save" => {
            (Severity::High, "files that the program names are written")
        }
        "load" | "load_combine" | "read_file" | "sparse_tensor_load" => {
            (Severity::High, "files that the program names are read")
        }
        "listen_and_serv"
        | "fl_listen_and_serv"
        | "heter_listen_and_serv"
        | "send"
        | "recv"
        | "send_and_recv"
        | "send_barrier"
        | "fetch_barrier"
        | "prefetch"
        | "checkpoint_notify"
        | "gen_nccl_id"
        | "c_gen_nccl_id" => (Severity::High, "the program talks to other hosts"),
        "tensorrt_engine" | "openvino_engine" | "lite_engine" | "dlnne_engine" | "fusion_group" => (
            Severity::High,
            "code is in it that was compiled for one kind of processor, or is compiled as it runs",
        ),
        "print" => (Severity::Medium, "tensors are printed"),
        _ => return None,
    })
}

/// A program as JSON, as Paddle 3 writes it (PIR).
pub(crate) struct PaddleJson;

impl JsonKind for PaddleJson {
    fn id(&self) -> FormatId {
        FormatId("paddle-json")
    }

    fn about(&self) -> &'static str {
        "Paddle program (JSON)"
    }

    fn recognise(&self, root: Node<'_, '_>, _file_name: &str) -> bool {
        let magic = root.get("base_code").and_then(|code| code.get("magic"));
        magic.is_some_and(|magic| magic.as_str() == Some("pir"))
    }

    /// Operators are named `1.matmul`: the number is that of a set, given in the order of the file.
    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        // Types and attributes have the same key; operators stand in the lists of blocks.
        let is_operator = |node: &Node<'_, '_>| {
            let list = node.parent().and_then(|operator| operator.parent());
            node.key() == Some("#") && list.is_some_and(|list| list.key() == Some("ops"))
        };
        for node in Walk::new(root).filter(is_operator) {
            let Some(name) = node.as_str().and_then(|name| name.split_once('.')) else { continue };
            // Those that write where they stand have a mark behind their name.
            let name = name.1.trim_end_matches('_');
            let at = part.inner(&path_of(node));
            looking.met_operator("", name, || at.clone());
            tell("an operator", name, at, looking);
        }
    }
}

/// Parameters in a row, each with its shape before it.
pub(crate) struct PaddleParameters;

/// Most parameters of one file.
pub(crate) const MAX_PARAMETERS: Limit = Limit::new("paddle.max_parameters", 1_000_000);
/// The longest description of a type and shape.
const MAX_SHAPE: u32 = 1024;

impl ModelFormat for PaddleParameters {
    fn id(&self) -> FormatId {
        FormatId("paddle-parameters")
    }

    fn about(&self) -> &'static str {
        "parameters of a Paddle program"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["pdiparams"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if parameter(head.part, 0, &Limits::default()).is_ok() { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let most = looking.limits.get(MAX_PARAMETERS);
        let (mut at, mut count) = (0, 0_u64);
        while at < part.len() {
            match parameter(part, at, looking.limits) {
                Ok(end) => at = end,
                Err(unread) => {
                    looking.tail(part, at);
                    return Err(unread);
                }
            }
            count = count.saturating_add(1);
            most.check(count)?;
        }
        Ok(self.id())
    }
}

/// Where the parameter at a place ends: versions, no levels of detail, a description, the numbers.
fn parameter(part: &Part, at: u64, limits: &Limits) -> Result<u64, Unread> {
    let wrong = |why: &str| Unread::malformed(at, why);
    let head: [u8; 20] = part.array(at)?;
    let (versions, length) = head.split_last_chunk::<4>().ok_or_else(|| Unread::cut_off(at))?;
    let length = u32::from_le_bytes(*length);
    if versions.iter().any(|byte| *byte != 0) || !(2..=MAX_SHAPE).contains(&length) {
        return Err(wrong("no parameter stands here"));
    }
    let from = at.saturating_add(20);
    let shape = part.rest(from, u64::from(length));
    let mut fields = Fields::new(&shape, limits);
    let mut span = fields.root();
    let (mut width, mut numbers) = (None, Some(1_u64));
    while let Some(field) = fields.next(&mut span)? {
        match (field.number, field.varint()) {
            (1, Some(kind)) => {
                width = match kind {
                    0 | 20 | 21 | 32 | 33 => Some(1),
                    1 | 4 | 22 => Some(2),
                    2 | 5 => Some(4),
                    3 | 6 | 23 => Some(8),
                    24 => Some(16),
                    _ => None,
                }
            }
            (2, Some(length)) => numbers = numbers.and_then(|numbers| numbers.checked_mul(length)),
            _ => return Err(wrong("a shape that cannot be")),
        }
    }
    let size = width.zip(numbers).and_then(|(width, numbers): (u64, u64)| numbers.checked_mul(width));
    let end = size.and_then(|size| from.saturating_add(u64::from(length)).checked_add(size));
    end.filter(|end| *end <= part.len()).ok_or_else(|| wrong("a parameter that lies outside the file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::protobuf::tests::{field, number, scan};

    #[test]
    fn operators_are_judged_by_their_type() {
        for (name, severity) in [
            ("matmul_v2", None),
            ("py_func", Some(Severity::Critical)),
            ("save_combine", Some(Severity::High)),
            ("print", Some(Severity::Medium)),
            ("tensorrt_engine", Some(Severity::High)),
            ("sequence_pool", None),
            ("hospital_custom_op", Some(Severity::Medium)),
            ("Matmul_v2", Some(Severity::Medium)),
        ] {
            let operator = field(4, [field(1, "x"), field(3, name)].concat());
            let variable = field(3, [field(1, "save"), field(2, "t")].concat());
            let block = field(1, [number(1, 0), number(2, 0), variable, operator].concat());
            let report = scan([block, field(4, number(1, 0))].concat(), "m.pdmodel");
            assert_eq!(report.format.0, "paddle");
            assert_eq!(report.findings.first().map(|finding| finding.severity), severity, "{name}");
        }
    }

    #[test]
    fn operators_of_programs_in_json_are_judged_where_they_stand() {
        let of = |name: &str| {
            let text = format!(
                r##"{{"base_code":{{"magic":"pir","version":4}},"program":{{"regions":[{{"#":"region_0","blocks":[{{"#":"block_0",
                "args":[],"ops":[{{"#":"p","A":[]}},{{"#":"{name}","A":[{{"AT":{{"#":"0.a_str","D":"x"}},"N":"name"}}],
                "O":[{{"%":1,"TT":{{"#":"0.t_dtensor","D":[{{"#":"0.t_f32"}},[2]]}}}}]}}]}}]}}]}}}}"##
            );
            let report = scan(text, "m.json");
            assert_eq!(report.format.0, "paddle-json");
            report.findings.into_iter().map(|found| (found.id, found.severity)).collect::<Vec<_>>()
        };
        for name in ["1.matmul", "1.relu_", "0.combine", "2.yield"] {
            assert_eq!(of(name), [], "{name}");
        }
        assert_eq!(of("1.py_func"), [("paddle.operator", Severity::Critical)]);
        assert_eq!(of("3.hospital_custom_op"), [("paddle.unknown-operator", Severity::Medium)]);
        assert_eq!(of("1.a_str"), [("paddle.unknown-operator", Severity::Medium)]);
    }

    #[test]
    fn parameters_are_walked_by_their_shapes() {
        let shape = [number(1, 5), number(2, 2), number(2, 3)].concat();
        let length = u32::try_from(shape.len()).unwrap().to_le_bytes();
        let one = [&[0; 16][..], &length, &shape, &[7; 24]].concat();
        let report = scan([one.clone(), one.clone()].concat(), "m.pdiparams");
        assert_eq!((report.format.0, report.findings.len()), ("paddle-parameters", 0));
        let report = scan([one, vec![7; 90]].concat(), "m.pdiparams");
        assert_eq!(report.findings[0].id, "format.trailing-bytes");
    }
}
