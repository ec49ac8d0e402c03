//! Where in a serialised object something lies: what is around it says when it runs.

/// What code something is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Code {
    #[default]
    None,
    /// A function, or byte code.
    Function,
    /// The function of a name whose value it computes each time.
    Bound,
    /// What such a function was made among, its own environment.
    Near,
}

impl Code {
    /// What a function within it is part of.
    pub(super) const fn function(self) -> Self {
        match self {
            Self::None => Self::Function,
            other => other,
        }
    }

    /// What the environment of a function is part of.
    pub(super) const fn environment(self) -> Self {
        match self {
            Self::Bound => Self::Near,
            other => other,
        }
    }
}

/// Whether a call runs without being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum When {
    #[default]
    Called,
    /// Within a promise that has no value yet.
    Promise,
    /// Within the variables of a formula, which a model computes for all new data.
    Variables,
}

/// Which part of a call or list something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    #[default]
    Other,
    /// The first of a call: its function.
    Head,
    /// Behind `::` and the like in a call's function: its name.
    HeadName,
    /// Attributes.
    Attributes,
    /// What a function is given.
    Operand,
    /// What is given to a function that writes to the screen, if it is given no more.
    Screen,
    /// What more it is given: where to write.
    Written,
}

impl Place {
    /// Where the rest of a list lies.
    pub(super) const fn rest(self) -> Self {
        match self {
            Self::Screen => Self::Written,
            other => other,
        }
    }

    /// Where the first of a list lies.
    pub(super) const fn first(self) -> Self {
        match self {
            Self::HeadName => Self::HeadName,
            _ => Self::Other,
        }
    }
}

/// What function the nearest call around hands it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Given {
    #[default]
    Other,
    /// One that calls what it is given.
    Applied,
    /// One that evaluates it.
    Evaluated,
}

/// Where something lies: what is around it says when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Around {
    pub(super) when: When,
    pub(super) code: Code,
    pub(super) place: Place,
    pub(super) given: Given,
}

impl Around {
    /// Whether it runs as soon as the object is used.
    pub(super) fn runs(self) -> bool {
        self.when != When::Called || self.code == Code::Bound
    }

    /// Whether a name here is that of a function that is called.
    pub(super) const fn is_called(self) -> bool {
        matches!(self.place, Place::Head | Place::HeadName)
    }

    pub(super) const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// What runs it, in words.
    pub(super) const fn words(self) -> &'static str {
        match (self.when, self.code) {
            (When::Promise, _) => "a promise",
            (When::Variables, _) => "a formula's list of variables",
            (_, Code::Bound | Code::Near) => "a value that is computed each time",
            (_, Code::Function) => "a function in it",
            (_, Code::None) => "it",
        }
    }
}
