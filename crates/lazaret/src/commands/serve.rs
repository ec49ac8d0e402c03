//! `lazaret serve`: the console on this machine, the interface of Presidio for programs, the pages of reviewers, the proxies
//! of model updates, the webhook of Kubernetes; and the folders that are watched for models.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::middleware::from_fn_with_state;

use crate::admission;
use crate::cli::ServeArgs;
use crate::compose::{Data, Reading, model_store_folder, secret};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::knowledge::Watched;
use crate::orders::Taking;
use crate::server::presidio::{self, PresidioState};
use crate::server::review::{self, ReviewState};
use crate::server::{ConsoleState, Models, admit_named, bind, bind_any, router, serve};
use crate::watching::{Folders, Shown, Watching};
use crate::{own_rules, updates};

/// Runs the command.
pub(crate) fn run(args: &ServeArgs, config: &Config, out: &mut impl Write) -> Result<Exit, CliError> {
    let failed = |error: crate::server::ServeError| CliError::failed("nothing is served", error);
    let config = &config.with(&[("gates.models.verdicts_from", args.verdicts_from.as_deref())]);
    // A webhook that is given its verdicts by another host has no ledger.
    let is_replica = args.admission.is_some() && !config.text("gates.models.verdicts_from").is_empty();
    let folders = Folders::of(config)?;
    let watches = !folders.is_empty() && !args.no_watch && !is_replica;
    let others = [args.presidio, args.review, args.models_proxy, args.admission];
    if args.no_console && !watches && others.iter().all(Option::is_none) {
        let why = "without the console, --presidio, --review, --models-proxy, --admission or the setting \
                   `gates.models.watch` says what to serve";
        return Err(CliError::Usage(why.to_owned()));
    }
    // The interface of Presidio looks only, so it needs no data directory; the console, the reviewers and the webhook do.
    let reads = !args.no_console || args.review.is_some() || (args.admission.is_some() && !is_replica);
    let data = reads.then(|| Reading::open(config)).transpose()?;
    // What is fetched for models, or put into a folder, crosses, so its data is open for writing.
    let writes = args.models_proxy.is_some() || watches;
    let fetching = writes.then(|| match &data {
        Some(data) => Data::open_over(config, Arc::clone(&data.vault)),
        None => Data::open(config),
    });
    let fetching = fetching.transpose().map_err(|error| match error {
        error @ CliError::Failed { .. } if args.models_proxy.is_none() => CliError::failed(
            "the folders of `gates.models.watch` cannot be watched (with --no-watch they are not)",
            error,
        ),
        error => error,
    })?;
    let fetching = fetching.map(Arc::new);
    let orders = fetching.as_ref().map(|data| Taking::begin(Arc::clone(data), config));
    // A path may be too long for a socket: what it is for waits until the server ends.
    let orders = orders.and_then(|taking| {
        let why = |error: &CliError| {
            tracing::warn!(why = lazaret_core::chain(error), "no orders are taken while it runs");
        };
        taking.inspect_err(why).ok()
    });
    let shown = folders.shown();
    let watching = fetching.as_ref().filter(|_| watches);
    let watching = watching.map(|data| watch(folders, data, config, out)).transpose()?;
    let mut served = Vec::new();
    if let Some(port) = args.presidio {
        let state = PresidioState::new(Watched::new(config)?, config.limits());
        let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
        writeln!(out, "in the place of presidio: {}  (Ctrl-C ends it)", bound.url())?;
        served.push(bound.with(|hosts| presidio::router(state, hosts), config.limits()));
    }
    if let (Some(port), Some(data)) = (args.review, &data) {
        let secret = secret()?;
        let state = ReviewState::new(config, Arc::clone(&data.vault), &secret)?;
        let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
        writeln!(out, "review: {}{secret}/  (Ctrl-C ends it)", bound.url())?;
        served.push(bound.with(|hosts| review::router(state, hosts), config.limits()));
    }
    if let (Some(port), Some(data)) = (args.models_proxy, &fetching) {
        let updates = updates::open(data, config)?;
        let listen = config.text("gates.models.listen");
        let listen: IpAddr = listen.parse().map_err(|_| {
            CliError::Usage(format!("`gates.models.listen`: `{listen}` is no address, as 127.0.0.1 is one"))
        })?;
        let bound = bind(SocketAddr::new(listen, port)).map_err(failed)?;
        writeln!(out, "models: {}  (Ctrl-C ends it)", bound.url())?;
        served.push(bound.with(|hosts| updates::router(updates, hosts), config.limits()));
    }
    let mut keeper = None;
    if let Some(port) = args.admission {
        let webhook = match &data {
            Some(data) if !is_replica => {
                admission::open(config, port, &data.vault, fetching.as_ref().map(|data| &data.ledger))?
            }
            _ => admission::open_replica(config, port)?,
        };
        let bound = bind_any(webhook.listen).map_err(failed)?;
        let scheme = if webhook.tls.is_some() { "https" } else { "http" };
        writeln!(out, "admission: {scheme}://{}/validate  (Ctrl-C ends it)", bound.address())?;
        let answering = match webhook.tls {
            Some(tls) => bound.over_tls(webhook.router, tls, config.limits()),
            None => bound
                .with(|hosts| webhook.router.layer(from_fn_with_state(hosts, admit_named)), config.limits()),
        };
        served.push(answering.apart());
        keeper = Some(webhook.keeper);
    }
    if let Some(data) = data.as_ref().filter(|_| !args.no_console) {
        let shown = if watches { shown } else { Arc::default() };
        let (console, url) = console(data, config, args.port, shown)?;
        writeln!(out, "console: {url}  (Ctrl-C ends it)")?;
        served.push(console);
    }
    out.flush()?;
    let ended = serve(served).map_err(failed);
    drop((keeper, orders, watching)); // what they have to write is written before the ledger is closed
    if let Some(data) = &fetching {
        data.close()?;
    }
    ended.map(|()| Exit::Clear)
}

