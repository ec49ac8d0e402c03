//! What expressions may be, and what they reach for.

use super::flow::{Flow, MANY, TOO_MANY, Wrong};
use super::names;
use super::syntax::{Args, Expr, Id};
use super::value::{self, Value, Values, add_all, add_value, pairs};
use crate::part::printed;

/// What is repeated in all rounds of a loop together.
const FAR_TOO_MANY: i128 = 1_000_000_000;
/// Filters that make a text longer by a number that they are given.
const PADS: &[&str] = &["center", "indent", "ljust", "rjust", "batch", "slice", "tojson"];
/// Bits of a number of 100,000 digits.
const MOST_BITS: i128 = 332_193;
/// More paragraphs or words of `lipsum` than any test of a template needs.
const MOST_LIPSUM: i128 = 10_000;

impl<'t> Flow<'t> {
    /// A name under which something is read.
    pub(super) fn reaches(&mut self, name: &str) {
        if names::is_internal(name) {
            self.wrong(Wrong::Escape, format!("it reaches for `{}`", printed(name)));
        }
    }

    /// A key that is computed, or a constant.
    pub(super) fn reaches_by(&mut self, id: Id, always: bool) {
        let keys: Vec<(String, bool)> =
            self.texts(id).map(|(text, whole)| (text.to_owned(), whole)).collect();
        let literal = matches!(self.template.get(id), Expr::Text(..));
        for (key, whole) in &keys {
            if *whole {
                self.reaches(key);
            } else if key.contains("__") || always || literal {
                self.wrong(Wrong::Escape, "it reaches for a name that it puts together as it runs");
            } else {
                self.wrong(Wrong::Suspect, "it reads a key that it puts together of pieces as it runs");
            }
        }
        let unknown = keys.is_empty() && !matches!(self.of(id).as_slice(), [Value::Int(_)]);
        if always && unknown {
            self.wrong(Wrong::Escape, "it reaches for an attribute whose name it computes");
        }
    }

    /// An attribute or item of something that the renderer gives.
    pub(super) fn leaves(&mut self, base: Id, attribute: &str, called: bool) {
        let roots: Vec<String> = self
            .of(base)
            .iter()
            .filter_map(|value| if let Value::Global(root) = value { Some(root.clone()) } else { None })
            .collect();
        for root in roots {
            let own_block = root == "self" && self.blocks.contains(attribute);
            if !own_block && names::leads_out(&root, attribute, called) {
                self.wrong(
                    Wrong::Escape,
                    format!("it uses `{}` of the renderer's `{}`", printed(attribute), printed(&root)),
                );
            }
        }
    }

