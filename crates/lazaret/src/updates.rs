//! Joins the proxies of model updates to the data directory: the checkpoint of models, their store, the ledger, the settings.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use lazaret_core::{
    Crossing, LedgerError, Mode, ModelOrigin, Payload, RandomError, Sensitive, Sha256, Stored, Vault as _,
    VaultError,
};
use lazaret_ledger::{SqliteLedger, StoreError};
use lazaret_traffic::net::client::{Client, Waits};
use lazaret_traffic::net::room::Room;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;
use lazaret_traffic::updates::asker::Asker;
use lazaret_traffic::updates::gate::{
    Asked, Crossings as NextCrossing, Gate, GateError, Lineage, Pull, Pulls, Sent,
};
use lazaret_traffic::updates::notes::Notes;
use lazaret_traffic::updates::oci::route::Registries;
use lazaret_traffic::updates::{Updates, Upstreams};
use lazaret_vault::SqliteVault;
use serde::Serialize;

use crate::commands::models::recall;
use crate::compose::Data;
use crate::config::{Config, REGISTRIES, SERVERS};
use crate::exit::CliError;
use crate::registry::Registry;
use crate::server::{Hosts, admit_named};

/// The proxies over a data directory.
pub(crate) fn open(data: &Data, config: &Config) -> Result<Arc<Updates>, CliError> {
    let registry = Arc::new(Registry::open(data, config)?);
    let blobs = Arc::clone(registry.blobs());
    let blobs_folder = blobs.folder().to_owned();
    let notes = blobs_folder.join("names");
    let notes =
        Notes::open(&notes, config.limits()).map_err(|error| CliError::failed("the models' names", error))?;
    let gate = Gate {
        checkpoint: Arc::clone(registry.checkpoint()),
        blobs,
        pulls: Box::new(Recorded {
            ledger: Arc::clone(&data.ledger),
            by: config.text("actor.id").to_owned(),
            registry: Arc::clone(&registry),
            vault: Arc::clone(&data.vault),
        }),
        mode: registry.mode(),
        room: Room { folder: blobs_folder, reserve: config.size("gates.models.reserve")? },
        crossings: Box::new(Fetched { registry, vault: Arc::clone(&data.vault) }),
    };
    Ok(Updates::new(client(config, [])?, gate, notes, upstreams(config)?, config.limits()))
}

/// What asks upstreams of models, as the settings say; these hosts may lie in this house too.
pub(crate) fn client(
    config: &Config,
    also_private: impl IntoIterator<Item = String>,
) -> Result<Client, CliError> {
    let authorities = config.path("gates.models.authorities");
    let authorities = Some(authorities.as_path()).filter(|file| !file.as_os_str().is_empty());
    let waits = Waits {
        connect: config.time("gates.models.wait_connect")?,
        read: config.time("gates.models.wait_read")?,
    };
    let private = words(config.text("gates.models.private_hosts")).chain(also_private);
    Client::new(authorities, private, waits, config.limits())
        .map_err(|error| CliError::failed("`gates.models.authorities`", error))
}

/// Its routes, for requests that name this machine and nothing else.
pub(crate) fn router(updates: Arc<Updates>, hosts: Hosts) -> Router {
    updates.router().layer(from_fn_with_state(hosts, admit_named))
}

fn upstreams(config: &Config) -> Result<Upstreams, CliError> {
    let one = |key: &str, hosts: &str| -> Result<Option<Arc<Upstream>>, CliError> {
        let address = config.text(key);
        if address.is_empty() {
            return Ok(None);
        }
        let base = Url::parse(address).map_err(|error| CliError::Usage(format!("`{key}`: {error}")))?;
        Ok(Some(Arc::new(Upstream::new(base, words(config.text(hosts)), hosts))))
    };
    let mut servers = BTreeMap::new();
    for (name, value) in config.named(SERVERS) {
        let server = server(name, value).map_err(CliError::Usage)?;
        servers.insert(name.to_owned(), Arc::new(server));
    }
    let mut registries = Registries::default();
    for (name, value) in config.named(REGISTRIES) {
        let registry = registry(name, value).map_err(CliError::Usage)?;
        registries.named.insert(name.to_owned(), Arc::new(registry));
    }
    let other = config.text("gates.models.registry");
    if !other.is_empty() {
        let setting = "gates.models.registry";
        let registry = at(other, setting).map_err(|why| CliError::Usage(format!("`{setting}`: {why}")))?;
        registries.other = Some(Arc::new(registry));
    }
    Ok(Upstreams {
        hub: one("gates.models.hub", "gates.models.hub_hosts")?,
        datasets: config.is_true("gates.models.hub_datasets")?,
        spaces: config.is_true("gates.models.hub_spaces")?,
        index: one("gates.models.index", "gates.models.index_hosts")?,
        mlflow: one("gates.models.mlflow", "gates.models.mlflow_hosts")?,
        servers,
        registries,
        offline: config.is_true("gates.models.offline")?,
    })
}

