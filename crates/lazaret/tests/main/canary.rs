//! The canary: marked values through everything, at trace level. They may stand in the operator's own lines about
//! files and in the vault's and the lake's encrypted bytes, and nowhere else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Marks of values, each spelled so that no code or word list holds it.
const MARKS: [&str; 8] = [
    "Zanzibarquill",
    "CNRY-7731-ID",
    "cnrykeyoutsideschema",
    "Narrativecnry",
    "Attachmentcnry",
    "Cellcnry",
    "Brokencnry",
    "Filenamecnry",
];

struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(args).current_dir(self.0.path());
        command
    }

    /// What a command printed, on both streams.
    fn all_of(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert_ne!(output.status.code(), Some(101), "{args:?} panicked");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

/// Base64 of a text, for attachments.
fn base64(text: &str) -> String {
    lazaret_input::base64::encode(text.as_bytes())
}

fn sow() -> Place {
    let place = Place(tempfile::tempdir().unwrap());
    let note = base64("Mrs. Zanzibarquill, MRN CNRY-7731-ID, Attachmentcnry was seen today.");
    let lines = [
        r#"{"resourceType":"Patient","id":"CNRY-7731-ID","name":[{"family":"Zanzibarquill"}],"birthDate":"1961-06-15"}"#.to_owned(),
        r#"{"resourceType":"Patient","id":"CNRY-7731-ID-b","cnrykeyoutsideschema":"Zanzibarquill"}"#.to_owned(),
        r#"{"resourceType":"Patient","id":"c","gender":"Zanzibarquill","birthDate":"Zanzibarquill","active":"Brokencnry"}"#.to_owned(),
        r#"{"resourceType":"Patient","id":"d","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Narrativecnry</p><Narrativecnry/></div>"}}"#.to_owned(),
        r#"{"resourceType":"Patient","id":"e","cnrykeyoutsideschema":1,"cnrykeyoutsideschema":2}"#.to_owned(),
        r#"{"resourceType":"Brokencnry","id":"f"}"#.to_owned(),
        r#"{"resourceType":"Observation","id":"g","status":"final","code":{"text":"x"},"subject":{"reference":"Zanzibarquill/CNRY-7731-ID"}}"#.to_owned(),
        format!(r#"{{"resourceType":"DocumentReference","id":"h","status":"current","subject":{{"reference":"Patient/CNRY-7731-ID"}},"content":[{{"attachment":{{"contentType":"text/plain","data":"{note}"}}}}]}}"#),
        r#"{"resourceType":"DocumentReference","id":"i","status":"current","content":[{"attachment":{"contentType":"text/plain","data":"@@Attachmentcnry@@"}}]}"#.to_owned(),
        r#"{"Brokencnry": Zanzibarquill"#.to_owned(),
    ];
    place.write("Filenamecnry.ndjson", &(lines.join("\n") + "\n"));
    place.write(
        "Filenamecnry.json",
        r#"{"resourceType":"Patient","id":"Filenamecnry","name":"Zanzibarquill"} Brokencnry"#,
    );
    place.write("Filenamecnry.txt", "Zanzibarquill CNRY-7731-ID called; Dr. Zanzibarquill answered.");
    place.write("Filenamecnry.csv", "Id,Cellcnry,Cellcnry\nCNRY-7731-ID,\"Cellcnry,Zanzibarquill\nx,y,z\n");
    place.write(
        "schema.toml",
        "name = \"t\"\ncolumns = [{ name = \"Id\", type = \"key\" }, { name = \"v\", type = \"date\" }]\n",
    );
    place.write("typed.csv", "Id,v\nCNRY-7731-ID,Cellcnry\n");
    place.write("Filenamecnry.pdf", "%PDF-1.4 Zanzibarquill");
    place.write("notes.jsonl", "{\"id\":1,\"text\":\"Mrs. Zanzibarquill, MRN CNRY-7731-ID\"}\n");
    place.write("broken.jsonl", "{\"id\":1,\"text\":\"Zanzibarquill\n");
    place
}

/// No mark may be in a text. The paths that a report of files prints are taken out first: they are the
/// operator's own.
fn clean(what: &str, text: &str) {
    for mark in MARKS.iter().filter(|mark| **mark != "Filenamecnry") {
        assert!(!text.contains(mark), "{mark} is in {what}:\n{text}");
    }
}

fn clean_of_all(what: &str, bytes: &[u8]) {
    for mark in MARKS {
        let wide: Vec<u8> = mark.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for form in [mark.as_bytes(), &wide] {
            assert!(!bytes.windows(form.len()).any(|window| window == form), "{mark} is in {what}");
        }
    }
}

fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        clean_of_all("a file's name", path.file_name().unwrap().as_encoded_bytes());
        if path.is_dir() {
            search(&path);
        } else {
            clean_of_all(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn marked_values_are_found_in_no_log_error_ledger_bom_or_page() {
    let place = sow();
    let files = [
        "Filenamecnry.ndjson",
        "Filenamecnry.json",
        "Filenamecnry.txt",
        "Filenamecnry.csv",
        "Filenamecnry.pdf",
    ];
    place.all_of(&["init"]);
    for check in [
        &["ingest", "-vvv", "--check"][..],
        &["ingest", "-vvv", "--check", "--jsonl"],
        &["ingest", "-vvv", "--check", "--json"],
    ] {
        clean("a look", &place.all_of(&[check, &files].concat()));
    }
    clean("an ingest", &place.all_of(&[&["ingest", "-vvv", "--to", "lake"][..], &files].concat()));
    clean(
        "an ingest of typed rows",
        &place.all_of(&["ingest", "-vvv", "typed.csv", "--schema", "schema.toml", "--to", "lake"]),
    );
    clean(
        "a schema that does not fit",
        &place.all_of(&["ingest", "-vvv", "Filenamecnry.csv", "--schema", "schema.toml", "--to", "lake"]),
    );
    clean("a scan", &place.all_of(&["phi", "scan", "-vvv", "Filenamecnry.txt"]));
    clean("a scan of lines", &place.all_of(&["phi", "scan", "-vvv", "--jsonl", "notes.jsonl"]));
    clean("a broken scan", &place.all_of(&["phi", "scan", "-vvv", "--jsonl", "broken.jsonl"]));

    let shown: Value = serde_json::from_str(&place.all_of(&["ledger", "show", "--json"])).unwrap();
    let receipts: Vec<&str> =
        shown.as_array().unwrap().iter().map(|row| row["crossing"].as_str().unwrap()).collect();
    assert!(receipts.len() >= 6, "every file is a crossing");
    for receipt in &receipts {
        for args in [
            &["ledger", "show", receipt][..],
            &["ledger", "show", receipt, "--json"],
            &["policy", "explain", receipt],
            &["ledger", "prove", receipt],
        ] {
            clean_of_all("what the ledger says", place.all_of(args).as_bytes());
        }
    }
    clean_of_all("the verification", place.all_of(&["ledger", "verify", "-vvv"]).as_bytes());
    let list = place.all_of(&["quarantine", "list", "--all", "--json"]);
    clean_of_all("the quarantine", list.as_bytes());
    let held: Value = serde_json::from_str(&list).unwrap();
    assert!(held.as_array().unwrap().len() >= 8, "{list}");
    for record in held.as_array().unwrap() {
        clean_of_all(
            "a held record",
            place.all_of(&["quarantine", "show", record["id"].as_str().unwrap()]).as_bytes(),
        );
    }
    let datasets = place.all_of(&["bom"]);
    for dataset in datasets.lines() {
        for args in [&["bom", dataset][..], &["bom", dataset, "--page"]] {
            clean_of_all("a bill of materials", place.all_of(args).as_bytes());
        }
    }
    pages(&place, &receipts, &datasets);
    search(&place.path("lazaret-data"));
    search(&place.path("lake"));
}

/// Every page of the console.
fn pages(place: &Place, receipts: &[&str], datasets: &str) {
    let mut child = place
        .command(&["serve", "--port", "0", "-vvv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _served = Served(child);
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut paths =
        vec!["/".to_owned(), "/datasets".to_owned(), "/quarantine".to_owned(), "/no-such-page".to_owned()];
    paths.extend(
        receipts
            .iter()
            .flat_map(|receipt| ["", "/records", "/proof"].map(|part| format!("/crossings/{receipt}{part}"))),
    );
    paths.extend(datasets.lines().flat_map(|dataset| {
        let name = dataset.replace('/', "%2F");
        ["bom", "bom/1.7", "lineage"].map(|part| format!("/datasets/{name}/{part}"))
    }));
    for path in paths {
        let page = get(address, &path);
        assert!(
            page.starts_with("HTTP/1.1 200") || path == "/no-such-page",
            "{path}: {}",
            page.lines().next().unwrap()
        );
        clean_of_all(&path, page.as_bytes());
    }
}
