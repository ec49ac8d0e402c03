//! TLS for what is asked of us: a certificate and its key from files, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lazaret_core::{Limit, chain};
use lazaret_input::{ReadError, read_file};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// Longest file of a certificate or a key.
pub const MAX_CERTIFICATE: Limit = Limit::new("admission.max_certificate", 1 << 20);

/// How often the files are looked at: a volume of Kubernetes is changed as a whole, so a pair is never half new.
const LOOKS: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file could not be read.
    #[error("{file} could not be read")]
    Read {
        /// Which.
        file: String,
        /// Why.
        source: ReadError,
    },
    /// A file is no PEM of what it should hold.
    #[error("{file} is no PEM of {what}")]
    Pem {
        /// Which.
        file: String,
        /// What it should hold.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// There is no certificate in it.
    #[error("{file} holds no certificate")]
    None {
        /// Which.
        file: String,
    },
    /// They do not belong together, or TLS takes neither.
    #[error("the certificate and the key cannot be used together")]
    Pair(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Setup(#[source] rustls::Error),
    /// Nobody can be believed.
    #[error("the authorities of clients' certificates cannot be used")]
    Clients(#[source] rustls::server::VerifierBuilderError),
}

/// Where the certificate lies.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate and those between it and its root, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
    /// The authorities that certificates of API servers are believed by, in PEM; where none are named, they need none.
    pub clients: Option<PathBuf>,
}

/// What serves over TLS.
#[derive(Clone)]
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    current: Arc<Current>,
    files: Files,
    most: Limit,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads the certificate and its key.
    pub fn open(files: Files, most: Limit) -> Result<Self, CertificateError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(pair(&files, most)?))));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Setup)?;
        let config = match &files.clients {
            None => config.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(file, most)? {
                    roots.add(certificate).map_err(CertificateError::Setup)?;
                }
                // Probes and other webhooks bring no certificate; reviews are answered to those alone that do.
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .allow_unauthenticated();
                config.with_client_cert_verifier(verifier.build().map_err(CertificateError::Clients)?)
            }
        };
        let mut config = config.with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current, files, most })
    }

    /// Takes the files as they are now. What cannot be used leaves the certificate that is in use.
    pub fn renew(&self) -> Result<bool, CertificateError> {
        let new = pair(&self.files, self.most)?;
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.cert == new.cert {
            return Ok(false);
        }
        *current = Arc::new(new);
        Ok(true)
    }

    /// Looks at the files from time to time, until nobody listens any more.
    pub(super) async fn keep_renewed(self) {
        loop {
            tokio::time::sleep(LOOKS).await;
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.renew()).await {
                Ok(Ok(true)) => tracing::info!("the certificate was renewed"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::error!(
                        cause = chain(&error),
                        "the new certificate cannot be used; the old one is"
                    );
                }
                Err(_) => tracing::error!("the certificate's files could not be looked at"),
            }
        }
    }
}

fn certificates(file: &Path, most: Limit) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let bytes = read(file, most)?;
    let wrong = |source| CertificateError::Pem { file: name(file), what: "a certificate", source };
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(wrong)?;
    if certificates.is_empty() { Err(CertificateError::None { file: name(file) }) } else { Ok(certificates) }
}

fn pair(files: &Files, most: Limit) -> Result<CertifiedKey, CertificateError> {
    let chain = certificates(&files.certificate, most)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key, most)?);
    let key = key.map_err(|source| CertificateError::Pem {
        file: name(&files.key),
        what: "a private key",
        source,
    })?;
    CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())
        .map_err(CertificateError::Pair)
}

fn read(file: &Path, most: Limit) -> Result<Vec<u8>, CertificateError> {
    read_file(file, most).map_err(|source| CertificateError::Read { file: name(file), source })
}

fn name(file: &Path) -> String {
    file.display().to_string()
}
