//! The admission webhook, asked over TLS as the API server of Kubernetes asks it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use lazaret_core::{Limit, Limits};
use lazaret_traffic::net::client::{Call, Client, Waits};
use lazaret_traffic::net::sent::Sent;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;
use serde_json::{Value, json};

use crate::cli::{Place, root};

const SCALER: &str = "f0b4512771827f6f79ba3771f44f1be8c93dde21d101ab5acd8cf56721daa30a";
const MODEL: &str = "92712f9a89d345aaffdd0d0b889a8cbc623b710d4ff46ec8d9e40a0f293f170a";
const UNSEEN: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// A webhook, and the API server that asks it.
struct Webhook {
    _serving: Running,
    url: Url,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

fn place(settings: &str) -> Place {
    let place = Place::new();
    for name in ["model.pkl", "scaler.pkl"] {
        std::fs::copy(root().join("testdata/docs").join(name), place.0.path().join(name)).unwrap();
    }
    for name in ["server.pem", "server.key.pem"] {
        let from = root().join("crates/lazaret-traffic/tests/tls").join(name);
        std::fs::copy(from, place.0.path().join(name)).unwrap();
    }
    place.write(
        "lazaret.toml",
        &format!(
            "[gates.models]\nadmission_certificate = 'server.pem'\nadmission_key = 'server.key.pem'\ncluster = 'ward-cluster'\n{settings}"
        ),
    );
    place
}

impl Webhook {
    fn start(place: &Place) -> Self {
        Self::start_at(place.0.path(), "0")
    }

    fn start_at(folder: &Path, port: &str) -> Self {
        let mut serving = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        serving.current_dir(folder).args(["serve", "--admission", port, "--no-console"]);
        let mut serving = Running(serving.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("admission: ")).expect("serve says its address");
        let url = line.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
        let waits = Waits { connect: Duration::from_secs(20), read: Duration::from_secs(20) };
        let authority = root().join("crates/lazaret-traffic/tests/tls/ca.pem");
        let client =
            Client::new(Some(&authority), ["127.0.0.1".to_owned()], waits, Limits::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { _serving: serving, url: Url::parse(url).unwrap(), client, runtime }
    }

    fn send(&self, kind: &'static str, body: Vec<u8>) -> (u16, String) {
        let upstream = Upstream::new(self.url.clone(), [], "test");
        let call = Call { body: Sent::Bytes(Bytes::from(body)), ..Call::new(Method::POST, self.url.clone()) };
        let call = call.with(CONTENT_TYPE, Some(HeaderValue::from_static(kind)));
        self.runtime.block_on(async {
            let answer = self.client.follow(&upstream, call).await.unwrap();
            let status = answer.response.status().as_u16();
            let page = answer.page(Limit::new("test.page", 1 << 20)).await.unwrap();
            (status, String::from_utf8(page).unwrap())
        })
    }

    fn get(&self, path: &str, secret: &str) -> (u16, String) {
        let upstream = Upstream::new(self.url.clone(), [], "test");
        let call = Call::new(Method::GET, self.url.join(path).unwrap());
        let call = call.with(AUTHORIZATION, Some(HeaderValue::try_from(format!("Bearer {secret}")).unwrap()));
        self.runtime.block_on(async {
            let answer = self.client.follow(&upstream, call).await.unwrap();
            let status = answer.response.status().as_u16();
            let page = answer.page(Limit::new("test.page", 1 << 20)).await.unwrap();
            (status, String::from_utf8(page).unwrap())
        })
    }

    /// Waits until it can tell verdicts, or until it is clear that it cannot.
    fn is_ready_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while self.get("/readyz", "").0 != 200 {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        true
    }

    /// The `response` to a review, which echoes its id.
    fn ask(&self, review: &Value) -> Value {
        let began = Instant::now();
        let (status, text) = self.send("application/json", review.to_string().into_bytes());
        assert_eq!(status, 200, "{text}");
        assert!(began.elapsed() < Duration::from_secs(2));
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&answer["apiVersion"], &answer["kind"]),
            (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
        );
        let response = answer["response"].clone();
        assert_eq!(response["uid"], review["request"]["uid"]);
        for warning in warnings(&response) {
            assert!(warning.chars().count() <= 256 && warning.starts_with("lazaret"), "{warning}");
        }
        response
    }