    pub(super) fn value(&mut self, expr: &'t Expr) -> Values {
        match expr {
            Expr::Text(text, whole) => {
                // Whatever is made of it on the way, no chat has such a name for a text; prose may have it in a sentence.
                if names::is_dunder(text.trim_matches(|c: char| c != '_' && !c.is_alphanumeric())) {
                    self.wrong(Wrong::Suspect, format!("it has the name `{}` in a text", printed(text)));
                }
                vec![Value::Text(text.clone(), *whole).bounded()]
            }
            Expr::Int(number) => vec![Value::Int(*number)],
            Expr::Other | Expr::Slice(..) => vec![Value::Unknown],
            Expr::Test(_, _, args) => {
                self.words_within(args, "a test");
                vec![Value::Unknown]
            }
            Expr::Name(name) => {
                if name.starts_with("__") {
                    self.reaches(name);
                }
                let mut values = self.names.get(name.as_str()).cloned().unwrap_or_default();
                if values.is_empty() || names::is_root(name) {
                    add_value(&mut values, Value::Global(name.clone()));
                }
                values
            }
            Expr::Attr(base, name) => self.attribute(*base, name),
            Expr::Item(base, key) => self.item(*base, *key),
            Expr::Call(callee, args) => self.call(*callee, args),
            Expr::Filter(base, name, args) => self.filter(*base, name, args),
            Expr::List(items) => {
                self.both(|flow, pick| Value::List(items.iter().map(|id| flow.pick(*id, pick)).collect()))
            }
            Expr::Dict(pairs) => self.both(|flow, pick| {
                Value::Dict(
                    pairs
                        .iter()
                        .map(|(key, value)| (flow.pick(*key, pick), flow.pick(*value, pick)))
                        .collect(),
                )
            }),
            Expr::Binary(operator, left, right) => self.operation(operator, *left, *right),
            Expr::Unary(sign, inner) => match (*sign, self.int(*inner)) {
                ("-", Some(number)) => vec![Value::Int(number.saturating_neg())],
                ("+", Some(number)) => vec![Value::Int(number)],
                _ => vec![Value::Unknown],
            },
            Expr::Choice(test, yes, no) => {
                let (straight, negated) = self.trigger(*test);
                let is_prose = |id: &Id| self.texts(*id).any(|(text, _)| names::is_prose(text));
                if straight && is_prose(yes) || negated && no.as_ref().is_some_and(is_prose) {
                    self.wrong(
                        Wrong::Backdoor,
                        "a choice on certain words of a message, or on the date, adds sentences of its own",
                    );
                }
                let mut values = self.of(*yes).clone();
                let other = no.map_or_else(Vec::new, |id| self.of(id).clone());
                add_all(&mut values, &other);
                values
            }
        }
    }

    /// A container of the first values of its items, and one of the last.
    pub(super) fn both(&self, make: impl Fn(&Self, bool) -> Value) -> Values {
        let mut values = Vec::new();
        add_value(&mut values, make(self, false));
        add_value(&mut values, make(self, true));
        values
    }

    pub(super) fn pick(&self, id: Id, last: bool) -> Value {
        let values = self.of(id);
        if last { values.last() } else { values.first() }.cloned().unwrap_or(Value::Unknown)
    }

    pub(super) fn attribute(&mut self, base: Id, name: &str) -> Values {
        self.reaches(name);
        if name.starts_with('_') && !names::is_internal(name) {
            self.wrong(Wrong::Suspect, format!("it reads the private attribute `{}`", printed(name)));
        }
        self.leaves(base, name, false);
        let mut values = Vec::new();
        if names::runs(name) {
            add_value(&mut values, Value::Global(name.to_owned())); // it may be called later
        }
        for value in self.of(base).clone() {
            let value = match value {
                Value::List(items) if name == "current" => {
                    add_all(&mut values, &items);
                    continue;
                }
                other => value::item(&other, &Value::text(name)),
            };
            add_value(&mut values, value);
        }
        if let Expr::Name(own) = self.template.get(base)
            && let Some(fields) = self.names.get(&format!("{own}.{name}"))
        {
            add_all(&mut values, &fields.clone());
        }
        values
    }

    pub(super) fn item(&mut self, base: Id, key: Id) -> Values {
        if let Expr::Slice(from, to, step) = self.template.get(key) {
            let bound = |id: &Option<Id>| match id {
                None => Some(None),
                Some(id) => self.int(*id).map(Some),
            };
            let (Some(from), Some(to), Some(step)) = (bound(from), bound(to), bound(step)) else {
                return self
                    .of(base)
                    .iter()
                    .filter(|value| matches!(value, Value::Content))
                    .cloned()
                    .collect();
            };
            let mut values = Vec::new();
            for value in self.of(base) {
                let sliced = match value {
                    Value::Content => Value::Content,
                    other => value::slice_of(other, from, to, step),
                };
                add_value(&mut values, sliced);
            }
            return values;
        }
        self.reaches_by(key, false);
        self.computed_of(base, key);
        if self.of(key).contains(&Value::Content) && !self.of(key).contains(&Value::Unknown) {
            self.wrong(Wrong::Suspect, "it reads what a message names");
        }
        let keys: Vec<String> = self.texts(key).map(|(text, _)| text.to_owned()).collect();
        for name in &keys {
            self.leaves(base, name, false);
        }
        pairs(self.of(base), self.of(key), value::item)
    }

