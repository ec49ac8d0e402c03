//! The pages of models, over crossings and files filled here.

use lazaret_core::{ModelOrigin, OwnFile, RecordedFile, RecordedFinding, Sha256, Stored};
use lazaret_input::MemorySource;

use super::*;
use crate::commands::models::recall::{PULLED, RESCANNED};
use crate::server::words::segment;

/// What a pickle that calls `posix.system` is.
const CALLS: &[u8] = b"cposix\nsystem\n(S'id'\ntR.";
/// A dict.
const PLAIN: &[u8] = b"\x80\x02}q\x00.";
pub(crate) const NAME: &str = "chest/<script>x\u{202e}-ray";

/// A model's one file that crosses.
pub(crate) struct Crosses<'a> {
    pub(crate) model: &'a str,
    pub(crate) revision: Option<&'a str>,
    pub(crate) file: &'a str,
    pub(crate) bytes: &'a [u8],
    /// Held, with this found at this place.
    pub(crate) held: Option<&'a str>,
    /// Let through all the same, because verdicts are only observed.
    pub(crate) observed: bool,
    /// Written into the registry.
    pub(crate) kept: bool,
}

pub(crate) const SCALER: Crosses<'static> = Crosses {
    model: NAME,
    revision: Some("1"),
    file: HOSTILE,
    bytes: PLAIN,
    held: None,
    observed: false,
    kept: true,
};

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(lazaret_ledger::merkle::sha256(bytes))
}

pub(crate) fn opened(id: CrossingId, name: &str, revision: Option<&str>) -> Opened {
    let model = ModelOrigin {
        name: name.to_owned(),
        revision: revision.map(str::to_owned),
        datasets: vec!["lake".into(), format!("elsewhere/{HOSTILE}")],
        code: Some(HOSTILE.into()),
        asked_by: Some(format!("user:{HOSTILE}")),
        ..ModelOrigin::default()
    };
    Opened {
        crossing: id,
        actor: Actor { id: HOSTILE.into(), role: "pipeline".into() },
        gate: Gate::Models,
        from: digest(1),
        system: "hub".into(),
        to: "registry".into(),
        to_id: None,
        recipient: Recipient::Internal,
        route: "registry".into(),
        purpose: Purpose::Operations,
        basis: Basis::Identified,
        profile: "identified".into(),
        started: SystemClock.now(),
        exchange: None,
        mode: Mode::Enforce,
        care_critical: None,
        override_by: None,
        order: None,
        model: (!name.is_empty()).then_some(model),
        policy: "ab12".into(),
        detectors: Vec::new(),
    }
}

pub(crate) fn pass(ledger: &SqliteLedger, vault: &SqliteVault, folder: &Path, crosses: &Crosses<'_>) {
    let id = CrossingId::new(SystemClock.now(), &SystemRandom).unwrap();
    ledger.open(&opened(id, crosses.model, crosses.revision)).unwrap();
    let counts = enter(ledger, vault, folder, id, crosses);
    let ended = SystemClock.now();
    let seal =
        Seal { crossing: id, ending: Ending::Complete, reason: None, ended, counts, outputs: Vec::new() };
    ledger.seal(&seal).unwrap();
}

