//! Files in which tensors of a graph lie: the paths that name them, and the files themselves.

use std::sync::Arc;

use lazaret_core::{FormatId, Likeness, Limits, Severity};
use rustc_hash::FxHashMap;

use super::walk::{External, Told, walk};
use crate::formats::beside;
use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::registry::ModelFormat;
use crate::rules;
use crate::weights::Data;

/// How many paths are remembered; more are judged each time they come.
const REMEMBERED: usize = 100_000;
/// How the name of a graph ends.
const ENDING: &str = ".onnx";
/// How many graphs beside a file are asked whether they name it.
const GRAPHS: usize = 16;

/// Judges what tensors say of other files.
pub(super) struct Externals<'p> {
    part: &'p Part,
    /// A file that was named before; none if it leaves the folder or is not there.
    seen: FxHashMap<String, Option<Arc<Part>>>,
}

impl<'p> Externals<'p> {
    pub(super) fn new(part: &'p Part) -> Self {
        Self { part, seen: FxHashMap::default() }
    }

    /// Tells what is wrong; gives where the tensor's bytes lie.
    pub(super) fn judge(&mut self, tensor: &External, looking: &mut Looking<'_>) -> Option<Data> {
        let place = self.part.at(tensor.at);
        let Some(path) = &tensor.location else {
            looking.find(
                &rules::ONNX_EXTERNAL_DATA,
                place,
                "a tensor lies in another file, which is not named",
            );
            return None;
        };
        let seen = self.seen.get(path).cloned();
        let file = seen.unwrap_or_else(|| {
            let file = self.file(path, tensor.at, looking);
            if self.seen.len() < REMEMBERED {
                self.seen.insert(path.clone(), file.clone());
            }
            file
        });
        match extent(tensor, file.as_deref().map(Part::len)) {
            Ok(end) => {
                let len = tensor.size?;
                Some(Data { part: file?, from: end.checked_sub(len)?, len })
            }
            Err(why) => {
                let message = format!("a tensor in `{}`: {why}", printed(path));
                looking.find(&rules::ONNX_EXTERNAL_DATA, place, message);
                None
            }
        }
    }

    /// Judges a path when it comes first.
    fn file(&self, path: &str, at: u64, looking: &mut Looking<'_>) -> Option<Arc<Part>> {
        let place = self.part.at(at);
        if let Some(why) = beside::leaves(path) {
            let message = format!("a tensor is read from the path `{}`, which {why}", printed(path));
            looking.find(&rules::ONNX_EXTERNAL_PATH, place, message);
            return None;
        }
        if let Some(why) = beside::odd(path) {
            let message = format!("a tensor is read from the path `{}`, which {why}", printed(path));
            looking.find(&rules::ONNX_EXTERNAL_DATA, place, message);
            return None;
        }
        let file = looking.beside(self.part, &beside::plain(path));
        if file.is_none() && self.part.is_file() {
            let message =
                format!("the file `{}`, in which a tensor lies, is not beside the graph", printed(path));
            looking.find_as(Severity::Low, &rules::ONNX_EXTERNAL_DATA, place, message);
        }
        file.map(Arc::new)
    }
}

/// Where in its file a tensor ends, if all that is said of it agrees; 0 where nothing is said.
fn extent(tensor: &External, length: Option<u64>) -> Result<u64, String> {
    let whole = |what: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) if !text.starts_with('+') => Ok(Some(number)),
            _ => Err(format!("its {what} is no whole number")),
        },
    };
    let offset = whole("offset", &tensor.offset)?.unwrap_or(0);
    let said = whole("length", &tensor.length)?;
    if let (Some(said), Some(size)) = (said, tensor.size)
        && said != size
    {
        return Err(format!("its shape and type make {size} bytes, {said} are said to be its"));
    }
    let Some(end) = offset.checked_add(said.or(tensor.size).unwrap_or(0)) else {
        return Err("it ends beyond any file".to_owned());
    };
    match length {
        Some(length) if end > length => Err(format!("it ends at byte {end}, the file has {length}")),
        _ => Ok(end),
    }
}

/// A file of tensors that a graph beside it names: it has no format of its own.
pub(crate) struct ExternalData;

impl ModelFormat for ExternalData {
    fn id(&self) -> FormatId {
        FormatId("onnx-external-data")
    }

    fn about(&self) -> &'static str {
        "tensors of an ONNX graph beside them"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if !head.part.is_file() || head.extension == "onnx" {
            return Likeness::No;
        }
        let name = name_of(head.part);
        let mut graphs =
            head.names_beside(ENDING).into_iter().take(GRAPHS).filter_map(|graph| head.beside(&graph));
        let named = graphs.any(|graph| has_text(&graph, name) && names(&graph, name));
        if named { Likeness::Possible } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let mut end = 0;
        for name in looking.names_beside(part, ENDING).into_iter().take(GRAPHS) {
            let graph = looking.beside(part, &name);
            let said = graph.and_then(|graph| end_in(&graph, name_of(part), looking.limits));
            end = end.max(said.unwrap_or(0));
        }
        if end > 0 {
            looking.tail(part, end);
        }
        Ok(self.id())
    }
}

/// Whether a text stands anywhere in a graph: most graphs do not name most files, and a look for it is quick. One that is
/// too large to hold is walked.
fn has_text(graph: &Part, text: &str) -> bool {
    graph.whole(MAX_WHOLE).map_or(true, |bytes| memchr::memmem::find(&bytes, text.as_bytes()).is_some())
}

fn name_of(part: &Part) -> &str {
    part.name().rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Whether a graph names a file.
fn names(graph: &Part, name: &str) -> bool {
    let mut found = false;
    // The first tensor in the file ends the walk.
    let _end = walk(graph, &Limits::default(), &mut |told| match told {
        Told::External(tensor) if is_in(&tensor, name) => {
            found = true;
            Err(Unread::cut_off(tensor.at))
        }
        _ => Ok(()),
    });
    found
}

fn is_in(tensor: &External, name: &str) -> bool {
    tensor
        .location
        .as_deref()
        .is_some_and(|path| path == name || (path.contains("./") && beside::plain(path) == name))
}

/// Where the last tensor that a graph has in a file ends; none if it names the file nowhere.
fn end_in(graph: &Part, name: &str, limits: &Limits) -> Option<u64> {
    let mut last: Option<u64> = None;
    // A fault of the graph is told where the graph is looked at.
    let _end = walk(graph, limits, &mut |told| {
        if let Told::External(tensor) = told
            && is_in(&tensor, name)
        {
            last = last.max(Some(extent(&tensor, None).unwrap_or(0)));
        }
        Ok(())
    });
    last
}
