//! What is cut, undone or found after a crash is finished whole or leaves nothing.

use super::*;

#[test]
fn undo_leaves_nothing_and_a_cut_crossing_is_never_visible() {
    let (dir, _keys, lake) = new_lake();
    let mut to = lake.passage(crossing(1));
    to.add(&patient(1)).unwrap();
    to.undo();
    assert!(files(dir.path()).is_empty());
    assert!(to.add(&patient(1)).is_err());

    let mut to = lake.passage(crossing(2));
    to.add(&patient(1)).unwrap();
    assert!(to.commit(&sealed(crossing(2), Ending::Complete, vec![])).is_err());
    let outputs = to.finish().unwrap();
    assert!(to.finish().is_err());
    assert!(to.commit(&sealed(crossing(2), Ending::Cut, outputs.clone())).is_err());
    assert!(to.commit(&sealed(crossing(3), Ending::Complete, outputs)).is_err());
    assert!(lake.datasets().unwrap().is_empty());
    to.undo();
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_crossing_without_pieces_leaves_no_trace() {
    let (dir, _keys, lake) = new_lake();
    assert!(write(&lake, crossing(1), &[]).is_empty());
    assert!(files(dir.path()).is_empty());
}

#[test]
fn after_a_crash_the_sealed_is_finished_and_the_rest_undone() {
    let complete = |id: CrossingId| Ok(id == crossing(1));
    // Crash points: before the end, after the manifest, between two renames, after the renames.
    for point in 0..4 {
        for id in [crossing(1), crossing(2)] {
            let (dir, keys, lake) = new_lake();
            let mut to = lake.passage(id);
            to.add(&patient(1)).unwrap();
            to.add(&observation(2)).unwrap();
            let is_sealed = point > 0 && id == crossing(1);
            if point > 0 {
                let outputs = to.finish().unwrap();
                assert_eq!(lake.recover(&complete).unwrap().under_way, [id], "its lock is held");
                for output in outputs.iter().take(if is_sealed { point - 1 } else { 0 }) {
                    let (kind, _) = output.name.split_once('/').unwrap();
                    std::fs::create_dir_all(dir.path().join(kind)).unwrap();
                    let staged = lake.staging(id).join(format!("{kind}-0.parquet"));
                    std::fs::rename(staged, dir.path().join(&output.name)).unwrap();
                }
            }
            drop(to);
            let sealed_complete = |asked: CrossingId| Ok(point > 0 && asked == crossing(1));
            let recovered = lake.recover(&sealed_complete).unwrap();
            assert_eq!((recovered.finished == [id], recovered.undone == [id]), (is_sealed, !is_sealed));
            assert_eq!(lake.recover(&sealed_complete).unwrap(), Recovered::default());
            assert_eq!(rows(&lake, "lake/Patient", &keys).unwrap().len(), usize::from(is_sealed));
            assert_eq!(rows(&lake, "lake/Observation", &keys).unwrap().len(), usize::from(is_sealed));
            assert_eq!(files(dir.path()).len(), if is_sealed { 2 } else { 0 });
        }
    }
}

#[test]
fn where_the_ledger_cannot_say_nothing_is_touched() {
    let (dir, _keys, lake) = new_lake();
    let mut to = lake.passage(crossing(1));
    to.add(&patient(1)).unwrap();
    to.finish().unwrap();
    drop(to);
    let before = files(dir.path()).len();
    assert!(lake.recover(&|_| Err(LedgerError { what: "answer", cause: None })).is_err());
    assert_eq!(files(dir.path()).len(), before);
}

#[test]
fn a_manifest_cannot_name_a_file_outside_the_lake() {
    let (_dir, _keys, lake) = new_lake();
    for name in
        ["../x.parquet", "Patient/../../x.parquet", ".staging/x.parquet", "Patient/x.exe", "/etc/x.parquet"]
    {
        let mut to = lake.passage(crossing(1));
        to.add(&patient(1)).unwrap();
        to.finish().unwrap();
        drop(to);
        let manifest = lake.staging(crossing(1)).join("manifest.json");
        let text = format!(
            r#"{{"files":[{{"staged":"Patient-0.parquet","name":"{name}","sha256":"","bytes":1,"records":1}}]}}"#
        );
        std::fs::write(manifest, text).unwrap();
        let error = lake.recover(&|_| Ok(true)).unwrap_err();
        assert!(matches!(error, RecoverError::Lake(LakeError::ForeignName)), "{name}");
        lake.recover(&|_| Ok(false)).unwrap();
    }
}
