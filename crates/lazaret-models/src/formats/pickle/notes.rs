//! Which functions and classes a pickle uses, and how: some for the hospital's own rules, all for the file from the inside.

use std::collections::BTreeMap;

use super::values::Name;

/// Most functions and classes of one pickle that are noted because all are.
const MOST: usize = 20_000;

#[derive(Default)]
pub(super) struct Notes {
    /// Whether all are noted, and not only those that the rules are about.
    pub(super) all: bool,
    pub(super) used: BTreeMap<(Box<str>, Box<str>), Used>,
    /// How often others were loaded.
    pub(super) left_out: u64,
    /// Where a state was first set on an object that has no name here, and how often.
    pub(super) states: Option<(u64, u64)>,
}

/// How a function or class is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    /// Where it was first loaded.
    pub(super) at: u64,
    pub(super) loaded: u64,
    pub(super) called: u64,
    /// States that are set on what calls of it give.
    pub(super) states: u64,
}

impl Notes {
    /// It is loaded. `wanted` are those that the rules are about.
    pub(super) fn load(&mut self, module: &str, name: &str, at: u64, wanted: bool) {
        let key = (module.into(), name.into());
        if !wanted && self.used.len() >= MOST && !self.used.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let used = self.used.entry(key).or_insert(Used { at, loaded: 0, called: 0, states: 0 });
        used.loaded = used.loaded.saturating_add(1);
    }

    /// It is called, where all are noted.
    pub(super) fn call(&mut self, name: &Name) {
        if self.all
            && let Some(used) = self.of(name)
        {
            used.called = used.called.saturating_add(1);
        }
    }

    /// A state is set on what a call of it gave, or on something that has no name.
    pub(super) fn state(&mut self, made_by: Option<&Name>, at: u64) {
        if let Some(used) = made_by.and_then(|name| self.of(name)) {
            used.states = used.states.saturating_add(1);
        } else {
            self.add_states(at, 1);
        }
    }

    fn of(&mut self, name: &Name) -> Option<&mut Used> {
        self.used.get_mut(&(name.module.clone(), name.name.clone()))
    }

    fn add_states(&mut self, at: u64, count: u64) {
        let states = self.states.get_or_insert((at, 0));
        states.1 = states.1.saturating_add(count);
    }

    /// Takes over those of a pickle that lies in this one's stream.
    pub(super) fn take_over(&mut self, other: Self) {
        for (name, used) in other.used {
            let own = self.used.entry(name).or_insert(Used { loaded: 0, called: 0, states: 0, ..used });
            own.loaded = own.loaded.saturating_add(used.loaded);
            own.called = own.called.saturating_add(used.called);
            own.states = own.states.saturating_add(used.states);
        }
        if let Some((at, count)) = other.states {
            self.add_states(at, count);
        }
        self.left_out = self.left_out.saturating_add(other.left_out);
    }
}