/// Watches the folders of the settings, and says which.
fn watch(
    folders: Folders,
    data: &Arc<Data>,
    config: &Config,
    out: &mut impl Write,
) -> Result<Watching, CliError> {
    for (name, folder) in folders.iter() {
        writeln!(out, "watching: {name}: {}", folder.inbox.display())?;
    }
    Watching::begin(folders, data, config)
}

/// Serves the console over some data until it is interrupted. It only reads, so other commands may write
/// meanwhile; it is ready for as long as it can read.
pub(crate) fn open_console(
    data: &Reading,
    config: &Config,
    port: u16,
    out: &mut impl Write,
) -> Result<Exit, CliError> {
    let (console, url) = console(data, config, port, Arc::default())?;
    writeln!(out, "console: {url}  (Ctrl-C ends it)")?;
    out.flush()?;
    serve(vec![console]).map_err(|error| CliError::failed("the console is not served", error))?;
    Ok(Exit::Clear)
}

fn console(
    data: &Reading,
    config: &Config,
    port: u16,
    watched: Arc<Mutex<Vec<Shown>>>,
) -> Result<(crate::server::Served, String), CliError> {
    let failed = |error: crate::server::ServeError| CliError::failed("the console is not served", error);
    let (own, _) = own_rules::in_force(config, None)?;
    let models = Models::new(model_store_folder(config, &data.folder), config.limits(), Arc::new(own));
    let models = Models { watched, ..models };
    let ledger = data.folder.join("ledger.db");
    let state = ConsoleState::open(&ledger, Arc::clone(&data.vault), models, || true)
        .map_err(super::policy::of_ledger)?;
    let bound = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(failed)?;
    let url = bound.url();
    Ok((bound.with(|hosts| router(state, hosts), config.limits()), url))
}
