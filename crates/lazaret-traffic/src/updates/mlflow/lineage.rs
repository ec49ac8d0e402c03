//! What a run tells of the model that it made: the datasets, and the commit of the code.

use lazaret_input::json::Node;

use crate::net::answer::Refusal;
use crate::updates::gate::Lineage;
use crate::updates::mlflow::model::text;
use crate::updates::mlflow::server::Asking;

/// The tag of a run that says from which commit its code is.
const COMMIT: &str = "mlflow.source.git.commit";
/// Datasets of a run that are recorded.
const MOST_DATASETS: usize = 100;
/// Longest word of a model's origin that is recorded.
const MOST_WORD: usize = 500;

/// What a run tells of a model: its datasets and the commit of its code. A run that the client may not see is named all the
/// same.
pub(crate) async fn lineage(asking: &Asking, run: Option<&String>) -> Result<Lineage, Refusal> {
    let Some(run) = run.filter(|run| is_word(run)) else { return Ok(Lineage::default()) };
    let query = [("run_id", run.as_str())];
    let told = asking.told("api/2.0/mlflow/runs/get", &query, of_run);
    let (code, datasets) = match told.await {
        Ok(told) => told,
        Err(refused) if refused.status.is_client_error() => (None, Vec::new()),
        Err(refused) => return Err(refused),
    };
    Ok(Lineage { run: Some(run.clone()), code, datasets })
}

/// The commit and the datasets that a run tells of.
fn of_run(root: Node<'_, '_>) -> Option<(Option<String>, Vec<String>)> {
    let run = root.get("run")?;
    let tags = run.get("data").and_then(|data| data.get("tags"));
    let commit = tags.and_then(|tags| {
        let is_commit = |tag: &Node<'_, '_>| tag.get("key").and_then(|key| key.as_str()) == Some(COMMIT);
        text(tags.items().find(is_commit)?, "value")
    });
    let datasets = run.get("inputs").and_then(|inputs| inputs.get("dataset_inputs"));
    let datasets =
        datasets.map(|datasets| datasets.items().filter_map(dataset).take(MOST_DATASETS).collect());
    Some((commit.filter(|commit| is_word(commit)), datasets.unwrap_or_default()))
}

/// A dataset by its name and, where it has one, the digest that the client made of it.
fn dataset(input: Node<'_, '_>) -> Option<String> {
    let dataset = input.get("dataset")?;
    let digest = text(dataset, "digest").map(|digest| format!(" {digest}")).unwrap_or_default();
    Some(format!("{}{digest}", text(dataset, "name")?)).filter(|word| is_word(word))
}

/// Whether a word of a model's origin is recorded as it stands.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_WORD && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use lazaret_core::Limits;
    use lazaret_input::json;
    use proptest::prelude::*;

    use super::*;

    fn read(page: &str) -> Option<(Option<String>, Vec<String>)> {
        let parsed = json::parse(page.as_bytes(), &Limits::default());
        of_run(parsed.document?.root())
    }

    #[test]
    fn a_run_tells_its_commit_and_its_datasets() {
        let page = r#"{"run":{"data":{"tags":[{"key":"a","value":"b"},{"key":"mlflow.source.git.commit","value":"c0ffee"}]},
            "inputs":{"dataset_inputs":[{"dataset":{"name":"chest","digest":"5a35"}},{"dataset":{"name":"x\u0000"}},{"dataset":{"name":"hip"}},{}]}}}"#;
        let datasets = ["chest 5a35", "hip"].map(str::to_owned).to_vec();
        assert_eq!(read(page), Some((Some("c0ffee".to_owned()), datasets)));
        assert_eq!(read(r#"{"run":{}}"#), Some((None, Vec::new())));
        assert_eq!(read("{}"), None);
    }

    proptest! {
        #[test]
        fn whatever_a_run_tells_is_bounded(name in ".*", times in 0_usize..300) {
            let dataset = serde_json::json!({ "dataset": { "name": name } });
            let page = serde_json::json!({ "run": { "inputs": { "dataset_inputs": vec![dataset; times] } } });
            if let Some((_, datasets)) = read(&page.to_string()) {
                prop_assert!(datasets.len() <= MOST_DATASETS && datasets.iter().all(|word| is_word(word)));
            }
        }
    }
}
