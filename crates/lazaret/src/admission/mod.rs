//! Joins the admission webhook to the data directory and the settings.
//!
//! | file | what is in it |
//! |---|---|
//! | `verdicts` | where models stand, by the ledger; alerts |
//! | `recorded` | what the webhook noted, into the ledger |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use lazaret_ledger::SqliteLedger;
use lazaret_traffic::admission::judge::{Judge, Otherwise, Terms};
use lazaret_traffic::admission::notes::Waiting;
use lazaret_traffic::admission::serve::Webhook;
use lazaret_traffic::admission::tls::{Files, MAX_CERTIFICATE, Tls};
use lazaret_traffic::admission::uses::is_name;
use lazaret_vault::SqliteVault;

use crate::config::Config;
use crate::exit::{CliError, chain};
use recorded::{Into, Recorder};
use verdicts::{Duty, LedgerVerdicts};

pub(crate) mod recorded;
pub(crate) mod verdicts;

/// The webhook, and who records what it notes for as long as this lives.
pub(crate) struct Admission {
    pub(crate) router: Router,
    pub(crate) tls: Option<Tls>,
    pub(crate) listen: SocketAddr,
    pub(crate) recorder: Recorder,
}

/// The webhook over a data directory. What it notes goes into the ledger that is open in this process, or into one that is
/// opened as needed.
pub(crate) fn open(
    config: &Config,
    port: u16,
    vault: &Arc<SqliteVault>,
    ledger: Option<&Arc<SqliteLedger>>,
) -> Result<Admission, CliError> {
    let duty = Duty::new(config)?;
    let (listen, tls) = place(config, port)?;
    let folder = config.path("data").join("admission");
    let waiting = Waiting::open(&folder, config.limits())
        .map_err(|error| CliError::failed(folder.display().to_string(), error))?;
    let waiting = Arc::new(waiting);
    let verdicts = Arc::new(LedgerVerdicts::open(config)?);
    let judge = Judge::new(terms(config)?, verdicts, Arc::clone(&waiting) as _);
    let into = match ledger {
        Some(ledger) => Into::Open(Arc::clone(ledger)),
        None => Into::When(Box::new(config.clone()), Arc::clone(vault)),
    };
    let recorder = Recorder::start(waiting, into, duty)
        .map_err(|error| CliError::failed("what runs where cannot be recorded", error))?;
    Ok(Admission { router: Webhook::new(judge, config.limits()).router(), tls, listen, recorder })
}

/// Where it is asked, and by which certificate it is believed.
fn place(config: &Config, port: u16) -> Result<(SocketAddr, Option<Tls>), CliError> {
    let listen = config.text("gates.models.admission_listen");
    let listen: IpAddr = listen.parse().map_err(|_| {
        CliError::Usage(format!("`gates.models.admission_listen`: `{listen}` is no address, as 0.0.0.0 is one"))
    })?;
    let file = |key: &str| Some(config.path(key)).filter(|file| !file.as_os_str().is_empty());
    let clients = file("gates.models.admission_clients");
    let tls = match (file("gates.models.admission_certificate"), file("gates.models.admission_key")) {
        (Some(certificate), Some(key)) => {
            let tls = Tls::open(Files { certificate, key, clients }, config.limits().get(MAX_CERTIFICATE));
            Some(tls.map_err(|error| {
                CliError::Usage(format!("`gates.models.admission_certificate`: {}", chain(&error)))
            })?)
        }
        (None, None) if clients.is_none() && listen.to_canonical().is_loopback() => None,
        _ => {
            return Err(CliError::Usage(format!(
                "{listen} is answered over TLS: name `gates.models.admission_certificate` and `gates.models.admission_key`"
            )));
        }
    };
    Ok((SocketAddr::new(listen, port), tls))
}

fn terms(config: &Config) -> Result<Terms, CliError> {
    let cluster = config.text("gates.models.cluster");
    if !is_name(cluster) {
        return Err(CliError::Usage(format!(
            "`gates.models.cluster`: `{cluster}` is no name: small letters, digits, `-` and `.`"
        )));
    }
    let exempt = config.text("gates.models.admission_exempt").split([' ', ',']).filter(|word| !word.is_empty());
    Ok(Terms {
        mode: config.models_mode()?,
        unnamed: otherwise(config, "gates.models.unnamed")?,
        fail: otherwise(config, "gates.models.admission_fail")?,
        exempt: exempt.map(str::to_owned).collect(),
        cluster: cluster.to_owned(),
        limits: config.limits(),
    })
}

fn otherwise(config: &Config, key: &str) -> Result<Otherwise, CliError> {
    match config.text(key) {
        "warn" => Ok(Otherwise::Warn),
        "refuse" => Ok(Otherwise::Refuse),
        text => Err(CliError::Usage(format!("`{key}`: `{text}` is neither warn nor refuse"))),
    }
}
