//! What the configuration beside a model declares, held against the names and shapes of its tensors.

use lazaret_core::Severity;
use lazaret_input::json::{self, JsonKind, Node};
use rustc_hash::FxHashSet;

use super::{Tensor, words};
use crate::look::Looking;
use crate::part::{MAX_WHOLE, Part, printed};
use crate::rules;

/// Keys that say how many layers there are.
const LAYERS: &[&str] = &[
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "encoder_layers",
    "decoder_layers",
    "num_decoder_layers",
    "num_encoder_layers",
    "num_hidden_groups",
];
/// Keys that say how many more there are than those.
const MORE_LAYERS: &[&str] =
    &["num_nextn_predict_layers", "num_mtp_layers", "mtp_num_layers", "mtp_num_hidden_layers"];
/// Keys of architectures whose layers are counted in stages.
const STAGES: &[&str] = &["depths", "stage_depths", "hidden_sizes", "num_hidden_layers_per_stage"];
/// Steps of a name after which the number of a layer stands.
const STEPS: &[&str] = &["layer", "layers", "h", "block", "blocks"];
/// How names of a table of tokens end.
const TOKENS: &[&str] = &[
    "embed_tokens.weight",
    "word_embeddings.weight",
    "wte.weight",
    "tok_embeddings.weight",
    "shared.weight",
];
/// Most findings of one rule for one file; what follows is the same again.
const MOST_TOLD: usize = 20;
/// Most numbers of a configuration that are kept.
const MOST_NUMBERS: usize = 10_000;

/// What a configuration declares.
#[derive(Default)]
struct Declared {
    model_type: String,
    layers: Option<u64>,
    more_layers: u64,
    is_staged: bool,
    vocabulary: FxHashSet<u64>,
    /// Every whole number in it: an embedding has a size that stands somewhere.
    numbers: FxHashSet<u64>,
}

/// Holds tensors of a file of `transformers` against the configuration beside it, if there is one.
pub(super) fn judge(tensors: &[Tensor], part: &Part, looking: &mut Looking<'_>) {
    let (name, ending) = (part.file_name(), part.extension());
    let is_model = name.starts_with("model") && ending == "safetensors"
        || name.starts_with("pytorch_model") && ending == "bin";
    if !is_model || tensors.is_empty() {
        return;
    }
    let Some(declared) = looking.beside(part, "config.json").and_then(|config| read(&config, looking)) else {
        return;
    };
    let mut told = [0_usize; 2];
    let mut highest: Option<u64> = None;
    for tensor in tensors {
        let layer = layer_of(&tensor.name);
        highest = highest.max(layer);
        let wrong = too_many_layers(&declared, layer).or_else(|| embedding(&declared, tensor));
        let [mismatches, hidden] = &mut told;
        if let Some(why) = wrong {
            *mismatches = mismatches.saturating_add(1);
            if *mismatches <= MOST_TOLD {
                let message = format!("tensor `{}`: {why}", printed(&tensor.name));
                looking.find(&rules::WEIGHTS_ARCHITECTURE, part.inner(&tensor.name), message);
            }
        } else if let Some(word) = words::stranger(&declared.model_type, &tensor.name) {
            *hidden = hidden.saturating_add(1);
            if *hidden <= MOST_TOLD {
                let message = format!(
                    "no tensor of the architecture `{}` is named with `{}`: {} bytes that its loader passes over",
                    printed(&declared.model_type),
                    printed(word),
                    tensor.data.as_ref().map_or(0, |data| data.len)
                );
                looking.find(&rules::WEIGHTS_HIDDEN, part.inner(&tensor.name), message);
            }
        }
    }
    let whole = matches!(name.as_str(), "model.safetensors" | "pytorch_model.bin");
    let has = highest.map(|highest| highest.saturating_add(1));
    if let (true, Some(layers), Some(has), false) = (whole, declared.layers, has, declared.is_staged)
        && has < layers
    {
        let message = format!("the configuration declares {layers} layers, the file has {has}");
        looking.find(&rules::WEIGHTS_ARCHITECTURE, part.place(), message);
    }
    for (rule, told) in [(&rules::WEIGHTS_ARCHITECTURE, told[0]), (&rules::WEIGHTS_HIDDEN, told[1])] {
        if told > MOST_TOLD {
            let message = format!("{} more tensors of this kind", told.saturating_sub(MOST_TOLD));
            looking.find_as(Severity::Info, rule, part.place(), message);
        }
    }
}

fn too_many_layers(declared: &Declared, layer: Option<u64>) -> Option<String> {
    let (layers, layer) = (declared.layers?, layer?);
    let most = layers.saturating_add(declared.more_layers);
    (layer >= most && !declared.is_staged).then(|| {
        format!("it belongs to layer {layer}, and the configuration declares {layers} layers, from 0")
    })
}

fn embedding(declared: &Declared, tensor: &Tensor) -> Option<String> {
    let [rows, columns] = tensor.shape.as_slice() else { return None };
    let is_table = TOKENS.iter().any(|ending| tensor.name.ends_with(ending));
    if !is_table || !tensor.kind.is_float() || layer_of(&tensor.name).is_some() {
        return None;
    }
    if !declared.vocabulary.is_empty() && !declared.vocabulary.contains(rows) {
        return Some(format!("it has {rows} rows, and the configuration declares another `vocab_size`"));
    }
    (!declared.numbers.contains(columns))
        .then(|| format!("its rows have {columns} numbers, a size that the configuration does not declare"))
}

/// The number of the layer that a tensor belongs to.
fn layer_of(name: &str) -> Option<u64> {
    let mut steps = name.split('.').peekable();
    while let Some(step) = steps.next() {
        if STEPS.contains(&step)
            && let Some(number) = steps.peek().filter(|step| step.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return number.parse().ok();
        }
    }
    None
}

/// A configuration of `transformers`; none where it is another's, or cannot be read (which is told where it is looked at).
fn read(config: &Part, looking: &Looking<'_>) -> Option<Declared> {
    let bytes = config.whole(looking.limits.get(MAX_WHOLE)).ok()?;
    let document = json::parse_at(&bytes, 0, looking.limits).document?;
    let root = document.root();
    let model_type = root.get("model_type")?.as_str()?.to_owned();
    let mut declared = Declared { model_type, ..Declared::default() };
    let mut open = vec![(root, "")];
    while let Some((node, key)) = open.pop() {
        open.extend(node.members().map(|member| (member.value, member.key)));
        open.extend(node.items().map(|item| (item, "")));
        declared.is_staged |= node.kind() == JsonKind::Array && STAGES.contains(&key)
            || LAYERS.contains(&key) && node.kind() == JsonKind::Array;
        let Some(number) = whole(node) else { continue };
        if declared.numbers.len() < MOST_NUMBERS {
            declared.numbers.insert(number);
        }
        match key {
            "vocab_size" => {
                declared.vocabulary.insert(number);
            }
            key if LAYERS.contains(&key) => declared.layers = declared.layers.max(Some(number)),
            key if MORE_LAYERS.contains(&key) => {
                declared.more_layers = declared.more_layers.saturating_add(number);
            }
            _ => {}
        }
    }
    Some(declared)
}

fn whole(node: Node<'_, '_>) -> Option<u64> {
    node.as_number()?.parse().ok()
}
