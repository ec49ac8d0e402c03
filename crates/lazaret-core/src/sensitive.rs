//! Values that must not be seen: patient data, source ids, file names, key material.
//!
//! A `Sensitive<T>` has no `Display` and no `Serialize`, and its `Debug` prints `[sensitive]`, so it cannot
//! reach a log, an error, a metric, a page or the ledger by accident. It is wiped when dropped.

use std::fmt;

use zeroize::Zeroize;

/// A value that is never printed. Read it on purpose, with [`Sensitive::expose`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

impl<T: Zeroize> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let name = Sensitive::new(String::from("Quill Feather"));
        assert_eq!(format!("{name:?} {:?}", Some(&name)), "[sensitive] Some([sensitive])");
    }
}
