//! What is judged of the pickle `.metadata` of a checkpoint of torch that lies in several files.

use super::judge::Judge;
use super::places;
use super::values::{Name, Value};
use crate::formats::beside::points_elsewhere;
use crate::part::printed;
use crate::rules;

/// What is known of a checkpoint that lies in several files.
#[derive(Default)]
pub(super) struct Checkpoint {
    /// The pickle loads something of the checkpoints of torch.
    pub(super) is_one: bool,
    /// Where it first names a file that is not in its folder.
    leads_out: Option<(u64, String)>,
    /// A call made a dict with something in it: as the state of an object it says what no other opcode says.
    pub(super) makes_dict: bool,
}

impl Judge<'_> {
    /// Keys and values are put into a dict: what becomes a part of a checkpoint of torch names its file.
    pub(super) fn leads(&mut self, pairs: &[Value], at: u64) {
        for pair in pairs.chunks_exact(2) {
            let [key, path] = pair else { continue };
            if self.checkpoint.leads_out.is_none() && self.values.text_of(*key) == Some(places::FILE) {
                let path = self.values.str_of(*path).filter(|path| points_elsewhere(path));
                self.checkpoint.leads_out = path.map(|path| (at, printed(path)));
            }
        }
    }

    /// Whether a call makes a dict that is not empty, as pickles do not: they make it first, then put pairs into it.
    pub(super) fn fills_dict(&self, name: &Name, arguments: Value) -> bool {
        match (&*name.module, &*name.name) {
            ("collections", "OrderedDict") => arguments != Value::Empty,
            // With the class of what is missing.
            ("collections", "defaultdict") => {
                self.values.held_of(arguments).is_none_or(|held| held.first.len() != 1)
            }
            _ => false,
        }
    }

    /// Whether a dict was made with something in it.
    pub(super) fn makes_dict(&self) -> bool {
        self.checkpoint.makes_dict
    }

    /// Tells at the end that a part lies outside its folder.
    pub(super) fn finish_checkpoint(&mut self) {
        if let Some((at, path)) = self.checkpoint.leads_out.take().filter(|_| self.checkpoint.is_one) {
            let message = format!("a part of the checkpoint is read from `{path}`, outside its folder");
            self.say(&rules::HF_PATH_ESCAPE, at, message);
        }
    }
}