    /// An item of a text, or of what the renderer gives, by a key that a filter or a call makes: no chat needs one.
    fn computed_of(&mut self, base: Id, key: Id) {
        let is_computed = match self.template.get(key) {
            Expr::Filter(_, name, _) => {
                !matches!(name.as_str(), "int" | "length" | "count" | "abs" | "round")
            }
            Expr::Call(..) | Expr::Slice(..) => true,
            _ => false,
        };
        let is_unknown = self.of(key).is_empty() || self.of(key).contains(&Value::Unknown);
        let is_root = |value: &Value| match value {
            Value::Text(..) => true,
            Value::Global(name) => names::is_root(name),
            _ => false,
        };
        if is_computed && is_unknown && self.of(base).iter().any(is_root) {
            let message = "it reads an item of a text or of the renderer's own whose name it computes";
            self.wrong(Wrong::Suspect, message);
        }
    }

    pub(super) fn operation(&mut self, operator: &str, left: Id, right: Id) -> Values {
        match operator {
            "+" => pairs(self.of(left), self.of(right), value::plus),
            "~" => pairs(self.of(left), self.of(right), value::tilde),
            "*" => {
                for (what, times) in [(left, right), (right, left)] {
                    let size = self.of(what).iter().filter_map(Value::size).max();
                    if let (Some(size), Some(times)) = (size, self.int(times)) {
                        let made = size.saturating_mul(times);
                        if made > TOO_MANY {
                            let message = "it repeats a text or list more than ten million times";
                            self.wrong(Wrong::Exhausts, message);
                        } else if made.saturating_mul(self.rounds) > FAR_TOO_MANY {
                            let message =
                                "it repeats a text or list in a loop: together more than a billion times";
                            self.wrong(Wrong::Exhausts, message);
                        }
                    }
                }
                pairs(self.of(left), self.of(right), value::times)
            }
            "**" => match (self.int(left), self.int(right)) {
                (Some(base), Some(power)) => {
                    let digits = |base: i128, power: i128| {
                        let bits = i128::BITS.saturating_sub(base.unsigned_abs().leading_zeros());
                        base.unsigned_abs() > 1 && i128::from(bits).saturating_mul(power) > MOST_BITS
                    };
                    // Jinja counts `a ** b ** c` from the left; Python, and renderers in other languages, from the right.
                    let tower = match self.template.get(left) {
                        Expr::Binary("**", lowest, middle) => self.int(*lowest).zip(self.int(*middle)),
                        _ => None,
                    };
                    let from_right = tower.is_some_and(|(lowest, middle)| {
                        let power = u32::try_from(power).ok().and_then(|power| middle.checked_pow(power));
                        digits(lowest, power.unwrap_or(i128::MAX))
                    });
                    if digits(base, power) || from_right {
                        self.wrong(Wrong::Exhausts, "it computes a number of more than 100,000 digits");
                    }
                    let power = u32::try_from(power).ok().and_then(|power| base.checked_pow(power));
                    vec![Value::Int(power.unwrap_or(i128::MAX))]
                }
                _ => vec![Value::Unknown],
            },
            "-" | "//" | "/" => match (self.int(left), self.int(right)) {
                (Some(a), Some(b)) => {
                    let result = if operator == "-" { a.checked_sub(b) } else { a.checked_div_euclid(b) };
                    vec![result.map_or(Value::Unknown, Value::Int)]
                }
                _ => vec![Value::Unknown],
            },
            "%" => {
                let given: Values = self.of(right).iter().flat_map(given_to).collect();
                self.widths(left, &given, &[]);
                pairs(self.of(left), self.of(right), |left, right| match (left, right) {
                    (Value::Int(a), Value::Int(b)) => {
                        a.checked_rem_euclid(*b).map_or(Value::Unknown, Value::Int)
                    }
                    (_, Value::List(args)) => value::percent(left, args, &[]),
                    (_, Value::Dict(args)) => value::percent(left, &[], &named(args)),
                    _ => value::percent(left, std::slice::from_ref(right), &[]),
                })
            }
            "or" | "and" => {
                let mut values = self.of(left).clone();
                add_all(&mut values, self.of(right));
                values
            }
            _ => vec![Value::Unknown],
        }
    }

