//! What the numbers of tensors say: payloads in low bits, replaced bytes, numbers that are none, outliers.
//!
//! Every finding says how sure it is: the share of benign models, never seen while thresholds were chosen, on which the rule
//! was silent (`bench/models/weights` measures it). Thresholds are those of the rules' pages.

use lazaret_core::Severity;
use rustc_hash::{FxHashMap, FxHashSet};

use super::bits::{Bits, Seen};
use super::sums::{Buffers, Sums, pass};
use super::{Kind, Statistics, Tensor};
use crate::formats::executable;
use crate::look::Looking;
use crate::part::{Part, Unread, printed};
use crate::rules::{self, ModelRule};

/// How often the bytes of a file may be read over again for tensors that share them.
const MOST_READ: u64 = 4;
/// A tensor of fewer numbers has no deviation of its own.
const LEAST_NUMBERS: u64 = 64;
/// Fewer layers of one role are not compared.
const LEAST_SIBLINGS: usize = 4;
/// Fewer rows are not compared.
const LEAST_ROWS: usize = 8;

/// Reads every tensor once and tells what is odd of its numbers.
pub(super) fn judge(tensors: &[Tensor], part: &Part, looking: &mut Looking<'_>) {
    let mut buffers = Buffers::default();
    let mut seen = FxHashSet::default();
    let mut read = 0_u64;
    let most = tensors
        .iter()
        .filter_map(|tensor| tensor.data.as_ref())
        .filter(|data| seen.insert(data.part.place().as_str().to_owned()))
        .fold(0_u64, |sum, data| sum.saturating_add(data.part.len()))
        .saturating_mul(MOST_READ);
    let mut layers: FxHashMap<(String, Vec<u64>), Vec<Layer>> = FxHashMap::default();
    for tensor in tensors {
        let length = tensor.data.as_ref().map_or(0, |data| data.len);
        read = read.saturating_add(length);
        if read > most {
            let why = format!(
                "its tensors share their bytes: together they are more than {MOST_READ} times as long as the file"
            );
            looking.unread(part, &Unread::malformed(0, why));
            return;
        }
        match pass(tensor, &mut buffers) {
            Ok(Some((sums, bits))) => {
                one(tensor, &sums, &bits, part, looking);
                if let Some(layer) = Layer::of(tensor, &sums) {
                    layers.entry((role(&tensor.name), tensor.shape.clone())).or_default().push(layer);
                }
            }
            Ok(None) => {}
            Err(unread) => looking.unread(part, &unread),
        }
    }
    let mut layers: Vec<_> = layers.into_values().collect();
    layers.sort_unstable_by(|one, other| {
        one.first().map(|layer| &layer.name).cmp(&other.first().map(|layer| &layer.name))
    });
    for siblings in layers {
        compare(&siblings, part, looking);
    }
}

/// Tells a finding, if findings of its kind are asked for.
fn tell(
    is_measured: bool,
    rule: &'static ModelRule,
    severity: Severity,
    name: &str,
    message: &str,
    part: &Part,
    looking: &mut Looking<'_>,
) {
    if !is_measured && looking.statistics != Statistics::All {
        return;
    }
    let place = if name.is_empty() { part.place() } else { part.inner(name) };
    let sure = CONFIDENCE.iter().find(|(of, measured, _)| *of == rule.rule.id && *measured == is_measured);
    let sure = sure.map_or("not measured", |(_, _, sure)| sure);
    looking.find_as(severity, rule, place, format!("{message}; confidence {sure}"));
}

/// How sure a finding of a rule is, by whether it is told with `--weights` or only with `--weights=all`: the share of honest
/// models on which it is silent, from the last run of `bench/models/weights`. What was silent on all 172 that were held out has
/// the lower bound of 95 % confidence.
const CONFIDENCE: &[(&str, bool, &str)] = &[
    ("weights.embedded-payload", true, "0.98"),
    ("weights.embedded-payload", false, "0.98"),
    ("weights.mixed-precision", false, "0.93"),
    ("weights.not-numbers", true, "0.98"),
    ("weights.outlier-layer", true, "0.98"),
    ("weights.outlier-layer", false, "0.98"),
    ("weights.outlier-row", true, "0.98"),
    ("weights.outlier-row", false, "0.93"),
    ("weights.replaced-bytes", true, "0.98"),
];

