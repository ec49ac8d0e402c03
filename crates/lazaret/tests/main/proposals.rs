//! Proposed entries of a hospital's knowledge: from the command line, on the served pages, and through kills.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Place;

/// Words of entries and of the gold: they may stand in the knowledge, the proposals and the gold, and nowhere else.
const WORDS: [&str; 3] = ["Quillmoor", "Zephrane", "QZ.4471"];

const KNOWLEDGE: &str = "# ours\nversion = 1\n\n[[ward]]   # one\nnames = [\"Tansy East\"]";

const GOLD: &str = r#"{"id":"n1","text":"Ward: Tansy East\nThe Quillmoor of Mr. Quillmoor was 4.","spans":[{"start":6,"end":16,"label":"HOSPITAL"},{"start":38,"end":47,"label":"NAME","sub":"patient"}]}
{"id":"n2","text":"after zephrane came with folder QZ.4471","spans":[{"start":6,"end":14,"label":"NAME","sub":"provider"},{"start":32,"end":39,"label":"MRN"}]}
"#;

/// A hospital with gold and two reviewers.
struct Hospital {
    place: Place,
    tokens: [String; 2],
}

impl Hospital {
    fn new() -> Self {
        let place = Place::new();
        place.write("knowledge.toml", KNOWLEDGE);
        place.write("gold.jsonl", GOLD);
        let made = ["ana", "ben"].map(|name| place.json(0, &["phi", "knowledge", "reviewer", name]));
        let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let lines: Vec<String> = made.iter().map(|one| word(one, "line")).collect();
        let settings = "[phi]\nknowledge = \"knowledge.toml\"\ngold = \"gold.jsonl\"\n[reviewers]\n";
        place.write("lazaret.toml", &format!("{settings}{}\n", lines.join("\n")));
        Self { place, tokens: [word(&made[0], "token"), word(&made[1], "token")] }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.0.path().join(name)
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.path("knowledge.toml")).unwrap()
    }

    fn command(&self, who: usize, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(["phi", "knowledge"]).args(args).current_dir(self.place.0.path());
        command.env("LAZARET_REVIEWER_TOKEN", &self.tokens[who]).stdin(Stdio::null());
        command
    }

    /// Runs a command as a reviewer; it must end with this code.
    fn ends(&self, who: usize, code: i32, args: &[&str]) -> String {
        let output = self.command(who, args).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
        text
    }

    fn json(&self, who: usize, code: i32, args: &[&str]) -> Value {
        let output = self.command(who, args).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
    }

    /// No word of an entry stands in the data directory, and the ledger holds.
    fn check_data(&self) {
        search(&self.path("lazaret-data"));
        // What was logged, at the finest: no word of an entry, no token, no session.
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let secrets = self.tokens.iter().map(String::as_str).chain(["lazaret-review="]);
        for word in WORDS.into_iter().chain(secrets) {
            assert!(!log.contains(word), "{word} is in the log");
        }
        self.place.clear(&["ledger", "verify"]);
        self.place.clear(&["phi", "knowledge", "check"]);
    }
}

fn search(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        for word in WORDS.map(str::to_ascii_lowercase) {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} is in {}", path.display());
        }
    }
}

