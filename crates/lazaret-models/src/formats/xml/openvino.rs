//! Graphs of `OpenVINO`, and the weights beside them.

use std::collections::BTreeMap;

use lazaret_core::{Flow, FormatId, Likeness, Limits, Severity};
use lazaret_input::xml::{self, Attribute, Event};

use super::{events, local, root_of};
use crate::look::{Head, Looking};
use crate::own::About;
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// Sets of operations beside `opset1` and those that follow: of the converters and of old graphs.
const SETS: &[&str] = &["experimental", "ie_internal_opset", "internal", "ops", "type_relaxed_opset"];

/// Operators of `openvino_tokenizers`, the library that `OpenVINO`'s own tools write tokenizers for: as it registers them.
const TOKENIZERS: &[&str] = &[
    "BPETokenizer",
    "ByteFallback",
    "BytesToChars",
    "CaseFold",
    "CharsMapNormalization",
    "CharsToBytes",
    "CombineSegments",
    "ContribStringJoin",
    "ContribStringSplit",
    "EqualStr",
    "FuzeRagged",
    "NormalizeUnicode",
    "NumericToString",
    "RaggedTensorPack",
    "RaggedToDense",
    "RaggedToRagged",
    "RaggedToSparse",
    "RegexNormalization",
    "RegexSplit",
    "SentencepieceDetokenizer",
    "SentencepieceStreamDetokenizer",
    "SentencepieceTokenizer",
    "SpecialTokensSplit",
    "StringTensorPack",
    "StringTensorUnpack",
    "StringToHashBucket",
    "TrieTokenizer",
    "Truncate",
    "UTF8Validate",
    "UnigramTokenizer",
    "VocabDecoder",
    "VocabEncoder",
    "WordpieceTokenizer",
];

/// A graph.
pub(crate) struct OpenVino;

impl ModelFormat for OpenVino {
    fn id(&self) -> FormatId {
        FormatId("openvino")
    }

