//! TLS to upstreams: rustls with ring, and whom it believes.

use std::path::Path;
use std::sync::Arc;

use lazaret_core::Limit;
use lazaret_input::{ReadError, read_file};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Longest file of certificate authorities.
pub const MAX_AUTHORITIES: Limit = Limit::new("traffic.max_authorities", 4 << 20);

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file could not be read.
    #[error("the certificate authorities could not be read")]
    Read(#[from] ReadError),
    /// It is no PEM.
    #[error("the certificate authorities are not PEM")]
    Pem(#[source] pem::Error),
    /// One is no certificate.
    #[error("a certificate authority is no X.509 certificate")]
    Certificate(#[source] rustls::Error),
    /// There is none.
    #[error("there is no certificate authority; name a PEM file of them in `gates.models.authorities`")]
    None,
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Setup(#[source] rustls::Error),
}

/// A connector that believes the authorities of a PEM file, or those of the system where none is named.
pub fn connector(authorities: Option<&Path>, most: Limit) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = authorities {
        for certificate in CertificateDer::pem_slice_iter(&read_file(file, most)?) {
            roots.add(certificate.map_err(TlsError::Pem)?).map_err(TlsError::Certificate)?;
        }
    } else {
        // Of a system's many files some are often odd; what is left counts.
        let _added_and_left_out =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(TlsError::None);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