    fn allows(&self, review: &Value) -> Vec<String> {
        let response = self.ask(review);
        assert_eq!(response["allowed"], true, "{response}");
        assert_eq!(response.get("status"), None);
        warnings(&response)
    }

    fn refuses(&self, review: &Value) -> String {
        let response = self.ask(review);
        assert_eq!(
            (&response["allowed"], &response["status"]["code"]),
            (&json!(false), &json!(403)),
            "{response}"
        );
        response["status"]["message"].as_str().unwrap().to_owned()
    }
}

fn warnings(response: &Value) -> Vec<String> {
    let list = response["warnings"].as_array().cloned().unwrap_or_default();
    list.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

/// A review as an API server (1.33) sends it.
fn review(
    operation: &str,
    (group, version, kind, resource): (&str, &str, &str, &str),
    object: &Value,
    old: &Value,
) -> Value {
    let whole = if object.is_null() { old } else { object };
    let kind = json!({ "group": group, "version": version, "kind": kind });
    let resource = json!({ "group": group, "version": version, "resource": resource });
    json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": whole["metadata"]["name"], "namespace": whole["metadata"]["namespace"], "operation": operation,
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "a7e0ab33-5f29-11e8-8a3c-36e6bb280816",
                "groups": ["system:serviceaccounts", "system:authenticated"],
                "extra": { "authentication.kubernetes.io/credential-id": ["JTI=1"] }
            },
            "object": object, "oldObject": old, "dryRun": false,
            "options": { "kind": format!("{}Options", operation), "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl-create" }
        }
    })
}

const POD: (&str, &str, &str, &str) = ("", "v1", "Pod", "pods");
const DEPLOYMENT: (&str, &str, &str, &str) = ("apps", "v1", "Deployment", "deployments");
const INFERENCE: (&str, &str, &str, &str) =
    ("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices");

fn spec(image: &str) -> Value {
    json!({
        "volumes": [
            { "name": "model", "image": { "reference": image, "pullPolicy": "IfNotPresent" } },
            { "name": "kube-api-access-x7k2p", "projected": { "sources": [{ "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } }] } }
        ],
        "containers": [{
            "name": "triage", "image": format!("registry.hospital.example/triage:4@sha256:{}", "ab".repeat(32)),
            "resources": { "limits": { "nvidia.com/gpu": "1" } },
            "volumeMounts": [{ "name": "model", "mountPath": "/models", "readOnly": true }]
        }],
        "restartPolicy": "Always", "serviceAccountName": "default"
    })
}

fn image(sha256: &str) -> String {
    format!("registry.hospital.example/models/sepsis@sha256:{sha256}")
}

fn pod(namespace: &str, image: &str) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": "triage-7d9f8c6b5-x7k2p", "generateName": "triage-7d9f8c6b5-", "namespace": namespace,
            "labels": { "app": "triage", "pod-template-hash": "7d9f8c6b5" },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "triage-7d9f8c6b5",
                "uid": "d3f1", "controller": true, "blockOwnerDeletion": true
            }]
        },
        "spec": spec(image), "status": {}
    })
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": { "name": "triage", "namespace": "ward-7", "managedFields": [{ "manager": "kubectl", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:replicas": {} } } }] },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "triage" } },
            "template": { "metadata": { "labels": { "app": "triage" } }, "spec": spec(image) }
        }
    })
}

fn inference(uri: &str) -> Value {
    json!({
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
        "metadata": { "name": "sepsis", "namespace": "ward-7" },
        "spec": { "predictor": { "model": { "modelFormat": { "name": "sklearn" }, "storageUri": uri } } }
    })
}

fn create(kind: (&str, &str, &str, &str), object: &Value) -> Value {
    review("CREATE", kind, object, &Value::Null)
}