    /// A width in a format that makes a text of millions of characters.
    pub(super) fn widths(&mut self, format: Id, plain: &[Value], by_name: &[(String, Value)]) {
        let long = |text: &str| {
            text.contains(['%', '{'])
                && text
                    .split(|c: char| !c.is_ascii_digit())
                    .any(|digits| digits.trim_start_matches('0').len() > 7)
        };
        // `%*d` and `{:{}}` take their width from what they are given.
        let given = plain.iter().chain(by_name.iter().map(|(_, value)| value));
        let is_wide = given.filter_map(Value::number).any(|number| number > TOO_MANY);
        let takes_width = |text: &str| is_wide && (text.contains('*') || text.matches('{').count() > 1);
        if self.texts(format).any(|(text, _)| long(text) || takes_width(text)) {
            self.wrong(Wrong::Exhausts, "it formats to a width of more than ten million characters");
        }
    }

    /// Names of internals that are handed on.
    pub(super) fn words_within(&mut self, args: &Args, to: &str) {
        let words: Vec<String> =
            args.all().flat_map(|id| self.of(id).iter().flat_map(texts_of).collect::<Vec<_>>()).collect();
        for word in words.iter().filter(|word| names::is_internal(word)) {
            self.wrong(Wrong::Suspect, format!("it hands `{}` to {}", printed(word), printed(to)));
        }
    }

    pub(super) fn given(&self, args: &Args) -> (Vec<Value>, Vec<(String, Value)>) {
        let mut plain: Vec<_> = args.plain.iter().map(|id| self.one(*id)).collect();
        let mut by_name: Vec<_> = args.named.iter().map(|(name, id)| (name.clone(), self.one(*id))).collect();
        for id in &args.spread {
            match self.one(*id) {
                Value::Dict(pairs) => by_name.extend(named(&pairs)),
                Value::List(items) => plain.extend(items),
                _ => {}
            }
        }
        (plain, by_name)
    }

    pub(super) fn call(&mut self, callee: Id, args: &Args) -> Values {
        let (plain, by_name) = self.given(args);
        match self.template.get(callee) {
            Expr::Attr(base, name) => self.method(*base, name, args, &plain, &by_name),
            Expr::Item(base, key) => {
                let keys: Vec<String> = self.texts(*key).map(|(text, _)| text.to_owned()).collect();
                self.methods(*base, &keys, args, &plain, &by_name)
            }
            Expr::Filter(base, filter, of) if filter == "attr" => {
                let ids = of.plain.iter().chain(&of.spread);
                let keys: Vec<String> = ids.flat_map(|id| self.of(*id)).flat_map(texts_of).collect();
                match base {
                    Some(base) => self.methods(*base, &keys, args, &plain, &by_name),
                    None => vec![Value::Unknown],
                }
            }
            Expr::Name(name) if self.macros.contains_key(name.as_str()) => self.macro_call(name, args),
            Expr::Name(name) if name == "caller" => self.names.get("caller()").cloned().unwrap_or_default(),
            _ => self.function(callee, args, &plain, &by_name),
        }
    }

    /// Hands what a macro is given to its parameters; gives what it prints.
    fn macro_call(&mut self, name: &str, args: &Args) -> Values {
        let rounds = self.rounds.saturating_mul(self.rounds_of.get(name).copied().unwrap_or(1));
        self.most_rounds = self.most_rounds.max(rounds);
        if rounds > TOO_MANY && self.rounds <= TOO_MANY {
            let message = "loops within loops of macros go round more than ten million times";
            self.wrong(Wrong::Exhausts, message);
        }
        let params = self.macros.get(name).copied().unwrap_or_default();
        for ((param, _), id) in params.iter().zip(&args.plain) {
            let values = self.of(*id).clone();
            self.assign(param, &values);
        }
        for (param, id) in &args.named {
            let values = self.of(*id).clone();
            self.assign(param, &values);
        }
        self.names.get(&format!("{name}()")).cloned().unwrap_or_default()
    }

