//! Wrong keys, altered bytes and files in another's place give errors, and no row.

use super::*;

#[test]
fn another_key_gives_an_error_and_no_row() {
    let (_dir, keys, lake) = new_lake();
    write(&lake, crossing(1), &[patient(1), patient(2)]);
    let mut found = lake.read("lake/Patient", keys.wrong()).unwrap();
    let error = found.next().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key `lake/Patient#footer@1` does not open this file: it is another key, or the file was changed"
    );
    assert!(found.next().is_none());
    let error = lake.read("lake/Patient", Keys::new()).unwrap().next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the lake could not get a key");
}

#[test]
fn a_key_for_some_columns_opens_no_others() {
    let (_dir, keys, lake) = new_lake();
    write(&lake, crossing(1), &[patient(1)]);
    let some = Keys::new();
    for (id, key) in keys.0.lock().unwrap().iter().filter(|(id, _)| !id.contains("content")) {
        some.0.lock().unwrap().insert(id.clone(), *key);
    }
    assert!(matches!(rows(&lake, "lake/Patient", &some), Err(LakeError::Keys(_))));
}

#[test]
fn an_altered_byte_anywhere_gives_no_row_that_differs() {
    let (dir, keys, lake) = new_lake();
    let pieces = [piece(0, "note", "one note"), piece(1, "note", "another")];
    let outputs = write(&lake, crossing(1), &pieces);
    let path = dir.path().join(&outputs[0].name);
    let good = bytes_of(&path);
    let mut unseen = Vec::new();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // the Parquet reader's own panics count as damage
    // Every byte of the digest, every seventh and the whole footer of the reader, which costs more.
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        assert!(lake.check(&outputs[0]).is_err(), "byte {at}");
        if at % 7 != 0 && at < good.len() - 700 {
            continue;
        }
        if let Ok(found) = rows(&lake, "lake/note", &keys) {
            let found: Vec<_> = found.iter().map(|row| row.content.expose().clone()).collect();
            unseen.push((at, found == [0, 1].map(|at: usize| pieces[at].content.bytes().unwrap().to_vec())));
        }
    }
    for length in (0..good.len()).step_by(11) {
        std::fs::write(&path, &good[..length]).unwrap();
        unseen.extend(rows(&lake, "lake/note", &keys).ok().map(|_| (length, false)));
    }
    std::panic::set_hook(hook);
    assert!(unseen.iter().all(|(_, same)| *same), "{unseen:?}");
    // What may change unseen by the reader is what says again what it knows otherwise: lengths, the file's name.
    assert!(unseen.len() * 10 < good.len(), "{} of {}", unseen.len(), good.len());
}

#[test]
fn an_alteration_in_a_late_row_group_gives_no_early_row() {
    let (dir, keys, mut lake) = new_lake();
    lake.max_buffered = 64;
    let pieces: Vec<Piece> =
        (0..30).map(|n| piece(n, "note", format!("note number {n} of the day"))).collect();
    let outputs = write(&lake, crossing(1), &pieces);
    let path = dir.path().join(&outputs[0].name);
    let mut bytes = bytes_of(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut found = lake.read("lake/note", Arc::<Keys>::clone(&keys)).unwrap();
    assert!(found.next().unwrap().is_err());
    assert!(found.next().is_none());
}

#[test]
fn a_file_in_anothers_place_or_in_the_clear_is_refused() {
    let (dir, keys, lake) = new_lake();
    let outputs = write(&lake, crossing(1), &[patient(1)]);
    let from = dir.path().join(&outputs[0].name);
    std::fs::rename(&from, from.with_file_name(format!("{}-0.parquet", crossing(2)))).unwrap();
    assert!(matches!(rows(&lake, "lake/Patient", &keys), Err(LakeError::Damaged { .. })));
    std::fs::write(from.with_file_name(format!("{}-0.parquet", crossing(2))), b"PAR1 is not encrypted PAR1")
        .unwrap();
    assert!(matches!(rows(&lake, "lake/Patient", &keys), Err(LakeError::Damaged { .. })));
}
