//! Model files into the registry: read statically, by what is in them. Nothing is loaded, built or run.
//!
//! A file is looked at ([`look`]): its format is told by its content, its reader says what loading it would do, and
//! whatever lies within it (a member of an archive, a pickle within a pickle) is looked at in the same way. What is found
//! is a finding of a [`ModelRule`] with its place. A file, or a part of one, that nobody could read is a finding too, so
//! that nothing is passed over in silence.
//!
//! | file | what is in it |
//! |---|---|
//! | `look` | the one road: recognise, read, go on into what lies within |
//! | `files` | files as payloads: on disk, and received |
//! | `part`, `stream` | a file or a part of one, read at any place and never held whole |
//! | `registry` | every format, rule and limit of this gate |
//! | `effects` | what functions and classes do that a model may name |
//! | `formats` | one file or folder a format |
//! | `signature` | signatures of models: checked, and made |
//! | `rules` | one file a rule: what it finds, why it matters, where it is known from |

mod effects;
mod files;
mod formats;
mod look;
mod part;
mod registry;
mod rules;
mod signature;
mod stream;

pub use files::{AnyModel, ModelFile, ModelFiles, ModelPayload, look_file};
pub use look::{Folder, Inspected, NoFolder, Report, look};
pub use registry::{Depth, FormatEntry, LIMITS, formats, page, rule, rules};
pub use rules::ModelRule;
pub use signature::{
    Curve, MAX_KEY, PrivateKey, PublicKey, Sign, SignatureError, Signed, Signer, Trust, Trusted,
    Verification, Verify,
};
