//! The commands around the detectors: scores, pictures, other formats of marked notes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::cli::{Place, root};

fn place() -> Place {
    let place = Place(tempfile::tempdir().unwrap());
    for file in ["gold.jsonl", "pred.jsonl", "map.json"] {
        std::fs::copy(root().join("testdata/phi-score").join(file), place.0.path().join(file)).unwrap();
    }
    place
}

fn expected(name: &str) -> String {
    std::fs::read_to_string(root().join("testdata/phi-score").join(name)).unwrap()
}

#[test]
fn scores_are_those_of_another_scorer_to_the_byte() {
    let place = place();
    let score = |args: &[&str]| place.clear(&[&["phi", "score", "gold.jsonl", "pred.jsonl"], args].concat());
    assert_eq!(score(&["--show-misses", "9", "--show-false", "9"]), expected("table.txt"));
    assert_eq!(score(&["--json"]), expected("figures.json"));
    assert_eq!(score(&["--labels", "raw", "--min-score", "0.5", "--map", "map.json"]), expected("raw.txt"));
}

#[test]
fn intervals_stand_beside_the_scores() {
    let place = place();
    let told = place.clear(&["phi", "score", "--wilson", "gold.jsonl", "pred.jsonl"]);
    // 7 of 9: Wilson 45.26 to 93.68; ± 2 points at 77.8 % take 1,658 spans in all.
    assert!(told.contains("ANY           77.78   45.26   93.68    1649"), "{told}");
    let figures = place.json(0, &["phi", "score", "--half-width", "0.1", "gold.jsonl", "pred.jsonl"]);
    assert_eq!(figures["wilson"]["half_width"], 0.1);
    assert_eq!(figures["wilson"]["recall"]["ANY"]["hits"], 7);
    place.ends(2, &["phi", "score", "--half-width", "0", "gold.jsonl", "pred.jsonl"]);
}