    /// A call of what stands under computed names.
    fn methods(
        &mut self,
        base: Id,
        keys: &[String],
        args: &Args,
        plain: &[Value],
        by_name: &[(String, Value)],
    ) -> Values {
        let mut values = Vec::new();
        for key in keys {
            let made = self.method(base, key, args, plain, by_name);
            add_all(&mut values, &made);
        }
        if keys.is_empty() {
            self.words_within(args, "a call");
        }
        values
    }

    /// A call of a name that the template does not assign, or of a value.
    pub(super) fn function(
        &mut self,
        callee: Id,
        args: &Args,
        plain: &[Value],
        by_name: &[(String, Value)],
    ) -> Values {
        let mut values = Vec::new();
        for called in self.of(callee).clone() {
            let Value::Global(name) = called else {
                // A joiner gives its text, a cycler one of its items.
                let made = if matches!(called, Value::Text(..)) { called } else { Value::Unknown };
                add_value(&mut values, made);
                continue;
            };
            if self.macros.contains_key(name.as_str()) {
                let made = self.macro_call(&name, args);
                add_all(&mut values, &made);
                continue;
            }
            if names::is_foreign_call(&name) || names::runs(&name) {
                self.wrong(Wrong::Escape, format!("it calls `{}`, which no chat needs", printed(&name)));
            }
            if !names::takes_any_word(&name) {
                self.words_within(args, &format!("`{name}`"));
            }
            let made = match name.as_str() {
                "dict" | "namespace" => Value::Dict(
                    by_name.iter().map(|(key, value)| (Value::text(key.clone()), value.clone())).collect(),
                ),
                "chr" => plain.first().map_or(Value::Unknown, |code| {
                    value::percent(&Value::text("%c"), std::slice::from_ref(code), &[])
                }),
                "str" | "list" => plain.first().cloned().unwrap_or(Value::Unknown),
                "cycler" => Value::List(plain.to_vec()),
                "joiner" => plain.first().cloned().unwrap_or(Value::text(", ")),
                "strftime_now" | "now" | "datetime" => Value::Clock,
                "range" => self.range(plain),
                "lipsum" => {
                    let large = plain.iter().chain(by_name.iter().map(|(_, value)| value));
                    if large.filter_map(Value::number).any(|number| number > MOST_LIPSUM) {
                        self.wrong(Wrong::Exhausts, "it asks for more than ten thousand paragraphs");
                    }
                    Value::Unknown
                }
                _ => Value::Unknown,
            };
            add_value(&mut values, made);
        }
        values
    }

    pub(super) fn range(&mut self, plain: &[Value]) -> Value {
        let numbers: Vec<_> = plain.iter().filter_map(Value::number).collect();
        let count = match numbers.as_slice() {
            [stop] => *stop,
            [start, stop] => stop.saturating_sub(*start),
            [start, stop, by] => stop.saturating_sub(*start).checked_div(*by).unwrap_or(0),
            _ => return Value::Unknown,
        };
        if count > MANY {
            self.wrong(Wrong::Exhausts, format!("it counts to {count}: a range of more than a million"));
        }
        Value::Range(count)
    }

