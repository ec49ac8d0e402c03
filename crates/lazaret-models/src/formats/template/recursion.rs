//! Macros, loops and blocks that call themselves: by where the calls stand and what they are given, not by values.
//!
//! A macro that goes down a schema or a tree calls itself too; it hands on a piece of what it was given. One that hands on
//! a number which it counts up or down goes as deep, and as wide, as its maker likes.

use rustc_hash::{FxHashMap, FxHashSet};

use super::flow::Wrong;
use super::syntax::{Args, Expr, Id, Step, Target, Template};

/// Most expressions that are looked at for one call.
const MOST_PARTS: usize = 256;

/// A call of a macro within a macro.
struct Call<'t> {
    from: &'t str,
    to: &'t str,
    /// Whether it is made whenever the macro is.
    always: bool,
    /// How often it counts: more than once within a loop.
    weight: u32,
    /// Whether it is given a piece of what the macro was given.
    goes_down: bool,
}

/// A statement that is open.
enum Open<'t> {
    Macro(&'t str),
    Block(&'t str),
    For {
        names: Vec<&'t str>,
        over: Id,
    },
    /// A branch.
    If,
    Other,
}

struct Walk<'t> {
    template: &'t Template,
    macros: FxHashSet<&'t str>,
    /// Names that are set anywhere.
    set: FxHashSet<&'t str>,
    open: Vec<Open<'t>>,
    calls: Vec<Call<'t>>,
    found: Vec<(Wrong, String)>,
}

/// What calls itself without a sensible end.
pub(super) fn judge(template: &Template) -> Vec<(Wrong, String)> {
    let mut walk = Walk {
        template,
        macros: FxHashSet::default(),
        set: FxHashSet::default(),
        open: Vec::new(),
        calls: Vec::new(),
        found: Vec::new(),
    };
    for (_, step) in &template.steps {
        match step {
            Step::Macro(name, _) => drop(walk.macros.insert(name)),
            Step::Set(target, _) | Step::Capture(target, _) => walk.set.extend(names_of(target)),
            Step::With(values) => walk.set.extend(values.iter().flat_map(|(target, _)| names_of(target))),
            _ => {}
        }
    }
    let mut from = 0;
    for (upto, step) in &template.steps {
        let upto = (*upto).min(template.exprs.len());
        // What a macro is given by default is computed where it is called.
        if let Step::Macro(name, _) = step {
            walk.open.push(Open::Macro(name));
        }
        walk.expressions(from, upto);
        from = upto;
        walk.step(step);
    }
    walk.cycles();
    walk.found
}

impl<'t> Walk<'t> {
    fn step(&mut self, step: &'t Step) {
        match step {
            Step::End => drop(self.open.pop()),
            Step::For(target, over, _) => self.open.push(Open::For { names: names_of(target), over: *over }),
            Step::If(_) => self.open.push(Open::If),
            Step::Block(name) => self.open.push(Open::Block(name)),
            Step::Capture(..) | Step::CallBlock(..) | Step::FilterBlock(_) | Step::With(_) | Step::Plain => {
                self.open.push(Open::Other);
            }
            // A macro was opened before its parameters.
            _ => {}
        }
    }

    fn expressions(&mut self, from: Id, upto: Id) {
        let is_choice =
            |id: &Id| matches!(self.template.get(*id), Expr::Choice(..) | Expr::Binary("and" | "or", ..));
        let chooses = (from..upto).any(|id| is_choice(&id));
        for id in from..upto {
            let Expr::Call(callee, args) = self.template.get(id) else { continue };
            match self.template.get(*callee) {
                Expr::Name(name) if name == "loop" => self.of_loop(args),
                Expr::Name(name) if self.macros.contains(name.as_str()) => self.of_macro(name, args, chooses),
                Expr::Attr(base, name) if matches!(self.template.get(*base), Expr::Name(own) if own == "self") =>
                {
                    let is_own = |open: &Open<'_>| matches!(open, Open::Block(own) if own == name);
                    if self.open.iter().any(is_own) {
                        self.found.push((Wrong::MayExhaust, "a block prints itself, without end".to_owned()));
                    }
                }
                _ => {}
            }
        }
    }

    /// `loop(x)`: a loop that is recursive goes down what it was given, or begins anew.
    fn of_loop(&mut self, args: &Args) {
        let Some(given) = args.plain.first() else { return };
        let loops = || {
            self.open.iter().filter_map(|open| match open {
                Open::For { names, over } => Some((names, *over)),
                _ => None,
            })
        };
        let own = loops().any(|(names, _)| names.iter().any(|name| self.reads(*given, name)));
        let again = loops().any(|(_, over)| self.is_same(over, *given));
        let foreign =
            matches!(self.template.get(*given), Expr::Name(name) if !self.set.contains(name.as_str()));
        if !own && (again || foreign) {
            self.found.push((
                Wrong::MayExhaust,
                "a loop calls itself with what it began with, without end".to_owned(),
            ));
        }
    }

