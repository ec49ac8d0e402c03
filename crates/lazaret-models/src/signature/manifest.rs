//! What a signature says of a model: the in-toto statement, read from the bytes that were signed and never from anything
//! made of them. No file is opened here.

use lazaret_core::{Limits, hex};
use lazaret_input::JSON_NUL;
use lazaret_input::json::{self, Node};
use ring::digest;
use rustc_hash::{FxHashMap, FxHashSet};
use unicode_normalization::UnicodeNormalization as _;

use super::hash::HashKind;
use crate::part::printed;
use crate::rules::{self, ModelRule};

/// The one type of statement.
pub(super) const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The predicate of release 1.0 and later (and some before).
pub(super) const PREDICATE: &str = "https://model_signing/signature/v1.0";
/// The predicate of release 0.2: files are subjects.
const PREDICATE_0_2: &str = "https://model_signing/Digests/v0.1";

/// What is wrong with a statement, and where in it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) rule: &'static ModelRule,
    /// A path in the statement.
    pub(super) at: String,
    pub(super) message: String,
}

fn malformed(at: &str, message: impl Into<String>) -> Fault {
    Fault { rule: &rules::SIGNATURE_MALFORMED, at: at.to_owned(), message: message.into() }
}

/// How a model was cut into what is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Files.
    Files,
    /// Shards of so many bytes.
    Shards(u64),
}

/// A file, or a shard of one.
#[derive(Debug)]
pub(super) struct Resource {
    /// The path of the file: `/` between; `.` for a model that is one file.
    pub(super) path: String,
    /// Where the shard begins and ends.
    pub(super) shard: Option<(u64, u64)>,
    pub(super) digest: Vec<u8>,
    /// Where it stands in the statement.
    pub(super) at: String,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Manifest {
    /// It is of release 0.2.
    pub(super) is_0_2: bool,
    /// The name of the model when it was signed.
    pub(super) name: Option<String>,
    /// The digest over all digests, as the statement has it.
    pub(super) root: Option<String>,
    pub(super) method: Method,
    pub(super) hash: HashKind,
    pub(super) ignore_paths: Vec<String>,
    pub(super) resources: Vec<Resource>,
}

impl Manifest {
    /// Reads the bytes that were signed.
    pub(super) fn read(payload: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let parsed = json::parse(payload, limits);
        // A NUL in a name is told as what is wrong with the name.
        if let Some(fault) = parsed.faults.iter().find(|fault| fault.rule.id != JSON_NUL.id) {
            return Err(malformed("", format!("byte {} of the statement: {}", fault.offset, fault.message)));
        }
        let document = parsed.document.ok_or_else(|| malformed("", "the statement is no JSON"))?;
        let root = document.root();
        if text(root, "_type") != Some(STATEMENT) {
            return Err(malformed("_type", "it is no in-toto statement of version 1"));
        }
        match text(root, "predicateType") {
            Some(PREDICATE) => Self::read_1_0(root),
            Some(PREDICATE_0_2) => Self::read_0_2(root),
            _ => Err(malformed("predicateType", "it is none that signatures of models have")),
        }
    }

    fn read_1_0(root: Node<'_, '_>) -> Result<Self, Fault> {
        let subjects: Vec<Node<'_, '_>> =
            root.get("subject").into_iter().flat_map(|list| list.items()).collect();
        let [subject] = subjects.as_slice() else {
            return Err(malformed("subject", format!("it has {} subjects, not one", subjects.len())));
        };
        let digest = subject.get("digest").and_then(|digest| text(digest, "sha256"));
        let digest = digest.ok_or_else(|| malformed("subject[0].digest", "it has no `sha256`"))?;
        let predicate = root.get("predicate");
        let how = predicate.and_then(|predicate| predicate.get("serialization"));
        let how = how.ok_or_else(|| malformed("predicate.serialization", "it is missing"))?;
        let hash = text(how, "hash_type").and_then(HashKind::of_name).ok_or_else(|| {
            malformed("predicate.serialization.hash_type", "it is none of sha256, blake2b, blake3")
        })?;
        let method = match text(how, "method") {
            Some("files") => Method::Files,
            Some("shards") => {
                let size = how.get("shard_size").and_then(|size| size.as_number());
                // Numbers of a statement are floating point where Python wrote them.
                let size = size.and_then(|size| whole_number(size.strip_suffix(".0").unwrap_or(size)));
                Method::Shards(size.filter(|size| *size > 0).ok_or_else(|| {
                    malformed("predicate.serialization.shard_size", "it is no number of bytes")
                })?)
            }
            _ => return Err(malformed("predicate.serialization.method", "it is neither files nor shards")),
        };
        let ignored = how.get("ignore_paths").into_iter().flat_map(|list| list.items());
        let mut manifest = Self {
            is_0_2: false,
            name: text(*subject, "name").map(str::to_owned),
            root: Some(digest.to_ascii_lowercase()),
            method,
            hash,
            ignore_paths: ignored.filter_map(|path| path.as_str().map(str::to_owned)).collect(),
            resources: Vec::new(),
        };
        let resources = predicate.and_then(|predicate| predicate.get("resources"));
        let resources = resources.ok_or_else(|| malformed("predicate.resources", "it is missing"))?;
        for (number, resource) in resources.items().enumerate() {
            let at = format!("predicate.resources[{number}]");
            let algorithm = text(resource, "algorithm");
            let own = algorithm.is_some_and(|algorithm| {
                let kind = algorithm.strip_prefix(hash.name());
                kind.is_some_and(|rest| rest.is_empty() || rest.starts_with("-sharded-"))
            });
            if !own {
                return Err(malformed(&at, format!("its algorithm is not {}", hash.name())));
            }
            let resource = manifest.resource(&at, text(resource, "name"), text(resource, "digest"))?;
            manifest.resources.push(resource);
        }
        Ok(manifest)
    }

