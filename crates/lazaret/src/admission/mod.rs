//! Joins the admission webhook to the data directory and the settings.
//!
//! | file | what is in it |
//! |---|---|
//! | `verdicts`, `revisions` | where models stand, by the ledger; alerts |
//! | `recorded`, `places` | what the webhook noted, into the ledger, each thing once |
//! | `list`, `judged` | the list of all verdicts, signed; what is judged anew for it |
//! | `replica` | a webhook on another host, with a copy of that list |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use lazaret_core::Signer;
use lazaret_ledger::SqliteLedger;
use lazaret_traffic::admission::copy::Copied;
use lazaret_traffic::admission::judge::{Judge, Otherwise, Terms};
use lazaret_traffic::admission::notes::Waiting;
use lazaret_traffic::admission::serve::Webhook;
use lazaret_traffic::admission::share;
use lazaret_traffic::admission::tls::{Files, MAX_CERTIFICATE, Tls};
use lazaret_traffic::admission::uses::is_name;
use lazaret_vault::SqliteVault;

use crate::compose::Data;
use crate::config::Config;
use crate::exit::{CliError, chain};
use list::Lists;
use recorded::{Recorder, Target};
use replica::Replica;
use verdicts::{Duty, LedgerVerdicts};

mod judged;
mod list;
mod places;
pub(crate) mod recorded;
pub(crate) mod replica;
mod revisions;
pub(crate) mod verdicts;

/// The webhook.
pub(crate) struct Admission {
    pub(crate) router: Router,
    pub(crate) tls: Option<Tls>,
    pub(crate) listen: SocketAddr,
    /// Who records what it notes, for as long as this lives.
    pub(crate) keeper: Keeper,
}

/// Who takes what the webhook notes. Once it is dropped, what waits was taken, or is taken at the next start.
pub(crate) enum Keeper {
    /// The ledger.
    Ledger(#[expect(dead_code, reason = "its end is what is waited for")] Recorder),
    /// Another host, that has it.
    Server(#[expect(dead_code, reason = "its end is what is waited for")] Replica),
}

/// The webhook over a data directory. What it notes goes into the ledger that is open in this process, or into one that is
/// opened as needed. Where there is a secret for it, webhooks on other hosts are given the verdicts.
pub(crate) fn open(
    config: &Config,
    port: u16,
    vault: &Arc<SqliteVault>,
    ledger: Option<&Arc<SqliteLedger>>,
) -> Result<Admission, CliError> {
    let (listen, tls) = place(config, port)?;
    let (duty, waiting) = (Duty::new(config)?, waiting(config)?);
    let verdicts = Arc::new(LedgerVerdicts::open(config, ledger)?);
    // Once it is written to, it has the indexes by which reviews are answered in time.
    if verdicts.is_of_older_schema().is_ok_and(|is_older| is_older)
        && let Err(error) = Data::open_over(config, Arc::clone(vault)).and_then(|data| data.close())
    {
        tracing::warn!(cause = chain(&error), "the ledger of an older version is not taken over yet");
    }
    let judge = Judge::new(terms(config)?, verdicts as _, Arc::clone(&waiting) as _);
    let mut router = Webhook::new(judge, knows_clients(config), config.limits()).router();
    if !config.text("gates.models.verdicts_secret").is_empty() {
        let signer = Arc::clone(vault) as Arc<dyn Signer>;
        // Over a reader of its own: a review never waits until a list is made.
        let lists = Lists::new(
            LedgerVerdicts::open(config, ledger)?,
            signer,
            config.text("ledger.origin"),
            config.limits(),
        );
        let records = Arc::clone(&waiting) as _;
        let shared = share::router(Arc::new(lists), records, &replica::secret(config)?, config.limits());
        router = router.merge(shared);
    }
    let into = match ledger {
        Some(ledger) => Target::Open(Arc::clone(ledger)),
        None => Target::When(Box::new(config.clone()), Arc::clone(vault)),
    };
    let recorder = Recorder::start(waiting, into, duty)
        .map_err(|error| CliError::failed("what runs where cannot be recorded", error))?;
    Ok(Admission { router, tls, listen, keeper: Keeper::Ledger(recorder) })
}

/// The webhook on another host than the ledger: with a copy of the verdicts, and without a data directory's keys.
pub(crate) fn open_replica(config: &Config, port: u16) -> Result<Admission, CliError> {
    let (listen, tls) = place(config, port)?;
    let (copied, waiting) = (Arc::new(Copied::default()), waiting(config)?);
    let judge = Judge::new(terms(config)?, Arc::clone(&copied) as _, Arc::clone(&waiting) as _);
    let router = Webhook::new(judge, knows_clients(config), config.limits()).router();
    let replica = Replica::start(config, copied, waiting)?;
    Ok(Admission { router, tls, listen, keeper: Keeper::Server(replica) })
}

fn knows_clients(config: &Config) -> bool {
    !config.text("gates.models.admission_clients").is_empty()
}

fn waiting(config: &Config) -> Result<Arc<Waiting>, CliError> {
    let folder = config.path("data").join("admission");
    let waiting = Waiting::open(&folder, config.limits());
    waiting.map(Arc::new).map_err(|error| CliError::failed(folder.display().to_string(), error))
}

/// Where it is asked, and by which certificate it is believed.
fn place(config: &Config, port: u16) -> Result<(SocketAddr, Option<Tls>), CliError> {
    let listen = config.text("gates.models.admission_listen");
    let listen: IpAddr = listen.parse().map_err(|_| {
        CliError::Usage(format!(
            "`gates.models.admission_listen`: `{listen}` is no address, as 0.0.0.0 is one"
        ))
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
    let exempt =
        config.text("gates.models.admission_exempt").split([' ', ',']).filter(|word| !word.is_empty());
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