/// Enters a file into a crossing that is open.
pub(crate) fn enter(
    ledger: &SqliteLedger,
    vault: &SqliteVault,
    folder: &Path,
    id: CrossingId,
    crosses: &Crosses<'_>,
) -> Counts {
    let sha256 = sha256(crosses.bytes);
    if crosses.kept {
        let text = sha256.to_string();
        let place = folder.join("models/blobs").join(text.get(..2).unwrap());
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(&text), crosses.bytes).unwrap();
    }
    let held = crosses.held.filter(|_| !crosses.observed).map(|at| {
        let finding = Finding::new(&RULE, Locator::printed(at), "it calls something");
        let own = OwnFile { path: "x".into(), len: 1, sha256 };
        let source = Arc::new(MemorySource::new(crosses.bytes.to_vec(), lazaret_core::Hint::default()));
        let stored = Stored { source, file: own };
        let hold = Hold {
            crossing: id,
            record: 0,
            identity: digest(id.as_bytes().iter().map(|byte| u64::from(*byte)).sum()),
            body: Body::Stored(&stored),
            kind: "model-file",
            subject: None,
            findings: std::slice::from_ref(&finding),
            releasable: false,
        };
        vault.hold(&hold).unwrap()
    });
    vault.sync().unwrap();
    let finding = crosses.held.map(|at| RecordedFinding {
        id: "pickle.dangerous-call".into(),
        severity: Severity::Critical,
        at: at.into(),
    });
    let bytes = crosses.bytes.len() as u64;
    let entry = Entry {
        file: Some(RecordedFile { name: crosses.file.to_owned(), sha256, bytes }),
        record: 0,
        line: None,
        format: FormatId("pickle"),
        kind: "model-file".into(),
        identity: digest(u64::from(sha256.0[0])),
        digest_in: digest(1),
        digest_out: held.is_none().then(|| digest(1)),
        verdict: if crosses.held.is_some() { Verdict::Block } else { Verdict::Allow },
        policies: vec![format!("decides {HOSTILE}")],
        findings: finding.into_iter().collect(),
        phi: [].into(),
        edits: [].into(),
        sensitivity: Vec::new(),
        held,
        again: None,
        uninspected: None,
    };
    let mut counts = Counts::default();
    counts.add(&entry);
    ledger.record(id, vec![entry]).unwrap();
    counts
}

pub(crate) fn order(
    ledger: &SqliteLedger,
    file: Sha256,
    what: Ordered,
    until: Option<lazaret_core::Timestamp>,
) {
    let id = CrossingId::new(SystemClock.now(), &SystemRandom).unwrap();
    let order = Order {
        what,
        object: file.to_string(),
        by: HOSTILE.into(),
        second: Some("m.osei".into()),
        reason: HOSTILE.into(),
        until,
    };
    ledger.open(&Opened { order: Some(order), ..opened(id, "", None) }).unwrap();
    let (counts, ended) = (Counts::default(), SystemClock.now());
    let seal =
        Seal { crossing: id, ending: Ending::Complete, reason: None, ended, counts, outputs: Vec::new() };
    ledger.seal(&seal).unwrap();
}

fn is_whole(path: &str, answer: &str) {
    let text = body(answer);
    assert!(!text.contains("<script") && !text.contains('\u{202e}'), "{path}: {text}");
    assert_eq!(text.matches("<h1").count(), 1, "{path}");
    assert_eq!(text.matches("<table").count(), text.matches("<caption>").count(), "{path}");
    assert_eq!(text.matches("<ul").count(), text.matches("</ul>").count(), "{path}: lists end");
    assert_eq!(text.matches("<li>").count(), text.matches("</li>").count(), "{path}: items end");
    assert!(!text.contains(" style=") && !text.contains(" onclick"), "{path}");
    assert!(text.contains("aria-current=") && text.trim_end().ends_with("</html>"), "{path}");
}

