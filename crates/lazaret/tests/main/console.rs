//! The console in a real browser, over records that really crossed.
//!
//! The browser is the one that `LAZARET_CHROMIUM` names. Without it the test says that it was skipped, and fails
//! where `CI` is `true`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time a page may take in the browser.
const PATIENCE: Duration = Duration::from_mins(1);

const RECORDS: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":"00483917"}],"name":[{"family":"Quillmoor","given":["Ilse"]}],"gender":"female","birthDate":"1961-06-15"}
{"resourceType":"Patient","id":"p2","name":[{"family":"Featherstone"}],"gender":"boy"}
"#;
/// What must stand on no page.
const VALUES: [&str; 5] = ["Quillmoor", "Ilse", "00483917", "1961-06-15", "Featherstone"];

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

fn lazaret(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
    command.current_dir(folder).env_remove("LAZARET_DATA");
    command
}

/// Serves a console over one crossing of two records, one of them held. Gives its address.
fn serve(folder: &Path) -> (Running, String) {
    std::fs::write(folder.join("records.ndjson"), RECORDS).unwrap();
    let init = lazaret(folder).arg("init").output().unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let ingest = lazaret(folder).args(["ingest", "records.ndjson", "--to", "lake"]).output().unwrap();
    assert_eq!(ingest.status.code(), Some(1), "{}", String::from_utf8_lossy(&ingest.stderr));
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/demo/models/");
    for (revision, code) in [("1", 0), ("2", 1)] {
        let file = format!("{samples}chest-xray-{revision}.pt");
        let of = ["--name", "chest/x-ray", "--trained-on", "lake/Patient", "--mode", "enforce"];
        let pass = lazaret(folder)
            .args(["models", "pass", &file, "--revision", revision])
            .args(of)
            .output()
            .unwrap();
        assert_eq!(pass.status.code(), Some(code), "{}", String::from_utf8_lossy(&pass.stderr));
    }
    let serving = lazaret(folder).args(["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut serving = Running(serving);
    let mut lines = BufReader::new(serving.0.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("http://")));
    let line = line.expect("serve says its address").unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    (serving, url.trim_end_matches('/').to_owned())
}

/// Headless Chromium with a profile of its own.
struct Browser {
    program: PathBuf,
    profile: tempfile::TempDir,
}

impl Browser {
    fn run(&self, args: &[&str]) -> String {
        let child = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut child = Running(child);
        let mut out = child.0.stdout.take().unwrap();
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text)
        });
        let started = Instant::now();
        while child.0.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < PATIENCE, "the browser did not end: {args:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        reading.join().unwrap().unwrap()
    }

    /// A page as the browser understood it.
    fn dom(&self, url: &str) -> String {
        self.run(&["--dump-dom", url])
    }

    /// A page as it looks: the bytes of a PNG.
    fn picture(&self, url: &str, size: &str, dark: bool) -> Vec<u8> {
        let file = self.profile.path().join("picture.png");
        let scheme = if dark {
            "--blink-settings=preferredColorScheme=0"
        } else {
            "--blink-settings=preferredColorScheme=1"
        };
        let (size, shot) = (format!("--window-size={size}"), format!("--screenshot={}", file.display()));
        self.run(&[&size, scheme, &shot, url]);
        std::fs::read(file).unwrap()
    }
}

/// The text between two marks, the first time both occur.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(found, _)| found)
}

/// What the keyboard reaches, in its order.
fn reached(dom: &str) -> Vec<&str> {
    dom.split('<')
        .filter(|tag| tag.starts_with("a ") || tag.starts_with("summary") || tag.contains("tabindex=\"0\""))
        .collect()
}