    pub(super) fn method(
        &mut self,
        base: Id,
        name: &str,
        args: &Args,
        plain: &[Value],
        by_name: &[(String, Value)],
    ) -> Values {
        if names::runs(name) {
            self.wrong(Wrong::Escape, format!("it calls `{}`", printed(name)));
        }
        self.leaves(base, name, true);
        if !names::takes_any_word(name) {
            self.words_within(args, &format!("`{name}`"));
        }
        if matches!(name, "center" | "ljust" | "rjust" | "zfill" | "expandtabs")
            && plain.iter().filter_map(Value::number).any(|width| width > TOO_MANY)
        {
            self.wrong(Wrong::Exhausts, "it pads to a width of more than ten million characters");
        }
        if matches!(name, "append" | "insert" | "extend" | "add" | "update" | "setdefault") {
            let Expr::Name(own) = self.template.get(base) else { return vec![Value::Unknown] };
            let mut grown = Vec::new();
            for list in self.of(base) {
                if let (Value::List(items), Some(last)) = (list, plain.last()) {
                    let mut items = items.clone();
                    match last {
                        Value::List(more) if name == "extend" => items.extend(more.iter().cloned()),
                        _ if name == "insert" => items.insert(0, last.clone()),
                        _ => items.push(last.clone()),
                    }
                    add_value(&mut grown, Value::List(items));
                }
            }
            let is_itself =
                args.plain.iter().any(|id| matches!(self.template.get(*id), Expr::Name(name) if name == own));
            if name == "extend" && is_itself {
                self.doubled();
            }
            if !grown.is_empty() {
                self.assign(own, &grown);
            }
            return vec![Value::Unknown];
        }
        let mut values = Vec::new();
        for value in self.of(base).clone() {
            let made = match (&value, name) {
                (Value::Text(..), "format" | "format_map") => {
                    self.widths(base, plain, by_name);
                    let literal = match self.template.get(base) {
                        Expr::Text(text, _) => text.clone(),
                        _ => value.printed().0,
                    };
                    let dict = match plain.first() {
                        Some(Value::Dict(pairs)) if name == "format_map" => named(pairs),
                        _ => by_name.to_vec(),
                    };
                    let (made, reached) = value::braces(&literal, plain, &dict);
                    for step in &reached {
                        self.reaches(step);
                    }
                    made
                }
                (Value::List(items), "next") => {
                    add_all(&mut values, items);
                    continue;
                }
                _ => value::apply(name, &value, plain, by_name),
            };
            add_value(&mut values, made);
        }
        values
    }

    pub(super) fn filter(&mut self, base: Option<Id>, name: &str, args: &Args) -> Values {
        let (plain, by_name) = self.given(args);
        self.attributes_of_filter(base, name, args);
        for (key, value) in by_name.iter().filter(|_| !args.spread.is_empty()) {
            if key == "attribute" {
                for path in texts_of(value) {
                    for step in path.split('.') {
                        self.reaches(step);
                    }
                }
            }
        }
        if names::is_running_filter(name) {
            self.wrong(Wrong::Escape, format!("it runs what it holds through the filter `{name}`"));
        }
        let mapped = args.plain.first().filter(|_| name == "map");
        let is_mapped = mapped.is_some_and(|id| self.texts(*id).any(|(text, _)| PADS.contains(&text)));
        if (PADS.contains(&name) || is_mapped)
            && plain
                .iter()
                .chain(by_name.iter().map(|(_, value)| value))
                .filter_map(Value::number)
                .any(|n| n > TOO_MANY)
        {
            self.wrong(Wrong::Exhausts, "it pads to a width of more than ten million characters");
        }
        if !matches!(
            name,
            "attr" | "map" | "selectattr" | "rejectattr" | "groupby" | "replace" | "default" | "d"
        ) {
            self.words_within(args, &format!("the filter `{name}`"));
        }
        let Some(base) = base else { return vec![Value::Unknown] };
        self.description(base, name);
        let mut values = Vec::new();
        for value in self.of(base).clone() {
            if let Value::Global(root) = &value
                && names::is_root(root)
                && !matches!(name, "default" | "d")
            {
                self.wrong(
                    Wrong::Escape,
                    format!("it takes the renderer's `{}` apart (`{name}`)", printed(root)),
                );
            }
            if name == "format" {
                self.widths(base, &plain, &by_name);
            }
            let made = match name {
                "default" | "d" => {
                    add_value(&mut values, value);
                    plain.first().cloned().unwrap_or(Value::Unknown)
                }
                "random" => {
                    add_all(&mut values, &value.items().unwrap_or_default());
                    continue;
                }
                _ => value::apply(name, &value, &plain, &by_name),
            };
            add_value(&mut values, made);
        }
        values
    }

