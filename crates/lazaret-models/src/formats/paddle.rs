//! Paddle programs (`.pdmodel`): the operators of every block. Parameters (`.pdparams`) are pickles.

use std::collections::BTreeMap;

use lazaret_core::{FormatId, Likeness, Limit, Limits, Severity};

use super::protobuf::{Fields, Is, Shape, begins_message};
use crate::look::{Head, Looking};
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
            let Some((severity, does)) = judge(&name) else { continue };
            let message = format!("{count} operators `{}`: {does}", printed(&name));
            looking.find_as(severity, &rules::PADDLE_OPERATOR, part.at(at), message);
        }
        Ok(self.id())
    }
}

/// What an operator does beside computing, if it does.
fn judge(name: &str) -> Option<(Severity, &'static str)> {
    Some(match name {
        "py_func" | "py_layer" => (Severity::Critical, "Python code of the process is called"),
        "save" | "save_combine" | "sparse_tensor_save" => {
            (Severity::High, "files that the program names are written")
        }
        "load" | "load_combine" | "read_file" | "sparse_tensor_load" => {
            (Severity::High, "files that the program names are read")
        }
        "listen_and_serv" | "send" | "recv" | "send_and_recv" | "heter_listen_and_serv" => {
            (Severity::High, "the program talks to other hosts")
        }
        "print" => (Severity::Medium, "tensors are printed"),
        _ => return None,
    })
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
        ] {
            let operator = field(4, [field(1, "x"), field(3, name)].concat());
            let variable = field(3, [field(1, "save"), field(2, "t")].concat());
            let block = field(1, [number(1, 0), number(2, 0), variable, operator].concat());
            let report = scan([block, field(4, number(1, 0))].concat(), "m.pdmodel");
            assert_eq!(report.format.0, "paddle");
            assert_eq!(report.findings.first().map(|finding| finding.severity), severity, "{name}");
        }
    }
}