    fn read_0_2(root: Node<'_, '_>) -> Result<Self, Fault> {
        let mut manifest = Self {
            is_0_2: true,
            name: None,
            root: None,
            method: Method::Files,
            hash: HashKind::Sha256,
            ignore_paths: Vec::new(),
            resources: Vec::new(),
        };
        for (number, subject) in root.get("subject").into_iter().flat_map(|list| list.items()).enumerate() {
            let at = format!("subject[{number}]");
            let digest = subject.get("digest").and_then(|digest| text(digest, "sha256"));
            let resource = manifest.resource(&at, text(subject, "name"), digest)?;
            manifest.resources.push(resource);
        }
        Ok(manifest)
    }

    fn resource(&self, at: &str, name: Option<&str>, digest: Option<&str>) -> Result<Resource, Fault> {
        let name = name.ok_or_else(|| malformed(at, "it has no name"))?;
        let digest = digest.and_then(unhex).filter(|digest| digest.len() == self.hash.len());
        let digest = digest.ok_or_else(|| malformed(at, format!("its digest is no {}", self.hash.name())))?;
        let (path, shard) = match self.method {
            Method::Files => (name, None),
            Method::Shards(_) => {
                let mut steps = name.rsplitn(3, ':');
                let (end, begin, path) = (steps.next(), steps.next(), steps.next());
                let shard = begin.and_then(whole_number).zip(end.and_then(whole_number));
                let named = path.zip(shard.filter(|(begin, end)| begin < end));
                let (path, shard) = named.ok_or_else(|| malformed(at, "its name is not that of a shard"))?;
                (path, Some(shard))
            }
        };
        Ok(Resource { path: path.to_owned(), shard, digest, at: at.to_owned() })
    }

    /// The digest over all digests, in the order of the statement.
    pub(super) fn computed_root(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        self.resources.iter().for_each(|resource| context.update(&resource.digest));
        hex(context.finish().as_ref())
    }

    /// Names that lead out of the model, or of which two are one. `single` says whether the model is one file, where that
    /// is known.
    pub(super) fn names_at_fault(&self, single: Option<bool>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut seen: FxHashSet<(&str, Option<(u64, u64)>)> = FxHashSet::default();
        let mut forms: FxHashMap<String, &str> = FxHashMap::default();
        let is_alone = self.resources.iter().all(|resource| resource.path == ".");
        for resource in &self.resources {
            let path = resource.path.as_str();
            let lone = path == "." && is_alone && single != Some(false);
            let why = if lone { None } else { leads_out(path) };
            let is_new = seen.insert((path, resource.shard));
            let first = *forms.entry(path.nfc().collect()).or_insert(path);
            let why = match why {
                None if !is_new => Some("is there twice"),
                None if first != path => Some("differs from another name only by its Unicode form"),
                why => why,
            };
            if let Some(why) = why {
                let message =
                    format!("the signed name `{}` {why}: no file was opened", printed(&resource.path));
                faults.push(Fault {
                    rule: &rules::PATH_ESCAPES_MODEL,
                    at: format!("{}.name", resource.at),
                    message,
                });
            }
        }
        faults
    }

    /// Shards that do not cover a file from its first byte on, once each.
    pub(super) fn shards_at_fault(&self) -> Vec<Fault> {
        let Method::Shards(size) = self.method else { return Vec::new() };
        let mut ordered: Vec<(&Resource, u64, u64)> = self
            .resources
            .iter()
            .filter_map(|resource| resource.shard.map(|(begin, end)| (resource, begin, end)))
            .collect();
        ordered.sort_by(|(a, a_begin, _), (b, b_begin, _)| (&a.path, a_begin).cmp(&(&b.path, b_begin)));
        let mut faults = Vec::new();
        let mut last: Option<(&str, u64)> = None;
        for (resource, begin, end) in ordered {
            let expected = last.filter(|(path, _)| *path == resource.path).map_or(0, |(_, end)| end);
            if begin != expected || begin % size != 0 || end.saturating_sub(begin) > size {
                let message = format!(
                    "a shard of `{}` does not begin where the one before it ends",
                    printed(&resource.path)
                );
                faults.push(malformed(&resource.at, message));
            }
            last = Some((&resource.path, end));
        }
        faults
    }
}

/// Why a name may not be opened within a folder.
pub(super) fn leads_out(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
    if name.is_empty() {
        Some("is empty")
    } else if name.contains('\0') {
        Some("has a NUL in it")
    } else if name.contains('\\') {
        Some("has a backslash in it, which parts folders on Windows")
    } else if name.starts_with('/') {
        Some("is absolute")
    } else if drive {
        Some("begins with a drive")
    } else if name.split('/').any(|step| step == "..") {
        Some("leads out of the model's folder")
    } else if name.split('/').any(|step| step.is_empty() || step == ".") {
        Some("has an empty step or a `.` in it")
    } else {
        None
    }
}

fn text<'d>(node: Node<'d, '_>, key: &str) -> Option<&'d str> {
    node.get(key).and_then(|value| value.as_str())
}

/// A number of bytes in digits alone.
fn whole_number(digits: &str) -> Option<u64> {
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    digits.chunks(2).map(|pair| if let [a, b] = pair { Some((a << 4) | b) } else { None }).collect()
}