    /// What a filter that takes the names of attributes reaches by them.
    fn attributes_of_filter(&mut self, base: Option<Id>, name: &str, args: &Args) {
        let by_attribute = args.named("attribute").into_iter();
        match name {
            "attr" => {
                for id in args.plain.iter().chain(args.named("name").iter()) {
                    self.reaches_by(*id, true);
                    let keys: Vec<String> = self.texts(*id).map(|(text, _)| text.to_owned()).collect();
                    if let Some(base) = base {
                        for key in &keys {
                            self.leaves(base, key, false);
                        }
                    }
                }
                if args.plain.is_empty() && args.named.is_empty() || !args.spread.is_empty() {
                    self.wrong(Wrong::Escape, "it reaches for an attribute whose name it computes");
                }
            }
            "map" => {
                for id in by_attribute {
                    self.path(id);
                }
                let by_filter =
                    args.plain.first().is_some_and(|id| self.texts(*id).any(|(text, _)| text == "attr"));
                if let (true, Some(key)) = (by_filter, args.plain.get(1)) {
                    self.reaches_by(*key, true);
                }
            }
            "selectattr" | "rejectattr" | "groupby" => {
                let first = args.plain.first().copied();
                for id in first.into_iter().chain(by_attribute) {
                    self.path(id);
                }
            }
            "sum" | "min" | "max" | "sort" | "unique" | "join" => {
                for id in by_attribute {
                    self.path(id);
                }
                if let ("sum" | "join", Some(id)) = (name, args.plain.get(usize::from(name == "join"))) {
                    self.path(*id);
                }
            }
            _ => {}
        }
    }

    /// `()|select|string`: how Python describes an object gives letters that nobody wrote.
    pub(super) fn description(&mut self, base: Id, name: &str) {
        if let Expr::Filter(_, inner, _) = self.template.get(base)
            && matches!(name, "string" | "safe" | "escape" | "e" | "urlencode" | "forceescape")
            && matches!(
                inner.as_str(),
                "select"
                    | "reject"
                    | "selectattr"
                    | "rejectattr"
                    | "map"
                    | "batch"
                    | "slice"
                    | "items"
                    | "reverse"
            )
            && !self.of(base).iter().any(|value| matches!(value, Value::Text(..) | Value::Content))
        {
            self.wrong(Wrong::Escape, "it takes letters out of how Python describes an object");
        }
    }

    /// An attribute that a filter goes by: steps with dots between.
    pub(super) fn path(&mut self, id: Id) {
        let paths: Vec<(String, bool)> =
            self.texts(id).map(|(text, whole)| (text.to_owned(), whole)).collect();
        for (path, whole) in paths {
            for step in path.split(['.', ',']) {
                self.reaches(step);
            }
            if !whole {
                self.wrong(
                    Wrong::Suspect,
                    "it filters by an attribute whose name it puts together as it runs",
                );
            }
        }
    }
}

/// What stands behind `%`: one value, or several.
fn given_to(value: &Value) -> Values {
    match value {
        Value::List(items) => items.clone(),
        Value::Dict(pairs) => pairs.iter().map(|(_, value)| value.clone()).collect(),
        one => vec![one.clone()],
    }
}

fn named(pairs: &[(Value, Value)]) -> Vec<(String, Value)> {
    pairs.iter().map(|(key, value)| (key.printed().0, value.clone())).collect()
}

/// The texts of a value or of its items, as far as they are known.
pub(super) fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text, true) => vec![text.clone()],
        Value::List(items) => items
            .iter()
            .filter_map(|item| if let Value::Text(text, true) = item { Some(text.clone()) } else { None })
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn shown(texts: &[String]) -> String {
    printed(&texts.join(", "))
}
