//! The answers beside those of Presidio itself, and what a request cannot do.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use lazaret_core::Limits;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{AT_ONCE, MAX_ANSWER, MAX_BODY, PresidioState, anonymize, router};
use crate::config::Config;
use crate::knowledge::Watched;
use crate::server::Hosts;

const HOST: &str = "127.0.0.1:5002";

fn state() -> PresidioState {
    let config = Config::load(None, &[], |_| None, &[]).unwrap();
    PresidioState::new(Watched::new(&config).unwrap(), Limits::default())
}

fn bytes_with(state: PresidioState, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut routes = router(state, Hosts::of(HOST.parse().unwrap()));
        let response = tower_service::Service::call(&mut routes, request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, bytes.to_vec())
    })
}

fn call_with(state: PresidioState, request: Request<Body>) -> (StatusCode, Value) {
    let (status, bytes) = bytes_with(state, request);
    (status, serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap_or(Value::Null))
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("host", HOST).body(body.into()).unwrap()
}

fn call(path: &str, body: &Value) -> (StatusCode, Value) {
    call_with(state(), post(path, body.to_string()))
}

/// What Presidio answered (`testdata/presidio/record.py`).
fn recorded() -> Vec<Value> {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/presidio/anonymizer.json");
    let bytes = lazaret_input::read_file(&path, MAX_BODY).unwrap();
    serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap()
}

/// What is answered to a recorded request, byte for byte.
fn answered(state: &PresidioState, row: &Value) -> (u64, String) {
    let request = post(row["path"].as_str().unwrap(), row["request"].to_string());
    let (status, bytes) = bytes_with(state.clone(), request);
    (u64::from(status.as_u16()), String::from_utf8(bytes).unwrap())
}

#[test]
fn the_anonymizer_answers_as_presidio_does_byte_for_byte() {
    let state = state();
    let mut alike = 0;
    for row in recorded() {
        let (status, answer) = answered(&state, &row);
        let same =
            (status, answer.as_str()) == (row["status"].as_u64().unwrap(), row["response"].as_str().unwrap());
        match row.get("differs").and_then(Value::as_str) {
            Some("Presidio fails") => assert!((400..500).contains(&status), "{row}: {status} {answer}"),
            Some(_) => assert_eq!(status, 200, "{row}: {answer}"),
            None => assert!(same, "{row}: {status} {answer}"),
        }
        alike += usize::from(same);
    }
    assert!(alike >= 653, "{alike}");
}

#[test]
fn where_results_of_two_types_overlap_nothing_is_left_over_shown_or_written_twice() {
    let (state, rows) = (state(), recorded());
    let texts = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        assert!(row.get("differs").is_some(), "{name}");
        let theirs: Value = serde_json::from_str(row["response"].as_str().unwrap()).unwrap();
        let ours: Value = serde_json::from_str(&answered(&state, row).1).unwrap();
        (ours["text"].as_str().unwrap().to_owned(), theirs["text"].as_str().unwrap().to_owned())
    };
    // The `h` of the text is covered by a result, and stays in Presidio's.
    assert_eq!(texts("joined around another"), ("<A> of Ward 7".into(), "<A><B>h of Ward 7".into()));
    // `ef` is B's to remove, and A keeps it in Presidio's.
    assert_eq!(texts("overlap, kept"), ("abcd <B> of Ward 7".into(), "abcd ef<B> of Ward 7".into()));
    assert_eq!(texts("overlap, masked"), ("**cd <B> of Ward 7".into(), "**cd ef<B> of Ward 7".into()));
}

#[test]
fn results_that_grow_or_overlap_without_end_are_refused() {
    let mut limits = Limits::default();
    limits.set(MAX_ANSWER.key(), 3_000);
    let small = PresidioState { limits: Arc::new(limits), ..state() };
    let results = |length: usize| -> Vec<Value> {
        let each = (0..20)
            .map(|at| json!({"start": at, "end": at + length, "score": 1, "entity_type": format!("E{at}")}));
        each.collect()
    };
    let grow = json!({"text": "x".repeat(20), "analyzer_results": results(1),
        "anonymizers": {"DEFAULT": {"type": "replace", "new_value": "y".repeat(200)}}});
    let again = json!({"text": "x".repeat(1_000), "analyzer_results": results(900),
        "anonymizers": {"DEFAULT": {"type": "hash", "salt": "sixteen bytes ok"}}});
    for body in [grow, again] {
        let (status, answer) = call_with(small.clone(), post("/anonymize", body.to_string()));
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer["error"].as_str().unwrap().contains("`presidio.max_answer`"), "{answer}");
    }
}

