//! The file, or a part of it, is a program or a library: ELF, PE, Mach-O, a script, an archive that Python runs.
//!
//! **Why it matters.** A program is no model. Under the name of a model, or inside an archive, it waits for the step that
//! starts it: a plug-in that is loaded, a file that is run.
//!
//! **Example.** An ELF program called `model.safetensors`; a `.llamafile`, which is a model and a program in one.
//!
//! **How it is judged.** By its first bytes. It is critical inside another file or under a name that is no program's;
//! under its own name (`.so`, `.dll`, `.llamafile`) it is high. What the program does is not judged.
//!
//! **What to do.** Have it built from source that you know, or do without.

use lazaret_core::Severity;

use super::{ModelRule, RUNS_CODE};

/// The rule.
pub(crate) static RULE: ModelRule = ModelRule::new(
    "executable.program",
    Severity::High,
    "a file is a program",
    &[434, 506],
    RUNS_CODE,
    include_str!("executable_program.rs"),
);
