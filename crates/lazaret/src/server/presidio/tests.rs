//! The answers beside those of Presidio itself, and what a request cannot do.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use lazaret_core::Limits;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{AT_ONCE, MAX_BODY, PresidioState, router};
use crate::config::Config;
use crate::knowledge::Watched;
use crate::server::Hosts;

const HOST: &str = "127.0.0.1:5002";

fn state() -> PresidioState {
    let config = Config::load(None, &[], |_| None, &[]).unwrap();
    PresidioState::new(Watched::new(&config).unwrap(), Limits::default())
}

fn call_with(state: PresidioState, request: Request<Body>) -> (StatusCode, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut routes = router(state, Hosts::of(HOST.parse().unwrap()));
        let response = tower_service::Service::call(&mut routes, request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap_or(Value::Null))
    })
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("host", HOST).body(body.into()).unwrap()
}

fn call(path: &str, body: &Value) -> (StatusCode, Value) {
    call_with(state(), post(path, body.to_string()))
}

fn file(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/presidio").join(name);
    let bytes = lazaret_input::read_file(&path, MAX_BODY).unwrap();
    serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap()
}

#[test]
fn anonymize_answers_as_presidio_does() {
    let cases = file("anonymize.json");
    let state = state();
    for case in cases.as_array().unwrap() {
        let request = post("/anonymize", case["request"].to_string());
        let (status, answer) = call_with(state.clone(), request);
        assert_eq!(
            u64::from(status.as_u16()),
            case["status"].as_u64().unwrap(),
            "{} {answer}",
            case["request"]
        );
        assert_eq!(answer, case["response"], "{}", case["request"]);
    }
}

#[test]
fn what_presidio_encrypted_is_decrypted_and_the_other_way_round() {
    for case in file("encrypted.json").as_array().unwrap() {
        let decrypt = |anonymized: &Value, key: &Value| {
            let body = json!({
                "text": anonymized["text"], "anonymizer_results": anonymized["items"],
                "deanonymizers": {"DEFAULT": {"type": "decrypt", "key": key}},
            });
            call("/deanonymize", &body)
        };
        let (status, answer) = decrypt(&case["anonymized"], &case["key"]);
        assert_eq!((status, &answer), (StatusCode::OK, &case["deanonymized"]));
        assert_eq!(answer["text"], case["text"]);
        let (status, _) = decrypt(&case["anonymized"], &json!("fedcba9876543210"));
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let ours = json!({
            "text": case["text"], "anonymizers": {"DEFAULT": {"type": "encrypt", "key": case["key"]}},
            "analyzer_results": [{"start": 0, "end": 15, "entity_type": "PERSON", "score": 0.9}],
        });
        let (_, ours) = call("/anonymize", &ours);
        assert_ne!(ours["text"], case["text"]);
        assert_eq!(decrypt(&ours, &case["key"]).1["text"], case["text"]);
    }
}

#[test]
fn no_character_of_two_overlapping_results_appears_twice() {
    let body = json!({
        "text": "Wexcombe Thrale", "anonymizers": {"DEFAULT": {"type": "keep"}},
        "analyzer_results": [
            {"start": 0, "end": 10, "entity_type": "PERSON", "score": 0.5},
            {"start": 4, "end": 15, "entity_type": "LOCATION", "score": 0.9},
        ],
    });
    assert_eq!(call("/anonymize", &body).1["text"], "Wexcombe Thrale");
}

#[test]
fn analyze_tells_entities_scores_and_places_in_code_points() {
    let text = "😀 Mrs. Thrale, MRN 00483917, called 614-555-0137.";
    let (status, found) = call("/analyze", &json!({"text": text, "language": "en"}));
    assert_eq!(status, StatusCode::OK);
    let mut told: Vec<(u64, &str)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["start"].as_u64().unwrap(), one["entity_type"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told.iter().map(|(_, entity)| *entity).collect::<Vec<_>>(),
        ["PERSON", "MEDICAL_RECORD_NUMBER", "PHONE_NUMBER"]
    );
    assert_eq!(told[0].0, 7);
    let (_, persons) = call(
        "/analyze",
        &json!({"text": [text, "nothing here"], "language": "en", "entities": ["PERSON"], "return_decision_process": true}),
    );
    assert_eq!(persons[0].as_array().unwrap().len(), 1);
    assert_eq!(persons[0][0]["analysis_explanation"]["recognizer"], "phi.name");
    assert_eq!(persons[1], json!([]));
    let allowed = json!({"text": text, "language": "en", "entities": ["PERSON"], "allow_list": ["Thrale"]});
    assert_eq!(call("/analyze", &allowed).1, json!([]));
    let strict = json!({"text": text, "language": "en", "score_threshold": 0.999});
    assert_eq!(call("/analyze", &strict).1, json!([]));
}

