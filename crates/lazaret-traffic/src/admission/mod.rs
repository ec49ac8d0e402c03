//! Admission: a webhook that the API server of Kubernetes asks before something runs
//! (`ValidatingWebhookConfiguration`, `admission.k8s.io/v1`).
//!
//! It says whether the models that an object uses were cleared. What was ever cleared is never refused; what never came, or
//! is held, is refused in mode `enforce`. What it lets in is noted, so that it is known where a model runs.
//!
//! ```text
//! POST /validate    an `AdmissionReview`, answered by one
//! GET  /healthz     whether the process lives
//! GET  /readyz      whether it can tell verdicts
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `review` | the protocol: what is asked, what is answered |
//! | `uses`, `named` | which models an object uses, by what it names them, whose object it is |
//! | `standing` | where a model stands, and the form in which that travels |
//! | `judge`, `memory`, `ruling` | what becomes of an object, by what is remembered, and in which words |
//! | `notes` | what is to be recorded, kept until it is |
//! | `share`, `copy` | verdicts for webhooks on other hosts than the ledger |
//! | `serve`, `tls` | the routes, the socket, the certificate |

pub mod copy;
pub mod judge;
mod memory;
pub mod named;
pub mod notes;
pub mod review;
mod ruling;
pub mod serve;
pub mod share;
pub mod standing;
pub mod tls;
pub mod uses;
