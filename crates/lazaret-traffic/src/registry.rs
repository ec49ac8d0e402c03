//! The limits of this room with their defaults, sorted by key: what the `[limits]` table may set.

use lazaret_core::Limit;

use crate::admission::{copy, judge, notes as waiting, review, serve, tls as certificate, uses};
use crate::net::{accept, client, download, pace, tls};
use crate::updates::{self, hugging_face, mlflow, notes, oci, pypi};

/// Every limit of the proxies.
pub const LIMITS: &[Limit] = &[
    judge::MAX_CACHED,
    certificate::MAX_CERTIFICATE,
    serve::MAX_CONNECTIONS,
    copy::MAX_LIST,
    uses::MAX_MODELS,
    review::MAX_REVIEW,
    serve::MAX_REVIEWS,
    waiting::MAX_WAITING,
    mlflow::MAX_BODY,
    mlflow::MAX_DEPTH,
    mlflow::MAX_FILES,
    mlflow::MAX_WAITING,
    mlflow::MAX_WAITING_BYTES,
    tls::MAX_AUTHORITIES,
    download::MAX_BREAKS,
    accept::MAX_CONNECTIONS,
    download::MAX_FILE,
    client::MAX_HEADERS,
    client::MAX_PAGE,
    client::MAX_REDIRECTS,
    pace::MAX_SECONDS,
    hugging_face::MAX_ASKED,
    updates::MAX_DOWNLOADS,
    oci::MAX_NAMES,
    oci::manifest::MAX_LAYERS,
    oci::login::MAX_LOGINS,
    oci::manifest::MAX_MANIFEST,
    notes::MAX_NOTE,
    oci::login::MAX_PAIR,
    pypi::simple::MAX_FILES,
    updates::MAX_REQUESTS,
    oci::login::MAX_TOKEN,
    updates::MAX_UPLOADS,
];

#[cfg(test)]
mod tests {
    use super::LIMITS;

    #[test]
    fn limit_keys_are_sorted_and_unique() {
        assert!(LIMITS.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    }
}
