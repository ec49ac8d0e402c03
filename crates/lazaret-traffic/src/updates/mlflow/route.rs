//! What a request to the server asks for. Each of its addresses (MLflow 3.17) is passed on, gated or refused by name; one
//! that is not here is not passed on.

use axum::http::Method;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// JSON and pages, in which no file of a model goes: passed on.
    Plain,
    /// What the server can do.
    Info,
    /// A file goes to the server, to this path of its artifacts.
    Put(String),
    /// A file comes from the server.
    File(Named),
    /// A large file would go in parts, straight to the store behind the server.
    Upload,
    /// A file would come straight from the store behind the server.
    Download,
    /// A logged model is finished: its files have come.
    Finish(String),
    /// A version of a model is made.
    Register,
    /// A version is given an alias.
    Alias,
    /// A version is moved to a stage.
    Stage,
    /// Refused, for this reason.
    Refused(&'static str),
}

/// How a file is named that comes from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its path in the server's artifacts.
    Path(String),
    /// By a run and a path (`get-artifact`).
    Run,
    /// By a registered model, its version and a path (`model-versions/get-artifact`).
    Version,
    /// By a logged model and a path.
    Logged(String),
    /// By a trace and, for what is attached to it, a path.
    Trace,
}

/// The first words of addresses in which JSON is told and taken.
const PLAIN: [&str; 22] = [
    "datasets",
    "experiments",
    "gateway",
    "get-online-trace-details",
    "issues",
    "label-schemas",
    "logged-models",
    "mcp-servers",
    "metrics",
    "model-versions",
    "prompt-optimization",
    "registered-models",
    "review-queues",
    "roles",
    "runs",
    "scorers",
    "traces",
    "ui-telemetry",
    "unified-traces",
    "users",
    "webhooks",
    "workspaces",
];

const BY_PUT: &str = "a file goes to the server by PUT of its artifacts";
const RUNS_CODE: &str = "it makes the server run something; ask the server itself";
const PROMPTS: &str =
    "it sends prompts to an AI service, which is another gate's affair; ask the server itself";

impl Route {
    /// Reads a method and the decoded steps of a path below the server's. None for what is not passed on.
    pub fn of(method: &Method, steps: &[&str]) -> Option<Self> {
        let is_reading = matches!(*method, Method::GET | Method::HEAD);
        match steps {
            ["api" | "ajax-api", "2.0" | "3.0", rest @ ..] => Self::of_api(method, is_reading, rest),
            [] | ["health" | "version"] | ["static-files", ..] => is_reading.then_some(Self::Plain),
            ["graphql"] => (is_reading || *method == Method::POST).then_some(Self::Plain),
            ["v1", "traces"] => (*method == Method::POST).then_some(Self::Plain),
            ["get-artifact"] => is_reading.then_some(Self::File(Named::Run)),
            ["model-versions", "get-artifact"] => is_reading.then_some(Self::File(Named::Version)),
            ["gateway", ..] => Some(Self::Refused(PROMPTS)),
            _ => None,
        }
    }

    fn of_api(method: &Method, is_reading: bool, steps: &[&str]) -> Option<Self> {
        let is_post = *method == Method::POST;
        match steps {
            ["mlflow-artifacts", rest @ ..] => Self::of_artifacts(method, is_reading, rest),
            ["jobs", ..] => Some(Self::Refused(RUNS_CODE)),
            ["mlflow", rest @ ..] => match rest {
                ["server-info" | "server-features"] => is_reading.then_some(Self::Info),
                ["artifacts", "list"] | ["logged-models", _, "artifacts", "directories"] => {
                    is_reading.then_some(Self::Plain)
                }
                ["artifacts", "presigned-upload-url"] => Some(Self::Upload),
                ["artifacts", "presigned-download-url"] => Some(Self::Download),
                ["get-trace-artifact"] => is_reading.then_some(Self::File(Named::Trace)),
                ["logged-models", id, "artifacts", "files"] => {
                    is_reading.then(|| Self::File(Named::Logged((*id).to_owned())))
                }
                ["logged-models", _, "artifacts", ..] => None,
                ["logged-models", id] if *method == Method::PATCH => Some(Self::Finish((*id).to_owned())),
                ["model-versions", "create"] => is_post.then_some(Self::Register),
                ["model-versions", "transition-stage"] => is_post.then_some(Self::Stage),
                ["registered-models", "alias"] if is_post => Some(Self::Alias),
                ["upload-artifact"] | ["runs", "create-promptlab-run"] => Some(Self::Refused(BY_PUT)),
                ["gateway-proxy"] => Some(Self::Refused(PROMPTS)),
                ["prompt-optimization", "jobs"] if is_post => Some(Self::Refused(RUNS_CODE)),
                ["assistant" | "demo" | "genai" | "jobs" | "scorer", ..] | ["issues", "invoke"] => {
                    Some(Self::Refused(RUNS_CODE))
                }
                [family, ..] if PLAIN.contains(family) => is_plain(method).then_some(Self::Plain),
                _ => None,
            },
            _ => None,
        }
    }

