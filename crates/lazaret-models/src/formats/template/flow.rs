//! Walks a template twice: first to learn what its names may hold, then to judge what it reaches for.

use rustc_hash::{FxHashMap, FxHashSet};

use super::names;
use super::reach::{shown, texts_of};
use super::recursion;
use super::syntax::{Expr, Id, Param, Step, Target, Template};
use super::value::{self, Value, Values, add_all, add_value};

/// What is wrong with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    /// It leaves the sandbox.
    Escape,
    /// It may do so.
    Suspect,
    /// It uses up the machine that renders it.
    Exhausts,
    /// It may do so, with what it is given, or ends with an error.
    MayExhaust,
    /// It says more when somebody writes a certain word.
    Backdoor,
    /// It takes in another template.
    Other,
}

/// More rounds than that are no chat.
pub(super) const MANY: i128 = 1_000_000;
/// More rounds of loops within loops.
pub(super) const TOO_MANY: i128 = 10_000_000;

/// Most tests of one condition that are looked at.
pub(super) const MAX_TESTS: usize = 256;

/// A statement that is open.
pub(super) enum Frame {
    If { trigger: bool, negated: bool, text: Option<String> },
    For { before: i128, trigger: bool, text: Option<String> },
    Capture { names: Vec<String>, filter: Option<Id>, text: String, whole: bool },
    Plain,
}

/// The walk.
pub(super) struct Flow<'t> {
    pub(super) template: &'t Template,
    pub(super) names: FxHashMap<String, Values>,
    pub(super) macros: FxHashMap<&'t str, &'t [Param]>,
    pub(super) blocks: FxHashSet<&'t str>,
    pub(super) values: Vec<Values>,
    pub(super) frames: Vec<Frame>,
    /// The frames whose text is gathered.
    pub(super) gathering: Vec<usize>,
    /// The frames that are captured.
    pub(super) capturing: Vec<usize>,
    pub(super) rounds: i128,
    /// Loops that are open, however often they go round.
    pub(super) loops: u32,
    /// How often the loops of each macro go round, with those of the macros that it calls.
    pub(super) rounds_of: FxHashMap<&'t str, i128>,
    /// The most rounds of the macro that is open, or of the template.
    pub(super) most_rounds: i128,
    /// Macros that are open: at which frame, its name, and the rounds outside it.
    open_macros: Vec<(usize, &'t str, i128, i128)>,
    pub(super) doublings: u32,
    /// How long what names hold is, as far as that is told.
    pub(super) lengths: FxHashMap<String, i128>,
    pub(super) judging: bool,
    pub(super) work: u64,
    pub(super) max_work: u64,
    pub(super) seen: FxHashSet<(Wrong, String)>,
    pub(super) found: Vec<(Wrong, String)>,
}

/// What was found, and whether every value was followed.
pub(super) fn judge(template: &Template, max_work: u64) -> (Vec<(Wrong, String)>, bool) {
    let mut flow = Flow {
        template,
        names: FxHashMap::default(),
        macros: FxHashMap::default(),
        blocks: FxHashSet::default(),
        values: Vec::new(),
        frames: Vec::new(),
        gathering: Vec::new(),
        capturing: Vec::new(),
        rounds: 1,
        loops: 0,
        rounds_of: FxHashMap::default(),
        most_rounds: 1,
        open_macros: Vec::new(),
        doublings: 0,
        lengths: FxHashMap::default(),
        judging: false,
        work: 0,
        max_work,
        seen: FxHashSet::default(),
        found: Vec::new(),
    };
    for (_, step) in &template.steps {
        match step {
            Step::Macro(name, params) => drop(flow.macros.insert(name, params)),
            Step::Block(name) => drop(flow.blocks.insert(name)),
            _ => {}
        }
    }
    for judging in [false, true] {
        flow.judging = judging;
        flow.values.clear();
        flow.frames.clear();
        flow.gathering.clear();
        flow.capturing.clear();
        flow.open_macros.clear();
        (flow.rounds, flow.most_rounds, flow.loops, flow.doublings) = (1, 1, 0, 0);
        for (upto, step) in &template.steps {
            flow.evaluate(*upto);
            flow.step(step);
        }
        flow.evaluate(template.exprs.len());
    }
    for (wrong, message) in recursion::judge(template) {
        flow.wrong(wrong, message);
    }
    (flow.found, flow.work <= max_work)
}