#[test]
fn a_request_may_bring_its_own_recognisers() {
    let own = json!([{
        "name": "Zip", "supported_language": "en", "supported_entity": "ZIPPY", "context": ["zippy"],
        "patterns": [{"name": "z", "regex": "zq-\\d{3}", "score": 0.3}], "deny_list": ["tansy hill"],
    }]);
    let body = |text: &str| json!({"text": text, "language": "en", "entities": ["ZIPPY"], "ad_hoc_recognizers": own});
    let (_, found) = call("/analyze", &body("é ZQ-123 then on Tansy Hill"));
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!((found[0]["start"].as_u64(), found[0]["score"].as_f64()), (Some(17), Some(1.0)));
    assert_eq!((found[1]["start"].as_u64(), found[1]["score"].as_f64()), (Some(2), Some(0.3)));
    let (_, raised) = call("/analyze", &body("her zippy: zq-123"));
    assert_eq!(raised[0]["score"].as_f64(), Some(0.65));
    for pattern in ["(?<=a)b", "((a{900}){900}){9}", "(a)\\1", "[", "(?P<n"] {
        let bad = json!([{"supported_entity": "X", "patterns": [{"regex": pattern, "score": 0.3}]}]);
        let (status, _) =
            call("/analyze", &json!({"text": "b", "language": "en", "ad_hoc_recognizers": bad}));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{pattern}");
    }
}

#[test]
fn wrong_requests_are_told_without_a_value_of_theirs() {
    for (path, body, status) in [
        ("/analyze", "", 400),
        ("/analyze", "{\"text\": \"Thrale\", \"text\": \"x\", \"language\": \"en\"}", 400),
        ("/analyze", "{\"text\": {\"Thrale\": 1}, \"language\": \"en\"}", 400),
        ("/analyze", "{\"text\": \"\", \"language\": \"en\"}", 500),
        ("/analyze", "{\"text\": \"Thrale\"}", 500),
        ("/analyze", "{\"text\": \"Thrale\", \"language\": \"xx\"}", 500),
        ("/analyze", "{\"text\": \"Thrale\", \"language\": \"en\", \"entities\": [\"NOPE\"]}", 500),
        ("/anonymize", "[\"Thrale\"]", 400),
        ("/anonymize", "{\"text\": \"Thrale\", \"analyzer_results\": [{\"start\": \"Thrale\"}]}", 422),
        (
            "/anonymize",
            "{\"text\": \"x\", \"analyzer_results\": [], \"anonymizers\": {\"A\": {\"type\": \"custom\"}}}",
            400,
        ),
        ("/nothing", "{}", 404),
    ] {
        let (got, answer) = call_with(state(), post(path, body));
        assert_eq!(got.as_u16(), status, "{body}");
        assert!(answer["error"].is_string() && !answer.to_string().contains("Thrale"), "{answer}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(call_with(state(), post("/analyze", deep)).0, StatusCode::BAD_REQUEST);
}

#[test]
fn pages_other_hosts_long_bodies_and_too_many_at_once_are_refused() {
    let body = || json!({"text": "x", "language": "en"}).to_string();
    let page = Request::post("/analyze").header("host", HOST).header("origin", "https://tansy.example");
    assert_eq!(call_with(state(), page.body(body().into()).unwrap()).0, StatusCode::FORBIDDEN);
    let other = Request::post("/analyze").header("host", "tansy.example:5002");
    assert_eq!(call_with(state(), other.body(body().into()).unwrap()).0, StatusCode::MISDIRECTED_REQUEST);
    let get = Request::get("/analyze").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(call_with(state(), get).0, StatusCode::METHOD_NOT_ALLOWED);
    let mut limits = Limits::default();
    limits.set(MAX_BODY.key(), 10);
    let small = PresidioState { limits: Arc::new(limits), ..state() };
    let (status, answer) = call_with(small, post("/analyze", body()));
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer["error"].as_str().unwrap().contains("presidio.max_body"));
    let closed = Semaphore::new(AT_ONCE);
    closed.close();
    let busy = PresidioState { turns: Arc::new(closed), ..state() };
    assert_eq!(call_with(busy, post("/analyze", body())).0, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn what_it_says_of_itself() {
    let get = |path: &str| {
        let request = Request::get(path).header("host", HOST).body(Body::empty()).unwrap();
        call_with(state(), request)
    };
    let (_, entities) = get("/supportedentities?language=en");
    for name in ["PERSON", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "CREDIT_CARD", "LOCATION", "DATE_TIME"]
    {
        assert!(entities.as_array().unwrap().iter().any(|entity| entity == name), "{name}");
    }
    assert!(get("/recognizers").1.as_array().unwrap().iter().any(|id| id == "phi.mrn"));
    assert!(get("/anonymizers").1.as_array().unwrap().iter().any(|id| id == "mask"));
    assert_eq!(get("/deanonymizers").1[0], "decrypt");
    assert_eq!(get("/supportedentities?language=xx").0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(get("/health").0, StatusCode::OK);
}
