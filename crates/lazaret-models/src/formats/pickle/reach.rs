//! What plain operations reach: a module out of `sys.modules` or by its import, a function out of a module by `getattr`,
//! `operator.getitem` or `itemgetter`. Where the file says all of it, the function is judged as if it were named.

use super::judge::Judge;
use super::values::{Name, Value};
use crate::callables::documents::split;
use crate::callables::{is_dangerous_builtin, modern, sounds_dangerous};
use crate::part::printed;
use crate::rules;

impl Judge<'_> {
    /// What a call of a function by its name reaches, if that can be told.
    pub(super) fn reached(&mut self, name: &Name, arguments: Value, at: u64) -> Option<Value> {
        let given = &self.values.held_of(arguments)?.first;
        let (first, second) = (given.first().copied(), given.get(1).copied());
        match modern(&name.module, &name.name) {
            ("operator", "getitem")
            | ("builtins", "dict.get" | "dict.__getitem__" | "dict.pop" | "dict.setdefault") => {
                self.item_of(first?, second?, at)
            }
            ("sys", "modules.get" | "modules.__getitem__" | "modules.pop" | "modules.setdefault")
            | ("importlib", "import_module")
            | ("dill._dill" | "dill.dill", "_import_module")
            | ("cloudpickle.cloudpickle" | "joblib.externals.cloudpickle.cloudpickle", "subimport") => {
                self.module(first?)
            }
            ("builtins" | "importlib", "__import__") => {
                let path = self.values.str_of(first?)?;
                // It gives the outermost package.
                let top = path.split('.').next().unwrap_or(path).to_owned();
                Some(self.values.global(&top, ""))
            }
            ("pkgutil", "resolve_name")
            | ("pydoc", "locate")
            | ("hydra.utils", "get_method" | "get_object") => {
                let path = self.values.str_of(first?)?.replace(':', ".");
                let (module, name) = split(&path);
                Some(self.load(module, name, at))
            }
            ("dill._dill" | "dill.dill", "_get_attr") => self.attribute_of(first?, second?, at),
            _ => None,
        }
    }

    /// What calling the result of a call reaches: of `itemgetter` and `attrgetter`.
    pub(super) fn reached_by_made(&mut self, callee: Value, arguments: Value, at: u64) -> Option<Value> {
        let call = self.values.call_of(callee)?;
        let maker = self.values.name_of(call.callee)?;
        let key = self.values.held_of(call.arguments)?.first.first().copied()?;
        let of = self.values.held_of(arguments)?.first.first().copied()?;
        match modern(&maker.module, &maker.name) {
            ("operator", "itemgetter") => self.item_of(of, key, at),
            ("operator", "attrgetter") => self.attribute_of(of, key, at),
            _ => None,
        }
    }

    /// Tells a call of what was taken by a key that names what runs code, whatever it was taken from.
    pub(super) fn called_by_key(&mut self, callee: Value, at: u64) {
        let Some(call) = self.values.call_of(callee) else { return };
        let of = |arguments, place: usize| {
            self.values.held_of(arguments).and_then(|held| held.first.get(place).copied())
        };
        let getter = |call: super::values::Call, place| {
            let name = self.values.name_of(call.callee)?;
            let takes = match modern(&name.module, &name.name) {
                ("operator", "getitem") => place == 1,
                ("operator", "itemgetter") => place == 0,
                _ => false,
            };
            of(call.arguments, place).filter(|_| takes)
        };
        let key = getter(call, 1).or_else(|| getter(self.values.call_of(call.callee)?, 0));
        let Some(key) = key.and_then(|key| self.values.str_of(key)) else { return };
        if is_dangerous_builtin(key) || sounds_dangerous(key) {
            let message = format!("calls what it takes by the key `{}`", printed(key));
            self.say(&rules::DANGEROUS_CALL, at, message);
        }
    }

    /// A module by its name.
    fn module(&mut self, path: Value) -> Option<Value> {
        let path = self.values.str_of(path)?.to_owned();
        Some(self.values.global(&path, ""))
    }

    /// `container[key]`, of a container that has a name or is the dictionary of something that has one.
    fn item_of(&mut self, container: Value, key: Value, at: u64) -> Option<Value> {
        let name = match self.values.call_of(container) {
            // `vars(x)` is the dictionary of x.
            Some(call) => {
                let maker = self.values.name_of(call.callee)?;
                let is_vars = modern(&maker.module, &maker.name) == ("builtins", "vars");
                let of = self.values.held_of(call.arguments)?.first.first().copied().filter(|_| is_vars)?;
                return self.attribute_of(of, key, at);
            }
            None => self.values.name_of(container)?,
        };
        if modern(&name.module, &name.name) == ("sys", "modules") {
            return self.module(key);
        }
        let key = self.values.str_of(key)?.to_owned();
        let (of, last) = split(&name.name);
        match (of, last) {
            ("", "__builtins__") => Some(self.load("builtins", &key, at)),
            ("", "__dict__") => Some(self.load(&name.module, &key, at)),
            (of, "__dict__" | "__globals__") => Some(self.load(&name.module, &format!("{of}.{key}"), at)),
            _ => None,
        }
    }

    /// `getattr(x, name)` of what has a name: a module, a class, a function.
    pub(super) fn attribute_of(&mut self, of: Value, attribute: Value, at: u64) -> Option<Value> {
        let of = self.values.name_of(of)?;
        let attribute = self.values.str_of(attribute)?.to_owned();
        let name = if of.name.is_empty() { attribute } else { format!("{}.{attribute}", of.name) };
        Some(self.load(&of.module, &name, at))
    }
}