/// Judges one tensor by itself.
fn one(tensor: &Tensor, sums: &Sums, bits: &Bits, part: &Part, looking: &mut Looking<'_>) {
    let name = tensor.name.as_str();
    let shown = if name.is_empty() { "the tensor".to_owned() } else { format!("tensor `{}`", printed(name)) };
    let program = tensor
        .data
        .as_ref()
        .map(|data| data.part.rest(data.from, data.len))
        .map(|bytes| executable::is_surely(&bytes));
    if let Some(Ok(true)) = program {
        let message = format!("the bytes of {shown} are a program, from the first on");
        tell(true, &rules::WEIGHTS_PAYLOAD, Severity::High, name, &message, part, looking);
    }
    if let Some((mark, at)) = bits.mark {
        let message = format!(
            "{shown} hides {} in the low {} bits of its numbers, near number {at}",
            mark.what, mark.bits
        );
        tell(true, &rules::WEIGHTS_PAYLOAD, Severity::High, name, &message, part, looking);
    } else if let Some(seen) = bits.texture.or(bits.hole) {
        let what = if bits.texture.is_some() {
            format!(
                "are not spread as trained numbers are (bytes {:.1}, places {:.2})",
                bits.most.bytes, bits.most.places
            )
        } else {
            "are set below bits that are empty".to_owned()
        };
        let message = format!("the low bits of {shown} {what}{}", windows(seen, bits));
        // A texture in all of a tensor may be how it was made; in a part of it it is none of the writer's.
        tell(
            seen.windows < bits.windows,
            &rules::WEIGHTS_PAYLOAD,
            Severity::Medium,
            name,
            &message,
            part,
            looking,
        );
    }
    if let Some(seen) = bits.replaced {
        let message = format!(
            "all but the high bits of numbers in {shown} look replaced: exponents come in pairs{}",
            windows(seen, bits)
        );
        tell(true, &rules::WEIGHTS_REPLACED, Severity::Medium, name, &message, part, looking);
    }
    if bits.rounded > 0 && bits.exact > 0 {
        let message = format!(
            "{shown} is rounded to sixteen bits in {} stretches of numbers and not in {}: a part of it was written later",
            bits.rounded, bits.exact
        );
        tell(false, &rules::WEIGHTS_MIXED, Severity::Low, name, &message, part, looking);
    }
    if let Some(message) = not_numbers(tensor, sums) {
        tell(
            true,
            &rules::WEIGHTS_NOT_NUMBERS,
            Severity::Medium,
            name,
            &format!("{shown} {message}"),
            part,
            looking,
        );
    }
    for (norms, what) in [(&sums.rows, "row"), (&sums.columns, "column")] {
        if let Some(outlier) = outlier(norms) {
            let message = format!(
                "{what} {} of {shown} has a norm {:.1} times the median of its {} {what}s, {:.0} deviations away",
                outlier.at,
                outlier.times,
                norms.len(),
                outlier.deviations
            );
            let is_table = what == "row" && norms.len() >= TABLE;
            let is_measured = is_table
                && outlier.deviations > RARE_ROW
                && outlier.times > RARE_TIMES
                && outlier.near <= MOST_NEAR;
            tell(is_measured, &rules::WEIGHTS_ROW, Severity::Low, name, &message, part, looking);
        }
    }
}

fn windows(seen: Seen, bits: &Bits) -> String {
    format!(" (from number {} on, in {} of {} stretches)", seen.first, seen.windows, bits.windows)
}

/// Exponents from 2^40 on do not occur in weights, but for single values that stand for infinity. That many different ones
/// do is bytes of something else.
fn not_numbers(tensor: &Tensor, sums: &Sums) -> Option<String> {
    let beyond = match tensor.kind {
        Kind::F32 | Kind::Bf16 | Kind::F64 => 127 + 40,
        Kind::F16 => 127 + 12,
        _ => return None,
    };
    let high = sums.exponents.get(beyond..)?;
    let different = high.iter().filter(|count| **count > 0).count();
    let least = if tensor.kind == Kind::F16 { 4 } else { 6 };
    let count: u64 = high.iter().sum();
    (different >= least && count >= LEAST_NUMBERS).then(|| {
        format!("holds {count} numbers of {different} sizes that no weight has, {} that are none: other data, or damaged", sums.not_numbers)
    })
}

/// A row or column whose norm stands out.
struct Outlier {
    at: usize,
    /// How many times the median it is.
    times: f64,
    /// How many deviations of the logarithms (by the median of distances) it is away.
    deviations: f64,
    /// How many others are nearly as far away.
    near: usize,
}

/// With `--weights=all`, what is so far away.
const USUAL_ROW: f64 = 8.0;
/// With `--weights`, what is farther and so many times as long, in tables of so many rows, with so few others that are nearly
/// as far away. Layers of trained models have rows and columns that are ten times as long as the median and 20 deviations
/// away, and tables whose tokens are few and frequent have many long rows.
const RARE_ROW: f64 = 10.0;
const RARE_TIMES: f64 = 3.0;
const TABLE: usize = 1000;
const MOST_NEAR: usize = 3;
/// How far, of the farthest, the others are that are nearly as far away.
const NEARLY: f64 = 0.7;
/// Logarithms of norms of a layer differ at least so much: a layer that was just made has rows of one length.
const LEAST_SPREAD: f64 = 0.02;

