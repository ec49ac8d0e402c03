//! What is to be applied to a cluster, and the hooks of pre-commit: held against the schemas of Kubernetes and against what the
//! program serves.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

use crate::cli::{Place, root};

/// The documents of a YAML text, as Kubernetes reads them (YAML 1.2, aliases resolved).
fn yaml(text: &str) -> Vec<Value> {
    let (mut documents, mut anchors): (Vec<Value>, BTreeMap<usize, Value>) = (Vec::new(), BTreeMap::new());
    // Containers that are open: what is in them, its anchor, and the key that waits for its value.
    let mut open: Vec<(Value, usize, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (value, anchor) = match event.unwrap().0 {
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let read = is_plain.then(|| match text.as_ref() {
                    "" | "~" | "null" => Some(Value::Null),
                    "true" | "false" => Some(json!(text == "true")),
                    number => number.parse::<i64>().ok().map(|number| json!(number)),
                });
                (read.flatten().unwrap_or_else(|| json!(text)), anchor)
            }
            Event::Alias(anchor) => (anchors[&anchor].clone(), 0),
            Event::SequenceStart(anchor, _) => {
                open.push((json!([]), anchor, None));
                continue;
            }
            Event::MappingStart(anchor, _) => {
                open.push((json!({}), anchor, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor, _) = open.pop().unwrap();
                (value, anchor)
            }
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match open.last_mut() {
            None => documents.push(value),
            Some((Value::Array(list), _, _)) => list.push(value),
            Some((Value::Object(map), _, key)) => match key.take() {
                None => *key = Some(value.as_str().unwrap().to_owned()),
                Some(name) => assert!(map.insert(name, value).is_none(), "a key twice"),
            },
            Some(_) => unreachable!("only containers are open"),
        }
    }
    documents
}

fn documents(path: &str) -> Vec<Value> {
    yaml(&std::fs::read_to_string(root().join(path)).unwrap())
}

/// Everything that is applied, by its kind.
fn applied() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for name in documents("deploy/kubernetes/base/kustomization.yaml")[0]["resources"].as_array().unwrap() {
        for document in documents(&format!("deploy/kubernetes/base/{}", name.as_str().unwrap())) {
            let kind = document["kind"].as_str().unwrap().to_owned();
            assert!(found.insert(kind, document).is_none());
        }
    }
    found
}

fn schema_of(kind: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(root().join("testdata/kubernetes/v1.33.json")).unwrap();
    let mut schema: Map<String, Value> = serde_json::from_str(&text).unwrap();
    schema.insert("$ref".to_owned(), json!(format!("#/definitions/{kind}")));
    jsonschema::validator_for(&Value::Object(schema)).unwrap()
}

fn is_valid(kind: &str, object: &Value) {
    let faults: Vec<String> = schema_of(kind)
        .iter_errors(object)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{kind}: {faults:?}");
}

#[test]
fn what_is_applied_is_valid_for_kubernetes() {
    let applied = applied();
    let own = |kind: &&String| !matches!(kind.as_str(), "Issuer" | "Certificate");
    assert_eq!(applied.keys().filter(own).count(), 7, "{:?}", applied.keys());
    for (kind, object) in applied.iter().filter(|(kind, _)| own(kind)) {
        is_valid(kind, object);
    }
    let mut wrong = applied["Service"].clone();
    wrong["spec"]["port"] = json!(1);
    assert!(!schema_of("Service").is_valid(&wrong), "the schema refuses what is not defined");
    for name in std::fs::read_dir(root().join("deploy/kubernetes/base")).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        let listed = documents("deploy/kubernetes/base/kustomization.yaml")[0].to_string();
        assert!(name == "kustomization.yaml" || listed.contains(&name), "{name} is applied by nobody");
    }
}