/// The impact of a file, once it is as it should be: what is noted is recorded a little later.
fn impact(place: &Place, sha256: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let output = place.run(&["models", "impact", sha256, "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        if let Ok(found) = serde_json::from_str::<Value>(&text)
            && is_so(&found)
        {
            return found;
        }
        assert!(Instant::now() < until, "{text}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn count(found: &Value, key: &str) -> usize {
    found[key].as_array().map_or(0, Vec::len)
}

#[test]
fn what_was_cleared_runs_and_what_never_came_or_is_held_does_not() {
    let place = place("mode = 'enforce'\n");
    place.clear(&["models", "pass", "scaler.pkl", "--name", "sepsis/scaler", "--revision", "1.2"]);
    place.ends(1, &["models", "pass", "model.pkl", "--name", "sepsis/model", "--revision", "9"]);
    let webhook = Webhook::start(&place);
    let ward = |image: &str| create(POD, &pod("ward-7", image));
    assert_eq!(webhook.allows(&ward(&image(SCALER))), Vec::<String>::new());
    let unseen = webhook.refuses(&ward(&image(UNSEEN)));
    assert!(
        unseen.contains("spec.volumes[0].image.reference") && unseen.contains("never inspected"),
        "{unseen}"
    );
    let held = webhook.refuses(&ward(&image(MODEL)));
    for word in ["pickle.dangerous-call", "receipt 0", "lazaret models request 92712f"] {
        assert!(held.contains(word), "{held}");
    }
    // Its own namespace and the system's are left alone, and so is what uses no model.
    assert!(webhook.allows(&create(POD, &pod("lazaret", &image(UNSEEN)))).is_empty());
    assert!(webhook.allows(&create(POD, &pod("kube-system", &image(UNSEEN)))).is_empty());
    let mut plain = pod("ward-7", "x");
    plain["spec"]["volumes"] = json!([]);
    let response = webhook.ask(&create(POD, &plain));
    assert_eq!((response["allowed"].as_bool(), response.get("auditAnnotations")), (Some(true), None));
    // By name and revision, where a hub or an annotation has them.
    let annotated = |models: &str| {
        let mut object = deployment(&image(SCALER), 1);
        object["spec"]["template"]["metadata"]["annotations"] = json!({ "lazaret.io/models": models });
        create(DEPLOYMENT, &object)
    };
    webhook.allows(&annotated("sepsis/scaler@1.2"));
    assert!(
        webhook.refuses(&annotated("sepsis/scaler@1.3")).contains("sepsis/scaler@1.3 was never inspected")
    );
    assert!(
        webhook.refuses(&annotated("sepsis/scaler@1.2, sepsis/model@9")).contains("sepsis/model@9 is held")
    );
    assert!(webhook.allows(&annotated("scaler"))[0].contains("names no model"));
    // An image of a container that is a model is judged as one.
    let mut car = pod("ward-7", &image(SCALER));
    car["spec"]["containers"][0]["image"] = json!(image(MODEL));
    assert!(webhook.refuses(&create(POD, &car)).contains("spec.containers[0].image"));
    // Somebody admits it while the webhook is asked.
    let admit = ["models", "admit", MODEL, "--by", "ann", "--second", "bob", "--reason", "read it"];
    place.clear(&admit);
    std::thread::sleep(Duration::from_millis(2_100));
    webhook.allows(&ward(&image(MODEL)));
}

#[test]
fn what_was_cleared_and_is_found_bad_later_keeps_running_with_one_alert() {
    let place = place("mode = 'enforce'\nalert_days = '7'\n[actor]\nid = 'ana'\n");
    place.clear(&["models", "pass", "scaler.pkl", "--name", "sepsis/scaler", "--revision", "1.2"]);
    place.write(
        "lazaret-data/models.toml",
        "version = 1\n[[rule]]\nid = 'user.no-pickles'\nseverity = 'critical'\nwhat = 'a pickle'\nwhy = 'recalled'\nfile = ['*.pkl']\n",
    );
    place.ends(1, &["models", "rescan"]);
    let found = impact(&place, SCALER, |found| count(found, "alerts") == 1);
    assert_eq!(
        (&found["alerts"][0]["owner"], &found["alerts"][0]["rules"]),
        (&json!("ana"), &json!(["user.no-pickles"]))
    );
    let webhook = Webhook::start(&place);
    for number in 0..3 {
        let mut one = pod("ward-7", &image(SCALER));
        one["metadata"]["name"] = json!(format!("triage-7d9f8c6b5-{number}"));
        let warned = webhook.allows(&create(POD, &one));
        assert!(
            warned[0].contains("user.no-pickles") && warned[0].contains("ana has until 20"),
            "{warned:?}"
        );
    }
    let found = impact(&place, SCALER, |found| count(found, "runs") == 1);
    assert_eq!(count(&found, "alerts"), 1, "once for what was found, not for each pod");
    let run = &found["runs"][0];
    for (key, word) in
        [("cluster", "ward-cluster"), ("namespace", "ward-7"), ("kind", "Deployment"), ("name", "triage")]
    {
        assert_eq!(run[key], word);
    }
    let text = place.ends(1, &["models", "impact", SCALER]);
    assert!(text.contains("Deployment triage") && text.contains("ana has until"), "{text}");
    place.clear(&["ledger", "verify"]);
}

#[test]
fn what_runs_is_scaled_changed_and_ended_without_a_question() {
    let place = place("mode = 'enforce'\n");
    place.clear(&["models", "pass", "scaler.pkl", "--name", "sepsis/scaler", "--revision", "1.2"]);
    let webhook = Webhook::start(&place);
    let update = |new: &Value, old: &Value| review("UPDATE", DEPLOYMENT, new, old);
    // It ran before anybody asked: more of it, and less, is no question.
    let (one, three) = (deployment(&image(UNSEEN), 1), deployment(&image(UNSEEN), 3));
    assert!(webhook.allows(&update(&three, &one)).is_empty());
    webhook.refuses(&update(&three, &deployment(&image(SCALER), 3)));
    // From one model to another: the first no longer runs.
    webhook.allows(&create(DEPLOYMENT, &deployment(&image(SCALER), 3)));
    impact(&place, SCALER, |found| count(found, "runs") == 1);
    assert!(
        webhook
            .allows(&review("DELETE", DEPLOYMENT, &Value::Null, &deployment(&image(SCALER), 3)))
            .is_empty()
    );
    let ended = impact(&place, SCALER, |found| found["runs"][0]["until"].is_string());
    assert_eq!(count(&ended, "runs"), 1);
    // A dry run leaves nothing behind.
    let mut dry = create(DEPLOYMENT, &deployment(&image(SCALER), 3));
    dry["request"]["dryRun"] = json!(true);
    webhook.allows(&dry);
    dry["request"]["dryRun"] = json!(false);
    dry["request"]["namespace"] = json!("ward-8");
    webhook.allows(&dry);
    let again = impact(&place, SCALER, |found| count(found, "runs") == 2);
    assert_eq!(again["runs"][1]["namespace"], "ward-8");
    webhook.refuses(&create(DEPLOYMENT, &deployment(&image(UNSEEN), 1)));
}

#[test]
fn a_gate_that_observes_lets_everything_run_and_says_what_it_would_refuse() {
    let place = place("");
    let webhook = Webhook::start(&place);
    let warned = webhook.allows(&create(POD, &pod("ward-7", &image(UNSEEN))));
    assert!(warned[0].contains("it would refuse") && warned[0].contains("never inspected"), "{warned:?}");
    impact(&place, UNSEEN, |found| count(found, "runs") == 1);
}

#[test]
fn what_was_only_observed_to_run_is_not_cleared_by_that() {
    let place = place("mode = 'enforce'\n");
    std::fs::create_dir(place.0.path().join("m")).unwrap();
    for name in ["model.pkl", "scaler.pkl"] {
        std::fs::rename(place.0.path().join(name), place.0.path().join("m").join(name)).unwrap();
    }
    place.run(&["models", "pass", "m", "--name", "ward/m", "--revision", "1"]);
    let mut object = deployment(&image(SCALER), 1);
    object["spec"]["template"]["metadata"]["annotations"] = json!({ "lazaret.io/models": "ward/m@1" });
    let review = create(DEPLOYMENT, &object);
    let settings = std::fs::read_to_string(place.0.path().join("lazaret.toml")).unwrap();
    place.write("lazaret.toml", &settings.replace("enforce", "observe"));
    let webhook = Webhook::start(&place);
    let warned = webhook.allows(&review);
    assert!(warned[0].contains("ward/m@1 is held"), "{warned:?}");
    let found = impact(&place, MODEL, |found| count(found, "runs") == 1);
    assert_eq!(found["runs"][0]["not_cleared"], "ward/m@1");
    drop(webhook);
    place.write("lazaret.toml", &settings);
    let webhook = Webhook::start(&place);
    assert!(webhook.refuses(&review).contains("ward/m@1 is held"));
}

#[test]
fn what_is_not_named_for_good_is_warned_of_or_refused_as_the_settings_say() {
    let commit = "4f1c2e94f1c2e94f1c2e94f1c2e94f1c2e94f1c2";
    for (unnamed, is_allowed) in [("warn", true), ("refuse", false)] {
        let place = place(&format!("mode = 'enforce'\nunnamed = '{unnamed}'\n"));
        let webhook = Webhook::start(&place);
        for (uri, why) in [
            ("s3://models/sepsis", "is a place"),
            ("pvc://models/sepsis", "is a place"),
            ("hf://org/model", "another model tomorrow"),
            ("hf://org/model:main", "another model tomorrow"),
            ("oci://registry.hospital.example/sepsis:1.2", "another model tomorrow"),
        ] {
            let asked = create(INFERENCE, &inference(uri));
            let said = if is_allowed { webhook.allows(&asked).join(" ") } else { webhook.refuses(&asked) };
            assert!(said.contains("spec.predictor.model.storageUri") && said.contains(why), "{said}");
        }
        let named = webhook.refuses(&create(INFERENCE, &inference(&format!("hf://org/model:{commit}"))));
        assert!(named.contains(&format!("org/model@{commit} was never inspected")), "{named}");
    }
}

#[test]
fn a_manifest_is_as_good_as_the_layers_that_it_lists() {
    let place = place("mode = 'observe'\n");
    let manifest = |layer: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{{"mediaType":"application/octet-stream","digest":"sha256:{layer}","size":1}}]}}"#
        )
    };
    let digest_of =
        |passed: &Value| passed.pointer("/files/0/sha256").and_then(Value::as_str).unwrap().to_owned();
    let pass = |name: &str, layer: &str| {
        place.write(name, &manifest(layer));
        let output = place.run(&["models", "pass", name, "--name", name, "--json"]);
        digest_of(&serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap())
    };
    let (good, missing) = (pass("good.json", SCALER), pass("missing.json", UNSEEN));
    place.clear(&["models", "pass", "scaler.pkl", "--name", "sepsis/scaler"]);
    place.write(
        "lazaret.toml",
        "[gates.models]\nmode = 'enforce'\nadmission_certificate = 'server.pem'\nadmission_key = 'server.key.pem'\n",
    );
    let webhook = Webhook::start(&place);
    webhook.allows(&create(POD, &pod("ward-7", &image(&good))));
    impact(&place, SCALER, |found| count(found, "runs") == 1);
    let why = webhook.refuses(&create(POD, &pod("ward-7", &image(&missing))));
    assert!(why.contains("never inspected"), "{why}");
    // A platform that others read in a key of another spelling is one that the cluster may run.
    for (number, platform) in [
        r#""platform":{"OS":"linux","os":"windows","architecture":"amd64"}"#,
        r#""platform":{"os":"windows"},"PLATFORM":{"os":"linux","architecture":"amd64"}"#,
        "\"platform\":{\"os\":\"windows\",\"o\u{17f}\":\"linux\",\"architecture\":\"amd64\"}",
    ]
    .into_iter()
    .enumerate()
    {
        let item = |digest: &str, more: &str| {
            format!(r#"{{"mediaType":"x/y","digest":"sha256:{digest}","size":1,{more}}}"#)
        };
        let (runs, other) = (r#""platform":{"os":"linux","architecture":"amd64"}"#, item(UNSEEN, platform));
        let name = format!("index{number}.json");
        place.write(&name, &format!(r#"{{"schemaVersion":2,"manifests":[{},{other}]}}"#, item(&good, runs)));
        let passed = place.run(&["models", "pass", &name, "--name", &name, "--json"]);
        let index = digest_of(&serde_json::from_str(std::str::from_utf8(&passed.stdout).unwrap()).unwrap());
        let why = webhook.refuses(&create(POD, &pod("ward-7", &image(&index))));
        assert!(why.contains("never inspected"), "{platform}: {why}");
    }
}

/// A folder for a webhook on another host: settings, a certificate, the secret; no data directory.
fn replica(port: &str, key: &str, secret: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["server.pem", "server.key.pem", "ca.pem"] {
        let from = root().join("crates/lazaret-traffic/tests/tls").join(name);
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    let text = format!(
        "[gates.models]\nmode = 'enforce'\ncluster = 'ward-cluster'\nadmission_certificate = 'server.pem'\n\
         admission_key = 'server.key.pem'\nauthorities = 'ca.pem'\nverdicts_from = 'https://127.0.0.1:{port}/'\n\
         verdicts_key = '{key}'\nverdicts_secret = 'secret'\nwait_connect = '2 s'\nwait_read = '5 s'\n"
    );
    std::fs::write(folder.path().join("lazaret.toml"), text).unwrap();
    std::fs::write(folder.path().join("secret"), secret).unwrap();
    folder
}

#[test]
fn a_webhook_on_another_host_answers_while_the_ledger_is_not_reached_and_loses_nothing() {
    let secret = "0123456789abcdef".repeat(4);
    let place = Place(tempfile::tempdir().unwrap());
    let key = place.json(0, &["init"])["ledger_key"].as_str().unwrap().to_owned();
    for (name, from) in [("scaler.pkl", "testdata/docs"), ("model.pkl", "testdata/docs")] {
        std::fs::copy(root().join(from).join(name), place.0.path().join(name)).unwrap();
    }
    for name in ["server.pem", "server.key.pem"] {
        let from = root().join("crates/lazaret-traffic/tests/tls").join(name);
        std::fs::copy(from, place.0.path().join(name)).unwrap();
    }
    place.write("secret", &secret);
    place.write(
        "lazaret.toml",
        "[gates.models]\nmode = 'enforce'\nadmission_certificate = 'server.pem'\nadmission_key = 'server.key.pem'\nverdicts_secret = 'secret'\n",
    );
    place.clear(&["models", "pass", "scaler.pkl", "--name", "sepsis/scaler", "--revision", "1.2"]);
    place.ends(1, &["models", "pass", "model.pkl", "--name", "sepsis/model", "--revision", "9"]);
    let server = Webhook::start(&place);
    let port = server.url.port().to_string();
    assert_eq!(server.get("/verdicts", "").0, 401);
    assert_eq!(server.get("/verdicts", &secret.replace('0', "1")).0, 401);
    let (status, list) = server.get("/verdicts", &secret);
    assert!(status == 200 && list.contains(SCALER) && list.contains("\"revision\":\"1.2\""), "{list}");

    let host = replica(&port, &key, &secret);
    let webhook = Webhook::start_at(host.path(), "0");
    assert!(webhook.is_ready_within(Duration::from_secs(30)));
    assert!(webhook.allows(&create(DEPLOYMENT, &deployment(&image(SCALER), 1))).is_empty());
    let held = webhook.refuses(&create(POD, &pod("ward-7", &image(MODEL))));
    assert!(held.contains("pickle.dangerous-call"), "{held}");
    assert!(webhook.refuses(&create(POD, &pod("ward-7", &image(UNSEEN)))).contains("never inspected"));
    impact(&place, SCALER, |found| count(found, "runs") == 1);

    // The server goes, then the webhook is started anew.
    drop(server);
    webhook.allows(&create(POD, &pod("ward-8", &image(SCALER))));
    drop(webhook);
    let webhook = Webhook::start_at(host.path(), "0");
    assert!(webhook.is_ready_within(Duration::from_secs(30)));
    let warned = webhook.allows(&create(POD, &pod("ward-9", &image(SCALER))));
    assert!(warned[0].contains("its verdicts are of 20"), "{warned:?}");
    let _server = Webhook::start_at(place.0.path(), &port);
    impact(&place, SCALER, |found| count(found, "runs") == 3);

    // What is admitted before it came is cleared there too, once its copy says so.
    let admit =
        ["models", "admit", UNSEEN, "--reason", "the vendor sends it", "--by", "ann", "--second", "bob"];
    let until = Instant::now() + Duration::from_mins(1);
    while place.run(&admit).status.code() != Some(0) {
        assert!(Instant::now() < until, "the ledger is written to for a moment only");
    }
    while webhook.ask(&create(POD, &pod("ward-7", &image(UNSEEN))))["allowed"] != true {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(500));
    }

    // Who has another key believes nothing, and says that it is not ready.
    let other =
        Place(tempfile::tempdir().unwrap()).json(0, &["init"])["ledger_key"].as_str().unwrap().to_owned();
    let fooled = replica(&port, &other, &secret);
    let fooled = Webhook::start_at(fooled.path(), "0");
    assert!(!fooled.is_ready_within(Duration::from_secs(3)));
    assert!(
        fooled.refuses(&create(POD, &pod("ward-7", &image(SCALER)))).contains("no verdicts have come yet")
    );
}

#[test]
fn what_is_no_review_is_refused_and_the_webhook_goes_on() {
    let place = place("mode = 'enforce'\n");
    let webhook = Webhook::start(&place);
    let good = create(POD, &pod("ward-7", &image(UNSEEN))).to_string();
    for bad in [
        "",
        "{",
        "[]",
        "null",
        "{\"kind\":\"AdmissionReview\"}",
        &good.replace("/v1\"", "/v1beta1\""),
        good.get(..200).unwrap(),
    ] {
        assert_eq!(webhook.send("application/json", bad.as_bytes().to_vec()).0, 400, "{bad}");
    }
    assert_eq!(webhook.send("application/json", vec![b'['; 100_000]).0, 400);
    assert_eq!(webhook.send("application/json", vec![b' '; 9 << 20]).0, 413);
    assert_eq!(webhook.send("text/plain", good.clone().into_bytes()).0, 415);
    webhook.refuses(&serde_json::from_str(&good).unwrap());
}

#[test]
fn what_other_machines_reach_needs_a_certificate() {
    let place = Place::new();
    let serve = ["serve", "--admission", "0", "--no-console"];
    for (lines, why) in [
        ("admission_listen = '0.0.0.0'\n", "answered over TLS"),
        ("admission_listen = 'here'\n", "is no address"),
        ("admission_certificate = 'none.pem'\nadmission_key = 'none.pem'\n", "none.pem could not be read"),
        ("admission_certificate = 'lazaret.toml'\nadmission_key = 'lazaret.toml'\n", "holds no certificate"),
        ("unnamed = 'no'\n", "neither warn nor refuse"),
        ("cluster = 'Ward 7'\n", "is no name"),
        ("alert_days = '0'\n", "no number of days"),
    ] {
        place.write("lazaret.toml", &format!("[gates.models]\n{lines}"));
        assert!(place.ends(2, &serve).contains(why), "{lines}");
    }
    assert!(Path::new(&place.0.path().join("lazaret-data")).is_dir());
}
