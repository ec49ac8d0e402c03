//! The syntax tree of a template: expressions in an arena, children before their parents; statements as a flat list.

/// The number of an expression in its template.
pub(super) type Id = usize;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A string; the flag is false where a part of it is not known.
    Text(String, bool),
    Int(i128),
    /// A float, `true`, `none`.
    Other,
    Name(String),
    Attr(Id, String),
    Item(Id, Id),
    Slice(Option<Id>, Option<Id>, Option<Id>),
    Call(Id, Args),
    /// A filter; its input is none at the head of a filter block.
    Filter(Option<Id>, String, Args),
    Test(Id, String, Args),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Binary(&'static str, Id, Id),
    Unary(&'static str, Id),
    /// `if` within an expression: test, value, other value.
    Choice(Id, Id, Option<Id>),
}

/// What a call is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Args {
    pub(super) plain: Vec<Id>,
    pub(super) named: Vec<(String, Id)>,
    /// `*x` and `**x`.
    pub(super) spread: Vec<Id>,
}

impl Args {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Id> {
        let named = self.named.iter().map(|(_, id)| *id);
        self.plain.iter().copied().chain(named).chain(self.spread.iter().copied())
    }

    /// By its name.
    pub(super) fn named(&self, name: &str) -> Option<Id> {
        self.named.iter().find(|(key, _)| key == name).map(|(_, id)| *id)
    }
}

/// What is assigned to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    Name(String),
    /// `ns.x`
    Field(String, String),
    Many(Vec<Target>),
}

/// A parameter of a macro with its default.
pub(super) type Param = (String, Option<Id>);

/// A statement, or the end of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Data(String),
    Print(Id),
    If(Id),
    Elif(Id),
    Else,
    For(Target, Id, Option<Id>),
    Set(Target, Id),
    /// `{% set x %}…{% endset %}`, with filters.
    Capture(Target, Option<Id>),
    Macro(String, Vec<Param>),
    CallBlock(Id, Vec<Param>),
    FilterBlock(Id),
    With(Vec<(Target, Id)>),
    Block(String),
    /// `generation`, `autoescape`, `trans`: what is within is printed.
    Plain,
    Do(Id),
    /// `include`, `import`, `from`, `extends`: another template.
    Other(&'static str, Id),
    Debug,
    /// The innermost of these that is open ends.
    End,
}

/// A template that was read.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) exprs: Vec<Expr>,
    /// Each with the number of expressions that stand up to its end.
    pub(super) steps: Vec<(usize, Step)>,
}

impl Template {
    pub(super) fn get(&self, id: Id) -> &Expr {
        const NOTHING: &Expr = &Expr::Other;
        self.exprs.get(id).unwrap_or(NOTHING)
    }
}
