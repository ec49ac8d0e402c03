//! What loading a pickle would do: each function it names, each call it makes, each state it sets, judged as it is met; of
//! calls of functions that nobody has listed, at the end, when it is known whether they only made an object.

use std::collections::BTreeSet;
use std::rc::Rc;

use lazaret_core::Severity;
use rustc_hash::FxHashSet;

use super::checkpoint::Checkpoint;
use super::notes::Notes;
use super::values::{Call, Name, PLAIN, Value, Values};
use crate::callables::{Effect, effect_by, is_dunder, modern, sounds_dangerous};
use crate::own::OwnRules;
use crate::part::printed;
use crate::rules::{self, ModelRule};

/// A finding before it has its place.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) rule: &'static ModelRule,
    pub(super) severity: Severity,
    pub(super) at: u64,
    pub(super) message: String,
    /// The module and name of the function or class that it is about.
    pub(super) about: Option<(Box<str>, Box<str>)>,
}

/// An array that joblib writes into the stream, behind the object that stands for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Array {
    /// A pickle of its own.
    Objects,
    /// So many bytes, behind their padding where they are aligned.
    Bytes { count: u64, aligned: bool },
    /// Its size cannot be told.
    Unknown,
}

/// What an array is made of.
enum Item {
    Object,
    Bytes(u64),
}

/// Most findings of one pickle that are kept; the worst of all others is told once.
const MOST_SAID: usize = 2_000;

/// Most different versions of scikit-learn in one pickle.
const MOST_VERSIONS: usize = 64;

/// What is known of the names by which a pickle adds values to an object ([`ADDERS`]).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Adding {
    /// The state of an object, or a dict that is not kept, has a function under one.
    pub(super) by_function: bool,
    /// One is spelled as the argument of a call, or in bytes: a key that is computed may be it.
    is_spelled: bool,
}

#[derive(Default)]
pub(super) struct Judge<'o> {
    /// The hospital's own rules, if there are any.
    pub(super) own: Option<&'o OwnRules>,
    pub(super) notes: Notes,
    pub(super) values: Values,
    pub(super) said: Vec<Said>,
    /// Packages whose code is loaded.
    pub(super) packages: BTreeSet<String>,
    /// Versions of scikit-learn in the states of its objects.
    pub(super) sklearn_versions: BTreeSet<String>,
    /// How many arrays of objects this pickle lies in.
    pub(super) inline: u32,
    /// A helper that unpickles its argument on purpose was called (torch).
    pub(super) loads_nested: bool,
    /// Something loadable was recognised in the data so far.
    pub(super) nested_before: bool,
    pub(super) adding: Adding,
    pub(super) checkpoint: Checkpoint,
    /// Calls that gave the `__new__` of a class by which an object was made.
    pub(super) makers: FxHashSet<u32>,
    loaded: u64,
    called: u64,
    called_outer: u64,
    told_exhausts: [bool; 2],
    told_mark: bool,
    left_out: u64,
    /// The worst of those that are not listed: its rule and how grave it is.
    worst_left_out: Option<(Severity, &'static ModelRule)>,
}

/// Names by which Python calls into an object, or finds its code.
const PLANTS: &[&str] = &[
    "__bases__",
    "__bool__",
    "__builtins__",
    "__call__",
    "__class__",
    "__class_getitem__",
    "__code__",
    "__contains__",
    "__del__",
    "__delattr__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__format__",
    "__getattr__",
    "__getattribute__",
    "__getitem__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__getstate__",
    "__globals__",
    "__hash__",
    "__import__",
    "__index__",
    "__init__",
    "__init_subclass__",
    "__iter__",
    "__len__",
    "__missing__",
    "__mro__",
    "__mro_entries__",
    "__new__",
    "__next__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__set_name__",
    "__setattr__",
    "__setitem__",
    "__setstate__",
    "__str__",
    "__subclasshook__",
];

/// Names by which a pickle itself adds values to an object: methods of its class, or what its state has in their place.
const ADDERS: [&[u8]; 3] = [b"append", b"extend", b"add"];