#[test]
fn an_entry_is_proposed_weighed_approved_and_recorded_from_the_command_line() {
    let hospital = Hospital::new();
    let told = hospital.ends(
        0,
        1,
        &["propose", "--not-phi", "Quillmoor", "--label", "NAME.patient", "--reason", "a score of ours"],
    );
    assert!(
        told.contains("WORSE: 1 gold span would pass") && told.contains("n1 | NAME | Quillmoor"),
        "{told}"
    );
    hospital.ends(
        0,
        0,
        &["propose", "--missed", "zephrane", "--label", "NAME.provider", "--reason", "a nurse"],
    );
    let shape =
        ["propose", "--shape", r"QZ[.]\d{4}", "--label", "MRN", "--after", "folder", "--reason", "ours"];
    let made = hospital.json(0, 0, &shape);
    assert_eq!((&made["id"], &made["by"], &made["state"]), (&3.into(), &"ana".into(), &"open".into()));
    assert_eq!((&made["weighed_now"]["found"], &made["weighed_now"]["lost"]), (&1.into(), &0.into()));
    assert_eq!(made["weighed_now"]["after"]["recall"]["part"], 3);
    assert!(made["weighed_now"]["after"]["recall"]["low"].as_f64().unwrap() > 0.3);
    assert_eq!(made["places"]["found"][0]["text"], "QZ.4471");

    // What makes no sense, or says what may not be said.
    for (args, why) in [
        (&["propose", "--missed", "x", "--label", "NAME", "--reason", "r"][..], "two letters"),
        (&["propose", "--missed", "xy", "--label", "NMAE", "--reason", "r"], "no label `NMAE`"),
        (&["propose", "--missed", "xy", "--reason", "r"], "--label"),
        (&["propose", "--reason", "r"], "--not-phi"),
        (
            &["propose", "--missed", "xy", "--not-phi", "xy", "--label", "NAME", "--reason", "r"],
            "cannot be used",
        ),
        (&["propose", "--not-phi", "xy", "--until", "tomorrow", "--reason", "r"], "`until` is a day"),
        (&["propose", "--shape", ".*", "--label", "MRN", "--reason", "r"], "a single sign"),
        (&["approve", "2", "--reason", "checked"], "ana proposed it"),
        (&["approve", "9", "--reason", "checked"], "no proposal 9"),
    ] {
        let told = hospital.ends(0, 2, args);
        assert!(told.contains(why), "{told}");
    }
    let told = hospital.ends(1, 2, &["approve", "2", "--reason", "Zephrane is a nurse"]);
    assert!(told.contains("may not repeat the entry's text"), "{told}");
    assert_eq!(hospital.file(), KNOWLEDGE);

    let told = hospital.ends(1, 1, &["approve", "1", "--reason", "checked"]);
    assert!(told.contains("not approved: the gold gets worse") && hospital.file() == KNOWLEDGE, "{told}");
    let approved = hospital.json(1, 0, &["approve", "2", "--reason", "checked"]);
    assert_eq!((&approved["state"], &approved["decision"]["by"]), (&"approved".into(), &"ben".into()));
    assert!(hospital.file().starts_with(KNOWLEDGE) && hospital.file().contains("approver = \"ben\""));
    let found = hospital.place.run(&["phi", "scan", "--json", "gold.jsonl"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("provider"), "it counts at once");
    let told = hospital.ends(1, 2, &["approve", "2", "--reason", "checked"]);
    assert!(told.contains("was approved already"), "{told}");
    hospital.ends(1, 0, &["approve", "1", "--despite", "--reason", "the score is in every note"]);
    hospital.ends(0, 0, &["reject", "3", "--reason", "not needed"]);

    let all = hospital.json(0, 0, &["proposals", "--all"]);
    let states: Vec<&str> =
        all.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["approved", "approved", "rejected"]);
    assert!(hospital.ends(0, 0, &["proposals"]).contains("no proposal waits"));
    let orders = hospital.place.orders();
    let word = |at: usize, key: &str| orders[at][key].as_str().unwrap_or("").to_owned();
    assert_eq!(
        [0, 1, 2].map(|at| word(at, "what")),
        ["reject-knowledge", "approve-knowledge", "approve-knowledge"]
    );
    assert_eq!(
        (word(2, "by"), word(2, "second"), word(2, "reason")),
        ("ana".into(), "ben".into(), "checked".into())
    );
    let object = word(2, "object");
    for part in
        ["proposal 2: deny NAME.provider; entry ", "; knowledge sha256:", "recall 2/4 to 3/4", "found 1"]
    {
        assert!(object.contains(part), "{part}: {object}");
    }
    assert!(word(1, "object").ends_with("; worse, confirmed"), "{}", word(1, "object"));
    hospital.check_data();
}

#[test]
fn nobody_proposes_or_decides_without_a_token_of_their_own() {
    let hospital = Hospital::new();
    let propose = ["propose", "--missed", "zephrane", "--label", "NAME", "--reason", "a nurse"];
    for token in ["", "lzrev-", "ana", &hospital.tokens[0].to_uppercase()] {
        let output = hospital.command(0, &propose).env("LAZARET_REVIEWER_TOKEN", token).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{token}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("no reviewer has this token"));
    }
    let shown = hospital.place.clear(&["config"]);
    assert!(!shown.contains("sha256:") && shown.contains("token set"), "{shown}");
    hospital.place.write("lazaret.toml", "[phi]\nknowledge = \"knowledge.toml\"\n");
    assert!(hospital.ends(0, 2, &propose).contains("there are no reviewers"));
    assert!(hospital.place.ends(2, &["serve", "--review", "0"]).contains("there are no reviewers"));
    assert!(!hospital.path("knowledge.toml.proposals").exists());
}

