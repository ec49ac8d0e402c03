//! Core ML: layers and models that are classes of an app, and files that a model names.

use lazaret_core::{FormatId, Likeness, Limit, Limits, Severity};

use super::beside;
use super::protobuf::{Fields, Is, Shape, Span, Value};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// The longest name that is taken.
const MAX_NAME: usize = 4096;
/// How coremltools writes an operation whose class the app brings.
const CUSTOM_OPERATION: &str = "custom_layer";
/// The newest version of the format that is thought possible.
const NEWEST: u8 = 32;

static MODEL: Shape = Shape {
    fields: &[
        (1, Is::Number),
        (2, Is::Bytes),
        (10, Is::Number),
        (200, Is::Bytes),
        (201, Is::Bytes),
        (202, Is::Bytes),
        (300, Is::Bytes),
        (301, Is::Bytes),
        (302, Is::Bytes),
        (303, Is::Bytes),
        (304, Is::Bytes),
        (400, Is::Bytes),
        (401, Is::Bytes),
        (402, Is::Bytes),
        (403, Is::Bytes),
        (404, Is::Bytes),
        (500, Is::Bytes),
        (501, Is::Bytes),
        (502, Is::Bytes),
        (555, Is::Bytes),
        (556, Is::Bytes),
        (560, Is::Bytes),
        (600, Is::Bytes),
        (601, Is::Bytes),
        (602, Is::Bytes),
        (603, Is::Bytes),
        (604, Is::Bytes),
        (606, Is::Bytes),
        (607, Is::Bytes),
        (609, Is::Bytes),
        (610, Is::Bytes),
        (900, Is::Bytes),
        (2000, Is::Bytes),
        (2001, Is::Bytes),
        (2002, Is::Bytes),
        (2003, Is::Bytes),
        (2004, Is::Bytes),
        (2005, Is::Bytes),
        (2006, Is::Bytes),
        (3000, Is::Bytes),
    ],
    one_of: &[
        200, 201, 202, 300, 301, 302, 303, 304, 400, 401, 402, 403, 404, 500, 501, 502, 555, 556, 600, 601,
        602, 603, 604, 606, 607, 609, 610, 2000, 2001, 2002, 2003, 2004, 2005, 2006, 3000,
    ],
};

/// The format.
pub(crate) struct CoreMl;

impl ModelFormat for CoreMl {
    fn id(&self) -> FormatId {
        FormatId("coreml")
    }

    fn about(&self) -> &'static str {
        "Core ML model"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["mlmodel"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let begins = matches!(head.bytes, [0x08, 1..=NEWEST, ..]);
        match head.extension {
            _ if begins && MODEL.fits(head.part, &Limits::default()) => Likeness::Certain,
            "mlmodel" => Likeness::ByName,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        // The first field that Core ML does not have: another file, glued to this one, may begin there.
        let mut stray = None;
        walk(part, looking, &mut stray).inspect_err(|_| {
            if let Some(at) = stray {
                looking.passed_over(part, at, part.len().saturating_sub(at));
            }
        })?;
        Ok(self.id())
    }
}

/// Reads all there is in a model and judges it.
fn walk(part: &Part, looking: &mut Looking<'_>, stray: &mut Option<u64>) -> Result<(), Unread> {
    let mut fields = Fields::new(part, looking.limits);
    let mut stack = vec![(Message::Model, fields.root())];
    while let Some((message, span)) = stack.last_mut() {
        let Some(field) = fields.next(span)? else {
            stack.pop();
            continue;
        };
        let is_stray = matches!(message, Message::Model) && !MODEL.has(field.number);
        if is_stray {
            stray.get_or_insert(field.at);
        }
        let Some(inside) = field.span() else { continue };
        if is_stray {
            let message = format!(
                "the model has a field {} that Core ML does not have: loaders pass it over",
                field.number
            );
            looking.find_as(Severity::Low, &rules::MALFORMED, part.at(field.at), message);
            looking.passed_over(part, inside.at, inside.len());
            continue;
        }
        match message.step(field.number) {
            Step::Into(next) => {
                stack.push((next, inside));
                fields.check_depth(stack.len())?;
            }
            Step::Name(what) => tell(what, &mut fields, inside, part, looking)?,
            Step::Blob => blob(&mut fields, inside, part, looking)?,
            Step::Over => {}
        }
    }
    Ok(())
}

/// A message that is being read.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Pipelines,
    Pipeline,
    Network,
    Layer,
    Branch,
    Loop,
    CustomLayer,
    CustomModel,
    Linked,
    LinkedFile,
    LinkedPath,
    Program,
    FunctionEntry,
    Function,
    BlockEntry,
    Block,
    Operation,
    InputEntry,
    Argument,
    Binding,
    ValueEntry,
    Value,
}

