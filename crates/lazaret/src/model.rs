//! A hospital's own token classifier, as the settings name it. A lazaret that was built without it, and any setting of it
//! that cannot be met, ends the command: nothing is looked at without the model that was asked for.

use std::sync::Arc;

use lazaret_phi::TokenClassifier;

use crate::config::Config;
use crate::exit::CliError;

/// The model, if the settings name one.
pub(crate) fn open(config: &Config) -> Result<Option<Arc<dyn TokenClassifier>>, CliError> {
    if config.is_given("phi.model.path") {
        return load(config).map(Some);
    }
    let given = ["phi.model.sha256", "phi.model.threshold"].into_iter().find(|key| config.is_given(key));
    let labels = (!config.model_labels().is_empty()).then_some("phi.model.labels");
    match given.or(labels) {
        Some(key) => {
            Err(CliError::Usage(format!("`{key}` is set and `phi.model.path` is not: there is no model")))
        }
        None => Ok(None),
    }
}

#[cfg(not(feature = "ner-model"))]
fn load(_config: &Config) -> Result<Arc<dyn TokenClassifier>, CliError> {
    let why = "this lazaret was built without it; build it with `cargo build --release -p lazaret --features ner-model`, or \
               take `phi.model.path` out of the settings to do without a model";
    Err(CliError::failed("the model that `phi.model.path` names cannot be used", why))
}

#[cfg(feature = "ner-model")]
fn load(config: &Config) -> Result<Arc<dyn TokenClassifier>, CliError> {
    use lazaret_ner::{LocalModel, ModelSettings};
    let folder = config.path("phi.model.path");
    let threshold = config.text("phi.model.threshold");
    let sha256 = config.text("phi.model.sha256");
    let settings = ModelSettings {
        threshold: threshold.parse().ok().filter(|number| *number > 0.0 && *number <= 1.0).ok_or_else(
            || {
                CliError::Usage(format!(
                    "`phi.model.threshold`: `{threshold}` is no number above 0 and at most 1"
                ))
            },
        )?,
        labels: config.model_labels(),
        sha256: (!sha256.is_empty()).then(|| sha256.to_owned()),
    };
    let model = LocalModel::open(&folder, &settings, &config.limits());
    let model =
        model.map_err(|error| CliError::failed(format!("the model in {}", folder.display()), error))?;
    tracing::info!(version = model.version(), "the model is ready");
    Ok(Arc::new(model))
}
