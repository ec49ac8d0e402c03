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
//! | `hidden` | what lies in bytes that loaders pass over |
//! | `inside` | a file from the inside, as a tree |
//! | `files` | files as payloads: on disk, and received |
//! | `part`, `stream` | a file or a part of one, read at any place and never held whole |
//! | `registry` | every format, rule and limit of this gate |
//! | `callables` | what functions and classes do that a model may name: one catalogue for all formats |
//! | `formats` | one file or folder a format |
//! | `own` | the hospital's own rules: classes of its own, an allow list, patterns |
//! | `components` | the packages that a model names, with the versions it declares |
//! | `vulnerabilities` | known faults of those packages, and what is said of them |
//! | `weights` | tensors as formats hand them over: structure, and statistics where they are asked for |
//! | `signature` | signatures of models: checked, and made |
//! | `rules` | one file a rule: what it finds, why it matters, where it is known from |

mod callables;
mod companions;
mod components;
mod files;
mod formats;
mod hidden;
mod inside;
mod look;
mod own;
mod part;
mod registry;
mod rules;
mod signature;
mod stream;
pub mod vulnerabilities;
mod weights;

pub use companions::{companions, has_companions};
pub use components::{Component, Declared, Ecosystem, Role, normalised};
pub use files::{
    Against, AnyModel, KeptFile, ModelFile, ModelFiles, ModelPayload, look_file, look_file_by, sha256_of,
};
pub use inside::{How, Inside, Use};
pub use look::{Folder, Inspected, NoFolder, Report, Terms, folder_and_name, look, look_by, path_below};
pub use own::{MAX_OWN_DAYS, OwnEntry, OwnRule, OwnRules};
pub use registry::{Depth, FormatEntry, LIMITS, formats, other_formats, page, rule, rules};
pub use rules::ModelRule;
pub use signature::{
    Builder, Curve, MAX_KEY, PrivateKey, Proven, Provenance, PublicKey, Sign, Signatories, SignatureError,
    Signed, Signer, SigningChain, SigningKey, SigstoreTrust, Trust, TrustRoot, Trusted, Verification, Verify,
};
pub use weights::Statistics;
