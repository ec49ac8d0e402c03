//! Why a request was not answered with what it asked for, and the answer that says so.

use std::io;

use axum::http::StatusCode;
use lazaret_core::{LimitExceeded, chain};

use crate::net::url::{Url, UrlError};

/// Why an upstream gave nothing. Names hosts and paths, never a query, a header or a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The name leads nowhere.
    #[error("the name of {host} could not be resolved")]
    Resolve {
        /// Whose.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name leads into the house, and the configuration does not say that it may.
    #[error(
        "{host} lies at an address that is not of the public Internet, and is not asked; if it is a server of this house, \
         name it in `gates.models.private_hosts`"
    )]
    Private {
        /// Whose.
        host: String,
    },
    /// No connection.
    #[error("{host} could not be reached")]
    Connect {
        /// Whom.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("{host} did not answer in time")]
    Slow {
        /// Who.
        host: String,
    },
    /// It broke off or spoke no HTTP.
    #[error("{host} broke off")]
    Broke {
        /// Who.
        host: String,
        /// Why.
        source: hyper::Error,
    },
    /// It answered what was not asked.
    #[error("{host} {what}")]
    Answer {
        /// Who.
        host: String,
        /// What is wrong.
        what: &'static str,
    },
    /// It answered with another status than was expected.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// The status.
        status: StatusCode,
    },
    /// It sends us to a host that is not configured.
    #[error("{from} sends on to {to}, which is not asked; to allow it, add it to `{setting}`")]
    Elsewhere {
        /// Who sends.
        from: String,
        /// Where to.
        to: String,
        /// The setting that lists the hosts it may send to.
        setting: String,
    },
    /// An address in its answer is none.
    #[error("{host} gave an address that is none")]
    Address {
        /// Who.
        host: String,
        /// Why.
        source: UrlError,
    },
    /// The bytes are not those that were announced.
    #[error("{host} sent a file whose {what} is not the one announced; nothing of it is kept")]
    Other {
        /// Who.
        host: String,
        /// `SHA-256` or `length`.
        what: &'static str,
    },
    /// A limit was reached.
    #[error("{of} is refused")]
    Limit {
        /// What.
        of: String,
        /// Which.
        source: LimitExceeded,
    },
    /// The disk is too full.
    #[error(
        "there is no room: of the {free} bytes that are free on the store's disk {reserve} stay so (`gates.models.reserve`), and \
         {len} more were wanted"
    )]
    Full {
        /// Bytes that are free.
        free: u64,
        /// Bytes of the file that did not come yet, as far as they are known.
        len: u64,
        /// Bytes that stay free.
        reserve: u64,
    },
    /// This machine failed.
    #[error("this machine could not {what}")]
    Here {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The work was broken off here.
    #[error("the download was broken off on this machine; ask again")]
    Ended,
}

impl Trouble {
    /// A limit that something of a host's reached.
    pub fn limit(url: &Url, what: &str, source: LimitExceeded) -> Self {
        Self::Limit { of: format!("{what} of {}", url.host()), source }
    }

    /// A failure of this machine.
    pub fn here(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Here { what, source }
    }

    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Slow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Private { .. } | Self::Elsewhere { .. } => StatusCode::FORBIDDEN,
            Self::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
            Self::Here { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Self::Here { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Ended => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// In a line, with its causes.
    pub fn line(&self) -> String {
        chain(self)
    }

    /// Whether the connection broke, so that what is missing may be asked for again.
    pub fn is_break(&self) -> bool {
        matches!(self, Self::Broke { .. } | Self::Slow { .. } | Self::Connect { .. })
    }
}