    fn about(&self) -> &'static str {
        "OpenVINO graph"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["xml"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match root_of(head.bytes) {
            Some(root) if is_net(&root) => Likeness::Certain,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut layer = String::new();
        let mut layers: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        let mut constants = Constants::default();
        events(part, true, looking, |event, looking| {
            let Event::Start { name, attributes, offset, .. } = event else { return };
            match local(name) {
                "layer" => {
                    get(attributes, "name").unwrap_or_default().clone_into(&mut layer);
                    let kind = get(attributes, "type").unwrap_or_default();
                    let set = get(attributes, "version").unwrap_or_default();
                    looking.met_layer(kind, || part.at(offset));
                    let is_tokenizer = set == "extension" && TOKENIZERS.contains(&kind);
                    if !is_known(set) && !is_tokenizer && layers.len() < 1000 {
                        let found = layers.entry((printed(kind), printed(set))).or_insert((offset, 0));
                        found.1 = found.1.saturating_add(1);
                    }
                    library(attributes, &layer, part, offset, looking);
                }
                "data" => {
                    constants.take(attributes, &layer, offset);
                    library(attributes, &layer, part, offset, looking);
                }
                "weights" | "biases" => constants.take(attributes, &layer, offset),
                _ => {}
            }
        })?;
        for ((kind, set), (offset, count)) in layers {
            let about = About::layer(&kind);
            let layers = match count {
                1 => "a layer".to_owned(),
                count => format!("{count} layers"),
            };
            let message = format!(
                "{layers} of the type `{kind}` from `{set}`, which OpenVINO does not have: a native library brings it"
            );
            let rule = &rules::OPENVINO_CUSTOM_LAYER;
            looking.find_about(rule.rule.severity, rule, about, part.at(offset), message);
        }
        constants.judge(part, looking);
        Ok(self.id())
    }
}

fn is_net(root: &str) -> bool {
    matches!(local(root), "net" | "Net")
}

/// Whether a set of operations is one of `OpenVINO`'s; old graphs name none.
fn is_known(set: &str) -> bool {
    let number = set.strip_prefix("opset");
    set.is_empty()
        || SETS.contains(&set)
        || number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn get<'a>(attributes: &'a [Attribute<'_>], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &*attribute.value)
}

/// Tells an attribute that names a library.
fn library(attributes: &[Attribute<'_>], layer: &str, part: &Part, offset: u64, looking: &mut Looking<'_>) {
    let names_one = |value: &str| {
        let file = value.rsplit(['/', '\\']).next().unwrap_or(value).to_ascii_lowercase();
        let ending = file.rsplit_once('.').map(|(_, ending)| ending);
        matches!(ending, Some("so" | "dll" | "dylib" | "plugin")) || file.contains(".so.")
    };
    for attribute in
        attributes.iter().filter(|a| a.name == "library" || (a.name != "name" && names_one(&a.value)))
    {
        let message = format!("layer `{}` names the library `{}`", printed(layer), printed(&attribute.value));
        looking.find(&rules::OPENVINO_CUSTOM_LAYER, part.at(offset), message);
    }
}

/// How many bytes the shape and type of a constant make at least, where both are told.
fn least_bytes(attributes: &[Attribute<'_>]) -> Option<u64> {
    let bits = match get(attributes, "element_type")? {
        "f64" | "i64" | "u64" => 64,
        "f32" | "i32" | "u32" => 32,
        "f16" | "bf16" | "i16" | "u16" => 16,
        "i8" | "u8" | "boolean" | "f8e4m3" | "f8e5m2" | "f8e8m0" => 8,
        "i4" | "u4" | "nf4" | "f4e2m1" => 4,
        "u2" => 2,
        "u1" => 1,
        _ => return None,
    };
    let shape = get(attributes, "shape")?;
    let lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    let mut values = 1_u64;
    for length in lengths {
        values = values.saturating_mul(length.parse().ok()?);
    }
    Some(values.saturating_mul(bits).div_ceil(8))
}

/// What the constants of a graph say of the weights.
#[derive(Default)]
struct Constants {
    count: u64,
    /// Where the last ends, which it is, and where that is said.
    end: u64,
    last: (String, u64),
    /// The first that cannot be.
    wrong: Option<(String, u64)>,
}

impl Constants {
    fn take(&mut self, attributes: &[Attribute<'_>], layer: &str, at: u64) {
        let (Some(offset), Some(size)) = (get(attributes, "offset"), get(attributes, "size")) else { return };
        // Layers such as `Crop` have an `offset` that is none of weights: then no number of bytes stands with it.
        let numbers = offset.parse::<u64>().ok().zip(size.parse::<u64>().ok());
        let least = least_bytes(attributes);
        let fits = |size: u64| least.is_none_or(|least| size >= least);
        let end = numbers.and_then(|(offset, size)| offset.checked_add(size).filter(|_| fits(size)));
        match end {
            Some(end) => {
                self.count = self.count.saturating_add(1);
                if end >= self.end {
                    self.end = end;
                    self.last = (layer.to_owned(), at);
                }
            }
            None if self.wrong.is_none() => self.wrong = Some((layer.to_owned(), at)),
            None => {}
        }
    }

    fn judge(self, part: &Part, looking: &mut Looking<'_>) {
        if let Some((layer, at)) = self.wrong {
            let message = format!(
                "the constant of layer `{}` lies where no number says, or has fewer bytes than its shape makes",
                printed(&layer)
            );
            looking.find(&rules::OPENVINO_WEIGHTS, part.at(at), message);
        }
        let name = part.name().rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if self.count == 0 || !part.is_file() {
            return;
        }
        let (layer, at) = self.last;
        match looking.beside(part, &format!("{stem}.bin")).map(|file| file.len()) {
            Some(length) if self.end > length => {
                let message = format!(
                    "the constant of layer `{}` ends at byte {} of the weights, which have {length}",
                    printed(&layer),
                    self.end
                );
                looking.find(&rules::OPENVINO_WEIGHTS, part.at(at), message);
            }
            Some(_) => {}
            None => {
                let message = format!("the weights `{}.bin` are not beside the graph", printed(stem));
                looking.find_as(Severity::Low, &rules::OPENVINO_WEIGHTS, part.place(), message);
            }
        }
    }
}

/// The weights of a graph beside them: they have no format of their own.
pub(crate) struct OpenVinoWeights;

impl ModelFormat for OpenVinoWeights {
    fn id(&self) -> FormatId {
        FormatId("openvino-weights")
    }

    fn about(&self) -> &'static str {
        "weights of an OpenVINO graph beside them"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let graph = graph_of(head.part).and_then(|graph| head.beside(&graph));
        let end = graph.and_then(|graph| end_in(&graph, &Limits::default()));
        match end {
            Some(end) if end <= head.part.len() => Likeness::Possible,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let graph = graph_of(part).and_then(|graph| looking.beside(part, &graph));
        if let Some(end) = graph.and_then(|graph| end_in(&graph, looking.limits)) {
            looking.tail(part, end);
        }
        Ok(self.id())
    }
}

/// The name of the graph whose weights a file would be.
fn graph_of(part: &Part) -> Option<String> {
    let name = part.name().rsplit(['/', '\\']).next()?;
    name.strip_suffix(".bin").map(|stem| format!("{stem}.xml"))
}

/// Where the last constant of a graph ends; none if it is no graph or has none.
fn end_in(graph: &Part, limits: &Limits) -> Option<u64> {
    let mut head = vec![0; 4096];
    let read = graph.read_at(0, &mut head).ok()?;
    if !root_of(head.get(..read)?).is_some_and(|root| is_net(&root)) {
        return None;
    }
    let bytes = graph.whole(limits.get(MAX_WHOLE)).ok()?;
    let mut constants = Constants::default();
    // A fault of the graph is told where the graph is looked at.
    let faults = xml::events_of_bytes(&bytes, limits, |event| {
        if let Event::Start { name, attributes, offset, .. } = event
            && matches!(local(name), "data" | "weights" | "biases")
        {
            constants.take(attributes, "", offset);
        }
        Flow::On
    });
    (faults.is_empty() && constants.count > 0 && constants.wrong.is_none()).then_some(constants.end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Source};
    use lazaret_input::MemorySource;

    use crate::formats::protobuf::tests::{scan, told};
    use crate::look::{Folder, NoFolder, Report, look};

    fn net(layer: &str) -> String {
        format!("<?xml version=\"1.0\"?><net name=\"m\" version=\"11\"><layers>{layer}</layers></net>")
    }

    fn constant(offset: &str, size: &str) -> String {
        net(&format!(
            "<layer id=\"0\" name=\"w\" type=\"Const\" version=\"opset1\"><data shape=\"4\" offset=\"{offset}\" size=\"{size}\"/></layer>"
        ))
    }

    struct One(&'static str, Vec<u8>);

    impl Folder for One {
        fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
            let source = MemorySource::new(self.1.clone(), Hint::default());
            (path == self.0).then(|| (Arc::new(source) as Arc<dyn Source>, self.1.len() as u64))
        }
    }

    fn beside(bytes: &[u8], name: &str, folder: &dyn Folder) -> Report {
        let source = MemorySource::new(bytes.to_vec(), Hint::default());
        look(Arc::new(source), bytes.len() as u64, name, folder, &lazaret_core::Limits::default())
    }

    #[test]
    fn operators_of_the_tokenizers_are_known_by_name() {
        for (kind, set, count) in [
            ("BPETokenizer", "extension", 0),
            ("UTF8Validate", "extension", 0),
            ("BPETokenizer", "other", 1),
            ("Evil", "extension", 1),
            ("bpetokenizer", "extension", 1),
        ] {
            let layer = net(&format!("<layer id=\"0\" name=\"t\" type=\"{kind}\" version=\"{set}\"/>"));
            assert_eq!(told(&scan(layer, "m.xml")).len(), count, "{kind} {set}");
        }
    }

    #[test]
    fn layers_are_judged_by_their_set_and_by_libraries_they_name() {
        let known =
            "<layer id=\"0\" name=\"x.so\" type=\"Parameter\" version=\"opset1\"/><layer type=\"Old\"/>";
        let report = scan(net(known), "m.xml");
        assert_eq!((report.format.0, told(&report)), ("openvino", vec![]));
        let custom = "<layer id=\"0\" type=\"Evil\" version=\"extension\"/>";
        assert_eq!(told(&scan(net(custom), "m.xml")), ["openvino.custom-layer m.xml@56"]);
        let library =
            "<layer id=\"0\" type=\"Add\" version=\"opset1\"><data path=\"/tmp/evil.so.1\"/></layer>";
        assert_eq!(told(&scan(net(library), "m.xml")).len(), 1);
        let attack = "<!DOCTYPE n [<!ENTITY % p SYSTEM \"file:///x\">%p;]><net name=\"m\"/>";
        assert_eq!(scan(attack, "m.xml").findings[0].severity, lazaret_core::Severity::Critical);
    }

    #[test]
    fn weights_and_graph_are_held_against_each_other() {
        let weights = One("m.bin", vec![9; 16]);
        assert_eq!(told(&beside(constant("0", "16").as_bytes(), "m.xml", &weights)), [""; 0]);
        for (offset, size) in [("0", "17"), ("-4", "8"), ("18446744073709551615", "1")] {
            let report = beside(constant(offset, size).as_bytes(), "m.xml", &weights);
            assert!(told(&report)[0].starts_with("openvino.weights"), "{offset} {size}");
        }
        let graph = One("m.xml", constant("0", "16").into_bytes());
        let report = beside(&[9; 16], "m.bin", &graph);
        assert_eq!((report.format.0, told(&report)), ("openvino-weights", vec![]));
        assert_eq!(told(&beside(&[9; 90], "m.bin", &graph)), ["format.trailing-bytes m.bin@16"]);
        assert_eq!(told(&beside(&[9; 8], "m.bin", &graph)), ["format.unknown m.bin"]);
        assert_eq!(told(&beside(&[9; 16], "m.bin", &NoFolder)), ["format.unknown m.bin"]);
    }
}