/// A name that matters.
#[derive(Clone, Copy)]
enum Name {
    Layer,
    Model,
    File,
    Operation,
}

enum Step {
    Into(Message),
    Name(Name),
    /// Numbers in a file of the package.
    Blob,
    Over,
}

impl Message {
    /// What a field of it is, by its number.
    const fn step(self, number: u32) -> Step {
        use Message as M;
        Step::Into(match (self, number) {
            (M::Model, 200 | 201) => M::Pipelines,
            (M::Model, 202) | (M::Pipelines, 1) => M::Pipeline,
            (M::Model, 303 | 403 | 500) | (M::Branch, 1 | 2) | (M::Loop, 3 | 4) => M::Network,
            (M::Model, 555) => M::CustomModel,
            (M::Model, 556) => M::Linked,
            (M::Model, 502) => M::Program,
            (M::Pipeline, 1) => M::Model,
            (M::Network, 1) => M::Layer,
            (M::Layer, 500) => M::CustomLayer,
            (M::Layer, 605) => M::Branch,
            (M::Layer, 615) => M::Loop,
            (M::Linked, 1) => M::LinkedFile,
            (M::LinkedFile, 1 | 2) => M::LinkedPath,
            (M::Program, 2) => M::FunctionEntry,
            (M::FunctionEntry, 2) => M::Function,
            (M::Function, 3) => M::BlockEntry,
            (M::BlockEntry, 2) | (M::Operation, 4) => M::Block,
            (M::Block, 3) => M::Operation,
            (M::Operation, 2) => M::InputEntry,
            (M::Operation, 5) => M::ValueEntry,
            (M::InputEntry, 2) => M::Argument,
            (M::Argument, 1) => M::Binding,
            (M::Binding | M::ValueEntry, 2) => M::Value,
            (M::CustomLayer, 10) => return Step::Name(Name::Layer),
            (M::CustomModel, 10) => return Step::Name(Name::Model),
            (M::LinkedPath, 1) => return Step::Name(Name::File),
            (M::Operation, 1) => return Step::Name(Name::Operation),
            (M::Value, 5) => return Step::Blob,
            _ => return Step::Over,
        })
    }
}

fn tell(
    what: Name,
    fields: &mut Fields<'_>,
    span: Span,
    part: &Part,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let name = fields.text(span, MAX_NAME)?;
    let shown = printed(&name);
    let (rule, at) = (&rules::COREML_CUSTOM_LAYER, part.at(span.at));
    match what {
        Name::Operation if name != CUSTOM_OPERATION => {}
        Name::Operation => {
            let message = "an operation of the program is a class of the app that loads the model";
            looking.find_about(rule.rule.severity, rule, About::layer(&name), at, message);
        }
        Name::Layer | Name::Model => {
            looking.met_layer(&name, || part.at(span.at));
            let message = match what {
                Name::Layer => format!("a layer is the class `{shown}` of the app that loads the model"),
                _ => format!("the model is the class `{shown}` of the app that loads it"),
            };
            looking.find_about(rule.rule.severity, rule, About::layer(&name), at, message);
        }
        Name::File => {
            // Weights lie in the package: `@model_path/weights/weight.bin`.
            let path = name.strip_prefix("@model_path/").unwrap_or(&name);
            if let Some(why) = beside::leaves(path) {
                let message = format!("the model is read from the file `{shown}` too, a path that {why}");
                looking.find_as(Severity::Critical, rule, at, message);
            }
        }
    }
    Ok(())
}

/// Numbers of a program that lie in a file of its package: `@model_path/weights/weight.bin`, from an offset on.
fn blob(
    fields: &mut Fields<'_>,
    mut span: Span,
    part: &Part,
    looking: &mut Looking<'_>,
) -> Result<(), Unread> {
    let (at, mut file, mut offset) = (span.at, None, 0);
    while let Some(field) = fields.next(&mut span)? {
        match (field.number, field.value) {
            (1, Value::Delimited(name)) => {
                tell(Name::File, fields, name, part, looking)?;
                file = Some(fields.text(name, MAX_NAME)?);
            }
            (2, Value::Varint(number)) => offset = number,
            _ => {}
        }
    }
    let path = file.as_deref().and_then(|file| file.strip_prefix("@model_path/"));
    let Some(length) = path.and_then(|path| looking.beside(part, path)).map(|file| file.len()) else {
        return Ok(());
    };
    if offset.checked_add(STEP).is_none_or(|end| end > length) {
        let message = format!("numbers lie at byte {offset} of the weights, which have {length}");
        looking.find(&rules::MALFORMED, part.at(at), message);
    }
    Ok(())
}

