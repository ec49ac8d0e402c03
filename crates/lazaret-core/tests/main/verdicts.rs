//! What becomes of records: verdicts, modes, break-glass, care-critical routes, records that come again.

use lazaret_core::*;

use crate::fakes::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn records_cross_as_they_are_or_with_edits_or_are_held() {
    let scene = Scene::new(Plan::none());
    let all = strings(&["plain", "of Quillfeather here", "bad", "attack", "unreadable"]);
    let receipt = scene.pass(crossing(1), &all).unwrap();
    assert_eq!(scene.visible(), ["plain", "of [MRN token] here"]);
    let counts = &receipt.sealed.seal.counts;
    assert_eq!(counts.verdicts.get(&Verdict::Allow), Some(&1));
    assert_eq!(counts.verdicts.get(&Verdict::Tokenise), Some(&1));
    assert_eq!(counts.verdicts.get(&Verdict::Quarantine), Some(&2));
    assert_eq!(counts.verdicts.get(&Verdict::Block), Some(&1));
    assert_eq!(counts.phi.get("MRN"), Some(&1));
    assert_eq!(counts.edits.get("MRN token"), Some(&1));
    let held = scene.vault.held.lock().unwrap();
    assert_eq!(
        held.iter().map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(),
        [b"bad".as_slice(), b"attack", b"unreadable"]
    );
}

#[test]
fn a_record_that_comes_again_is_not_written_again() {
    let scene = Scene::new(Plan::none());
    scene.pass(crossing(1), &strings(&["one", "two", "one"])).unwrap();
    assert_eq!(scene.visible(), ["one", "two"]);
    let receipt = scene.pass(crossing(2), &strings(&["two", "three"])).unwrap();
    assert_eq!(scene.visible(), ["one", "two", "three"]);
    assert_eq!(receipt.sealed.seal.counts.again, 1);
}

#[test]
fn looking_releases_nothing_and_records_nothing() {
    let scene = Scene::new(Plan::none());
    let all = strings(&["of Quillfeather", "bad", "attack"]);
    let mut reports = Vec::new();
    scene.checkpoint.inspect(crossing(1), scene.payload(&all), &mut |report| reports.push(report)).unwrap();
    let verdicts: Vec<_> = reports.iter().map(|report| report.verdict).collect();
    assert_eq!(verdicts, [Verdict::Allow, Verdict::Quarantine, Verdict::Block]);
    assert_eq!(reports[0].phi.get("MRN"), Some(&1));
    assert!(scene.ledger.opened.lock().unwrap().is_empty() && scene.vault.held.lock().unwrap().is_empty());
}

#[test]
fn observing_changes_nothing_and_records_what_would_have_been() {
    let scene = Scene::new(Plan::none());
    let watched = Crossing { mode: Mode::Observe, ..crossing(1) };
    let receipt = scene.pass(watched, &strings(&["of Quillfeather", "attack"])).unwrap();
    assert_eq!(scene.visible(), ["of Quillfeather", "attack"]);
    assert_eq!(receipt.sealed.seal.counts.verdicts.get(&Verdict::Block), Some(&1));
    assert_eq!(receipt.opened.mode, Mode::Observe);
}

fn care_critical(recipient: Recipient) -> Crossing {
    Crossing { care_critical: CareCritical::declared("a.reyes", "m.osei"), recipient, ..crossing(1) }
}

#[test]
fn a_care_critical_route_delivers_inside_the_hospital_when_a_detector_fails_and_says_so() {
    let scene = Scene::new(Plan::new(At::Detector, Trouble::Fail, 1));
    let receipt = scene.pass(care_critical(Recipient::Internal), &texts(3)).unwrap();
    assert_eq!(scene.visible(), texts(3), "never redacted, never shifted");
    assert_eq!(receipt.sealed.seal.counts.uninspected, 1);
}

#[test]
fn a_care_critical_route_out_of_the_hospital_delivers_nothing_uninspected() {
    let scene = Scene::new(Plan::new(At::Detector, Trouble::Fail, 1));
    let receipt = scene.pass(care_critical(Recipient::BusinessAssociate), &texts(3)).unwrap();
    assert_eq!(scene.visible().len(), 2);
    assert_eq!(receipt.sealed.seal.counts.uninspected, 0);
    assert_eq!(receipt.sealed.seal.counts.held(), 1);
}