/// Longest bytes that may spell such a name, in characters of four bytes each.
pub(super) const MOST_SPELLED: u64 = 128;

/// Whether a key is one of them.
pub(super) fn plants(key: &[u8]) -> bool {
    key.starts_with(b"__") && std::str::from_utf8(key).is_ok_and(|key| PLANTS.contains(&key))
}

impl Judge<'_> {
    /// Whether it loads a function, and whether it calls one.
    pub(super) const fn loads(&self) -> bool {
        self.loaded > 0
    }

    /// Whether something was called that was loaded by its name.
    pub(super) const fn calls(&self) -> bool {
        self.called > 0
    }

    /// Whether something was called that the loader gives: by an extension code, a persistent id, a name that is computed.
    pub(super) const fn calls_outer(&self) -> bool {
        self.called_outer > 0
    }

    fn count_outer(&mut self, callee: Value) {
        if matches!(callee, Value::Unknown | Value::Persistent(_)) {
            self.called_outer = self.called_outer.saturating_add(1);
        }
    }

    /// Adds a finding of a rule.
    pub(super) fn say(&mut self, rule: &'static ModelRule, at: u64, message: String) {
        self.say_as(rule.rule.severity, rule, at, message);
    }

    fn say_as(&mut self, severity: Severity, rule: &'static ModelRule, at: u64, message: String) {
        self.list(Said { rule, severity, at, message, about: None });
    }

    /// The same about a function or class.
    fn say_of(&mut self, rule: &'static ModelRule, of: (&str, &str), at: u64, message: String) {
        let about = Some((of.0.into(), of.1.into()));
        self.list(Said { rule, severity: rule.rule.severity, at, message, about });
    }

    pub(super) fn effect(&self, module: &str, name: &str) -> Effect {
        effect_by(self.own, module, name)
    }

    fn list(&mut self, said: Said) {
        if self.said.len() < MOST_SAID {
            self.said.push(said);
        } else {
            self.leave_out(said.severity, said.rule);
        }
    }

    fn leave_out(&mut self, severity: Severity, rule: &'static ModelRule) {
        self.left_out = self.left_out.saturating_add(1);
        if self.worst_left_out.is_none_or(|(worst, _)| severity > worst) {
            self.worst_left_out = Some((severity, rule));
        }
    }

    /// A function, class or module by its name.
    pub(super) fn load(&mut self, module: &str, name: &str, at: u64) -> Value {
        self.loaded = self.loaded.saturating_add(1);
        self.checkpoint.is_one |= module.starts_with("torch.distributed.checkpoint");
        let value = self.values.global(module, name);
        let shown = dotted(module, name);
        match self.effect(module, name) {
            Effect::Dangerous(_) if is_judged_by_its_call(module, name) => {}
            Effect::Dangerous(does) => {
                let message = format!("loads `{shown}`, which {does}");
                self.say_of(&rules::DANGEROUS_GLOBAL, (module, name), at, message);
            }
            Effect::Dunder => {
                let message = format!("loads `{shown}`: a way round every list of names");
                self.say_of(&rules::MODULE_DUNDER, (module, name), at, message);
            }
            Effect::Unknown => self.package_of(module),
            Effect::Plain if self.own.is_some_and(|own| own.constructs(module, name)) => {
                self.package_of(module);
            }
            Effect::Plain | Effect::Holder | Effect::Doubtful => {}
        }
        let wanted = self.own.is_some_and(|own| own.is_about(module, name));
        if wanted || self.notes.all {
            self.notes.load(module, name, at, wanted);
        }
        value
    }

    /// The same where module and name are values of the stack.
    pub(super) fn load_computed(&mut self, module: Value, name: Value, at: u64) -> Value {
        let (of, is) = (self.values.str_of(module), self.values.str_of(name));
        if let (Some(of), Some(is)) = (of, is) {
            let (of, is) = (of.to_owned(), is.to_owned());
            return self.load(&of, &is, at);
        }
        self.loaded = self.loaded.saturating_add(1);
        self.say_as(
            Severity::Critical,
            &rules::DANGEROUS_GLOBAL,
            at,
            "loads a function whose name is not in the file: it is made while loading".to_owned(),
        );
        Value::Unknown
    }

    fn package_of(&mut self, module: &str) {
        const MOST: usize = 200;
        let top = module.split('.').next().unwrap_or(module);
        // TorchScript's own classes lie in the file.
        if top != "__torch__" && self.packages.len() < MOST {
            self.packages.insert(printed(top));
        }
    }

    /// REDUCE, OBJ and INST: what the call gives.
    pub(super) fn call(&mut self, callee: Value, arguments: Value, at: u64) -> Value {
        let Some(name) = self.values.name_of(callee) else {
            self.count_outer(callee);
            let made = self.made_by_keywords(callee, arguments, at);
            return made.unwrap_or_else(|| self.call_of_computed(callee, arguments, at));
        };
        self.called = self.called.saturating_add(1);
        self.notes.call(&name);
        self.checkpoint.makes_dict |= self.fills_dict(&name, arguments);
        if let Some(value) = self.by_its_arguments(&name, arguments, at) {
            return value;
        }
        let value = self.call_of(callee, &name, arguments, at);
        self.reached(&name, arguments, at).unwrap_or(value)
    }

    /// A call of a function or class by its name.
    fn call_of(&mut self, callee: Value, name: &Rc<Name>, arguments: Value, at: u64) -> Value {
        let shown = dotted(&name.module, &name.name);
        let of: (&str, &str) = (&name.module, &name.name);
        match self.effect(of.0, of.1) {
            Effect::Plain => {
                // The one whose arguments tell how large an array is.
                self.spells_in(arguments, at);
                let is_watched =
                    &*name.name == "dtype" || is_text(name) || is(name, "operator", "itemgetter");
                if is_watched { self.watched(callee, arguments, at) } else { PLAIN }
            }
            Effect::Holder => {
                self.holder(name, arguments, at);
                self.watched(callee, arguments, at)
            }
            Effect::Doubtful => {
                let message = format!("calls `{shown}`, which calls its argument: no model needs that");
                self.say_of(&rules::UNKNOWN_CALL, of, at, message);
                self.watched(callee, arguments, at)
            }
            Effect::Dangerous(_) if is(name, "builtins", "getattr") => self.getattr(callee, arguments, at),
            Effect::Dangerous(_) if is(name, "builtins", "type") && self.count_of(arguments) <= 1 => PLAIN,
            Effect::Dangerous(does) if is(name, "torch.storage", "_load_from_bytes") => {
                let bytes = self.values.held_of(arguments).is_none() && arguments != Value::Empty;
                if bytes && self.nested_before {
                    self.loads_nested = true;
                } else {
                    let message =
                        format!("calls `{shown}`, which {does}, on something that was not recognised");
                    self.say_of(&rules::DANGEROUS_CALL, of, at, message);
                }
                PLAIN
            }
            Effect::Dangerous(does) => {
                self.say_of(&rules::DANGEROUS_CALL, of, at, format!("calls `{shown}`, which {does}"));
                self.watched(callee, arguments, at)
            }
            Effect::Dunder => {
                let message = format!("calls `{shown}`, of a module's or object's own");
                self.say_of(&rules::DANGEROUS_CALL, of, at, message);
                self.watched(callee, arguments, at)
            }
            Effect::Unknown => self.unknown_call(callee, name, arguments, at),
        }
    }

    /// NEWOBJ and `NEWOBJ_EX`: an object of a class, made by its `__new__`.
    pub(super) fn make(&mut self, class: Value, arguments: Value, at: u64) -> Value {
        let Some(name) = self.values.name_of(class) else {
            self.count_outer(class);
            return self.call_of_computed(class, arguments, at);
        };
        self.called = self.called.saturating_add(1);
        self.notes.call(&name);
        let shown = dotted(&name.module, &name.name);
        let of: (&str, &str) = (&name.module, &name.name);
        match self.effect(of.0, of.1) {
            Effect::Dangerous(does) => {
                self.say_of(&rules::DANGEROUS_CALL, of, at, format!("makes a `{shown}`, which {does}"));
                PLAIN
            }
            Effect::Dunder => {
                let message = format!("makes a `{shown}`, of a module's or object's own");
                self.say_of(&rules::DANGEROUS_CALL, of, at, message);
                PLAIN
            }
            Effect::Holder => {
                self.holder(&name, arguments, at);
                self.watched(class, arguments, at)
            }
            _ if is_array_wrapper(&name) || is_text(&name) => self.watched(class, arguments, at),
            _ => {
                self.spells_in(arguments, at);
                PLAIN
            }
        }
    }

    fn watched(&mut self, callee: Value, arguments: Value, at: u64) -> Value {
        let call = Call { callee, arguments, at, built: true, state: PLAIN };
        self.values.call(call).unwrap_or(PLAIN)
    }

    fn call_of_computed(&mut self, callee: Value, arguments: Value, at: u64) -> Value {
        let made = self.values.call_of(callee).and_then(|call| self.values.name_of(call.callee));
        let of = made.map_or_else(String::new, |name| format!(" of `{}`", dotted(&name.module, &name.name)));
        let message = match callee {
            Value::Unknown => "calls something that the file does not name".to_owned(),
            _ => format!("calls the result of a call{of}"),
        };
        self.say(&rules::CALL_OF_COMPUTED, at, message);
        self.called_by_key(callee, at);
        let reached = self.reached_by_made(callee, arguments, at);
        // It is kept an eye on: what it gives may be called, too.
        reached.unwrap_or_else(|| self.watched(callee, arguments, at))
    }

    /// What a call gives that does no more than its arguments say.
    fn by_its_arguments(&mut self, name: &Name, arguments: Value, at: u64) -> Option<Value> {
        if self.own.is_some_and(|own| own.forbids(&name.module, &name.name).is_some()) {
            None
        } else if names_a_type(&name.module, &name.name) {
            self.type_named(arguments, at)
        } else if remakes_an_array(&name.module, &name.name) {
            self.array_remade(arguments, at)
        } else {
            None
        }
    }

    /// The type that a function of dill or cloudpickle looks up by a constant name: it is judged as if the file named it.
    fn type_named(&mut self, arguments: Value, at: u64) -> Option<Value> {
        let first = self.values.held_of(arguments)?.first.first().copied()?;
        let named = self.values.str_of(first)?.to_owned();
        let of_builtins = matches!(self.effect("builtins", &named), Effect::Plain);
        Some(self.load(if of_builtins { "builtins" } else { "types" }, &named, at))
    }

    /// `(function, arguments, state, …)`: the function is called and its array gets the state, as REDUCE and BUILD would.
    fn array_remade(&mut self, arguments: Value, at: u64) -> Option<Value> {
        let [function @ Value::Global(_), arguments, state, ..] = *self.values.held_of(arguments)?.first
        else {
            return None;
        };
        // What is called makes a plain value, and never goes on to the next array.
        let name = self.values.name_of(function)?;
        if self.effect(&name.module, &name.name) != Effect::Plain {
            return None;
        }
        let array = self.call(function, arguments, at);
        self.build(array, state, at);
        Some(array)
    }

    /// `getattr(Class, 'name')` of a class by its name is another name; `getattr(object, 'name')` of an object that the
    /// file makes is how Python writes a method of it. Any other way is a way round the names.
    fn getattr(&mut self, callee: Value, arguments: Value, at: u64) -> Value {
        let first = self.values.held_of(arguments).map(|held| held.first.clone()).unwrap_or_default();
        if let [of, attribute, ..] = first.as_slice() {
            // Told at the end, unless it made an object of a class.
            if self.values.str_of(*attribute) == Some("__new__")
                && self.values.name_of(*of).is_some_and(|of| !of.name.is_empty())
                && let value @ Value::Made(_) = self.watched(callee, arguments, at)
            {
                return value;
            }
            if let Some(reached) = self.attribute_of(*of, *attribute, at) {
                return reached;
            }
        }
        // A text's `format` reaches what lies behind its arguments.
        if let [Value::Data(_), attribute] = first.as_slice()
            && let Some(attribute) = self.values.str_of(*attribute)
            && !attribute.contains('.')
            && !is_dunder(attribute)
            && !sounds_dangerous(attribute)
            && !has_effect(attribute)
        {
            return self.watched(callee, arguments, at);
        }
        let message = "calls `builtins.getattr` on something that has no name in the file".to_owned();
        self.say(&rules::DANGEROUS_CALL, at, message);
        self.watched(callee, arguments, at)
    }

    /// What a holder keeps is as harmless as the function it is given.
    fn holder(&mut self, name: &Name, arguments: Value, at: u64) {
        let first = self.values.held_of(arguments).and_then(|held| held.first.first().copied());
        let Some(given) = first.and_then(|value| self.values.name_of(value)) else { return };
        let calls_at_once = name.name.starts_with("_rebuild_from_type");
        if calls_at_once && self.effect(&given.module, &given.name) == Effect::Unknown {
            let (holder, shown) = (dotted(&name.module, &name.name), dotted(&given.module, &given.name));
            let message = format!("has `{holder}` call `{shown}`, which nobody has listed");
            self.say_of(&rules::UNKNOWN_CALL, (&given.module, &given.name), at, message);
        }
    }

    fn count_of(&self, arguments: Value) -> usize {
        match arguments {
            Value::Empty => 0,
            Value::Box(_) => self.values.held_of(arguments).map_or(usize::MAX, |held| held.first.len()),
            // A tuple of plain data: how many does not show, but a class is not made of them.
            _ => 1,
        }
    }

    fn unknown_call(&mut self, callee: Value, name: &Name, arguments: Value, at: u64) -> Value {
        if self.is_cython(name, arguments) {
            return PLAIN;
        }
        let call = Call { callee, arguments, at, built: false, state: PLAIN };
        if let Some(value) = self.values.call(call) {
            return value;
        }
        // Too many to wait for what becomes of each.
        self.say_unknown(name, at);
        PLAIN
    }

    /// `module.__pyx_unpickle_Class(class, checksum, state)`: what Cython writes for its classes makes an object of the class
    /// or one derived from it, and sets its state.
    fn is_cython(&self, name: &Name, arguments: Value) -> bool {
        let first = self.values.held_of(arguments).and_then(|held| held.first.first().copied());
        let of_class = first.and_then(|value| self.values.name_of(value));
        // The arguments may not have been kept; what Cython writes calls nothing but its class's `__new__`.
        let kept = matches!(arguments, Value::Box(_));
        let harmless = !kept && arguments != Value::Empty
            || of_class.is_some_and(|class| {
                !matches!(self.effect(&class.module, &class.name), Effect::Dangerous(_) | Effect::Dunder)
            });
        harmless && name.name.starts_with("__pyx_unpickle_") && !name.name.contains('.')
    }

    fn say_unknown(&mut self, name: &Name, at: u64) {
        let shown = dotted(&name.module, &name.name);
        let (severity, why) = if sounds_dangerous(&name.name) {
            (
                Severity::Critical,
                "nobody has listed it, and by its name it runs, loads, reads or writes something",
            )
        } else {
            (rules::UNKNOWN_CALL.rule.severity, "nobody has listed it")
        };
        let message = format!("calls `{shown}`: {why}");
        let about = Some((name.module.clone(), name.name.clone()));
        self.list(Said { rule: &rules::UNKNOWN_CALL, severity, at, message, about });
    }

    /// BUILD: a state is set on an object.
    pub(super) fn build(&mut self, object: Value, state: Value, at: u64) {
        if self.notes.all {
            let made_by = self.values.call_of(object).and_then(|call| self.values.name_of(call.callee));
            self.notes.state(made_by.as_deref(), at);
        }
        self.attributes(state, at);
        if let Some(name) = self.values.name_of(object) {
            let shown = dotted(&name.module, &name.name);
            let message = format!("sets a state on `{shown}` itself, for the whole process");
            self.say(&rules::BUILD_PLANTS_METHOD, at, message);
        }
        let Value::Made(number) = object else { return };
        if let Some(call) = self.values.calls.get_mut(number as usize) {
            call.built = true;
            call.state = state;
        }
    }

    /// What becomes attributes of an object. A state may be two: that of the object and that of its slots.
    pub(super) fn attributes(&mut self, state: Value, at: u64) {
        let first = || self.values.held_of(state).map(|held| held.first.clone()).unwrap_or_default();
        let (mut plants, mut adds) = (false, false);
        for held in std::iter::once(state).chain(first()).filter_map(|part| self.values.held_of(part)) {
            plants |= held.plants;
            adds |= held.adds;
        }
        self.adding.by_function |= adds;
        if plants {
            self.planted(at);
        }
    }

    /// Whether keys and values of a dict would, as attributes, have Python call into the object, and whether they would have
    /// a pickle call a function when it adds values to it.
    pub(super) fn reaches(&self, pairs: &[Value]) -> (bool, bool) {
        let (mut planted, mut adds) = (false, false);
        for pair in pairs.chunks_exact(2) {
            let [key, value] = pair else { continue };
            if let Some(key) = self.values.text_of(*key) {
                planted |= plants(key);
                adds |= ADDERS.contains(&key) && self.may_be_called(*value);
            } else if matches!(key, Value::Data(_) | Value::Made(_)) && self.may_be_called(*value) {
                let made_by = self.values.call_of(*key).and_then(|call| self.values.name_of(call.callee));
                planted |= made_by.is_some_and(|name| is_text(&name));
                adds |= self.adding.is_spelled;
            }
        }
        (planted, adds)
    }

    /// Whether calling a value would be calling more than the class of a plain object.
    fn may_be_called(&self, value: Value) -> bool {
        match value {
            Value::Global(_) | Value::Unknown => true,
            Value::Made(_) => {
                let made_by = self.values.call_of(value).and_then(|call| self.values.name_of(call.callee));
                made_by.is_none_or(|name| self.effect(&name.module, &name.name) != Effect::Plain)
            }
            _ => false,
        }
    }

    /// Arguments of a call that makes a value of them: one that is a text may then be a key that is computed.
    fn spells_in(&mut self, arguments: Value, at: u64) {
        let first = self.values.held_of(arguments).map(|held| held.first.clone()).unwrap_or_default();
        for argument in first {
            if let Some(text) = self.values.text_of(argument) {
                let (planted, adds) = (plants(text), ADDERS.contains(&text));
                self.adding.is_spelled |= adds;
                if planted {
                    self.planted(at);
                }
            }
        }
    }

    /// Bytes that may be made a text.
    pub(super) fn spelled(&mut self, bytes: &[u8], at: u64) {
        if !bytes.first().is_some_and(|first| matches!(first, 0 | b'_' | b'a' | b'e')) {
            return;
        }
        let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        self.adding.is_spelled |= ADDERS.contains(&text.as_slice());
        if plants(&text) {
            self.planted(at);
        }
    }

    /// Values are added to an object that is no list, dict or set of the pickle's own.
    pub(super) fn added_to(&mut self, at: u64) {
        if self.adding.by_function {
            let message = "adds values to an object, one of which has a function of its own as `append`, `extend` or `add`";
            self.say(&rules::BUILD_PLANTS_METHOD, at, message.to_owned());
        }
    }

    pub(super) fn planted(&mut self, at: u64) {
        let message =
            "a state holds a name by which Python calls into an object (`__setstate__`, `__class__` …)";
        self.say(&rules::BUILD_PLANTS_METHOD, at, message.to_owned());
    }

    /// Values are put into a list or dict of a module.
    pub(super) fn writes_into(&mut self, target: Value, at: u64) {
        let Some(name) = self.values.name_of(target) else { return };
        let message = format!("writes into `{}`, for the whole process", dotted(&name.module, &name.name));
        self.say(&rules::BUILD_PLANTS_METHOD, at, message);
    }

    /// Keys and values are put into a dict: the state of an object of scikit-learn says which version made it.
    pub(super) fn notes_version(&mut self, pairs: &[Value]) {
        for pair in pairs.chunks_exact(2) {
            let [key, version] = pair else { continue };
            if self.values.text_of(*key) == Some(b"_sklearn_version")
                && self.sklearn_versions.len() < MOST_VERSIONS
            {
                self.sklearn_versions.extend(self.values.str_of(*version).map(str::to_owned));
            }
        }
    }

    /// Values are kept in a container: `getattr` may be called, but not kept for somebody else to call.
    pub(super) fn kept(&mut self, parts: &[Value], at: u64) {
        for part in parts {
            if let Some(name) =
                self.values.name_of(*part).filter(|name| is_judged_by_its_call(&name.module, &name.name))
                && !is(&name, "builtins", "type")
            {
                let message =
                    format!("keeps `{}` for something else to call", dotted(&name.module, &name.name));
                self.say(&rules::DANGEROUS_GLOBAL, at, message);
            }
        }
    }

    pub(super) fn takes_below_mark(&mut self, at: u64) {
        if !std::mem::replace(&mut self.told_mark, true) {
            let message = "an opcode takes a value from below a mark: Python refuses to load this";
            self.say_as(Severity::Info, &rules::MALFORMED, at, message.to_owned());
        }
    }

    pub(super) fn exhausts(&mut self, deep: bool, at: u64) {
        let [told_deep, told_heavy] = &mut self.told_exhausts;
        let told = if deep { told_deep } else { told_heavy };
        if std::mem::replace(told, true) {
            return;
        }
        let message = if deep {
            "containers lie so deep in each other that a walk over them ends the process"
        } else {
            "containers hold each other so often that a walk over them never ends"
        };
        self.say(&rules::EXHAUSTS_MEMORY, at, message.to_owned());
    }

    /// The array of bytes that follows where joblib has set the state of its wrapper.
    pub(super) fn array_after(&self, object: Value) -> Option<Array> {
        let call = self.values.call_of(object)?;
        self.values.name_of(call.callee).filter(|name| is_array_wrapper(name))?;
        let state = self.values.held_of(call.state)?;
        let of = |wanted: &[u8]| {
            let mut pairs = state.first.chunks_exact(2);
            pairs.find_map(|pair| match pair {
                [key, value] if self.values.text_of(*key) == Some(wanted) => Some(*value),
                _ => None,
            })
        };
        let aligned = matches!(of(b"numpy_array_alignment_bytes"), Some(Value::Int(1..)));
        let count = match of(b"shape") {
            Some(Value::Empty) => Some(1),
            Some(shape) => self.values.held_of(shape).and_then(|held| {
                held.first.iter().try_fold(1_u64, |product, part| match part {
                    Value::Int(size) => product.checked_mul(u64::try_from(*size).ok()?),
                    _ => None,
                })
            }),
            None => None,
        };
        let size = of(b"dtype").and_then(|dtype| self.item_size(dtype));
        Some(match (size, count) {
            (Some(Item::Object), _) => Array::Objects,
            (Some(Item::Bytes(size)), Some(count)) => match count.checked_mul(size) {
                Some(count) => Array::Bytes { count, aligned },
                None => Array::Unknown,
            },
            _ => Array::Unknown,
        })
    }

    /// What an item of a `numpy.dtype` is.
    fn item_size(&self, dtype: Value) -> Option<Item> {
        // `numpy.dtype(None)` is that of floats.
        if dtype == PLAIN {
            return Some(Item::Bytes(8));
        }
        let call = self.values.call_of(dtype)?;
        let held = self.values.held_of(call.arguments)?;
        let kind = self.values.str_of(*held.first.first()?)?;
        let digits = |of: &str| of.parse::<u64>().ok();
        let kind = kind.trim_start_matches(['<', '>', '=', '|']);
        match kind.split_at_checked(1)? {
            ("O", _) => Some(Item::Object),
            ("U", count) => Some(Item::Bytes(digits(count)?.checked_mul(4)?)),
            ("b" | "i" | "u" | "f" | "c" | "S" | "a" | "M" | "m", count) => Some(Item::Bytes(digits(count)?)),
            // A record: its state says how many bytes, and its fields whether they are objects.
            ("V", count) => {
                let state = self.values.held_of(call.state);
                let of_objects = state.and_then(|held| held.first.last().copied());
                // The flag NPY_ITEM_HASOBJECT of the record as a whole.
                match of_objects {
                    Some(Value::Int(flags)) if flags & 1 == 1 => Some(Item::Object),
                    _ => Some(Item::Bytes(digits(count)?)),
                }
            }
            _ => None,
        }
    }

    /// Judges what had to wait for the end.
    pub(super) fn finish(&mut self) {
        self.finish_makers();
        let calls = std::mem::take(&mut self.values.calls);
        for call in calls {
            let Some(name) = self.values.name_of(call.callee) else { continue };
            let made = call.built && call.arguments == Value::Empty && !sounds_dangerous(&name.name);
            if !made && self.effect(&name.module, &name.name) == Effect::Unknown {
                self.say_unknown(&name, call.at);
            }
        }
        self.finish_checkpoint();
        if let Some((severity, rule)) = self.worst_left_out {
            let message = format!(
                "{} more findings of this pickle are not listed; the gravest is of this rule",
                self.left_out
            );
            self.said.push(Said { rule, severity, at: 0, message, about: None });
        }
    }

    /// Takes over what was found in a pickle that lies in this one's stream.
    pub(super) fn take_over(&mut self, other: Judge<'_>) {
        self.notes.take_over(other.notes);
        other.said.into_iter().for_each(|said| self.list(said));
        self.packages.extend(other.packages);
        self.loaded = self.loaded.saturating_add(other.loaded);
        self.called = self.called.saturating_add(other.called);
        self.called_outer = self.called_outer.saturating_add(other.called_outer);
    }
}