fn outlier(squares: &[f32]) -> Option<Outlier> {
    if squares.len() < LEAST_ROWS {
        return None;
    }
    let norms: Vec<f64> = squares.iter().map(|square| f64::from(*square).sqrt().ln()).collect();
    let mut finite: Vec<f64> = norms.iter().copied().filter(|norm| norm.is_finite()).collect();
    if finite.len() < LEAST_ROWS {
        return None;
    }
    let middle = median(&mut finite)?;
    let mut distances: Vec<f64> = finite.iter().map(|norm| (norm - middle).abs()).collect();
    let spread = (median(&mut distances)? * 1.4826).max(LEAST_SPREAD);
    let (at, farthest) = norms
        .iter()
        .enumerate()
        .filter(|(_, norm)| norm.is_finite())
        .max_by(|one, other| one.1.total_cmp(other.1))?;
    let deviations = (farthest - middle) / spread;
    (deviations > USUAL_ROW).then(|| {
        let near = norms.iter().filter(|norm| (**norm - middle) / spread > deviations * NEARLY).count();
        Outlier { at, times: (farthest - middle).exp(), deviations, near: near.saturating_sub(1) }
    })
}

/// The median; the list is put in another order.
fn median(numbers: &mut [f64]) -> Option<f64> {
    let middle = numbers.len() / 2;
    let inside = middle < numbers.len();
    inside.then(|| *numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// A layer beside those of the same role.
struct Layer {
    name: String,
    /// Logarithm of its standard deviation; none where all its numbers are one.
    deviation: Option<f64>,
    zero: bool,
}

impl Layer {
    fn of(tensor: &Tensor, sums: &Sums) -> Option<Self> {
        let is_layer = tensor.name.split('.').any(is_number) && sums.finite() >= LEAST_NUMBERS;
        let is_weights = tensor.kind.is_float() || matches!(tensor.kind, Kind::Blocks { .. });
        (is_layer && is_weights).then(|| {
            let deviation = Some(sums.moments().1.ln()).filter(|_| sums.least < sums.greatest);
            Self { name: tensor.name.clone(), deviation, zero: sums.zeros == sums.count }
        })
    }
}

fn is_number(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name with `#` for numbers: what layers of one role have in common.
fn role(name: &str) -> String {
    let steps: Vec<&str> = name.split('.').map(|step| if is_number(step) { "#" } else { step }).collect();
    steps.join(".")
}

/// Logarithms of deviations of one role differ at least so much.
const LEAST_LAYER_SPREAD: f64 = 0.1;
const USUAL_LAYER: f64 = 4.0;
const RARE_LAYER: f64 = 12.0;

/// Compares layers of one role.
fn compare(siblings: &[Layer], part: &Part, looking: &mut Looking<'_>) {
    if siblings.len() < LEAST_SIBLINGS {
        return;
    }
    let constant: Vec<&Layer> = siblings.iter().filter(|layer| layer.deviation.is_none()).collect();
    if constant.len().saturating_mul(4) <= siblings.len() {
        for layer in constant {
            let what = if layer.zero { "zero" } else { "one number" };
            let message = format!(
                "all of tensor `{}` is {what}; the {} of its role in other layers are not",
                printed(&layer.name),
                siblings.len().saturating_sub(1)
            );
            tell(true, &rules::WEIGHTS_LAYER, Severity::Low, &layer.name, &message, part, looking);
        }
    }
    let mut deviations: Vec<f64> = siblings.iter().filter_map(|layer| layer.deviation).collect();
    let Some(middle) = median(&mut deviations) else { return };
    let mut distances: Vec<f64> = deviations.iter().map(|deviation| (deviation - middle).abs()).collect();
    let Some(spread) = median(&mut distances).map(|spread| (spread * 1.4826).max(LEAST_LAYER_SPREAD)) else {
        return;
    };
    for layer in siblings {
        let Some(distance) = layer.deviation.map(|deviation| deviation - middle) else { continue };
        let away = distance.abs() / spread;
        if away > USUAL_LAYER {
            let message = format!(
                "the numbers of tensor `{}` deviate {:.2} times as much as those of its role in the median of {} layers, {away:.0} deviations away",
                printed(&layer.name),
                distance.exp(),
                siblings.len()
            );
            tell(
                away > RARE_LAYER,
                &rules::WEIGHTS_LAYER,
                Severity::Low,
                &layer.name,
                &message,
                part,
                looking,
            );
        }
    }
}