/// A server of files from its line: `https://github.com/ codeload.github.com`.
pub(crate) fn server(name: &str, line: &str) -> Result<Upstream, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err("the name stands in addresses: letters, digits, `-` and `_`".to_owned());
    }
    at(line, &format!("gates.models.servers.{name}"))
}

/// A registry of images from its line: `https://ghcr.io/ pkg-containers.githubusercontent.com`.
pub(crate) fn registry(name: &str, line: &str) -> Result<Upstream, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let within = |byte: u8| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.');
    let ends = [name.bytes().next(), name.bytes().last()];
    if !ends.into_iter().all(|end| end.is_some_and(is_plain)) || !name.bytes().all(within) {
        return Err(
            "the name stands in names of images: small letters, digits, and `-`, `_`, `.` between".to_owned()
        );
    }
    at(line, &format!("gates.models.registries.{name}"))
}

/// A server from its line: an address, then the hosts it may send to.
fn at(line: &str, setting: &str) -> Result<Upstream, String> {
    let mut words = words(line);
    let base = words.next().unwrap_or_default();
    let base = Url::parse(&base).map_err(|error| {
        format!(
            "an address, then the hosts it may send to (`https://github.com/ codeload.github.com`): {error}"
        )
    })?;
    Ok(Upstream::new(base, words, setting))
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// Makes the crossings of files that are fetched.
struct Fetched {
    registry: Arc<Registry>,
    vault: Arc<SqliteVault>,
}

/// What the digest of what somebody says to be let in is made over, so that it is that of nothing else.
const SAID: &str = "lazaret: said to be let in\n";

/// Who asks, in words that may be recorded.
fn asked_by(vault: &SqliteVault, by: &Asker) -> Result<String, VaultError> {
    Ok(match by {
        Asker::Named(name) => format!("user:{name}"),
        Asker::Secret(said) => {
            let said = Sensitive::new(format!("{SAID}{}", said.expose()));
            format!("token:{}", vault.digest(None, said.expose().as_bytes())?)
        }
        Asker::At(address) => format!("address:{address}"),
        Asker::Unknown => "unknown".to_owned(),
    })
}

impl NextCrossing for Fetched {
    fn next(&self, asked: &Asked, lineage: Lineage) -> Result<Crossing, GateError> {
        let Lineage { run, code, datasets } = lineage;
        let model = ModelOrigin {
            name: asked.model.clone(),
            revision: asked.revision.clone(),
            datasets,
            code,
            run,
            asked_by: Some(self.asked_by(&asked.by)?),
            ..ModelOrigin::default()
        };
        // Nothing but an id is made anew.
        let crossing = self.registry.crossing(&asked.from.to_string(), model).map_err(|_| RandomError)?;
        Ok(Crossing { route: asked.route.to_owned(), ..crossing })
    }

    fn asked_by(&self, by: &Asker) -> Result<String, GateError> {
        Ok(asked_by(&self.vault, by)?)
    }

    fn model(&self, files: Vec<Stored>, beside: Vec<Stored>, crossing: &mut Crossing) -> Box<dyn Payload> {
        Box::new(self.registry.payload(files, beside, crossing))
    }

    fn has_companions(&self, file: &Stored) -> bool {
        lazaret_models::has_companions(file, &self.registry.terms())
    }

    fn companions(&self, file: &Stored, names: &[String]) -> Vec<String> {
        lazaret_models::companions(file, names, &self.registry.terms())
    }
}

/// Records in the ledger who pulled what.
struct Recorded {
    ledger: Arc<SqliteLedger>,
    by: String,
    registry: Arc<Registry>,
    vault: Arc<SqliteVault>,
}

impl Recorded {
    /// Records something about a file, with who asked.
    fn record<T: Serialize>(
        &self,
        what: &'static str,
        of: &Pull,
        kind: &str,
        body: impl FnOnce(String) -> T,
    ) -> Result<(), LedgerError> {
        let failed = |cause: Box<dyn Error + Send + Sync>| LedgerError { what, cause: Some(cause) };
        let asked_by = asked_by(&self.vault, &of.asked.by).map_err(|error| failed(error.into()))?;
        let recorded = self.ledger.append_about(of.sha256, kind, &body(asked_by));
        recorded.map(drop).map_err(|error| failed(error.into()))
    }
}

/// What is recorded of a file that is sent to a server, before and after.
#[derive(Serialize)]
struct Delivery<'a> {
    by: &'a str,
    asked_by: String,
    to: &'a str,
    model: &'a str,
    file: &'a str,
    /// The server's answer; none before it goes, and where no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// What is recorded of a file that is given out.
#[derive(Serialize)]
struct Pulled<'a> {
    by: &'a str,
    asked_by: String,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    file: &'a str,
}