#[test]
fn what_is_applied_fits_itself_and_what_is_served() {
    let applied = applied();
    let settings: toml::Table =
        std::fs::read_to_string(root().join("deploy/kubernetes/base/lazaret.toml")).unwrap().parse().unwrap();
    let gate = settings["gates"]["models"].as_table().unwrap();
    let namespace = applied["Namespace"]["metadata"]["name"].as_str().unwrap();
    let service = applied["Service"]["metadata"]["name"].as_str().unwrap();
    let pod = &applied["StatefulSet"]["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    for webhook in applied["ValidatingWebhookConfiguration"]["webhooks"].as_array().unwrap() {
        let client = &webhook["clientConfig"]["service"];
        assert_eq!((&client["namespace"], &client["name"]), (&json!(namespace), &json!(service)));
        assert_eq!(
            (&client["path"], &client["port"]),
            (&json!("/validate"), &applied["Service"]["spec"]["ports"][0]["port"])
        );
        assert_eq!(webhook["timeoutSeconds"], 2);
        assert_eq!(webhook["sideEffects"], "NoneOnDryRun");
        assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
        assert_eq!(webhook["failurePolicy"], "Ignore");
        // Namespaces that are exempt in the cluster are exempt in the settings.
        let exempt = &webhook["namespaceSelector"]["matchExpressions"][0];
        let exempt: Vec<&str> =
            exempt["values"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(exempt.join(" "), gate["admission_exempt"].as_str().unwrap());
        assert!(exempt.contains(&namespace));
    }
    let ends = applied["ValidatingWebhookConfiguration"]["webhooks"][1]["rules"].to_string();
    assert!(ends.contains("DELETE") && !ends.contains("CREATE"), "what ends never waits");
    let dns = applied["Certificate"]["spec"]["dnsNames"][0].as_str().unwrap();
    assert_eq!(dns, format!("{service}.{namespace}.svc"));
    for selector in [
        &applied["Service"]["spec"]["selector"],
        &applied["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        &applied["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        &applied["StatefulSet"]["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(*selector, pod["metadata"]["labels"]);
    }
    assert!(applied["StatefulSet"]["spec"]["replicas"].as_i64().unwrap() >= 2);
    let volumes: Vec<&str> = container["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["mountPath"].as_str())
        .collect();
    for key in ["admission_certificate", "admission_key", "verdicts_secret", "authorities"] {
        let file = gate[key].as_str().unwrap();
        assert!(volumes.iter().any(|volume| file.starts_with(volume)), "{key}: {file} is in no volume");
    }
    assert!(volumes.contains(&settings["data"].as_str().unwrap()));
    // The program takes these settings and these arguments, but for the key, which is the hospital's to fill in.
    let place = Place::new();
    let config = root().join("deploy/kubernetes/base/lazaret.toml");
    let config = config.to_str().unwrap();
    place.clear(&["config", "--config", config]);
    let args: Vec<&str> = container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let args: Vec<&str> =
        args.iter().map(|arg| if *arg == "/etc/lazaret/lazaret.toml" { config } else { arg }).collect();
    let said = place.ends(2, &args);
    assert!(said.contains("gates.models.admission_certificate"), "{said}");
}

#[test]
fn hooks_run_what_there_is() {
    let hooks = documents(".pre-commit-hooks.yaml").remove(0);
    let place = Place::new();
    for hook in hooks.as_array().unwrap() {
        let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
        assert_eq!(entry[0], "lazaret");
        place.clear(&[&entry[1..], &["--help"]].concat());
    }
    let ids: Vec<&str> = hooks.as_array().unwrap().iter().filter_map(|hook| hook["id"].as_str()).collect();
    assert_eq!(ids, ["lazaret-models-scan", "lazaret-models-verify"]);
}

/// Hooks look at what loaders read, by its name, and leave other code of a repository alone.
#[test]
fn the_hook_is_handed_what_loaders_read() {
    let hooks = documents(".pre-commit-hooks.yaml").remove(0);
    let files = regex_automata::meta::Regex::new(hooks[0]["files"].as_str().unwrap()).unwrap();
    for name in "a.pkl m/a.pt2 a.pte a.ptl a.zip a.tar.gz a.tgz a.7z a.whl a.bz2 a.xz a.lzma a.zst a.lz4 a.RData a.rda a.rds \
                 a.distcp a.xml a.engine a.plan a.model a.pdiparams a.pdmodel a.onnx.data m/configuration_x.py \
                 tokenization_x.py processing_x.py modeling_x.py image_processing_x.py config.json tokenizer.json \
                 adapter_config.json preprocessor_config.json generation_config.json m/model.safetensors.index.json \
                 chat_template.jinja chat_template.json conda.yaml requirements-gpu.txt m/MLmodel"
        .split_whitespace()
    {
        assert!(files.is_match(name), "{name}");
    }
    for name in
        ["src/main.rs", "README.md", "app.py", "lib/model.py", "package.json", "notes.txt", "Makefile"]
    {
        assert!(!files.is_match(name), "{name}");
    }
}

/// The examples of the guide are what they are for.
#[test]
fn the_examples_of_the_guide_are_valid() {
    let guide = std::fs::read_to_string(root().join("docs/src/guides/pipelines-and-clusters.md")).unwrap();
    let mut kinds = Vec::new();
    for block in guide.split("```yaml\n").skip(1) {
        for document in yaml(block.split("```").next().unwrap()) {
            match document["kind"].as_str() {
                Some(kind) if kind != "InferenceService" => {
                    is_valid(kind, &document);
                    kinds.push(kind.to_owned());
                }
                Some(kind) => kinds.push(kind.to_owned()),
                None if document.get("jobs").is_some() => kinds.push("workflow".to_owned()),
                None => {
                    assert!(document["repos"][0]["hooks"][0]["id"].is_string(), "{document}");
                    kinds.push("hooks".to_owned());
                }
            }
        }
    }
    assert_eq!(kinds, ["hooks", "workflow", "Pod", "Pod", "InferenceService"]);
}