#[test]
fn without_gold_an_approval_says_that_nobody_measured() {
    let hospital = Hospital::new();
    let settings = std::fs::read_to_string(hospital.path("lazaret.toml")).unwrap();
    hospital.place.write("lazaret.toml", &settings.replace("gold = \"gold.jsonl\"\n", ""));
    let propose = ["propose", "--missed", "zephrane", "--label", "NAME", "--reason", "a nurse"];
    assert!(hospital.ends(0, 1, &propose).contains("gold: not measured"));
    let refused = hospital.json(1, 1, &["approve", "1", "--reason", "checked"]);
    assert!(refused["why"].as_str().unwrap().contains("names no gold"), "{refused}");
    hospital.ends(1, 0, &["approve", "1", "--despite", "--reason", "we make gold next week"]);
    assert!(hospital.place.orders()[0]["object"].as_str().unwrap().ends_with("not measured, confirmed"));
    // Gold that cannot be read is no gold that was measured.
    hospital.place.write("lazaret.toml", &settings);
    hospital.place.write(
        "gold.jsonl",
        "{\"id\":\"n1\",\"text\":\"Quillmoor\",\"spans\":[{\"start\":0,\"end\":99,\"label\":\"NAME\"}]}\n",
    );
    let told = hospital.ends(0, 2, &["propose", "--missed", "other", "--label", "NAME", "--reason", "r"]);
    assert!(told.contains("gold.jsonl:1: span 0..99") && !told.contains("Quillmoor"), "{told}");
}

/// The pages, served until dropped.
struct Pages {
    child: Child,
    host: String,
    at: String,
}

