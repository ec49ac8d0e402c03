//! Texts and lists that grow: made of themselves twice, or put together through many names.

use super::flow::{Flow, MAX_TESTS, Wrong};
use super::syntax::{Args, Expr, Id, Target};
use super::value::Value;

/// More characters than any prompt has.
const TOO_LONG: i128 = 100_000_000;

impl Flow<'_> {
    /// `x = x ~ x`: a text that grows twofold each time.
    pub(super) fn doubling(&mut self, target: &Target, id: Id) {
        if self.copies_of(target, id) >= 2 {
            self.doubled();
        }
    }

    /// Whether what a name gets is made of what it is.
    pub(super) fn takes_itself(&self, target: &Target, id: Id) -> bool {
        self.copies_of(target, id) >= 1
    }

    fn copies_of(&self, target: &Target, id: Id) -> u32 {
        let name = match target {
            Target::Name(name) => (name.as_str(), None),
            Target::Field(name, field) => (name.as_str(), Some(field.as_str())),
            Target::Many(_) => return 0,
        };
        let mut left = MAX_TESTS;
        self.copies(id, name, &mut left)
    }

    /// Something was made out of itself twice.
    pub(super) fn doubled(&mut self) {
        self.doublings = self.doublings.saturating_add(1);
        if self.rounds > 20 || self.doublings > 20 {
            self.wrong(Wrong::Exhausts, "it makes a text out of itself twice, over and over");
        } else if self.loops > 0 && self.rounds == 1 {
            let message = "a loop whose rounds are not known makes a text out of itself twice in each";
            self.wrong(Wrong::MayExhaust, message);
        }
    }

    /// How often a name, or a field of one, stands in what an expression is built of.
    fn copies(&self, id: Id, name: (&str, Option<&str>), left: &mut usize) -> u32 {
        let Some(rest) = left.checked_sub(1) else { return 0 };
        *left = rest;
        let mut sum = |ids: &mut dyn Iterator<Item = Id>| {
            ids.fold(0_u32, |sum, id| sum.saturating_add(self.copies(id, name, left)))
        };
        match self.template.get(id) {
            Expr::Name(own) => u32::from(name == (own, None)),
            Expr::Attr(base, field) => {
                let is_own =
                    matches!(self.template.get(*base), Expr::Name(own) if name == (own, Some(field)));
                u32::from(is_own)
            }
            Expr::Binary("*", left, right) => {
                let times = |id: &Id| self.int(*id).is_some_and(|times| times >= 2);
                let twice = times(left) || times(right);
                sum(&mut [*left, *right].into_iter()).saturating_mul(if twice { 2 } else { 1 })
            }
            Expr::Binary("+" | "~" | "%", left, right) => sum(&mut [*left, *right].into_iter()),
            Expr::List(items) => sum(&mut items.iter().copied()),
            // What is put together of parts, or has a part of it replaced by more.
            Expr::Filter(Some(base), filter, args) => match filter.as_str() {
                "join" | "format" | "list" | "string" => sum(&mut std::iter::once(*base).chain(args.all())),
                "replace" => sum(&mut std::iter::once(*base)).saturating_mul(self.grows(args)),
                _ => 0,
            },
            Expr::Call(callee, args) => match self.template.get(*callee) {
                Expr::Attr(base, method) => match method.as_str() {
                    "join" | "format" => sum(&mut std::iter::once(*base).chain(args.all())),
                    "replace" => sum(&mut std::iter::once(*base)).saturating_mul(self.grows(args)),
                    _ => 0,
                },
                _ => 0,
            },
            Expr::Choice(_, yes, no) => {
                let yes = self.copies(*yes, name, left);
                yes.max(no.map_or(0, |no| self.copies(no, name, left)))
            }
            _ => 0,
        }
    }

    /// How often a text stands in what `replace` puts in its place.
    fn grows(&self, args: &Args) -> u32 {
        let text = |at: usize| args.plain.get(at).and_then(|id| self.texts(*id).map(|(text, _)| text).last());
        match (text(0), text(1)) {
            (Some(from), Some(to)) if !from.is_empty() && to.matches(from).count() >= 2 => 2,
            _ => 1,
        }
    }

    /// How long what is made of names and constants gets, as far as that is told: through many names, each of which is twice
    /// another one.
    fn length(&self, id: Id, left: &mut usize) -> i128 {
        let Some(rest) = left.checked_sub(1) else { return 0 };
        *left = rest;
        let own = || self.of(id).iter().filter_map(Value::size).max().unwrap_or(0);
        let mut sum = |ids: &mut dyn Iterator<Item = Id>| {
            ids.fold(0_i128, |sum, id| sum.saturating_add(self.length(id, left)))
        };
        match self.template.get(id) {
            Expr::Name(name) => self.lengths.get(name).copied().unwrap_or(0).max(own()),
            Expr::Attr(base, field) => match self.template.get(*base) {
                Expr::Name(name) => {
                    self.lengths.get(&format!("{name}.{field}")).copied().unwrap_or(0).max(own())
                }
                _ => own(),
            },
            Expr::Binary("+" | "~", a, b) => sum(&mut [*a, *b].into_iter()),
            Expr::Binary("*", a, b) => {
                let times = self.int(*a).or(self.int(*b)).unwrap_or(1).max(0);
                sum(&mut [*a, *b].into_iter()).saturating_mul(times)
            }
            Expr::Binary("%", _, given) => sum(&mut std::iter::once(*given)),
            Expr::List(items) => sum(&mut items.iter().copied()),
            Expr::Filter(Some(base), name, args) => match name.as_str() {
                "replace" => {
                    let mut text =
                        |at: usize| args.plain.get(at).map_or(1, |id| self.length(*id, left)).max(1);
                    let (from, to) = (text(0), text(1));
                    let per = to.checked_div(from).unwrap_or(1).max(1);
                    self.length(*base, left).saturating_mul(per)
                }
                "join" | "format" => sum(&mut std::iter::once(*base).chain(args.all())),
                "list" | "string" | "safe" | "trim" | "upper" | "lower" | "reverse" => {
                    sum(&mut std::iter::once(*base))
                }
                _ => own(),
            },
            Expr::Choice(_, yes, no) => {
                let yes = self.length(*yes, left);
                yes.max(no.map_or(0, |no| self.length(no, left)))
            }
            _ => own(),
        }
    }

    /// Tells a text that gets too long, and notes how long what is assigned is.
    pub(super) fn grown(&mut self, name: Option<String>, id: Id) {
        let mut left = MAX_TESTS;
        let length = self.length(id, &mut left);
        if length > TOO_LONG {
            self.wrong(
                Wrong::Exhausts,
                "it puts together a text or list of more than a hundred million characters",
            );
        }
        if let Some(name) = name.filter(|_| length > 0) {
            let known = self.lengths.entry(name).or_default();
            *known = length.max(*known);
        }
    }
}