#[test]
fn the_console_in_a_browser() {
    let Some(program) = std::env::var_os("LAZARET_CHROMIUM").filter(|name| !name.is_empty()) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "LAZARET_CHROMIUM names no browser");
        // Past the runner, which hides what a test that ends well prints; `scripts/test` counts these lines.
        let mut errors = std::io::stderr();
        writeln!(errors, "\nskipped: the console in a browser (LAZARET_CHROMIUM names none)").unwrap();
        return;
    };
    let browser = Browser { program: program.into(), profile: tempfile::tempdir().unwrap() };
    let folder = tempfile::tempdir().unwrap();
    let (_serving, url) = serve(folder.path());

    let home = browser.dom(&format!("{url}/"));
    // The newest first: two crossings of a model, and that of the records.
    let id = home.split("href=\"/crossings/").filter_map(|rest| rest.get(..36)).last().unwrap().to_owned();
    let files = browser.dom(&format!("{url}/models/chest%2Fx-ray"));
    let blocked = between(&files, "href=\"/files/", "\"").to_owned();
    let cleared = browser.dom(&format!("{url}/models/chest%2Fx-ray?revision=1"));
    let cleared = between(&cleared, "href=\"/files/", "\"").to_owned();
    assert!(blocked.len() == 64 && cleared.len() == 64 && blocked != cleared, "{files}");
    let held = format!("{id}:1");
    for (path, title, heading, row) in [
        ("/".to_owned(), "Crossings · lazaret", "Crossings", "safe-harbor"),
        (format!("/crossings/{id}"), "Crossing …", "Crossing ", "Patient.gender"),
        (format!("/crossings/{id}/records"), "Records of crossing …", "Records", "Patient.gender"),
        ("/datasets".to_owned(), "Datasets · lazaret", "Datasets", "lake/Patient"),
        (
            "/datasets/lake%2FPatient/bom".to_owned(),
            "Bill of materials of lake/Patient",
            "Bill of materials: ",
            "MRN",
        ),
        ("/datasets/lake%2FPatient/lineage".to_owned(), "Lineage of lake/Patient", "Lineage: ", "crossing"),
        ("/models".to_owned(), "Models · lazaret", "Models", "chest/x-ray"),
        ("/models/chest%2Fx-ray".to_owned(), "Model chest/x-ray", "Model ", "pickle.dangerous-call"),
        (format!("/files/{blocked}"), "File ", "File ", "chest/x-ray"),
        (format!("/files/{cleared}"), "File ", "File ", "chest/x-ray"),
        ("/quarantine".to_owned(), "Quarantine · lazaret", "Quarantine", "Patient.gender"),
        (format!("/quarantine/{held}"), "Held record …", "Held record ", "Patient.gender"),
    ] {
        let dom = browser.dom(&format!("{url}{path}"));
        assert!(between(&dom, "<title>", "</title>").starts_with(title), "{path}: {dom}");
        assert!(between(&dom, "<h1>", "</h1>").starts_with(heading), "{path}: {dom}");
        assert_eq!(dom.matches("<h1").count(), 1, "{path}");
        let rows = dom.split("<tbody>").skip(1).any(|body| between(body, "<tr>", "</tbody>").contains(row));
        assert!(rows, "{path} has a row with {row}: {dom}");
        assert!(VALUES.iter().all(|value| !dom.contains(value)), "{path} shows a value of a record");
        // The keyboard: first the way past the head, then the head, then the page; nothing jumps the line.
        let reached = reached(&dom);
        assert!(reached.first().is_some_and(|tag| tag.contains("href=\"#main\"")), "{path}: {reached:?}");
        assert!(reached.iter().all(|tag| tag.starts_with("summary")
            || tag.contains("href=")
            || tag.contains("tabindex=\"0\"")));
        assert!(reached.len() > 5, "{path}: {reached:?}");
        assert!(!dom.contains("tabindex=\"1\"") && dom.contains("id=\"main\" tabindex=\"-1\""), "{path}");
        for landmark in ["<header", "<nav aria-label=", "<main id=\"main\"", "<footer"] {
            assert!(dom.contains(landmark), "{path}: {landmark}");
        }
        assert!(dom.contains("aria-current="), "{path}");
    }

    let url = format!("{url}/crossings/{id}");
    let light = browser.picture(&url, "1280,900", false);
    let dark = browser.picture(&url, "1280,900", true);
    let narrow = browser.picture(&url, "500,900", false);
    for picture in [&light, &dark, &narrow] {
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "something was drawn");
    }
    assert!(light != dark, "the dark scheme looks dark");
}
