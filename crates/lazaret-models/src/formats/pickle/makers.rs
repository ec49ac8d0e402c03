//! Objects that are made with keywords, as protocols 2 and 3 write what `NEWOBJ_EX` is from protocol 4 on:
//! `functools.partial(Class.__new__, Class, …)` is called.

use std::rc::Rc;

use super::judge::{Judge, is};
use super::values::{Held, Name, Value};
use crate::callables::Effect;

impl Judge<'_> {
    /// The object that such a call makes, if it is one.
    pub(super) fn made_by_keywords(&mut self, callee: Value, arguments: Value, at: u64) -> Option<Value> {
        let call = self.values.call_of(callee).filter(|_| arguments == Value::Empty)?;
        self.values.name_of(call.callee).filter(|name| is(name, "functools", "partial"))?;
        let [maker] = *self.values.held_of(call.arguments)?.first else { return None };
        let base = self.maker_of(maker)?;
        let [of, arguments, keywords, _] = *self.values.held_of(call.state)?.first else { return None };
        let (class, others) = self.values.held_of(arguments)?.first.split_first()?;
        let (class, others) = (*class, others.to_vec());
        let is_plain =
            !matches!(self.effect(&base.module, &base.name), Effect::Dangerous(_) | Effect::Dunder);
        self.values.name_of(class).filter(|_| is_plain && of == maker)?;
        if let Value::Made(number) = maker {
            self.makers.insert(number);
        }
        let size = self.values.size_of(arguments);
        let others = match others.as_slice() {
            [] => Value::Empty,
            _ => self.values.hold(Held { size, first: others, ..Held::default() }),
        };
        let made = self.make(class, others, at);
        // They are attributes of what keeps them all.
        self.attributes(keywords, at);
        Some(made)
    }

    /// The class whose `__new__` a value is: `getattr(Class, '__new__')`.
    fn maker_of(&self, value: Value) -> Option<Rc<Name>> {
        let call = self.values.call_of(value)?;
        self.values.name_of(call.callee).filter(|name| is(name, "builtins", "getattr"))?;
        let [of, attribute] = *self.values.held_of(call.arguments)?.first else { return None };
        self.values.text_of(attribute).filter(|attribute| *attribute == b"__new__")?;
        self.values.name_of(of)
    }

    /// Tells each `__new__` of a class by which no object was made.
    pub(super) fn finish_makers(&mut self) {
        let calls = (0_u32..).zip(&self.values.calls).filter(|(number, _)| !self.makers.contains(number));
        let others: Vec<_> =
            calls.filter_map(|(number, call)| Some((self.maker_of(Value::Made(number))?, call.at))).collect();
        for (class, at) in others {
            self.load(&class.module, &format!("{}.__new__", class.name), at);
        }
    }
}