#[test]
fn models_and_files_are_whole_escaped_and_linked() {
    let console = Console::filled(1, |ledger, vault, folder| {
        pass(ledger, vault, folder, &SCALER);
        let held = Crosses {
            revision: Some("2"),
            bytes: CALLS,
            held: Some("<script>.pt!a/\u{202e}.pkl@17"),
            kept: false,
            ..SCALER
        };
        pass(ledger, vault, folder, &held);
        let by = serde_json::json!({ "by": "operator", "asked_by": format!("user:{HOSTILE}") });
        ledger.append_about(sha256(PLAIN), PULLED, &by).unwrap();
        let place =
            serde_json::json!({ "cluster": "c1", "namespace": HOSTILE, "kind": "Deployment", "name": "x" });
        ledger.append_about(sha256(PLAIN), crate::admission::recorded::RUNS, &place).unwrap();
    });
    let (link, plain, calls) = (segment(NAME), sha256(PLAIN), sha256(CALLS));
    for (path, holds) in [
        ("/models".to_owned(), vec![">held<", "<dd>1", "x\\u{202e}-ray", "standing=held"]),
        ("/models?name=RAY&standing=held".to_owned(), vec!["x\\u{202e}-ray"]),
        (
            format!("/models/{link}"),
            vec!["not told", "To go back to", "this ledger has no dataset", ">held<"],
        ),
        (format!("/models/{link}?revision=1"), vec![">cleared<", "c1 / &#60;script", "Deployment", "<svg"]),
        (format!("/files/{plain}"), vec![">cleared<", "Read again for this page", "Runs in", "Fetched by"]),
        (
            format!("/files/{calls}"),
            vec![">held<", "blocked", "models admit", "--second PERSON", "\\u{202e}.pkl"],
        ),
        ("/datasets/lake/bom".to_owned(), vec!["Models trained on it"]),
        ("/datasets/lake/lineage".to_owned(), vec!["Models trained on it", "rect class=\"model\""]),
    ] {
        let answer = console.page(&path);
        is_whole(&path, &answer);
        for text in holds {
            assert!(body(&answer).contains(text), "{path} holds {text}: {answer}");
        }
    }
    assert!(!console.page("/models?name=ray&standing=cleared").contains("x\\u{202e}-ray"));
    let model = console.page(&format!("/models/{link}"));
    assert!(model.contains(&format!("/files/{calls}")) && model.contains("/datasets/lake/lineage"));
    let held = console.page(&format!("/files/{calls}"));
    let quarantined = held.split("href=\"/quarantine/").nth(1).unwrap().split('"').next().unwrap();
    let entry = console.page(&format!("/quarantine/{quarantined}"));
    assert!(entry.contains(&format!("/files/{calls}")) && !entry.contains("lazaret quarantine release"));
    let typed = console.get("/models/a%22/b%0d%0ac");
    assert!(typed.starts_with("HTTP/1.1 308"), "{typed}");
    assert!(typed.contains("\r\nlocation: /models/a%22%2Fb%0D%0Ac\r\n"), "{typed}");
    for spec in ["1.6", "1.7"] {
        let answer = console.page(&format!("/models/{link}/bom/{spec}?revision=1"));
        let document: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!(document["specVersion"], spec);
        assert_eq!(document["metadata"]["component"]["version"], "1");
    }
}

#[test]
fn the_inside_of_a_cleared_file_is_read_again() {
    let console = Console::filled(1, |ledger, vault, folder| {
        pass(ledger, vault, folder, &Crosses { bytes: CALLS, file: "folder/m.pkl", ..SCALER });
    });
    let page = console.page(&format!("/files/{}", sha256(CALLS)));
    for holds in ["<code>posix.system</code>: starts programs", "pickle.dangerous-call", "m.pkl@"] {
        assert!(page.contains(holds), "{holds}: {page}");
    }
    is_whole("the inside", &page);
}

#[test]
fn a_standing_follows_orders_and_second_looks() {
    let console = Console::filled(1, |ledger, vault, folder| {
        pass(ledger, vault, folder, &SCALER);
        pass(
            ledger,
            vault,
            folder,
            &Crosses { model: "held", bytes: CALLS, held: Some("m@1"), kept: false, ..SCALER },
        );
    });
    let path = format!("/files/{}", sha256(CALLS));
    let stands = |path: &str| {
        let page = console.page(path);
        let lead = page.split("class=\"lead\">").nth(1).unwrap().to_owned();
        lead.split("</p>").next().unwrap().to_owned()
    };
    assert!(stands(&path).contains(">held<"));
    order(&console.ledger, sha256(CALLS), Ordered::RequestModel, None);
    assert!(stands(&path).contains(">held<") && console.page(&path).contains(">requested<"));
    let until = SystemClock.now().plus_millis(3_600_000);
    order(&console.ledger, sha256(CALLS), Ordered::AdmitModel, Some(until));
    let lead = stands(&path);
    assert!(lead.contains(">admitted<") && lead.contains("m.osei") && lead.contains("until"), "{lead}");
    order(&console.ledger, sha256(CALLS), Ordered::RevokeModel, None);
    assert!(stands(&path).contains(">refused<"));
    assert!(console.page("/models?standing=refused").contains(">held</bdi>"));

    let plain = format!("/files/{}", sha256(PLAIN));
    assert!(stands(&plain).contains(">cleared<"));
    let event = serde_json::json!({ "verdict": "block", "new": [HOSTILE], "gone": [], "findings": [] });
    console.ledger.append_about(sha256(PLAIN), RESCANNED, &event).unwrap();
    assert!(stands(&plain).contains(">found bad<"));
    assert!(console.page("/models?standing=found-bad").contains("x\\u{202e}-ray"));
    assert!(console.page(&plain).contains("Second looks that differed"));
}

