//! The texts that `phi scan` and `phi edit` are given: a file, or standard input.

use std::path::Path;

use lazaret_core::Limits;
use lazaret_input::charset::{self, Charset};
use lazaret_input::{MAX_RECORD, read_file, read_stream};

use crate::exit::{CliError, chain};

/// One text.
pub(crate) struct Text {
    pub(crate) text: String,
    charset: Charset,
}

impl Text {
    /// Reads a file, or standard input where the path is `-`. What is no text is `input.uninspectable`.
    pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Self, CliError> {
        let bytes = read(path, limits)?;
        Self::decode(bytes).map_err(|error| uninspectable(&name(path), &error))
    }

    /// The text of bytes that were read before.
    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, charset::CharsetError> {
        let (text, charset) = charset::decode(&bytes, None)?;
        if charset.name() != Charset::UTF_8.name() {
            return Ok(Self { text: text.into_owned(), charset });
        }
        // With its mark, if it has one: offsets count from the beginning of the file.
        let invalid = |error: std::string::FromUtf8Error| charset::CharsetError::Bytes {
            charset: Charset::UTF_8.name(),
            at: error.utf8_error().valid_up_to(),
        };
        Ok(Self { text: String::from_utf8(bytes).map_err(invalid)?, charset: Charset::UTF_8 })
    }

    /// Another text in the charset of this one.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u8>, CliError> {
        self.charset.encode(text).map_err(|error| CliError::failed("the edited text", error))
    }
}

/// The bytes of a file, or of standard input where the path is `-`.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, CliError> {
    let most = limits.get(MAX_RECORD);
    let bytes =
        if is_stdin(path) { read_stream(&mut std::io::stdin().lock(), most) } else { read_file(path, most) };
    bytes.map_err(|error| CliError::Usage(format!("{}: {}", name(path), chain(&error))))
}

/// What says that a text was not inspected, and why.
pub(crate) fn uninspectable(name: &str, why: &charset::CharsetError) -> CliError {
    CliError::Uninspectable(format!("{name}: {}: {why}", why.rule().id))
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// What a path is called where it is told of.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}
