//! Another reader of Parquet opens the lake with its keys.

use std::process::Command;

use super::*;

/// PyArrow's own key tools open the lake with the key service's keys, and not without.
#[test]
fn pyarrow_reads_the_lake_with_the_key_and_not_without() {
    let Some(python) = std::env::var_os("LAZARET_PYTHON") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "LAZARET_PYTHON must name a python3 with pyarrow"
        );
        // Past the runner, which hides what a test that ends well prints; `scripts/test` counts these lines.
        let why = "LAZARET_PYTHON names no python3 with pyarrow and cryptography";
        std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("\nskipped: {why}\n")).unwrap();
        return;
    };
    let (dir, keys, lake) = new_lake();
    let pieces: Vec<Piece> = (1..=50).flat_map(|n| [patient(n), observation(n)]).collect();
    let outputs = write(&lake, crossing(1), &pieces);
    let helper = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/read_lake.py");
    let run = |keys: &Keys, name: &str, columns: &str| {
        let keys: BTreeMap<String, String> =
            keys.0.lock().unwrap().iter().map(|(id, key)| (id.clone(), lazaret_core::hex(key))).collect();
        let output = Command::new(&python)
            .arg(&helper)
            .arg(dir.path().join(name))
            .arg(columns)
            .env("LAKE_KEYS", serde_json::to_string(&keys).unwrap())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let observations = &outputs[0].name;
    let (code, out, err) = run(&keys, observations, "");
    assert_eq!(code, Some(0), "{err}");
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read["rows"], 50);
    assert_eq!(read["types"]["value"], "string");
    assert_eq!(read["types"]["value_number"], "double");
    assert_eq!(read["types"]["effective_year"], "int32");
    assert_eq!(read["first"]["value"], "127.90");
    assert_eq!(read["first"]["value_number"], 127.9);
    assert_eq!(read["first"]["effective_year"], 2023);
    assert_eq!(read["first"]["resource"].as_str().unwrap().as_bytes(), pieces[1].content.bytes().unwrap());

    // Without a key, with wrong keys, and with the keys of some columns only.
    let (code, out, _) = run(&Keys::default(), observations, "");
    assert_eq!((code, out.as_str()), (Some(3), ""));
    let (code, out, _) = run(&keys.wrong(), observations, "");
    assert_eq!((code, out.as_str()), (Some(3), ""));
    let some = Keys::default();
    for (id, key) in keys.0.lock().unwrap().iter().filter(|(id, _)| !id.contains("#content")) {
        some.0.lock().unwrap().insert(id.clone(), *key);
    }
    assert_eq!(run(&some, observations, "").0, Some(3));
    let (code, out, err) = run(&some, observations, "code,value_number");
    assert_eq!(code, Some(0), "{err}");
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read["first"], serde_json::json!({"code": "8302-2", "value_number": 127.9}));
}