#[test]
fn break_glass_releases_within_its_scope_and_bears_its_own_verdict() {
    let glass = |route: &str| {
        let request = OverrideRequest {
            by: "m.osei".into(),
            role: "clinician".into(),
            signed_in: FakeClock.now(),
            reason: "stroke team needs the route now".into(),
            scope: OverrideScope::Route(route.into()),
            lasts_millis: 60_000,
            recipient: Recipient::Internal,
        };
        Override::grant(request, &["clinician".to_owned()], FakeClock.now()).ok()
    };
    let scene = Scene::new(Plan::none());
    let receipt = scene
        .pass(Crossing { override_by: glass("ehr-to-lake"), ..crossing(1) }, &strings(&["attack"]))
        .unwrap();
    assert_eq!(scene.visible(), ["attack"]);
    assert_eq!(receipt.sealed.seal.counts.verdicts.get(&Verdict::Override), Some(&1));
    assert!(receipt.opened.override_by.is_some());

    let other =
        scene.pass(Crossing { override_by: glass("other"), ..crossing(2) }, &strings(&["attack 2"])).unwrap();
    assert_eq!(other.sealed.seal.counts.verdicts.get(&Verdict::Block), Some(&1));
    let public = Crossing { override_by: glass("ehr-to-lake"), recipient: Recipient::Public, ..crossing(3) };
    let public = scene.pass(public, &strings(&["attack 3"])).unwrap();
    assert_eq!(public.sealed.seal.counts.verdicts.get(&Verdict::Block), Some(&1));
}

#[test]
fn what_describes_a_patient_is_learnt_before() {
    let scene = Scene::new(Plan::none());
    let learnt =
        scene.checkpoint.survey(&crossing(1), scene.payload(&strings(&["describes x", "other"]))).unwrap();
    assert_eq!(learnt, 0, "free text is not learnt, only what the schema says identifies");
}

#[test]
fn a_passage_can_be_fed_record_by_record() {
    let scene = Scene::new(Plan::none());
    let mut passage = scene.checkpoint.open(crossing(1)).unwrap();
    let record = |number, text: &str| {
        std::sync::Arc::new(FakeRecord { plan: Plan::none(), number, text: text.to_owned() })
    };
    assert!(
        matches!(passage.feed(record(0, "plain")).unwrap(), Fate::Cleared(piece) if piece.piece().content.bytes() == Some(b"plain"))
    );
    assert!(matches!(passage.feed(record(1, "attack")).unwrap(), Fate::Held(_)));
    assert!(matches!(passage.feed(record(2, "plain")).unwrap(), Fate::Again(_)));
    let (_, sealed) = passage.seal(Vec::new()).unwrap();
    assert_eq!(sealed.seal.counts.records, 3);
}

#[test]
fn a_release_by_order_edits_what_could_be_read_and_holds_what_could_not() {
    let order = Order {
        what: Ordered::Release,
        object: "hold".into(),
        by: "a.reyes".into(),
        second: None,
        reason: "reviewed".into(),
        until: None,
    };
    let scene = Scene::new(Plan::none());
    let released = Crossing { order: Some(order), ..crossing(1) };
    let receipt = scene.pass(released, &strings(&["bad of Quillfeather", "unreadable", "nonsense"])).unwrap();
    assert_eq!(scene.visible(), ["bad of [MRN token]"]);
    assert_eq!(receipt.sealed.seal.counts.held(), 2);
    assert!(receipt.opened.order.is_some());
}

#[test]
fn a_remark_goes_whole_or_is_read_as_the_profile_says() {
    let remarks = strings(&["remark of Quillfeather here", "remark of nobody"]);
    let pass = |basis, recipient| {
        let scene = Scene::new(Plan::none());
        let receipt = scene.pass(Crossing { basis, recipient, ..crossing(1) }, &remarks).unwrap();
        (scene.visible(), receipt.sealed.seal.counts)
    };
    let (visible, counts) = pass(Basis::SafeHarbor, Recipient::Internal);
    assert_eq!(visible, ["", ""]);
    assert_eq!((counts.phi.len(), counts.edits["OTHER_ID.remark redact"]), (1, 2));
    for basis in [Basis::LimitedDataSet, Basis::Expert] {
        let (visible, counts) = pass(basis, Recipient::Internal);
        assert_eq!(visible, ["remark of [MRN token] here", "remark of nobody"]);
        assert_eq!((counts.phi.len(), counts.edits["MRN token"]), (1, 1));
    }
    assert_eq!(pass(Basis::Identified, Recipient::Internal).0, remarks);
    // Where everything is redacted, a remark goes whole on every basis.
    let (visible, counts) = pass(Basis::LimitedDataSet, Recipient::Public);
    assert_eq!((visible[1].as_str(), counts.edits["OTHER_ID.remark redact"]), ("", 1));
}

#[test]
fn a_photo_that_would_stay_was_not_inspected() {
    let looked = |basis: Basis| {
        let scene = Scene::new(Plan::none());
        let crossing = Crossing { basis, ..crossing(1) };
        let mut reports = Vec::new();
        scene
            .checkpoint
            .inspect(crossing, scene.payload(&strings(&["photo"])), &mut |report| reports.push(report))
            .unwrap();
        let report = reports.remove(0);
        let ids: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
        (report.verdict, ids, report.phi.get("PHOTO").copied())
    };
    assert_eq!(looked(Basis::SafeHarbor), (Verdict::Allow, vec![], Some(1)));
    assert_eq!(looked(Basis::LimitedDataSet), (Verdict::Allow, vec![], Some(1)));
    assert_eq!(looked(Basis::Identified), (Verdict::Quarantine, vec!["input.uninspectable"], Some(1)));
}