impl Pulls for Recorded {
    fn may_leave(&self, file: Sha256, name: &str) -> Result<bool, LedgerError> {
        let failed = |error: StoreError| error.when("tell what was decided about a model");
        Ok(self.registry.mode() == Mode::Observe
            || recall::may_leave(self.ledger.reader(), file, name).map_err(failed)?)
    }

    fn goes_by(&self) -> String {
        self.registry.goes_by()
    }

    fn still_held(&self, file: Sha256, name: &str, receipt: &str) -> Result<bool, LedgerError> {
        let failed = |error: StoreError| error.when("tell what was decided about a model");
        recall::still_held(self.ledger.reader(), file, name, receipt).map_err(failed)
    }

    fn sent(&self, sent: &Pull, came: Sent) -> Result<(), LedgerError> {
        let (kind, status) = match came {
            Sent::Goes => (recall::SENT, None),
            Sent::Answered(status) => (recall::DELIVERED, Some(status)),
            Sent::Unknown => (recall::DELIVERED, None),
        };
        let Asked { from, model, file, .. } = &sent.asked;
        let body = |asked_by| Delivery { by: &self.by, asked_by, to: from.host(), model, file, status };
        self.record("record that a model is sent on", sent, kind, body)
    }

    fn pulled(&self, pull: &Pull) -> Result<(), LedgerError> {
        let Asked { model, revision, file, .. } = &pull.asked;
        let body = |asked_by| Pulled { by: &self.by, asked_by, model, revision: revision.as_deref(), file };
        self.record("record that a model is given out", pull, recall::PULLED, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_and_the_hosts_it_may_send_to() {
        let github =
            server("github", "https://github.com/ codeload.github.com, *.githubusercontent.com").unwrap();
        let may = |url: &str| github.may_ask(&Url::parse(url).unwrap());
        assert!(
            may("https://codeload.github.com/x").is_ok() && may("https://a.githubusercontent.com/").is_ok()
        );
        assert!(
            may("https://evil.example/").unwrap_err().to_string().contains("`gates.models.servers.github`")
        );
        for (name, line, why) in [
            ("a/b", "https://x/", "the name stands"),
            ("a", "", "no URL that begins"),
            ("a", "x y", "no URL"),
        ] {
            assert!(server(name, line).unwrap_err().contains(why), "{name} {line}");
        }
    }

    #[test]
    fn a_registry_has_a_name_that_can_begin_the_name_of_an_image() {
        assert!(registry("ghcr.io", "https://ghcr.io/").is_ok());
        for name in ["", "Ghcr", "a/b", "-a", "a.", "a b"] {
            assert!(registry(name, "https://x/").unwrap_err().contains("names of images"), "{name}");
        }
        let refused = registry("a", "https://x/ y").unwrap();
        let refused = refused.may_ask(&Url::parse("https://z/").unwrap()).unwrap_err().to_string();
        assert!(refused.contains("`gates.models.registries.a`"), "{refused}");
    }
}