#[test]
fn answers_and_errors_are_spaced_and_escaped_as_presidios() {
    let (status, bytes) = bytes_with(
        state(),
        post("/analyze", json!({"text": "née, SSN 078-05-1120", "language": "en"}).to_string()),
    );
    let answer = String::from_utf8(bytes).unwrap();
    assert_eq!(status, StatusCode::OK);
    let head = r#"[{"analysis_explanation": null, "end": 20, "entity_type": "US_SSN", "score": 0."#;
    assert!(answer.starts_with(head) && answer.ends_with(r#", "start": 9}]"#), "{answer}");
    let (_, bytes) = bytes_with(state(), post("/analyze", "{}"));
    assert_eq!(bytes, b"{\"error\":\"No text provided\"}\n");
    let get = Request::get("/deanonymizers").header("host", HOST).body(Body::empty()).unwrap();
    assert_eq!(bytes_with(state(), get).1, b"[\"decrypt\",\"deanonymize_keep\"]\n");
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
    let mut explained = body("her zippy: zq-123");
    explained["return_decision_process"] = json!(true);
    let (_, explained) = call("/analyze", &explained);
    let explanation = &explained[0]["analysis_explanation"];
    for (name, score) in [("original_score", 0.3), ("score", 0.65), ("score_context_improvement", 0.35)] {
        assert_eq!(explanation[name].as_f64(), Some(score), "{name}");
    }
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

proptest! {
    /// Whatever results say: no piece that a result covers stays, nothing else goes, and items say where things are.
    #[test]
    fn what_results_cover_goes_and_all_else_stays(
        text in "[a-cé😀 ]{0,20}",
        spans in prop::collection::vec((0_usize..22, 0_usize..6, 0_usize..3), 0..8),
    ) {
        let count = text.chars().count();
        let results: Vec<Value> = spans.iter().filter(|(start, length, _)| start + length <= count)
            .map(|(start, length, kind)| json!({"start": start, "end": start + length, "score": 0.5, "entity_type": format!("T{kind}")}))
            .collect();
        let covered = |at: usize| results.iter().any(|one| {
            (one["start"].as_u64().unwrap()..one["end"].as_u64().unwrap()).contains(&(at as u64))
        });
        let stays: String = text.chars().enumerate().filter(|(at, c)| !covered(*at) && *c != ' ').map(|(_, c)| c).collect();
        let request = json!({"text": text, "analyzer_results": results, "anonymizers": {"DEFAULT": {"type": "replace", "new_value": "#"}}});
        let answer = anonymize::anonymize(&request, MAX_ANSWER).unwrap();
        let answer: Value = serde_json::from_str(std::str::from_utf8(&answer).unwrap()).unwrap();
        let out: Vec<char> = answer["text"].as_str().unwrap().chars().collect();
        let left: String = out.iter().filter(|c| !"# ".contains(**c)).collect();
        prop_assert_eq!(left, stays);
        for item in answer["items"].as_array().unwrap() {
            let at = usize::try_from(item["start"].as_u64().unwrap()).unwrap();
            prop_assert_eq!(out[at], '#');
        }
    }

    /// Any value of any member is answered or refused, never a crash.
    #[test]
    fn any_request_is_answered(body in any_json()) {
        let _any = anonymize::anonymize(&body, MAX_ANSWER);
        let _any = anonymize::deanonymize(&body, MAX_ANSWER);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "text",
        "analyzer_results",
        "anonymizers",
        "deanonymizers",
        "anonymizer_results",
        "start",
        "end",
        "score",
        "entity_type",
        "type",
        "key",
        "DEFAULT",
        "salt",
        "hash_type",
        "masking_char",
        "chars_to_mask",
        "from_end",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..20).prop_map(Value::from),
        (0.0_f64..2.0).prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "é",
            "PERSON",
            "mask",
            "decrypt",
            "replace",
            "hash",
            "0123456789abcdef"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