/// Weights of a model program: blocks of numbers, each with a record before it.
pub(crate) struct CoreMlWeights;

/// The first four bytes of a record.
const RECORD: [u8; 4] = 0xdead_beef_u32.to_le_bytes();
/// Header, records and blocks begin at multiples of this.
const STEP: u64 = 64;
/// Most blocks of one file.
pub(crate) const MAX_BLOCKS: Limit = Limit::new("coreml.max_blocks", 1_000_000);

impl ModelFormat for CoreMlWeights {
    fn id(&self) -> FormatId {
        FormatId("coreml-weights")
    }

    fn about(&self) -> &'static str {
        "weights of a Core ML program"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let version = head.bytes.get(4..8) == Some(&[2, 0, 0, 0]);
        let record = head.bytes.get(64..68) == Some(&RECORD);
        if version && record { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let count = u64::from(u32::from_le_bytes(part.array(0)?));
        looking.limits.get(MAX_BLOCKS).check(count)?;
        let mut at = STEP;
        for _ in 0..count {
            if part.array::<4>(at)? != RECORD {
                return Err(Unread::malformed(at, "no record stands where a block ends"));
            }
            let size = u64::from_le_bytes(part.array(at.saturating_add(8))?);
            let from = u64::from_le_bytes(part.array(at.saturating_add(16))?);
            let end = from.checked_add(size).filter(|end| from >= at && *end <= part.len());
            let end = end.ok_or_else(|| Unread::malformed(at, "a block that lies outside the file"))?;
            at = end.next_multiple_of(STEP);
        }
        looking.tail(part, at.min(part.len()));
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{field, number, scan, told};

    fn network(layer: &[u8]) -> Vec<u8> {
        [number(1, 4), field(500, field(1, [field(1, "l"), layer.to_vec()].concat()))].concat()
    }

    #[test]
    fn classes_of_an_app_are_told_wherever_they_stand() {
        let report = scan(network(&field(100, "")), "m.mlmodel");
        assert_eq!((report.format.0, told(&report)), ("coreml", vec![]));
        let custom = field(500, field(10, "SomeLayer"));
        assert_eq!(told(&scan(network(&custom), "m.mlmodel")).len(), 1);
        let branch = field(605, field(2, field(1, [field(1, "i"), custom].concat())));
        assert_eq!(told(&scan(network(&branch), "m.mlmodel")).len(), 1);
        let model = [number(1, 4), field(555, field(10, "SomeModel"))].concat();
        assert_eq!(told(&scan(model.clone(), "m.mlmodel")).len(), 1);
        let pipeline = [number(1, 4), field(202, field(1, model))].concat();
        assert_eq!(told(&scan(pipeline, "m.mlmodel")).len(), 1);
    }

    #[test]
    fn what_is_glued_to_a_model_is_looked_at() {
        let call = b"\x80\x04cposix\nsystem\n(X\x04\0\0\0truetR.";
        for more in [call.to_vec(), field(777, call)] {
            let found = told(&scan([network(&field(100, "")), more].concat(), "m.mlmodel"));
            assert!(found.iter().any(|told| told.starts_with("pickle.dangerous-call ")), "{found:?}");
        }
    }

    #[test]
    fn files_that_leave_the_package_are_told() {
        for (path, count) in
            [("@model_path/weights/weight.bin", 0), ("@model_path/../../x", 1), ("/etc/hostname", 1)]
        {
            let value = field(2, field(5, field(1, path)));
            let operation =
                field(3, [field(1, "const"), field(5, [field(1, "val"), value].concat())].concat());
            let function = field(2, field(3, [field(1, "CoreML5"), field(2, operation)].concat()));
            let program = field(502, field(2, [field(1, "main"), function].concat()));
            let report = scan([number(1, 6), program].concat(), "m.mlmodel");
            assert_eq!((report.format.0, told(&report).len()), ("coreml", count), "{path}");
        }
    }

    #[test]
    fn weights_are_walked_by_their_records() {
        let mut bytes = vec![0; 64 * 3 + 8];
        bytes[0] = 1;
        bytes[4] = 2;
        bytes[64..68].copy_from_slice(&super::RECORD);
        bytes[72] = 72;
        bytes[80] = 128;
        let report = scan(bytes.clone(), "weight.bin");
        assert_eq!((report.format.0, told(&report)), ("coreml-weights", vec![]));
        bytes[72] = 80;
        assert_eq!(told(&scan(bytes, "weight.bin")), ["format.malformed weight.bin@64"]);
    }
}
