//! The pickle calls a function that is known to run code, to start programs, to read, write or remove files, to
//! open connections, to load further pickles, or to reach such functions by their names.
//!
//! **Why it matters.** Unpickling is running: `torch.load`, `joblib.load` and `pickle.load` make these calls while
//! they read, before anyone has looked at the model.
//!
//! **Example.** `cos\nsystem\n(S'true'\ntR.` runs the program `true`.
//!
//! **How it is judged.** By the exact name of module and function, of a catalogue that says what each does; never
//! by the package alone and never by what the text around it looks like. The place is where the call stands, the
//! message names the function.
//!
//! **What to do.** Treat the file as an attack. Nothing in a model needs such a call.
//!
//! **References.** Python documentation, `pickle` ("The pickle module is not secure"); CWE-502.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "pickle.dangerous-call",
    Severity::Critical,
    "a pickle calls a function that runs code, opens files or sockets",
    &[502],
    RUNS_CODE,
    include_str!("pickle_dangerous_call.rs"),
);