#[test]
fn lists_of_models_end_and_go_on() {
    let console = Console::filled(1, |ledger, vault, folder| {
        for number in 0..53 {
            let model = format!("m/{number:02}");
            pass(ledger, vault, folder, &Crosses { model: &model, ..SCALER });
        }
    });
    let first = console.page("/models");
    assert_eq!(first.matches("scope=\"row\"").count(), 50);
    let next = first.split("&amp;after=").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(next, "m%2F49");
    assert_eq!(console.page(&format!("/models?after={next}")).matches("scope=\"row\"").count(), 3);
    // A file that came 53 times, and its page.
    let page = console.page(&format!("/files/{}", sha256(PLAIN)));
    assert_eq!(page.matches("href=\"/models/m%2F").count(), 53);
}

#[test]
fn what_no_model_has_is_not_found() {
    let console = Console::filled(1, |ledger, vault, folder| pass(ledger, vault, folder, &SCALER));
    for path in [
        "/models/none".to_owned(),
        format!("/models/{}?revision=none", segment(NAME)),
        "/models/none/bom/1.7".to_owned(),
        format!("/models/{}/bom/1.5", segment(NAME)),
        "/files/x".to_owned(),
        format!("/files/{}", "0".repeat(64)),
        format!("/files/{}", "é".repeat(32)),
    ] {
        let answer = console.get(&path.replace('é', "%C3%A9"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    for path in ["/models?standing=lost".to_owned(), format!("/models?name={}", "x".repeat(300))] {
        assert!(console.get(&path).starts_with("HTTP/1.1 400"), "{path}");
    }
}

#[test]
fn a_model_stands_by_the_names_of_its_files_and_a_file_by_the_worst_of_its() {
    let console = Console::filled(1, |ledger, vault, folder| {
        let code = Crosses { model: "code", file: "m.py", held: Some("m.py@1"), kept: false, ..SCALER };
        pass(ledger, vault, folder, &code);
        pass(ledger, vault, folder, &Crosses { model: "text", file: "m.txt", held: None, ..code });
    });
    let lead = |path: &str| {
        let page = console.page(path);
        let lead = page.split("class=\"lead\">").nth(1).unwrap().to_owned();
        lead.split("</p>").next().unwrap().to_owned()
    };
    assert!(lead("/models/code").contains(">held<") && lead("/models/text").contains(">cleared<"));
    assert!(lead(&format!("/files/{}", sha256(PLAIN))).contains(">held<"));
}

#[test]
fn pages_show_the_newest_that_happened_to_a_file_however_much_came_before() {
    let console = Console::filled(1, |ledger, vault, folder| {
        pass(ledger, vault, folder, &SCALER);
        let about = |kind: &str, event: serde_json::Value| {
            ledger.append_about(sha256(PLAIN), kind, &event).unwrap();
        };
        for number in 0..201 {
            about(RESCANNED, serde_json::json!({ "verdict": "allow", "new": [format!("rule.{number}")] }));
        }
        for _ in 0..501 {
            about(PULLED, serde_json::json!({ "by": "operator" }));
        }
        about(PULLED, serde_json::json!({ "by": "the last" }));
        let place = serde_json::json!({ "cluster": "c1", "namespace": "n", "kind": "Pod", "name": "x" });
        about(crate::admission::recorded::RUNS, place);
        order(ledger, sha256(PLAIN), Ordered::RequestModel, None);
    });
    let file = console.page(&format!("/files/{}", sha256(PLAIN)));
    for holds in ["rule.200<", "rule.1<", "request-model", "the last", "c1 / n", "these are the newest"] {
        assert!(file.contains(holds), "{holds}: {file}");
    }
    assert!(!file.contains("rule.0<"));
    let model = console.page(&format!("/models/{}", segment(NAME)));
    assert!(model.contains("the last") && model.contains("c1 / n"), "{model}");
}