impl Pages {
    fn open(hospital: &Hospital) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command.args(["serve", "--review", "0", "--no-console", "-vvv"]).current_dir(hospital.place.0.path());
        command
            .stderr(std::fs::File::options().create(true).append(true).open(hospital.path("log")).unwrap());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says its address").unwrap();
        let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        let (host, at) = url.split_once('/').unwrap();
        Self { child, host: host.to_owned(), at: format!("/{at}") }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that refuses a long body may end before it has read it all.
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn get(&self, cookie: &str, path: &str) -> String {
        let (at, host) = (&self.at, &self.host);
        self.ask(&format!(
            "GET {at}{path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        ))
    }

    fn post_from(&self, origin: &str, cookie: &str, path: &str, form: &[(&str, &str)]) -> String {
        let pairs: Vec<String> =
            form.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let body = pairs.join("&");
        let (at, host) = (&self.at, &self.host);
        self.ask(&format!(
            "POST {at}{path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn post(&self, cookie: &str, path: &str, form: &[(&str, &str)]) -> String {
        self.post_from(&format!("http://{}", self.host), cookie, path, form)
    }

    /// Signs in; gives the cookie.
    fn sign_in(&self, token: &str) -> String {
        let answer = self.post("", "sign-in", &[("token", token)]);
        assert_eq!(status(&answer), "303", "{answer}");
        let set = header(&answer, "set-cookie");
        assert!(set.ends_with(&format!("; Path={}; HttpOnly; SameSite=Strict", self.at)), "{set}");
        set.split(';').next().unwrap().to_owned()
    }

    /// The value that a page hides in its form.
    fn seen(&self, cookie: &str, id: &str) -> String {
        let page = self.get(cookie, &format!("proposals/{id}"));
        page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.child.kill().unwrap(); // on Unix by SIGKILL
        self.child.wait().unwrap();
    }
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "))).unwrap_or("")
}

const TEXT: &str = "Ward: Tansy East\r\nassessment\r\nMr. Quillmoor has 4. <script>alert(1)</script>\u{202e}\r\nfolder QZ.4471\r\n";

#[test]
fn nobody_is_let_in_without_a_token_or_from_another_page() {
    let hospital = Hospital::new();
    let pages = Pages::open(&hospital);
    let look = |cookie: &str| pages.post(cookie, "text", &[("text", TEXT)]);

    // Nobody is let in without a token, from another page or under another name.
    assert_eq!(status(&pages.get("", "")), "401");
    assert_eq!(status(&pages.get("lazaret-review=0", "proposals/1")), "401");
    assert!(status(&look("")) == "401" && !look("").contains("Quillmoor"));
    assert_eq!(status(&pages.post("", "sign-in", &[("token", "lzrev-no")])), "401");
    let (ana, ben) = (pages.sign_in(&hospital.tokens[0]), pages.sign_in(&hospital.tokens[1]));
    for origin in ["null", "http://evil.example", "http://127.0.0.1:1"] {
        assert_eq!(status(&pages.post_from(origin, &ana, "text", &[("text", TEXT)])), "403");
        assert_eq!(status(&pages.post_from(origin, "", "sign-in", &[("token", &hospital.tokens[0])])), "403");
    }
    let rebound = format!(
        "GET {} HTTP/1.1\r\nHost: evil.example\r\nCookie: {ana}\r\nConnection: close\r\n\r\n",
        pages.at
    );
    assert_eq!(status(&pages.ask(&rebound)), "421");
    assert_eq!(
        status(&pages.ask(&format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", pages.host))),
        "404"
    );

    assert_eq!(status(&pages.post(&ana, "sign-out", &[])), "303");
    assert_eq!(status(&pages.get(&ana, "")), "401");
    assert_eq!(status(&pages.get(&ben, "")), "200");
}

#[test]
fn a_text_is_shown_with_the_words_that_can_be_said_of_it() {
    let hospital = Hospital::new();
    let pages = Pages::open(&hospital);
    let ana = pages.sign_in(&hospital.tokens[0]);
    let look = |cookie: &str| pages.post(cookie, "text", &[("text", TEXT)]);

    // The text with what is found in it, and nothing in it acts.
    let page = look(&ana);
    assert!(page.contains("Quillmoor</span></mark><small>NAME.patient</small>"), "{page}");
    let script = format!("<script src=\"{}select.js\" defer></script>", pages.at);
    assert!(page.contains("&#60;script&#62;") && page.contains("\\u{202e}"), "{page}");
    assert!(page.matches("<script").count() == 1 && page.contains(&script), "{page}");
    assert!(pages.get(&ana, "select.js").contains("selectionchange"));
    assert!(header(&page, "content-security-policy").contains("default-src 'none'"));
    assert_eq!(header(&page, "cache-control"), "no-store");
    let place = page.split("name=\"place\" value=\"").nth(2).unwrap().split('"').next().unwrap();
    let draft = pages.post(&ana, "draft", &[("text", TEXT), ("what", "found"), ("place", place)]);
    for part in [
        "<code>Quillmoor</code>",
        "only in the ward <bdi>tansy east</bdi>",
        "only in the section <bdi>assessment</bdi>",
    ] {
        assert!(draft.contains(part), "{part}: {draft}");
    }
    for (asked, why) in [
        (&[("text", TEXT), ("what", "found"), ("place", "1-2")][..], "not found any more"),
        (
            &[("text", TEXT), ("what", "missed"), ("missed", "nobody"), ("label", "NAME")],
            "does not hold this",
        ),
        (&[("text", TEXT), ("what", "missed"), ("missed", "folder"), ("label", "<b>")], "choose what it is"),
        (
            &[("text", TEXT), ("what", "range"), ("start", "5"), ("end", "99999"), ("label", "NAME")],
            "no span 5 to 99999",
        ),
        (
            &[("text", TEXT), ("what", "range"), ("start", "-1"), ("end", "4"), ("label", "NAME")],
            "a whole number",
        ),
    ] {
        let answer = pages.post(&ana, "draft", asked);
        assert!(status(&answer) == "422" && answer.contains(why), "{answer}");
    }
    let missed = pages.post(
        &ana,
        "draft",
        &[("text", TEXT), ("what", "missed"), ("missed", "QZ.4471"), ("label", "MRN")],
    );
    assert!(
        missed.contains("value=\"QZ[.]\\d{4}\"") && missed.contains("Every number of this shape"),
        "{missed}"
    );

    // A form that is too long, or none.
    let long = "a".repeat((1 << 20) + 1);
    let answer = pages.post(&ana, "text", &[("text", &long)]);
    assert!(status(&answer) == "422" && answer.contains("review.max_text"), "{}", status(&answer));
    let answer = pages.post(&ana, "propose", &[("kind", "deny"), ("text", &"a".repeat(70_000))]);
    assert_eq!(status(&answer), "413");
    assert_eq!(status(&pages.post(&ana, "propose", &[("kind", "deny")])), "422");
    let hostile = [("kind", "deny"), ("text", "a\u{1b}[2J\n[[allow]]"), ("label", "NAME"), ("reason", "r")];
    let answer = pages.post(&ana, "propose", &hostile);
    assert!(
        status(&answer) == "422" && answer.contains("the text is one line") && !answer.contains('\u{1b}'),
        "{answer}"
    );
}

/// The key of a note of the gold, as the list of them has it.
fn key(list: &str, at: &str, id: &str) -> String {
    let row = list.split(&format!("href=\"{at}gold/")).find(|row| row.contains(&format!("<bdi>{id}</bdi>")));
    row.expect("the list has the note").split('"').next().unwrap().to_owned()
}

#[test]
fn reviewers_go_through_the_gold_and_what_they_say_of_it_is_a_proposal() {
    let hospital = Hospital::new();
    // As `phi annotate` saves it: with who changed it last. Line ends of two characters, and a ward that nobody marked.
    let third = r#"{"id":"<n3>","text":"MRN 00483917\r\ncame with bay\r\nseven at Tansy East","spans":[{"start":4,"end":12,"label":"MRN"}],"by":"ana"}"#;
    hospital.place.write("gold.jsonl", &format!("{GOLD}{third}\n"));
    let pages = Pages::open(&hospital);
    assert_eq!(status(&pages.get("", "gold")), "401");
    let (ana, ben) = (pages.sign_in(&hospital.tokens[0]), pages.sign_in(&hospital.tokens[1]));

    let list = pages.get(&ana, "gold");
    assert!(list.contains("of 3 what is found") && list.contains("&#60;n3&#62;"), "{list}");
    let [first, second] = ["n1", "n2"].map(|id| key(&list, &pages.at, id));
    let third = key(&list, &pages.at, "&#60;n3&#62;");
    assert_eq!(status(&pages.get("", &format!("gold/{second}"))), "401");
    let page = pages.get(&ana, &format!("gold/{first}"));
    let link = |key: &str, words: &str| format!("<a href=\"{}gold/{key}\">{words}</a>", pages.at);
    assert!(page.contains(&link(&second, "Next note")), "{page}");
    assert!(page.contains(&link(&second, "Next note with a difference")), "{page}");
    assert!(page.contains("Quillmoor</span></mark><small>NAME.patient</small>"), "{page}");
    // What was missed stands there with its label, and what becomes of it is weighed on all the gold.
    let page = pages.get(&ana, &format!("gold/{second}"));
    assert!(page.contains("Note <bdi>n2</bdi>, 2 of 3 of the gold"), "{page}");
    let drawn = "<mark class=\"missed\"><span data-at=\"32\">QZ.4471</span></mark><small>missed: MRN</small>";
    assert!(page.contains(drawn) && page.contains(&link(&third, "Next note with a difference")), "{page}");
    assert!(!page.contains("name=\"text\""), "the forms name the note and do not hold it: {page}");
    let draft = pages.post(&ana, "draft", &[("gold", second.as_str()), ("what", "gold"), ("place", "32-39")]);
    assert!(draft.contains("<option selected>MRN</option>") && draft.contains("QZ[.]\\d{4}"), "{draft}");
    let shape = [("kind", "shape"), ("text", r"QZ[.]\d{4}"), ("label", "MRN"), ("reason", "our numbers")];
    let answer = pages.post(&ana, "propose", &shape);
    assert_eq!(status(&answer), "303", "{answer}");
    let proposal = pages.get(&ben, "proposals/1");
    assert!(proposal.contains("On the 3 notes of the gold") && proposal.contains("QZ.4471"), "{proposal}");
    let seen = pages.seen(&ben, "1");
    let yes = [("what", "approve"), ("reason", "checked"), ("seen", seen.as_str())];
    assert_eq!(status(&pages.post(&ben, "proposals/1", &yes)), "303");
    // It is found from then on.
    let list = pages.get(&ana, "gold");
    let rows: Vec<&str> = list.split("<tr>").filter(|row| row.contains("<bdi>n2")).collect();
    assert!(
        rows[0].contains("<td>2</td><td>1</td><td>1</td><td>0</td>"),
        "the name alone is missed: {rows:?}"
    );
    assert!(!pages.get(&ana, &format!("gold/{second}")).contains("missed: MRN"));

    // A finding; a selection counted in the note's own characters; a text copied over its line end.
    let page = pages.get(&ana, &format!("gold/{third}"));
    let extra =
        "<mark class=\"extra\"><span data-at=\"38\">Tansy East</span></mark><small>not in the gold: HOSPITAL";
    assert!(page.contains(extra) && !page.contains("Next note"), "{page}");
    let place = page.split("name=\"place\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let note = ("gold", third.as_str());
    let draft = pages.post(&ana, "draft", &[note, ("what", "found"), ("place", place)]);
    assert!(draft.contains("This text is no identifier") && draft.contains("00483917"), "{draft}");
    let range = [note, ("what", "range"), ("start", "24"), ("end", "34"), ("label", "OTHER_ID.room")];
    let copied = [note, ("what", "missed"), ("missed", "bay\r\nseven"), ("label", "OTHER_ID.room")];
    for asked in [&range[..], &copied[..]] {
        let draft = pages.post(&ana, "draft", asked);
        assert!(draft.contains("<code>bay seven</code>"), "{draft}");
    }
    for (asked, code, why) in [
        (&[note, ("what", "gold"), ("place", "0-3")][..], "422", "no such span any more"),
        (
            &[note, ("what", "range"), ("start", "30"), ("end", "99"), ("label", "NAME")],
            "422",
            "no span 30 to 99",
        ),
        (&[("gold", "00"), ("what", "found"), ("place", "0-3")], "409", "no such note now"),
    ] {
        let answer = pages.post(&ana, "draft", asked);
        assert!(status(&answer) == code && answer.contains(why), "{answer}");
    }

    // A note with another text is another note, and gold that cannot be read is none.
    hospital.place.write("gold.jsonl", &GOLD.replace("after", "since"));
    assert_eq!(status(&pages.get(&ana, &format!("gold/{second}"))), "404");
    assert!(pages.get(&ana, "gold").contains("of 2 what is found"));
    hospital.place.write("gold.jsonl", "{");
    let answer = pages.get(&ana, "gold");
    assert!(status(&answer) == "500" && answer.contains("gold.jsonl:1: "), "{answer}");
    assert!(!hospital.file().contains("Zephrane"));
    hospital.check_data();
}

#[test]
fn two_people_propose_and_approve_on_the_pages() {
    let hospital = Hospital::new();
    let pages = Pages::open(&hospital);
    let (ana, ben) = (pages.sign_in(&hospital.tokens[0]), pages.sign_in(&hospital.tokens[1]));
    let look = |cookie: &str| pages.post(cookie, "text", &[("text", TEXT)]);

    // A proposal; its own maker does not approve it.
    let allow = [
        ("kind", "allow"),
        ("text", "Quillmoor"),
        ("label", "NAME"),
        ("section", "assessment"),
        ("ward", "tansy east"),
    ];
    let own = [&allow[..], &[("only_section", "on"), ("reason", "<i>a score</i>")]].concat();
    let answer = pages.post(&ana, "propose", &own);
    assert_eq!(
        (status(&answer), header(&answer, "location")),
        ("303", format!("{}proposals/1", pages.at).as_str())
    );
    let page = pages.get(&ana, "proposals/1");
    assert!(
        page.contains("section = &#34;assessment&#34;") && !page.contains("ward ="),
        "only what was ticked: {page}"
    );
    assert!(
        page.contains("nothing changes on the gold")
            && page.contains("&#60;i&#62;a score")
            && !page.contains("value=\"approve\"")
    );
    let yes = |seen: &str| {
        vec![("what", "approve".to_owned()), ("reason", "checked".to_owned()), ("seen", seen.to_owned())]
    };
    let decide = |cookie: &str, id: &str, form: Vec<(&str, String)>| {
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        pages.post(cookie, &format!("proposals/{id}"), &form)
    };
    let seen = pages.seen(&ben, "1");
    let answer = decide(&ana, "1", yes(&seen));
    assert!(status(&answer) == "422" && answer.contains("another person approves it"), "{answer}");
    assert_eq!(hospital.file(), KNOWLEDGE);

    // The gold gets worse: that is said, and takes an explicit word.
    let wide = [&allow[..], &[("reason", "a score")]].concat();
    pages.post(&ana, "propose", &wide);
    let page = pages.get(&ben, "proposals/2");
    assert!(page.contains("The gold gets worse:") && page.contains("1 gold span would pass"), "{page}");
    let seen = pages.seen(&ben, "2");
    let answer = decide(&ben, "2", yes(&seen));
    assert!(status(&answer) == "422" && answer.contains("the gold gets worse"), "{answer}");

    // The file changed by hand since the page was made.
    let edited = KNOWLEDGE.replace("# ours", "# ours, by hand");
    hospital.place.write("knowledge.toml", &edited);
    let answer = decide(&ben, "1", yes(&seen));
    assert!(status(&answer) == "409" && answer.contains("changed meanwhile"), "{answer}");
    let seen = pages.seen(&ben, "1");
    let answer = decide(&ben, "1", yes(&seen));
    assert_eq!(status(&answer), "303", "{answer}");
    assert!(hospital.file().starts_with(&edited) && hospital.file().contains("approver = \"ben\""));
    // The pages look by it at once.
    assert!(!look(&ana).contains("Quillmoor</span></mark>"));
    let answer = decide(&ben, "2", vec![("what", "reject".to_owned()), ("reason", "too wide".to_owned())]);
    assert_eq!(status(&answer), "303", "{answer}");
    assert_eq!(status(&decide(&ben, "2", yes(&seen))), "409");
    assert_eq!(status(&pages.get(&ana, "proposals/99")), "404");

    drop(pages);
    // A new start asks everybody again, and has all that was answered.
    let pages = Pages::open(&hospital);
    assert_eq!(status(&pages.get(&ben, "")), "401");
    let ben = pages.sign_in(&hospital.tokens[1]);
    let list = pages.get(&ben, "");
    assert!(list.contains(">approved</span>") && list.contains(">rejected</span>"), "{list}");
    #[cfg(unix)]
    for file in ["knowledge.toml.proposals", "knowledge.toml.proposals.lock"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(hospital.path(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    hospital.check_data();
}

#[test]
fn two_approvals_at_once_are_one_approval() {
    let hospital = Hospital::new();
    hospital.ends(
        0,
        0,
        &["propose", "--missed", "zephrane", "--label", "NAME.provider", "--reason", "a nurse"],
    );
    let pages = Pages::open(&hospital);
    let ben = pages.sign_in(&hospital.tokens[1]);
    let seen = pages.seen(&ben, "1");
    let form = [("what", "approve"), ("reason", "checked"), ("seen", seen.as_str())];
    let mut answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| status(&pages.post(&ben, "proposals/1", &form)).to_owned()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    answers.sort();
    assert_eq!(answers, ["303", "409", "409", "409"]);
    assert_eq!(hospital.file().matches("# proposal 1,").count(), 1);
    hospital.check_data();
}

#[test]
fn approvals_killed_at_any_moment_lose_and_double_nothing() {
    let hospital = Hospital::new();
    let approve = |id: &str| hospital.command(1, &["approve", id, "--despite", "--reason", "checked"]);
    let propose = |number: u64| {
        let text = format!("zephrane {number}");
        hospital.ends(0, 0, &["propose", "--missed", &text, "--label", "NAME", "--reason", "a nurse"]);
    };
    propose(0);
    let start = Instant::now();
    assert!(approve("1").output().unwrap().status.success());
    let lasts = u64::try_from(start.elapsed().as_micros()).unwrap();
    let kills = crate::killed::runs(12);
    for number in 1..=kills {
        propose(number);
        let id = (number + 1).to_string();
        let mut child = approve(&id).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From the first moment to the last, in equal steps.
        std::thread::sleep(Duration::from_micros(lasts * number / kills));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whatever was left, the file holds and has the entry once or not at all.
        hospital.place.clear(&["phi", "knowledge", "check"]);
        assert!(hospital.file().starts_with(KNOWLEDGE));
        let again = approve(&id).output().unwrap();
        let told = String::from_utf8_lossy(&again.stderr).into_owned();
        let was_done = told.contains("was approved already");
        assert!(again.status.success() || was_done, "{told}");
        assert_eq!(hospital.file().matches(&format!("# proposal {id},")).count(), 1);
    }
    let all = hospital.json(0, 0, &["proposals", "--all"]);
    assert!(all.as_array().unwrap().iter().all(|one| one["state"] == "approved"), "{all}");
    hospital.check_data();
}