    fn of_artifacts(method: &Method, is_reading: bool, steps: &[&str]) -> Option<Self> {
        match steps {
            ["artifacts"] => is_reading.then_some(Self::Plain),
            ["artifacts", path @ ..] => match *method {
                Method::GET | Method::HEAD => Some(Self::File(Named::Path(path.join("/")))),
                Method::PUT => Some(Self::Put(path.join("/"))),
                Method::DELETE => Some(Self::Plain),
                _ => None,
            },
            ["mpu", ..] => Some(Self::Upload),
            ["presigned", ..] => Some(Self::Download),
            _ => None,
        }
    }
}

fn is_plain(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(method: &Method, path: &str) -> Option<Route> {
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        Route::of(method, &steps)
    }

    #[test]
    fn every_address_by_which_a_file_goes_is_gated_or_refused() {
        let path = |path: &str| Some(Route::File(Named::Path(path.to_owned())));
        for api in ["api", "ajax-api"] {
            for version in ["2.0", "3.0"] {
                let of = |method: &Method, rest: &str| of(method, &format!("{api}/{version}/{rest}"));
                let file = "mlflow-artifacts/artifacts/1/run/artifacts/m.pkl";
                assert_eq!(of(&Method::GET, file), path("1/run/artifacts/m.pkl"));
                assert_eq!(of(&Method::PUT, file), Some(Route::Put("1/run/artifacts/m.pkl".to_owned())));
                assert_eq!((of(&Method::POST, file), of(&Method::PATCH, file)), (None, None));
                for step in ["create", "complete", "abort", "other"] {
                    let part = format!("mlflow-artifacts/mpu/{step}/1/m.pkl");
                    assert_eq!(of(&Method::POST, &part), Some(Route::Upload));
                }
                assert_eq!(of(&Method::GET, "mlflow-artifacts/presigned/1/m.pkl"), Some(Route::Download));
                for method in [Method::GET, Method::POST] {
                    let of = |rest| of(&method, rest);
                    assert_eq!(of("mlflow/artifacts/presigned-upload-url"), Some(Route::Upload));
                    assert_eq!(of("mlflow/artifacts/presigned-download-url"), Some(Route::Download));
                    assert_eq!(of("mlflow/artifacts/other"), None);
                    assert_eq!(of("mlflow/upload-artifact"), Some(Route::Refused(BY_PUT)));
                }
                assert_eq!(of(&Method::POST, "mlflow/model-versions/create"), Some(Route::Register));
                assert_eq!(of(&Method::POST, "mlflow/registered-models/alias"), Some(Route::Alias));
                assert_eq!(of(&Method::DELETE, "mlflow/registered-models/alias"), Some(Route::Plain));
                assert_eq!(of(&Method::POST, "mlflow/model-versions/transition-stage"), Some(Route::Stage));
                assert_eq!(of(&Method::PUT, "mlflow/model-versions/create"), None);
                let logged = Route::File(Named::Logged("m-1".to_owned()));
                assert_eq!(of(&Method::GET, "mlflow/logged-models/m-1/artifacts/files"), Some(logged));
                assert_eq!(of(&Method::GET, "mlflow/get-trace-artifact"), Some(Route::File(Named::Trace)));
            }
        }
        assert_eq!(of(&Method::GET, "get-artifact"), Some(Route::File(Named::Run)));
        assert_eq!(of(&Method::GET, "model-versions/get-artifact"), Some(Route::File(Named::Version)));
    }

    #[test]
    fn what_is_not_known_is_not_passed_on() {
        for no in [
            "api/2.1/mlflow/runs/get",
            "API/2.0/mlflow/runs/get",
            "api/2.0/preview/mlflow/runs/get",
            "api/2.0/mlflow/other/get",
            "api/2.0/mlflow",
            "build/index.html",
            "docs",
        ] {
            assert_eq!(of(&Method::GET, no), None, "{no}");
        }
        assert_eq!(of(&Method::OPTIONS, "api/2.0/mlflow/runs/get"), None);
        assert_eq!(of(&Method::GET, "api/2.0/mlflow/runs/get"), Some(Route::Plain));
    }

    proptest! {
        #[test]
        fn nothing_below_the_artifacts_is_plain_but_lists_and_deletions(
            ajax in any::<bool>(),
            post in any::<bool>(),
            steps in prop::collection::vec("artifacts|mpu|create|presigned|files|x|list", 0..6),
        ) {
            let mut path = vec![if ajax { "ajax-api" } else { "api" }, "2.0", "mlflow-artifacts"];
            path.extend(steps.iter().map(String::as_str));
            let method = if post { Method::POST } else { Method::GET };
            let is_list = !post && steps == ["artifacts"];
            prop_assert_eq!(Route::of(&method, &path) == Some(Route::Plain), is_list);
        }
    }
}