#[test]
fn what_cannot_be_scored_is_told_with_its_line_and_without_its_text() {
    let place = place();
    for (gold, pred, said) in [
        (
            r#"{"id":"n","text":"Rook","spans":[{"start":0,"end":9,"label":"NAME"}]}"#,
            "",
            "g.jsonl:2: span 0..9 is outside",
        ),
        (r#"{"text":"Rook","spans":[]}"#, "", "g.jsonl:2: has no `id`"),
        (
            r#"{"id":"n","text":"Rook","spans":[]}"#,
            r#"{"id":"n","spans":[{"start":2,"end":9}]}"#,
            "p.jsonl has for line 2: span 2..9",
        ),
        (r#"{"id":"n","text":"Rook","spans":[]}"#, r#"{"id":"n","spans":[]} {}"#, "p.jsonl:2: at byte"),
        (
            r#"{"id":"n","text":"Rook","spans":[]}"#,
            "{\"id\":\"n\",\"spans\":[]}\n{\"id\":\"n\",\"spans\":[]}",
            "p.jsonl:3: the same `id`",
        ),
        (
            "{\"id\":\"n\",\"text\":\"Rook\",\"spans\":[]}\n{\"id\":\"n\",\"text\":\"Rook\",\"spans\":[]}",
            "",
            "g.jsonl:3: the same `id`",
        ),
        (
            r#"{"id":"n","text":"Rook","spans":[]}"#,
            r#"{"id":"n","spans":[{"start":-1,"end":2}]}"#,
            "p.jsonl:2: a span's `start`",
        ),
    ] {
        place.write("g.jsonl", &format!("\n{gold}\n"));
        place.write("p.jsonl", &format!("\n{pred}\n"));
        let told = place.ends(2, &["phi", "score", "g.jsonl", "p.jsonl"]);
        assert!(told.contains(said) && !told.contains("Rook"), "{told}");
    }
    place.write("e.jsonl", "{\"id\":\"n\",\"text\":\"\u{e9}a\",\"spans\":[]}\n");
    place.write("b.jsonl", "{\"id\":\"n\",\"spans\":[{\"start\":1,\"end\":2}]}\n");
    let told = place.ends(2, &["phi", "score", "--pred-unit", "byte", "e.jsonl", "b.jsonl"]);
    assert!(told.contains("offset 1 is not on a character boundary (wrong --pred-unit?)"), "{told}");
    place.ends(2, &["phi", "score", "e.jsonl", "none.jsonl"]);
    place.ends(2, &["phi", "score", "--map", "b.jsonl", "e.jsonl", "b.jsonl"]);
}

/// With all that one format or another trips over.
const HARD: &str = r#"{"id":"h-1","text":"a ]]> b <&\"' \r\n\u200eOttoline\r\nFrayne \ud83d\ude00\r end","spans":[{"start":15,"end":31,"label":"NAME","sub":"maiden"},{"start":2,"end":5,"label":"OTHER_ID"},{"start":32,"end":33,"label":"Own-kind","sub":"x"}]}
"#;

#[test]
fn marked_notes_come_back_through_other_formats_as_they_were() {
    let place = place();
    place.write("hard.jsonl", HARD);
    place.clear(&["phi", "convert", "--from", "jsonl", "--to", "jsonl", "hard.jsonl", "--out", "same.jsonl"]);
    let same = std::fs::read(place.0.path().join("same.jsonl")).unwrap();
    for format in ["i2b2", "brat"] {
        place.clear(&["phi", "convert", "--from", "jsonl", "--to", format, "hard.jsonl", "--out", format]);
        let again = place.run(&["phi", "convert", "--from", format, "--to", "jsonl", format]);
        assert_eq!(String::from_utf8(again.stdout).unwrap(), String::from_utf8(same.clone()).unwrap());
        // What is there is not written over.
        place.ends(2, &["phi", "convert", "--from", "jsonl", "--to", format, "hard.jsonl", "--out", format]);
    }
    place.clear(&["phi", "convert", "--from", "i2b2", "--to", "brat", "i2b2", "--out", "brat2"]);
    for file in ["h-1.txt", "h-1.ann"] {
        let read = |folder: &str| std::fs::read(place.0.path().join(folder).join(file)).unwrap();
        assert_eq!(read("brat"), read("brat2"));
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_with_its_place() {
    let place = place();
    let note = |id: &str, text: &str| format!("{{\"id\":\"{id}\",\"text\":\"{text}\",\"spans\":[]}}\n");
    place.write("out.jsonl", &note("../out", "a"));
    place.write("control.jsonl", &note("c", "a\\u001b"));
    place.write("bad.xml", "<!DOCTYPE a><deIdi2b2/>");
    place.write("alone.txt", "a");
    for (args, said) in [
        (
            &["--from", "jsonl", "--to", "brat", "out.jsonl", "--out", "o"][..],
            "out.jsonl:1: its `id` cannot be the name",
        ),
        (
            &["--from", "jsonl", "--to", "i2b2", "control.jsonl", "--out", "o"],
            "control.jsonl:1: character 1 has no form",
        ),
        (&["--from", "jsonl", "--to", "i2b2", "control.jsonl"], "--out"),
        (&["--from", "i2b2", "--to", "jsonl", "bad.xml"], "bad.xml: at byte 0"),
        (&["--from", "brat", "--to", "jsonl", "alone.txt"], "alone.ann"),
        (&["--from", "i2b2", "--to", "jsonl", "o"], "no file that ends in .xml"),
    ] {
        let told = place.ends(2, &[&["phi", "convert"], args].concat());
        assert!(told.contains(said), "{told}");
    }
    assert!(!place.0.path().parent().unwrap().join("out.txt").exists());
}

const HOSTILE: &str = "Mrs. Rook \u{1b}[2J</script><script>alert(1)</script>\u{202e}\r\nSSN 219-09-9999\n";

#[test]
fn pictures_show_what_would_act_and_pipes_get_places() {
    let place = place();
    place.write("note.txt", HOSTILE);
    let places = place.ends(1, &["phi", "scan", "note.txt"]);
    assert!(places.starts_with("note.txt:1:6: NAME") && !places.contains("Rook"), "{places}");
    let drawn = place.ends(1, &["phi", "scan", "--color", "always", "note.txt"]);
    assert!(drawn.contains("[\u{1b}[1;4;31m219-09-9999\u{1b}[0m \u{1b}[7;31mSSN\u{1b}[0m]"), "{drawn:?}");
    assert!(drawn.contains("\\u{1b}[2J") && drawn.contains("\\u{202e}\n") && !drawn.contains("\u{1b}[2J"));
    assert_eq!(places, place.ends(1, &["phi", "scan", "--html", "page.html", "note.txt"]));
    let page = std::fs::read_to_string(place.0.path().join("page.html")).unwrap();
    assert!(
        !page.contains("<script") && page.contains("219-09-9999") && page.contains("\\u{1b}</span>[2J"),
        "{page}"
    );
    place.ends(2, &["phi", "scan", "--html", "none/page.html", "note.txt"]);
    place.ends(2, &["phi", "scan", "--html", "page.html", "--jsonl", "gold.jsonl"]);
}

#[test]
fn folders_of_other_formats_are_scored_as_the_lines_they_hold() {
    let place = place();
    let score = |gold: &str, pred: &str| place.json(0, &["phi", "score", gold, pred]);
    for (format, folder) in [("i2b2", "xml"), ("brat", "brat")] {
        place.clear(&["phi", "convert", "--from", "jsonl", "--to", format, "gold.jsonl", "--out", folder]);
        // Other formats hold no traps and nothing neutral, so the lines are those that come back.
        let lines = format!("{folder}.jsonl");
        place.clear(&["phi", "convert", "--from", format, "--to", "jsonl", folder, "--out", &lines]);
        assert_eq!(score(folder, "pred.jsonl"), score(&lines, "pred.jsonl"), "{folder}");
    }
    for folder in ["xml", "brat"] {
        let whole = score("gold.jsonl", folder);
        assert_eq!(whole["exact"]["ANY"]["recall"], 1.0, "{whole}");
        assert_eq!(score("xml", folder), score("brat", folder));
        let told = place.ends(2, &["phi", "score", "--pred-unit", "byte", "gold.jsonl", folder]);
        assert!(told.contains("count code points"), "{told}");
    }
    let name = std::fs::read_dir(place.0.path().join("brat")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(name.with_extension("txt"), "other").unwrap();
    std::fs::write(name.with_extension("ann"), "").unwrap();
    let told = place.ends(2, &["phi", "score", "gold.jsonl", "brat"]);
    assert!(told.contains("brat has another text for it"), "{told}");
    std::fs::write(place.0.path().join("brat/a.xml"), "").unwrap();
    assert!(place.ends(2, &["phi", "score", "gold.jsonl", "brat"]).contains("give each a folder"));
    std::fs::create_dir(place.0.path().join("none")).unwrap();
    assert!(place.ends(2, &["phi", "score", "none", "pred.jsonl"]).contains("no file that ends in"));
}

/// Runs a command with something on its standard input; gives its exit code and what it printed.
fn with_input(place: &Place, args: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(args)
        .current_dir(place.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_text_may_come_from_standard_input() {
    let place = place();
    place.write("note.txt", "SSN 219-09-9999\n");
    let (code, told) =
        with_input(&place, &["phi", "scan", "-", "note.txt"], b"\xef\xbb\xbfSSN 219-09-9999\n");
    assert_eq!(code, Some(1));
    assert!(told.contains("stdin:1:6: SSN") && told.contains("note.txt:1:5: SSN"), "{told}");
    let (code, told) = with_input(&place, &["phi", "scan", "--json", "-"], b"SSN 219-09-9999\n");
    assert!(code == Some(1) && told.contains("\"path\": \"stdin\""), "{told}");
    let (code, told) = with_input(&place, &["phi", "edit", "--with", "redact", "-"], b"SSN 219-09-9999\n");
    assert!(code == Some(0) && told.starts_with("SSN [SSN 1]\nstdin: edited"), "{told}");
}

#[test]
fn tokens_may_be_made_of_standard_input() {
    let place = Place::new();
    let (code, told) = with_input(&place, &["phi", "edit", "--with", "token", "-"], b"SSN 219-09-9999\n");
    assert!(code == Some(0) && told.starts_with("SSN [SSN lz-") && told.contains("stdin: edited"), "{told}");
    let token = told.split([' ', ']']).find(|word| word.starts_with("lz-")).unwrap();
    let shown = place.json(0, &["tokens", "reveal", token, "--by", "ana", "--reason", "test"]);
    assert_eq!(shown["value"], "219-09-9999");
}

#[test]
fn what_is_no_text_is_uninspectable_and_the_others_are_scanned_all_the_same() {
    let place = place();
    place.write("note.txt", "SSN 219-09-9999\n");
    let utf16: Vec<u8> = "\u{feff}SSN 219-09-9999\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(place.0.path().join("utf16.txt"), &utf16).unwrap();
    for (bytes, why) in [
        (&b"M\xfcller, SSN 219-09-9999"[..], "no UTF-8 character at byte 1"),
        (b"\x7fELF\0\x01 Rook", "U+0000"),
        (b"\x7fELF\x02\x01\x01\x03\x02>\x01 Rook", "many control characters"),
    ] {
        std::fs::write(place.0.path().join("bad"), bytes).unwrap();
        let told = place.ends(3, &["phi", "scan", "bad", "note.txt", "utf16.txt"]);
        assert!(told.contains("bad: input.uninspectable: ") && told.contains(why), "{told}");
        assert!(told.contains("note.txt:1:5: SSN") && told.contains("utf16.txt:1:5: SSN"), "{told}");
        assert!(!told.contains("Rook") && !told.contains("ller"), "{told}");
        let told = place.json(3, &["phi", "scan", "bad", "note.txt"]);
        assert_eq!(told[0]["findings"][0]["id"], "input.uninspectable");
        assert_eq!(told[1]["spans"][0]["label"], "SSN");
        let told = place.ends(3, &["phi", "edit", "--with", "redact", "note.txt", "bad"]);
        assert!(told.starts_with("error: bad: input.uninspectable: ") && told.contains(why), "{told}");
    }
    // A file that is not there is wrong use; beside one that is no text that one counts.
    place.ends(2, &["phi", "scan", "none", "note.txt"]);
    place.ends(3, &["phi", "scan", "none", "bad"]);
    let line = "{\"id\":\"n\",\"text\":\"\\u0001\\u0002\\u0003\\u0004\"}\n";
    place.write("lines.jsonl", line);
    let told = place.ends(3, &["phi", "scan", "--jsonl", "lines.jsonl"]);
    assert!(told.contains("lines.jsonl: line 1: input.uninspectable: "), "{told}");
    for bad in [&b"{\"id\":1,\"text\":\"M\xfcller\"}"[..], b"{\"id\":1,\"text\":\"a\\u0000b\"}", b"\0\x01"] {
        let lines = [bad, b"\n{\"id\":2,\"text\":\"SSN 219-09-9999\"}\n"].concat();
        std::fs::write(place.0.path().join("lines.jsonl"), lines).unwrap();
        let told = place.ends(3, &["phi", "scan", "--jsonl", "lines.jsonl"]);
        assert!(
            told.contains("line 1: input.uninspectable: ") && told.contains("\"label\":\"SSN\""),
            "{told}"
        );
    }
    // What is not edited stays, in the charset it came in.
    let edited = place.run(&["phi", "edit", "--with", "redact", "utf16.txt"]).stdout;
    let expected: Vec<u8> = "\u{feff}SSN [SSN 1]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(edited, expected);
}

/// The pages of `phi annotate`, until they are killed.
struct Pages {
    child: Child,
    host: String,
    path: String,
}

impl Pages {
    fn open(place: &Place) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args([
                "phi",
                "annotate",
                "notes.jsonl",
                "--out",
                "made.jsonl",
                "--by",
                "ana",
                "--half-width",
                "0.05",
            ])
            .current_dir(place.0.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rest = line.split("http://").nth(1).unwrap().split(' ').next().unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        Self { host: host.to_owned(), path: format!("/{path}"), child }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!(
            "GET {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.path, self.host
        ))
    }

    fn post(&self, origin: &str, path: &str, body: &str) -> String {
        let answer = self.ask(&format!(
            "POST {}{path} HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            self.host,
            body.len()
        ));
        answer.split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.child.kill().unwrap(); // on Unix by SIGKILL
        self.child.wait().unwrap();
    }
}

#[test]
fn what_people_corrected_is_there_after_a_kill() {
    let place = place();
    place.write(
        "notes.jsonl",
        "{\"id\":\"<b>\",\"text\":\"SSN 219-09-9999, <script>\\u202eRook\"}\n{\"id\":\"n2\",\"text\":\"ok\"}\n",
    );
    let pages = Pages::open(&place);
    let own = format!("http://{}", pages.host);
    let list = pages.get("");
    assert!(list.contains("&#60;b&#62;") && list.contains("0 of 2 done"), "{list}");
    let note = pages.get("notes/0");
    assert!(note.contains("<mark><span data-at=\"4\">219-09-9999</span></mark><small>SSN</small>"), "{note}");
    assert!(note.contains("script-src 'self'") && note.matches("<script").count() == 1, "{note}");
    assert!(note.contains("<script src=\"../select.js\" defer></script>"), "{note}");
    assert!(note.contains("\\u{202e}") && !note.contains('\u{202e}'));
    assert!(pages.get("select.js").contains("selectionchange"));
    let mark = "revision=0&what=add-text&text=Rook&label=NAME.patient";
    for (origin, path) in [("null", "notes/0"), ("http://evil.example", "notes/0")] {
        assert_eq!(pages.post(origin, path, mark), "403");
    }
    assert_eq!(pages.post(&own, "notes/9", mark), "404");
    assert_eq!(pages.post(&own, "notes/0", "revision=0&what=add&start=0&end=999&label=NAME"), "422");
    assert_eq!(pages.post(&own, "notes/0", mark), "303");
    assert_eq!(pages.post(&own, "notes/0", "revision=0&what=done"), "409", "the page was an older one");
    drop(pages);

    let pages = Pages::open(&place);
    let own = format!("http://{}", pages.host);
    assert!(pages.get("notes/0").contains(">Rook</span></mark><small>NAME.patient</small>"));
    assert_eq!(pages.post(&own, "notes/0", "revision=0&what=done"), "303");
    let other = pages.ask(&format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", pages.host));
    assert!(other.starts_with("HTTP/1.1 404"), "{other}");
    drop(pages);

    let pages = Pages::open(&place);
    // Another process is kept off while this one lives, also after one that was killed.
    let told = place.ends(2, &["phi", "annotate", "notes.jsonl", "--out", "made.jsonl", "--by", "ben"]);
    assert!(told.contains("made.jsonl: another `lazaret phi annotate`") && told.contains("--out"), "{told}");
    let list = pages.get("");
    assert!(list.contains("still needed for ± 5 points"), "{list}");
    assert!(list.contains("1 of 2 done") && list.contains("50.0 % (9.5 to 90.5)"), "{list}");
    place.clear(&["phi", "score", "made.jsonl", "pred.jsonl"]);
    let gold = std::fs::read_to_string(place.0.path().join("made.jsonl")).unwrap();
    assert!(gold.contains(r#""label":"NAME","sub":"patient""#) && gold.contains(r#""by":"ana""#), "{gold}");
}