    fn of_macro(&mut self, to: &'t str, args: &'t Args, chooses: bool) {
        if args.all().any(|id| matches!(self.template.get(id), Expr::Name(name) if name == to)) {
            self.found.push((
                Wrong::MayExhaust,
                format!("the macro `{}` is handed to itself", crate::part::printed(to)),
            ));
        }
        let Some(at) = self.open.iter().rposition(|open| matches!(open, Open::Macro(_))) else { return };
        let Some(Open::Macro(from)) = self.open.get(at) else { return };
        let within = self.open.get(at..).unwrap_or_default();
        let branch = within.iter().any(|open| matches!(open, Open::If | Open::For { .. }));
        let in_loop = within.iter().any(|open| matches!(open, Open::For { .. }));
        let loop_names: Vec<&str> = within
            .iter()
            .filter_map(|open| match open {
                Open::For { names, .. } => Some(names),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        let goes_down = args.all().any(|id| self.is_piece(id, &loop_names));
        let weight = if in_loop { 2 } else { 1 };
        self.calls.push(Call { from, to, always: !branch && !chooses, weight, goes_down });
    }

    /// Calls in a circle.
    fn cycles(&mut self) {
        let mut reach: FxHashMap<&str, FxHashSet<&str>> = FxHashMap::default();
        let mut always: FxHashMap<&str, FxHashSet<&str>> = FxHashMap::default();
        for call in &self.calls {
            reach.entry(call.from).or_default().insert(call.to);
            if call.always {
                always.entry(call.from).or_default().insert(call.to);
            }
        }
        let mut names: Vec<&str> = reach.keys().copied().collect();
        names.sort_unstable();
        let mut left = MOST_CALLS;
        for name in names {
            let shown = crate::part::printed(name);
            if leads_back(&always, name, &mut left) {
                self.found.push((
                    Wrong::MayExhaust,
                    format!("the macro `{shown}` calls itself whatever it is given, without end"),
                ));
                continue;
            }
            // Of those that lead back to it, and count.
            let counting = self.calls.iter().filter(|call| call.from == name && !call.goes_down);
            let wide: u32 = counting
                .filter(|call| call.to == name || leads_to(&reach, call.to, name, &mut left))
                .map(|call| call.weight)
                .sum();
            if wide >= 2 {
                let message = format!(
                    "the macro `{shown}` calls itself more than once for each call, and counts: its work doubles with each step"
                );
                self.found.push((Wrong::MayExhaust, message));
            }
        }
    }

    /// Whether an expression is a piece of something: an attribute or item, or what a loop goes over.
    fn is_piece(&self, id: Id, loop_names: &[&str]) -> bool {
        self.parts(id).any(|part| match part {
            Expr::Attr(..) | Expr::Item(..) => true,
            Expr::Name(name) => loop_names.contains(&name.as_str()),
            _ => false,
        })
    }

    fn reads(&self, id: Id, wanted: &str) -> bool {
        self.parts(id).any(|part| matches!(part, Expr::Name(name) if name == wanted))
    }

    /// Whether two expressions are written alike.
    fn is_same(&self, a: Id, b: Id) -> bool {
        let (mut left, mut right) = (self.parts(a), self.parts(b));
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(Expr::Name(a)), Some(Expr::Name(b))) if a == b => {}
                (Some(Expr::Attr(_, a)), Some(Expr::Attr(_, b))) if a == b => {}
                (Some(Expr::Int(a)), Some(Expr::Int(b))) if a == b => {}
                (Some(Expr::Text(a, _)), Some(Expr::Text(b, _))) if a == b => {}
                (Some(Expr::List(a)), Some(Expr::List(b))) if a.len() == b.len() => {}
                (Some(Expr::Item(..)), Some(Expr::Item(..))) => {}
                _ => return false,
            }
        }
    }

    /// An expression and what it is made of.
    fn parts(&self, id: Id) -> impl Iterator<Item = &'t Expr> {
        let template = self.template;
        let mut open = vec![id];
        let mut left = MOST_PARTS;
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let expr = template.get(open.pop()?);
            open.extend(children(expr));
            Some(expr)
        })
    }
}

/// Most calls that are followed.
const MOST_CALLS: usize = 100_000;

fn leads_back(calls: &FxHashMap<&str, FxHashSet<&str>>, name: &str, left: &mut usize) -> bool {
    calls
        .get(name)
        .is_some_and(|next| next.iter().any(|next| *next == name || leads_to(calls, next, name, left)))
}

fn leads_to(calls: &FxHashMap<&str, FxHashSet<&str>>, from: &str, to: &str, left: &mut usize) -> bool {
    let (mut open, mut seen) = (vec![from], FxHashSet::default());
    while let Some(name) = open.pop() {
        let Some(rest) = left.checked_sub(1) else { return false };
        *left = rest;
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(calls.get(name).into_iter().flatten().copied());
        }
    }
    false
}

/// What an expression is made of.
pub(super) fn children(expr: &Expr) -> Vec<Id> {
    match expr {
        Expr::Attr(base, _) | Expr::Unary(_, base) => vec![*base],
        Expr::Item(a, b) | Expr::Binary(_, a, b) => vec![*a, *b],
        Expr::Slice(a, b, c) => [a, b, c].into_iter().copied().flatten().collect(),
        Expr::Call(callee, args) => std::iter::once(*callee).chain(args.all()).collect(),
        Expr::Filter(base, _, args) => base.iter().copied().chain(args.all()).collect(),
        Expr::Test(base, _, args) => std::iter::once(*base).chain(args.all()).collect(),
        Expr::List(items) => items.clone(),
        Expr::Dict(pairs) => pairs.iter().flat_map(|(key, value)| [*key, *value]).collect(),
        Expr::Choice(test, yes, no) => [Some(*test), Some(*yes), *no].into_iter().flatten().collect(),
        Expr::Text(..) | Expr::Int(_) | Expr::Other | Expr::Name(_) => Vec::new(),
    }
}

fn names_of(target: &Target) -> Vec<&str> {
    let (mut names, mut open) = (Vec::new(), vec![target]);
    while let Some(target) = open.pop() {
        match target {
            Target::Name(name) | Target::Field(name, _) => names.push(name.as_str()),
            Target::Many(targets) => open.extend(targets),
        }
    }
    names
}
