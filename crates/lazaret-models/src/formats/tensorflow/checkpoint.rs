//! Checkpoints: an index, files of data, and a text that names the latest.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazaret_core::{FormatId, Likeness, Limits, Severity};

use super::index::{self, Entry, Told};
use crate::formats::beside;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::{self, Data, Kind, Tensor, Tensors};

/// Most files of data of one checkpoint that are asked for.
const SHARDS: u64 = 4096;

/// The index of a checkpoint.
pub(crate) struct CheckpointIndex;

impl ModelFormat for CheckpointIndex {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-checkpoint-index")
    }

    fn about(&self) -> &'static str {
        "index of a TensorFlow checkpoint"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["index"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        match (head.extension, index::is_table(head.part)) {
            ("index", true) => Likeness::Certain,
            (_, true) => Likeness::Possible,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let stem = part.name().rsplit(['/', '\\']).next().and_then(|name| name.strip_suffix(".index"));
        let mut shards = 1;
        // Tensors, and what is wrong with each.
        let mut wrong: Vec<(String, String)> = Vec::new();
        let mut misfits: Vec<(String, String)> = Vec::new();
        let mut last: BTreeMap<u64, (u64, String)> = BTreeMap::new();
        index::read(part, looking.limits, &mut |told| {
            match told {
                Told::Shards(count) => shards = count,
                Told::Tensor { name, entry } if misfit(&entry).is_some() => {
                    misfits
                        .extend(misfit(&entry).map(|why| (name.clone(), format!("tensor `{name}`: {why}"))));
                    misfits.truncate(100);
                }
                Told::Tensor { name, entry } => match end(&entry) {
                    Some(_) if entry.shard >= shards => {
                        let why = format!("tensor `{name}` lies in file {} of {shards}", entry.shard);
                        wrong.push((name, why));
                    }
                    Some(end) if (last.len() as u64) < SHARDS || last.contains_key(&entry.shard) => {
                        let known = last.entry(entry.shard).or_default();
                        if known.0 <= end {
                            *known = (end, name);
                        }
                    }
                    Some(_) => {}
                    None => {
                        let why = format!("tensor `{name}` ends beyond any file");
                        wrong.push((name, why));
                    }
                },
            }
            wrong.truncate(100);
            Ok(())
        })?;
        for (shard, (end, name)) in last {
            let Some(stem) = stem.filter(|_| part.is_file()) else { break };
            let file = format!("{stem}.data-{shard:05}-of-{shards:05}");
            match looking.beside(part, &file).map(|file| file.len()) {
                Some(length) if end > length => {
                    let file = printed(&file);
                    let why = format!("tensor `{name}` ends at byte {end} of `{file}`, which has {length}");
                    wrong.push((name, why));
                }
                Some(_) => {}
                None => {
                    let message = format!(
                        "the file `{}`, in which tensors lie, is not beside the index",
                        printed(&file)
                    );
                    looking.find_as(Severity::Low, &rules::TENSORFLOW_CHECKPOINT, part.place(), message);
                }
            }
        }
        for (name, why) in misfits {
            looking.find(&rules::WEIGHTS_SHAPE, part.inner(&name), why);
        }
        for (name, why) in wrong {
            looking.find(&rules::TENSORFLOW_CHECKPOINT, part.inner(&name), why);
        }
        Ok(self.id())
    }
}

/// Where a tensor ends in its file.
fn end(entry: &Entry) -> Option<u64> {
    entry.offset.checked_add(entry.size).filter(|end| i64::try_from(*end).is_ok())
}

/// Why a tensor's shape and type do not fit its size.
fn misfit(entry: &Entry) -> Option<String> {
    let count = entry.shape.as_ref()?.iter().try_fold(1_u64, |count, length| count.checked_mul(*length));
    if entry.kind == Kind::Unknown {
        return None;
    }
    match count.and_then(|count| entry.kind.bytes(count)) {
        Some(size) if size == entry.size => None,
        Some(size) => Some(format!("its shape and type make {size} bytes, the index says {}", entry.size)),
        None => Some("its shape is larger than any file".to_owned()),
    }
}

/// A file of data of a checkpoint, told by the index beside it.
pub(crate) struct CheckpointData;

impl ModelFormat for CheckpointData {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-checkpoint-data")
    }

    fn about(&self) -> &'static str {
        "tensors of a TensorFlow checkpoint"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let index = shard(head.part.name()).and_then(|(stem, _)| head.beside(&format!("{stem}.index")));
        match index {
            Some(index) if index::is_table(&index) => Likeness::Possible,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let Some((stem, number)) = shard(part.name()) else { return Ok(self.id()) };
        let Some(table) = looking.beside(part, &format!("{stem}.index")) else { return Ok(self.id()) };
        let mut last = 0;
        let (file, mut tensors) = (Arc::new(part.clone()), Tensors::new(looking));
        // What is wrong with the index is told where it is looked at.
        let limits: &Limits = looking.limits;
        let read = index::read(&table, limits, &mut |told| {
            if let Told::Tensor { entry, name } = told
                && entry.shard == number
            {
                let end = end(&entry);
                last = last.max(end.unwrap_or(u64::MAX));
                let data = Data { part: Arc::clone(&file), from: entry.offset, len: entry.size };
                let data = Some(data).filter(|_| end.is_some_and(|end| end <= file.len()));
                if let Some(shape) = entry.shape {
                    tensors.push(Tensor { name, kind: entry.kind, shape, data });
                }
            }
            Ok(())
        });
        if read.is_ok() {
            looking.tail(part, last);
            weights::judge(&tensors, part, looking);
        }
        Ok(self.id())
    }
}

/// The stem and number of a name `stem.data-00000-of-00002`.
fn shard(name: &str) -> Option<(&str, u64)> {
    let name = name.rsplit(['/', '\\']).next()?;
    let (stem, numbers) = name.rsplit_once(".data-")?;
    let (number, count) = numbers.split_once("-of-")?;
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(number) && digits(count)).then(|| number.parse().ok()).flatten().map(|number| (stem, number))
}

/// The text that names the latest checkpoint: the file `checkpoint`.
pub(crate) struct CheckpointState;

impl ModelFormat for CheckpointState {
    fn id(&self) -> FormatId {
        FormatId("tensorflow-checkpoint-state")
    }

    fn about(&self) -> &'static str {
        "text that names the latest TensorFlow checkpoint"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let text = std::str::from_utf8(head.bytes).unwrap_or_default();
        if text.trim_start().starts_with("model_checkpoint_path:") { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let bytes = part.whole(looking.limits.get(crate::part::MAX_WHOLE))?;
        let mut at = 0_u64;
        for line in bytes.split(|byte| *byte == b'\n') {
            let begin = at;
            at = at.saturating_add(line.len() as u64).saturating_add(1);
            let line = String::from_utf8_lossy(line);
            let Some((key, value)) = line.split_once(':') else { continue };
            let path = value.trim().trim_matches('"');
            let Some(why) = beside::leaves(path).filter(|_| key.trim().ends_with("model_checkpoint_path"))
            else {
                continue;
            };
            // Trainers write where they ran: an absolute path is usual, and found nowhere else.
            let severity = if path.starts_with('/') { Severity::Info } else { Severity::High };
            let message = format!("the latest checkpoint is `{}`, a path that {why}", printed(path));
            looking.find_as(severity, &rules::TENSORFLOW_ASSET_PATH, part.at(begin), message);
        }
        Ok(self.id())
    }
}
