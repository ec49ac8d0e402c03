//! Errors as people read them.

/// An error and its causes in one line, joined by `: `. No error here says again what its cause says.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