pub(super) fn is(name: &Rc<Name>, module: &str, of: &str) -> bool {
    modern(&name.module, &name.name) == (module, of)
}

/// Functions that some libraries call on a class by its name: judged by the call and not by the name.
fn is_judged_by_its_call(module: &str, name: &str) -> bool {
    matches!(modern(module, name), ("builtins", "getattr" | "type") | ("torch.storage", "_load_from_bytes"))
        || names_a_type(module, name)
        || remakes_an_array(module, name)
}

/// Functions by which dill and cloudpickle write a type of Python: by its name alone.
fn names_a_type(module: &str, name: &str) -> bool {
    matches!(
        (module, name),
        ("dill._dill" | "dill.dill", "_load_type")
            | ("cloudpickle.cloudpickle" | "joblib.externals.cloudpickle.cloudpickle", "_builtin_type")
    )
}

/// Functions by which dill and jax write an array: what numpy writes, handed on.
fn remakes_an_array(module: &str, name: &str) -> bool {
    matches!(
        (module, name),
        ("dill._dill" | "dill.dill", "_create_array") | ("jax._src.array", "_reconstruct_array")
    )
}

/// Whether a class makes texts of what it is given.
fn is_text(name: &Rc<Name>) -> bool {
    is(name, "builtins", "str") || is(name, "numpy", "str_") || is(name, "__builtin__", "unicode")
}

/// Whether a method of this name does something to what lies outside its object: of paths, files and arrays. A text's
/// `format` reaches what lies behind its arguments.
fn has_effect(method: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "chmod",
        "copy_into",
        "copyfile",
        "format",
        "hardlink",
        "link",
        "lchmod",
        "make",
        "mk",
        "move",
        "rename",
        "replace",
        "rm",
        "send",
        "symlink",
        "to_",
        "tofile",
        "touch",
        "truncate",
        "write",
    ];
    BEGINNINGS.iter().any(|beginning| method.starts_with(beginning))
}

fn is_array_wrapper(name: &Name) -> bool {
    &*name.name == "NumpyArrayWrapper"
}

fn dotted(module: &str, name: &str) -> String {
    if name.is_empty() {
        return printed(module); // the module itself
    }
    printed(&format!("{module}.{name}"))
}