impl<'t> Flow<'t> {
    pub(super) fn wrong(&mut self, wrong: Wrong, message: impl Into<String>) {
        if self.judging && self.found.len() < 64 {
            let message = message.into();
            if self.seen.insert((wrong, message.clone())) {
                self.found.push((wrong, message));
            }
        }
    }

    pub(super) fn of(&self, id: Id) -> &Values {
        const NONE: &Values = &Vec::new();
        self.values.get(id).unwrap_or(NONE)
    }

    /// The one value of an expression, if it has one.
    pub(super) fn one(&self, id: Id) -> Value {
        match self.of(id).as_slice() {
            [.., value] => value.clone(),
            [] => Value::Unknown,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i128> {
        self.of(id).iter().find_map(|value| if let Value::Int(number) = value { Some(*number) } else { None })
    }

    /// The texts that an expression may be, with whether each is all of it.
    pub(super) fn texts(&self, id: Id) -> impl Iterator<Item = (&str, bool)> {
        self.of(id).iter().filter_map(|value| match value {
            Value::Text(text, whole) => Some((text.as_str(), *whole)),
            _ => None,
        })
    }

    pub(super) fn evaluate(&mut self, upto: usize) {
        while self.values.len() < upto.min(self.template.exprs.len()) {
            let id = self.values.len();
            let mut values = self.value(self.template.get(id));
            if let Expr::Binary("in" | "not in" | "==" | "!=", ..) | Expr::Call(..) | Expr::Test(..) =
                self.template.get(id)
                && self.trigger(id) != (false, false)
            {
                add_value(&mut values, Value::Triggered);
            }
            self.fields(id, &values);
            let weight: usize = values.iter().map(Value::cost).sum();
            self.work = self.work.saturating_add(weight as u64).saturating_add(1);
            // Past the limit the structure is still judged, without values.
            self.values.push(if self.work > self.max_work { Vec::new() } else { values });
        }
    }

    /// A text that is a format and reaches for internals: `'{0.__class__}'`. However it comes to be formatted, nothing
    /// else has such fields.
    fn fields(&mut self, id: Id, values: &Values) {
        if !self.judging {
            return;
        }
        let whole = match self.template.get(id) {
            Expr::Text(text, _) => Some(text.as_str()),
            _ => None,
        };
        let computed = values.iter().filter_map(|value| match value {
            Value::Text(text, _) if whole.is_none() => Some(text.as_str()),
            _ => None,
        });
        let is_format = |text: &&str| text.contains('{') && text.contains("__");
        let reached: Vec<String> = whole
            .into_iter()
            .chain(computed)
            .filter(is_format)
            .flat_map(|text| value::braces(text, &[], &[]).1)
            .collect();
        for step in &reached {
            self.reaches(step);
        }
    }

    pub(super) fn assign(&mut self, name: &str, values: &Values) {
        if self.work > self.max_work {
            return;
        }
        let own = self.names.entry(name.to_owned()).or_default();
        for value in values {
            add_value(own, value.clone());
        }
        if values.is_empty() {
            add_value(own, Value::Unknown);
        }
        let weight: usize = values.iter().map(Value::cost).sum();
        self.work = self.work.saturating_add(weight as u64);
    }

    pub(super) fn assign_to(&mut self, target: &Target, values: &Values) {
        let mut open = vec![(target, values.clone())];
        while let Some((target, values)) = open.pop() {
            match target {
                Target::Name(name) => self.assign(name, &values),
                Target::Field(name, field) => self.assign(&format!("{name}.{field}"), &values),
                Target::Many(targets) => {
                    for (at, target) in (0_i128..).zip(targets) {
                        let mut items = Vec::new();
                        for value in &values {
                            add_value(&mut items, value::item(value, &Value::Int(at)));
                        }
                        open.push((target, items));
                    }
                }
            }
        }
    }

    /// Text that is printed where the walk is.
    pub(super) fn printed(&mut self, text: &str, whole: bool) {
        const MOST: usize = 2_048;
        if let Some(Frame::If { text: Some(gathered), .. } | Frame::For { text: Some(gathered), .. }) =
            self.gathering.last().and_then(|at| self.frames.get_mut(*at))
            && gathered.len() < MOST
        {
            gathered.push_str(text);
        }
        if let Some(Frame::Capture { text: captured, whole: all, .. }) =
            self.capturing.last().and_then(|at| self.frames.get_mut(*at))
        {
            *all &= whole && captured.len() < MOST;
            if captured.len() < MOST {
                captured.push_str(text);
            }
        }
    }

    pub(super) fn printed_value(&mut self, id: Id) {
        let (text, whole) = self.one(id).printed();
        self.printed(&text, whole);
    }

    pub(super) fn open(&mut self, frame: Frame) {
        let at = self.frames.len();
        match &frame {
            Frame::If { trigger: true, .. } | Frame::For { trigger: true, .. } => self.gathering.push(at),
            Frame::Capture { .. } => self.capturing.push(at),
            _ => {}
        }
        self.frames.push(frame);
    }

    pub(super) fn capture(&mut self, names: Vec<String>, filter: Option<Id>) {
        self.open(Frame::Capture { names, filter, text: String::new(), whole: true });
    }

    fn set(&mut self, target: &Target, id: Id) {
        self.doubling(target, id);
        let name = match target {
            Target::Name(name) => Some(name.clone()),
            Target::Field(name, field) => Some(format!("{name}.{field}")),
            Target::Many(_) => None,
        };
        self.grown(name, id);
        let mut values = self.of(id).clone();
        // Each round of a loop adds to what the one before it left.
        if self.loops > 0 && self.takes_itself(target, id) {
            for value in &mut values {
                if let Value::Text(_, whole) = value {
                    *whole = false;
                }
            }
        }
        if !self.gathering.is_empty() {
            add_value(&mut values, Value::Triggered);
        }
        self.assign_to(target, &values);
        // What a branch puts into a name is printed later.
        if self.capturing.is_empty() {
            self.printed_value(id);
        }
    }

    pub(super) fn step(&mut self, step: &'t Step) {
        match step {
            Step::Data(data) => self.printed(data, true),
            Step::Print(id) => {
                if self.of(*id).iter().any(|value| matches!(value, Value::Global(name) if name == "self")) {
                    self.wrong(Wrong::Suspect, "it prints the template's own object `self`");
                }
                self.grown(None, *id);
                self.printed_value(*id);
            }
            Step::If(test) => {
                let (trigger, negated) = self.trigger(*test);
                let gathered = trigger.then(String::new);
                self.open(Frame::If { trigger, negated, text: gathered });
            }
            Step::Elif(test) => {
                let (trigger, _) = self.trigger(*test);
                self.branch(trigger);
            }
            Step::Else => {
                let negated = matches!(self.frames.last(), Some(Frame::If { negated: true, .. }));
                self.branch(negated);
            }
            Step::For(target, over, only) => {
                let mut items = Vec::new();
                for value in self.of(*over).clone() {
                    match value.items() {
                        Some(all) => add_all(&mut items, &all),
                        None => add_value(&mut items, Value::Unknown),
                    }
                }
                let rounds = self.of(*over).iter().filter_map(Value::rounds).max().unwrap_or(1).max(1);
                self.assign_to(target, &items);
                let before = self.rounds;
                self.rounds = before.saturating_mul(rounds);
                self.most_rounds = self.most_rounds.max(self.rounds);
                self.loops = self.loops.saturating_add(1);
                if self.rounds > TOO_MANY && before <= TOO_MANY && rounds <= MANY {
                    self.wrong(Wrong::Exhausts, "loops within loops go round more than ten million times");
                }
                // `for word in […] if word in content` is a branch, too.
                let trigger = only.is_some_and(|test| self.trigger(test).0);
                let text = trigger.then(String::new);
                self.open(Frame::For { before, trigger, text });
            }
            Step::Set(target, id) => self.set(target, *id),
            Step::Capture(target, filter) => {
                let mut names = Vec::new();
                let mut open = vec![target];
                while let Some(target) = open.pop() {
                    match target {
                        Target::Name(name) => names.push(name.clone()),
                        Target::Field(name, field) => names.push(format!("{name}.{field}")),
                        Target::Many(targets) => open.extend(targets),
                    }
                }
                self.capture(names, *filter);
            }
            Step::Macro(name, params) => {
                self.defaults(params);
                self.open_macros.push((self.frames.len(), name, self.rounds, self.most_rounds));
                (self.rounds, self.most_rounds) = (1, 1);
                self.capture(vec![format!("{name}()")], None);
            }
            Step::CallBlock(_, params) => {
                self.defaults(params);
                self.capture(vec!["caller()".to_owned()], None);
            }
            Step::FilterBlock(filter) => self.capture(Vec::new(), Some(*filter)),
            Step::With(values) => {
                for (target, id) in values {
                    let values = self.of(*id).clone();
                    self.assign_to(target, &values);
                }
                self.open(Frame::Plain);
            }
            Step::Block(_) | Step::Plain => self.open(Frame::Plain),
            Step::Do(_) => {}
            Step::Other(how, id) => self.other(how, *id),
            Step::Debug => self.wrong(Wrong::Suspect, "it prints all that the renderer holds (`debug`)"),
            Step::End => self.end(),
        }
    }

    pub(super) fn defaults(&mut self, params: &'t [Param]) {
        for (name, default) in params {
            let values = default.map_or_else(Vec::new, |id| self.of(id).clone());
            self.assign(name, &values);
        }
    }

    /// A branch of an `if` ends and the next begins.
    pub(super) fn branch(&mut self, triggered: bool) {
        self.end_of_branch();
        let at = self.frames.len().saturating_sub(1);
        if let Some(Frame::If { trigger, text, .. }) = self.frames.last_mut() {
            *trigger = triggered;
            *text = triggered.then(String::new);
            if triggered {
                self.gathering.push(at);
            }
        }
    }

    pub(super) fn end_of_branch(&mut self) {
        let Some(Frame::If { text, .. } | Frame::For { text, .. }) = self.frames.last_mut() else { return };
        let Some(text) = text.take() else { return };
        self.gathering.pop();
        if names::is_prose(&text) {
            self.wrong(
                Wrong::Backdoor,
                "a branch on certain words of a message, or on the date, adds sentences of its own",
            );
        }
    }

    pub(super) fn end(&mut self) {
        self.end_of_branch();
        match self.frames.pop() {
            Some(Frame::For { before, .. }) => {
                self.rounds = before;
                self.loops = self.loops.saturating_sub(1);
            }
            Some(Frame::Capture { names, filter, text, whole }) => {
                self.capturing.pop();
                let mut values = vec![Value::Text(text.clone(), whole)];
                if let Some(Expr::Filter(_, name, args)) = filter.map(|id| self.template.get(id)) {
                    let args: Vec<_> = args.plain.iter().map(|id| self.one(*id)).collect();
                    add_value(&mut values, value::apply(name, &Value::Text(text.clone(), whole), &args, &[]));
                }
                add_value(&mut values, Value::Text(text.trim().to_owned(), whole));
                for name in &names {
                    self.assign(name, &values);
                }
                if names.iter().all(|name| !name.ends_with("()")) {
                    self.printed(&text, whole);
                }
            }
            _ => {}
        }
        if let Some((_, name, rounds, most)) =
            self.open_macros.pop_if(|(frame, ..)| *frame == self.frames.len())
        {
            self.rounds_of.insert(name, self.most_rounds);
            (self.rounds, self.most_rounds) = (rounds, most);
        }
    }

    pub(super) fn other(&mut self, how: &str, id: Id) {
        let plain = |path: &str| {
            !path.starts_with(['/', '\\', '~'])
                && !path.contains(':')
                && path.split(['/', '\\']).all(|step| step != "..")
        };
        let texts: Vec<String> = self.of(id).iter().flat_map(texts_of).collect();
        if !texts.is_empty() && texts.iter().all(|path| plain(path)) {
            self.wrong(Wrong::Other, format!("it {how} another template: {}", shown(&texts)));
        } else if texts.is_empty() {
            self.wrong(Wrong::Escape, format!("it {how} another template whose name it computes"));
        } else {
            self.wrong(Wrong::Escape, format!("it {how} a file outside its own folder: {}", shown(&texts)));
        }
    }

    /// Whether a test looks for certain words in what somebody wrote, or for a date; and whether it does so the other
    /// way round (`not in`).
    pub(super) fn trigger(&self, test: Id) -> (bool, bool) {
        let (mut straight, mut negated) = (false, false);
        let mut open = vec![(test, false)];
        let is_content = |id: Id| self.of(id).iter().any(|value| matches!(value, Value::Content));
        let is_clock = |id: Id| self.of(id).iter().any(|value| matches!(value, Value::Clock));
        let natural = |id: Id| self.of(id).iter().flat_map(texts_of).any(|text| names::is_natural(&text));
        let constant = |id: Id| self.texts(id).any(|(_, whole)| whole) || self.int(id).is_some();
        let mut left = MAX_TESTS;
        while let Some((id, turned)) = open.pop() {
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
            let known = self.of(id).iter().any(|value| matches!(value, Value::Triggered));
            let (hit, turned) = match self.template.get(id) {
                Expr::Name(_) | Expr::Attr(..) | Expr::Item(..) => (known, turned),
                Expr::Unary("not", inner) => {
                    open.push((*inner, !turned));
                    continue;
                }
                Expr::Binary("and" | "or", left, right) => {
                    open.extend([(*left, turned), (*right, turned)]);
                    continue;
                }
                Expr::Binary(op @ ("in" | "not in"), left, right) => {
                    let hit = natural(*left) && is_content(*right) || natural(*right) && is_content(*left);
                    (hit, turned != (*op == "not in"))
                }
                Expr::Binary(op @ ("==" | "!=" | "<" | ">" | "<=" | ">="), left, right) => {
                    open.extend([(*left, turned), (*right, turned)]);
                    let hit = natural(*left) && is_content(*right)
                        || natural(*right) && is_content(*left)
                        || is_clock(*left) && constant(*right)
                        || is_clock(*right) && constant(*left);
                    (hit, turned != (*op == "!="))
                }
                Expr::Test(left, name, args)
                    if matches!(name.as_str(), "in" | "eq" | "equalto" | "contains") =>
                {
                    (is_content(*left) && args.plain.iter().any(|id| natural(*id)), turned)
                }
                Expr::Call(callee, args) => match self.template.get(*callee) {
                    Expr::Attr(base, name) if names::takes_any_word(name) => {
                        (is_content(*base) && args.plain.iter().any(|id| natural(*id)), turned)
                    }
                    _ => (false, turned),
                },
                Expr::Filter(Some(base), _, args) => {
                    open.push((*base, turned));
                    (is_content(*base) && args.plain.iter().any(|id| natural(*id)), turned)
                }
                _ => (false, turned),
            };
            straight |= hit && !turned;
            negated |= hit && turned;
        }
        (straight, negated)
    }
}
