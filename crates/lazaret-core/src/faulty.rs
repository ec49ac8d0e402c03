//! What is wrong in a file that people keep by hand: all of it at once, by its lines.

use std::fmt;

/// Most faults that are told one by one.
const TOLD: usize = 50;

/// One thing that is wrong, and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line; 0 where it is of the whole file.
    pub line: usize,
    /// What is wrong and the way out. Of what stands in the file, what may be printed.
    pub why: String,
}

/// Why a file was refused: all that is wrong in it, fifty faults at most one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faulty {
    faults: Vec<Fault>,
    more: usize,
}

impl Faulty {
    /// One fault of the whole file.
    pub fn whole(why: impl Into<String>) -> Self {
        Self { faults: vec![Fault { line: 0, why: why.into() }], more: 0 }
    }

    /// The one fault that ended the reading of `text`; of the whole file where its byte is not known.
    pub fn ending(text: &str, at: Option<usize>, why: &str) -> Self {
        let mut faulty = Self::default();
        match at {
            Some(at) => faulty.add(text, at, why),
            None => return Self::whole(why),
        }
        faulty
    }

    /// Adds what is wrong at a byte of `text`.
    pub fn add(&mut self, text: &str, at: usize, why: impl Into<String>) {
        if self.faults.len() < TOLD {
            self.faults.push(Fault { line: line_of(text, at), why: why.into() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// What is wrong, in the order it was found; of the lines, once it is an error.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many there are, those included that are not told one by one.
    pub fn count(&self) -> usize {
        self.faults.len().saturating_add(self.more)
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// All that is wrong, in the order of lines.
    pub fn or_else<T>(mut self, read: T) -> Result<T, Self> {
        self.faults.sort_by_key(|fault| fault.line);
        if self.faults.is_empty() { Ok(read) } else { Err(self) }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Fault { line, why }) in self.faults.iter().enumerate() {
            let parted = if number > 0 { "\n" } else { "" };
            match line {
                0 => write!(f, "{parted}{why}")?,
                line => write!(f, "{parted}line {line}: {why}")?,
            }
        }
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for Faulty {}

/// The line of a byte of a text, from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_by_their_lines_fifty_one_by_one() {
        let text = "a\nb\nc\n";
        let mut faulty = Faulty::default();
        assert_eq!(faulty.clone().or_else(7), Ok(7));
        faulty.add(text, 4, "third");
        faulty.add(text, 0, "first");
        let error = faulty.clone().or_else(7).unwrap_err();
        assert_eq!(error.to_string(), "line 1: first\nline 3: third");
        for _ in 0..60 {
            faulty.add(text, 2, "second");
        }
        let error = faulty.or_else(7).unwrap_err();
        assert_eq!((error.faults().len(), error.count()), (50, 62));
        assert!(error.to_string().ends_with("\nand 12 more"));
        assert_eq!(Faulty::ending(text, None, "all of it").to_string(), "all of it");
        assert_eq!(Faulty::ending(text, Some(2), "here").to_string(), "line 2: here");
    }
}
