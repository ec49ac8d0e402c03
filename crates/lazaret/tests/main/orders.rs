//! Models that pass while a server has the ledger open: handed over by `models pass` and `models watch`, and put into the folders
//! that the server watches; also when the server is killed.

#![expect(clippy::panic, reason = "a test that breaks off is a failed test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{Place, root};
use crate::killed::Dice;
use crate::updates::{Running, lazaret};

const ENFORCE: [&str; 2] = ["--mode", "enforce"];

fn place() -> Place {
    let place = Place::new();
    for name in ["model.pkl", "scaler.pkl", "scaler.sig", "signer-pub.pem"] {
        std::fs::copy(root().join("testdata/docs").join(name), place.0.path().join(name)).unwrap();
    }
    place
}

/// A server of the proxies over the data of a place, started in another folder; gives the lines that it prints at first.
fn serve(place: &Place, more: &[&str], last: &str) -> (Running, Vec<String>) {
    let elsewhere = place.0.path().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let settings = place.0.path().join("lazaret.toml");
    let mut serving = lazaret(&elsewhere);
    serving.args(["serve", "--data", "../lazaret-data"]).args(more).stdout(Stdio::piped());
    if settings.exists() {
        serving.arg("--config").arg(settings);
    }
    let mut serving = Running(serving.spawn().unwrap());
    let mut said = Vec::new();
    for line in BufReader::new(serving.0.stdout.take().unwrap()).lines().map_while(Result::ok) {
        said.push(line);
        if said.last().unwrap().starts_with(last) {
            return (serving, said);
        }
    }
    panic!("it said {said:?} and not `{last}`");
}

fn proxies(place: &Place) -> Running {
    serve(place, &["--models-proxy", "0", "--no-console"], "models: ").0
}

/// A server that watches the folders of the settings, of which this is the last.
fn watching(place: &Place, last: &str) -> Running {
    serve(place, &["--no-console"], &format!("watching: {last}: ")).0
}

/// Ends a server as service managers do.
fn terminate(mut serving: Running) {
    let asked = std::process::Command::new("kill").arg(serving.0.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(serving.0.wait().unwrap().success(), "it ends well when it is asked to");
}

/// What was printed, without what differs each time.
fn without_ids(mut passed: Value) -> Value {
    for file in passed["files"].as_array_mut().unwrap() {
        if let Some(again) = file.get_mut("again") {
            *again = Value::Null;
        }
    }
    let receipt = passed["receipt"].as_object_mut().unwrap();
    assert!(receipt.remove("receipt").is_some() && receipt.remove("sealed_at").is_some());
    passed
}

/// How each crossing of a model ended, newest first.
fn endings(place: &Place, model: &str) -> Vec<String> {
    let rows = place.json(0, &["ledger", "show"]);
    let of_model = |row: &&Value| {
        let crossing = place.json(0, &["ledger", "show", row["crossing"].as_str().unwrap()]);
        crossing.pointer("/opened/model/name").and_then(Value::as_str) == Some(model)
    };
    let ending = |row: &Value| row["ending"].as_str().unwrap_or("open").to_owned();
    rows.as_array().unwrap().iter().filter(of_model).map(ending).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn left_behind(place: &Place) -> usize {
    let models = place.0.path().join("lazaret-data/models");
    ["incoming", "staged"].map(|name| std::fs::read_dir(models.join(name)).unwrap().count()).iter().sum()
}

#[test]
fn a_model_passes_through_a_server_as_it_passes_alone() {
    let (alone, served) = (place(), place());
    for place in [&alone, &served] {
        let key = place.0.path().join("signer-pub.pem");
        place
            .write("lazaret.toml", &format!("[gates.models.signers]\nradiology = 'key {}'\n", key.display()));
        for name in ["both", "linked", "elsewhere"] {
            std::fs::create_dir(place.0.path().join(name)).unwrap();
        }
        for (link, to) in [("linked/a.pkl", "../scaler.pkl"), ("elsewhere/b", "../both")] {
            std::os::unix::fs::symlink(to, place.0.path().join(link)).unwrap();
        }
        for name in ["model.pkl", "scaler.pkl"] {
            std::fs::copy(place.0.path().join(name), place.0.path().join("both").join(name)).unwrap();
        }
        assert!(
            std::process::Command::new("mkfifo").arg(place.0.path().join("pipe")).status().unwrap().success()
        );
    }
    let serving = proxies(&served);
    let origin =
        ["--revision", "2", "--trained-on", "lake/Patient", "--code", "4f1c2e9", "--run", "mlflow:7d1"];
    for (code, args) in [
        (0, [&["scaler.pkl", "--name", "a", "--signature", "scaler.sig"][..], &origin].concat()),
        (1, [&["model.pkl", "--name", "b"][..], &ENFORCE].concat()),
        (1, vec!["both", "--name", "c/d"]),
        // Whoever types the command reads its links by their own rights.
        (0, vec!["linked", "--name", "e"]),
    ] {
        let args = [&["models", "pass"][..], &args].concat();
        let (one, two) = (alone.json(code, &args), served.json(code, &args));
        assert_eq!(without_ids(one), without_ids(two));
        let lines = |place: &Place| {
            let text = place.ends(code, &args);
            text.lines().filter(|line| !line.starts_with("receipt ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(&alone), lines(&served));
        let count = |place: &Place| place.ends(code, &[&args[..], &["--jsonl"]].concat()).lines().count();
        assert_eq!(count(&alone), count(&served));
    }
    for (code, args) in [
        (2, &["scaler.pkl", "--name", "a b"][..]),
        (2, &["scaler.pkl", "--name", "a", "--mode", "off"]),
        (2, &["no-such-file", "--name", "a"]),
        // A folder that is not followed is not left out without a word.
        (2, &["elsewhere", "--name", "e"]),
        (2, &["scaler.pkl", "--name", "a", "--signature", "./scaler.pkl"]),
        (3, &["scaler.pkl", "--name", "a", "--signature", "no-such-file"]),
        (3, &["pipe", "--name", "a"]),
    ] {
        let args = [&["models", "pass"][..], args].concat();
        assert_eq!(alone.ends(code, &args), served.ends(code, &args));
    }
    assert_eq!((left_behind(&alone), left_behind(&served)), (0, 0));
    // Who sends is the caller, whoever started the server.
    let passed = lazaret(served.0.path())
        .args(["models", "pass", "scaler.pkl", "--name", "mine", "--json"])
        .env("LAZARET_ACTOR_ID", "joe")
        .env("LAZARET_CROSSING_PURPOSE", "research:IRB-7")
        .output()
        .unwrap();
    let passed: Value = serde_json::from_str(std::str::from_utf8(&passed.stdout).unwrap()).unwrap();
    let receipt = served.json(0, &["ledger", "show", passed["receipt"]["receipt"].as_str().unwrap()]);
    assert_eq!(receipt.pointer("/opened/actor/id").unwrap(), "joe");
    assert_eq!(receipt.pointer("/opened/purpose").unwrap(), "research:IRB-7");
    terminate(serving);
    served.clear(&["models", "pass", "scaler.pkl", "--name", "alone"]);
    served.clear(&["ledger", "verify"]);
}

/// Pieces as they go over the socket.
fn say(stream: &mut UnixStream, kind: u8, bytes: &[u8]) {
    let mut piece = vec![kind];
    piece.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    piece.extend(bytes);
    stream.write_all(&piece).unwrap();
}

/// A pass that was begun: its order, a file's name, and a part of the file.
fn half_a_pass(place: &Place, file: &str) -> UnixStream {
    let mut caller = UnixStream::connect(place.0.path().join("lazaret-data/orders.sock")).unwrap();
    let order = serde_json::json!({
        "words": ["lazaret", "models", "pass", "half.bin", "--name", "half"], "settings": {}
    });
    say(&mut caller, b'o', order.to_string().as_bytes());
    say(&mut caller, b'f', file.as_bytes());
    say(&mut caller, b'b', &[7; 4096]);
    caller
}

#[test]
fn a_pass_that_is_cut_short_passes_nothing_and_a_long_one_is_waited_for_by_nobody() {
    let place = place();
    let held = place.json(1, &[&["models", "pass", "model.pkl", "--name", "b"][..], &ENFORCE].concat());
    let held = held["files"][0]["sha256"].as_str().unwrap().to_owned();
    let serving = proxies(&place);
    let answer = |mut caller: UnixStream| {
        let mut told = Vec::new();
        drop(caller.read_to_end(&mut told)); // what the server did not hear is still on its way
        String::from_utf8_lossy(&told).into_owned()
    };
    let cut = half_a_pass(&place, "half.bin");
    cut.shutdown(std::net::Shutdown::Write).unwrap();
    let told = answer(cut);
    assert!(told.contains("failed to fill whole buffer") && told.contains("\"exit\":3"), "{told}");
    let told = answer(half_a_pass(&place, "../../half.bin"));
    assert!(told.contains("no name that it could have"), "{told}");
    let mut foreign = UnixStream::connect(place.0.path().join("lazaret-data/orders.sock")).unwrap();
    let order = r#"{"words": ["lazaret", "models", "rescan"], "settings": {"data": "/elsewhere"}}"#;
    say(&mut foreign, b'o', order.as_bytes());
    let told = answer(foreign);
    assert!(told.contains("`data` is no setting of an order"), "{told}");

    std::thread::sleep(Duration::from_millis(500)); // they are told before they count as done
    let waiting: Vec<UnixStream> = (0..4).map(|_| half_a_pass(&place, "half.bin")).collect();
    until("four passes are under way", || left_behind(&place) == 4);
    let said = place.ends(3, &["models", "pass", "scaler.pkl", "--name", "one-more"]);
    assert!(said.contains("has 4 models under way; try again"), "{said}");
    place.clear(&["models", "request", &held, "--by", "joe", "--reason", "the pilot needs it"]);
    let mut waiting = waiting.into_iter();
    let mut goes_on = waiting.next().unwrap();
    say(&mut goes_on, b'b', &[]);
    say(&mut goes_on, b'e', &[]);
    let told = answer(goes_on);
    assert!(told.contains("receipt "), "{told}");
    drop(waiting);
    until("what was received goes with its caller", || left_behind(&place) == 0);
    place.clear(&["models", "pass", "scaler.pkl", "--name", "one-more"]);
    terminate(serving);
    assert_eq!(endings(&place, "half"), ["complete"]);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn a_folder_is_watched_through_a_server_and_what_passed_before_does_not_pass_again() {
    let place = place();
    let inbox = place.0.path().join("inbox");
    std::fs::create_dir_all(inbox.join("sepsis")).unwrap();
    std::fs::copy(place.0.path().join("scaler.pkl"), inbox.join("sepsis/scaler.pkl")).unwrap();
    std::fs::copy(place.0.path().join("model.pkl"), inbox.join("chest.pkl")).unwrap();
    std::fs::write(inbox.join("no name.bin"), "x").unwrap();
    let serving = proxies(&place);
    let once = [&["models", "watch", "inbox", "--once", "--under", "x"][..], &ENFORCE].concat();
    let said = place.ends(1, &once);
    for line in
        ["inbox/sepsis: 1 crossed, 0 held", "inbox/chest.pkl: 0 crossed, 1 held", "no name.bin: not passed"]
    {
        assert!(said.contains(line), "{said}");
    }
    assert!(place.ends(1, &once).contains("inbox/sepsis: passed before, 0 held"));
    terminate(serving);
    let said = place.ends(1, &[&once[..], &["--json"]].concat());
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["held"], &lines[2]["held"]),
        (&1.into(), &0.into()),
        "alone it is the same: {said}"
    );
    assert!(lines[1]["not_passed"].as_str().unwrap().contains("no name of a model"), "{said}");
    assert_eq!(endings(&place, "x/sepsis"), ["complete"]);
    // Other policies, and an admission, may let it pass.
    place.write("lazaret-data/policies/more.cedar", "@id(\"more\")\n@why(\"A change.\")\nforbid (principal, action == Action::\"Allow\", resource) when { context.rules.contains(\"no.such-rule\") };\n");
    assert!(place.ends(1, &once).contains("inbox/chest.pkl: 0 crossed, 1 held"));
    let digest = "92712f9a89d345aaffdd0d0b889a8cbc623b710d4ff46ec8d9e40a0f293f170a";
    place.clear(&["models", "admit", digest, "--by", "ann", "--second", "bob", "--reason", "read it"]);
    std::fs::remove_file(inbox.join("no name.bin")).unwrap();
    assert!(place.clear(&once).contains("inbox/chest.pkl: 1 crossed, 0 held"));
    assert!(place.clear(&once).contains("inbox/chest.pkl: passed before, 0 held"));
    std::fs::copy(inbox.join("sepsis/scaler.pkl"), inbox.join("chest.pkl")).unwrap();
    assert!(place.clear(&once).contains("inbox/chest.pkl: 1 crossed, 0 held"), "it is another file");
}

#[test]
fn a_server_watches_the_folders_of_the_settings() {
    let place = place();
    let folder = place.0.path();
    std::fs::create_dir(folder.join("inbox")).unwrap();
    let inbox = folder.join("inbox");
    let line = |more: &str| format!("[gates.models.watch]\nrad = '{} every=200ms {more}'\n", inbox.display());
    place.write("lazaret.toml", &line("under=radiology mode=enforce"));
    for (wrong, why) in [
        (line("every=1s"), "said twice"),
        (line("") + &format!("b = '{}/b'\n", inbox.display()), "also those of"),
        ("[gates.models.watch]\n'a b' = '/x'\n".to_owned(), "the name stands"),
    ] {
        std::fs::write(folder.join("wrong.toml"), wrong).unwrap();
        let said = place.ends(2, &["serve", "--port", "0", "--config", "wrong.toml"]);
        assert!(said.contains("`gates.models.watch.") && said.contains(why), "{said}");
    }
    std::fs::copy(folder.join("scaler.pkl"), inbox.join("scaler.pkl")).unwrap();
    let (serving, said) = serve(&place, &["--port", "0"], "console: ");
    assert!(said.iter().any(|line| line == &format!("watching: rad: {}", inbox.display())), "{said:?}");
    let address = said.last().unwrap().split_whitespace().nth(1).unwrap().to_owned();
    until("the clean one passes", || endings(&place, "radiology/scaler.pkl") == ["complete"]);
    // One that is being written, one that is held, one that has no name, and one in place of which there is nothing.
    std::fs::copy(folder.join("model.pkl"), inbox.join("model.pkl")).unwrap();
    std::fs::write(inbox.join(".coming"), "x").unwrap();
    std::fs::write(inbox.join("no name.bin"), "x").unwrap();
    std::os::unix::fs::symlink("/nowhere", inbox.join("gone.bin")).unwrap();
    until("the bad one is held", || place.run(&["models", "requests"]).status.code() == Some(1));
    let page = || String::from_utf8(crate::updates::bytes_sent(&address, "/models")).unwrap();
    until("the page says what is wrong", || page().contains("a name that no model can have"));
    assert!(!page().contains("no name.bin") && !page().contains(inbox.to_str().unwrap()));
    // The server has the ledger, and orders are handed to it.
    let digest = place.json(1, &["models", "requests"])[0]["sha256"].as_str().unwrap().to_owned();
    place.clear(&["models", "admit", &digest, "--by", "ann", "--second", "bob", "--reason", "read it"]);
    until("what was admitted passes", || endings(&place, "radiology/model.pkl").len() == 2);
    std::fs::remove_file(inbox.join("no name.bin")).unwrap();
    std::fs::remove_file(inbox.join("gone.bin")).unwrap();
    until("nothing is wrong any more", || page().contains("nothing is wrong"));
    let busy = lazaret(folder).args(["serve", "--port", "0"]).output().unwrap();
    let said = String::from_utf8_lossy(&busy.stderr);
    assert!(busy.status.code() == Some(3) && said.contains("--no-watch"), "{said}");
    drop(serve(&place, &["--no-watch", "--port", "0"], "console: "));
    terminate(serving);

    // A folder that is not there is no reason not to serve, and what passed before does not pass again.
    let more = format!("late = '{} every=200ms'\n", folder.join("late").display());
    place.write("lazaret.toml", &(line("under=radiology mode=enforce") + &more));
    let serving = watching(&place, "rad");
    std::fs::create_dir(folder.join("late")).unwrap();
    std::fs::copy(folder.join("scaler.pkl"), folder.join("late/late.pkl")).unwrap();
    until("what comes late passes", || endings(&place, "late.pkl") == ["complete"]);
    terminate(serving);
    assert_eq!(endings(&place, "radiology/scaler.pkl"), ["complete"]);
    assert_eq!(endings(&place, "radiology/model.pkl"), ["complete", "complete"], "held, then admitted");
    place.clear(&["ledger", "verify"]);
}

#[test]
fn no_link_of_a_folder_that_is_watched_is_followed_whoever_watches_it() {
    let place = place();
    let folder = place.0.path();
    // The folder itself may be a link.
    let inbox = folder.join("inbox");
    std::fs::create_dir(folder.join("there")).unwrap();
    std::os::unix::fs::symlink("there", &inbox).unwrap();
    std::fs::create_dir(inbox.join("inside")).unwrap();
    std::fs::copy(folder.join("scaler.pkl"), inbox.join("inside/scaler.pkl")).unwrap();
    std::fs::copy(folder.join("scaler.pkl"), inbox.join("clean.pkl")).unwrap();
    std::os::unix::fs::symlink("../../scaler.pkl", inbox.join("inside/linked.pkl")).unwrap();
    std::os::unix::fs::symlink("../scaler.pkl", inbox.join("link.pkl")).unwrap();
    std::os::unix::fs::symlink("inside", inbox.join("folder")).unwrap();
    let tells = |said: &str, clean: &str| {
        for line in [
            &format!("inbox/clean.pkl: {clean}, 0 held"),
            "inbox/folder: not passed: inbox/folder: a link",
            "inbox/inside: not passed: inbox/inside/linked.pkl: a link",
            "inbox/link.pkl: not passed: inbox/link.pkl: a link",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    };
    let once = ["models", "watch", "inbox", "--once", "--under", "x"];
    let serving = proxies(&place);
    tells(&place.ends(2, &once), "1 crossed");
    terminate(serving);
    tells(&place.ends(2, &once), "passed before");
    let endings_of = |under: &str| {
        ["clean.pkl", "folder", "inside", "link.pkl"]
            .map(|name| endings(&place, &format!("{under}/{name}")).len())
    };
    assert_eq!(endings_of("x"), [1, 0, 0, 0]);

    place.write(
        "lazaret.toml",
        &format!("[gates.models.watch]\ny = '{} every=100ms under=y'\n", inbox.display()),
    );
    let serving = watching(&place, "y");
    until("the clean one passes", || endings_of("y")[0] == 1);
    std::thread::sleep(Duration::from_secs(1)); // it looks at the others again, and again
    assert_eq!(endings_of("y"), [1, 0, 0, 0]);
    std::fs::remove_file(inbox.join("inside/linked.pkl")).unwrap();
    until("what has no link in it any more passes", || endings_of("y") == [1, 0, 1, 0]);
    terminate(serving);
    place.clear(&["ledger", "verify"]);
}

#[test]
fn two_files_of_one_name_and_more_files_than_may_come_are_the_callers_mistake() {
    let place = place();
    place.write("lazaret.toml", "[limits]\n'orders.max_files' = 2\n");
    let serving = proxies(&place);
    for words in [&["pass", "half.bin", "--name", "half"][..], &["watch", "inbox", "--once"]] {
        let mut caller = UnixStream::connect(place.0.path().join("lazaret-data/orders.sock")).unwrap();
        let words = [&["lazaret", "models"][..], words].concat();
        let order = serde_json::json!({ "words": words, "settings": {}, "model": "inbox/half" });
        say(&mut caller, b'o', order.to_string().as_bytes());
        for _ in 0..2 {
            say(&mut caller, b'f', b"half.bin");
            say(&mut caller, b'b', b"x");
            say(&mut caller, b'b', &[]);
        }
        say(&mut caller, b'e', &[]);
        let mut told = String::new();
        caller.read_to_string(&mut told).unwrap();
        assert!(told.contains("half.bin: two files of this name") && told.contains("\"exit\":2"), "{told}");
    }
    let inbox = place.0.path().join("inbox");
    std::fs::create_dir_all(inbox.join("many")).unwrap();
    for name in ["many/a.pkl", "many/b.pkl", "many/c.pkl", "one.pkl"] {
        std::fs::copy(place.0.path().join("scaler.pkl"), inbox.join(name)).unwrap();
    }
    let why = "limit `orders.max_files` reached: at most 2, found 3; to raise it, set `orders.max_files` under [limits]";
    let said = place.ends(2, &["models", "pass", "inbox/many", "--name", "many"]);
    assert!(said.contains(why) && said.contains("no server has the ledger open"), "{said}");
    let said = place.ends(2, &["models", "watch", "inbox", "--once"]);
    assert!(said.contains(why) && said.contains("inbox/many: not passed"), "{said}");
    assert!(said.contains("inbox/one.pkl: 1 crossed, 0 held"), "the others pass: {said}");
    terminate(serving);
    assert_eq!(left_behind(&place), 0);
    let said = place.ends(0, &["models", "watch", "inbox", "--once"]);
    assert!(
        said.contains("inbox/many: 3 crossed") && said.contains("inbox/one.pkl: passed before"),
        "{said}"
    );
    assert_eq!((endings(&place, "half").len(), endings(&place, "many")), (0, vec!["complete".to_owned()]));
}

/// A command of which everything is written to a file.
fn logged(place: &Place, log: &Path, args: &[&str]) -> Running {
    let log = std::fs::File::create(log).unwrap();
    let mut command = lazaret(place.0.path());
    command.args(args).stdout(log.try_clone().unwrap()).stderr(log);
    Running(command.spawn().unwrap())
}

#[test]
fn a_fault_that_ends_is_told_once_and_nothing_is_lost_or_passes_twice() {
    let place = place();
    let folder = place.0.path();
    let (inbox, log) = (folder.join("inbox"), folder.join("log"));
    std::fs::create_dir(&inbox).unwrap();
    let settings = format!("[gates.models.watch]\nx = '{} every=100ms under=x'\n", inbox.display());
    std::fs::write(folder.join("watching.toml"), settings).unwrap();
    let incoming = folder.join("lazaret-data/models/incoming");
    let told = |what: &str| std::fs::read_to_string(&log).unwrap().matches(what).count();
    let serving = ["serve", "--no-console", "--config", "watching.toml"];
    let alone = ["models", "watch", "inbox", "--interval", "100ms", "--under", "x"];
    for (round, args, fault) in
        [("a", &serving[..], "not all of a folder passes"), ("b", &alone[..], "not passed: ")]
    {
        let name = |number: usize| format!("{round}{number}.pkl");
        let put = |number| std::fs::copy(folder.join("scaler.pkl"), inbox.join(name(number))).unwrap();
        let passed = |number| endings(&place, &format!("x/{}", name(number))) == ["complete"];
        put(0);
        let running = logged(&place, &log, args);
        until("the first passes", || passed(0));
        // Nothing can be received: a file lies where files come.
        std::fs::rename(&incoming, folder.join("away")).unwrap();
        std::fs::write(&incoming, "").unwrap();
        put(1);
        until("the fault is told", || told(fault) == 1);
        std::thread::sleep(Duration::from_secs(2));
        std::fs::remove_file(&incoming).unwrap();
        std::fs::rename(folder.join("away"), &incoming).unwrap();
        until("the second passes", || passed(1));
        // The folder itself is away.
        std::fs::rename(&inbox, folder.join("away")).unwrap();
        std::thread::sleep(Duration::from_millis(500));
        std::fs::rename(folder.join("away"), &inbox).unwrap();
        put(2);
        until("the third passes", || passed(2));
        std::thread::sleep(Duration::from_millis(500)); // it looks again, and again
        terminate_any(running);
        let twice = if round == "a" { 2 } else { 1 };
        assert_eq!(told(fault), twice, "the store's fault, and where the log tells both, the folder's");
        assert!((0..3).all(passed), "each once");
        assert_eq!(left_behind(&place), 0);
    }
    place.clear(&["ledger", "verify"]);
}

/// Ends a process, however it takes that.
fn terminate_any(mut running: Running) {
    assert!(std::process::Command::new("kill").arg(running.0.id().to_string()).status().unwrap().success());
    let _status = running.0.wait().unwrap();
}

#[test]
fn what_crosses_is_what_was_judged_although_the_file_has_another_name() {
    let place = place();
    let folder = place.0.path();
    std::fs::create_dir(folder.join("inbox")).unwrap();
    std::fs::hard_link(folder.join("scaler.pkl"), folder.join("inbox/chest.pkl")).unwrap();
    let once = [&["models", "watch", "inbox", "--once"][..], &ENFORCE].concat();
    assert!(place.clear(&once).contains("inbox/chest.pkl: 1 crossed, 0 held"));
    let clean = "f0b4512771827f6f79ba3771f44f1be8c93dde21d101ab5acd8cf56721daa30a";
    let blob = folder.join("lazaret-data/models/blobs/f0").join(clean);
    let judged = std::fs::read(&blob).unwrap();
    // The same file is written anew, under its other name.
    let bad = std::fs::read(folder.join("model.pkl")).unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(folder.join("scaler.pkl"))
        .unwrap()
        .write_all(&bad)
        .unwrap();
    assert_eq!(std::fs::read(folder.join("inbox/chest.pkl")).unwrap(), bad);
    assert_eq!(std::fs::read(&blob).unwrap(), judged, "what crossed is a copy");
    let serving = proxies(&place);
    assert!(place.ends(1, &once).contains("inbox/chest.pkl: 0 crossed, 1 held"));
    terminate(serving);
    assert_eq!(std::fs::read_dir(folder.join("lazaret-data/models/blobs")).unwrap().count(), 1);
    place.clear(&["ledger", "verify"]);
}

/// Models of some size, each of two files, and all different.
fn sow(inbox: &Path, models: usize) {
    for number in 0..models {
        let folder = inbox.join(format!("m{number}"));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.bin", "b.bin"] {
            let mut bytes = vec![0_u8; 300_000];
            let mut dice = Dice(0x9e37_79b9 + number as u64 * 2 + u64::from(name == "a.bin"));
            for byte in &mut bytes {
                *byte = u8::try_from(dice.below(256)).unwrap();
            }
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

#[test]
fn a_server_that_is_killed_while_it_watches_and_takes_orders_loses_and_doubles_nothing() {
    const MODELS: usize = 8;
    let place = place();
    let inbox = place.0.path().join("inbox");
    sow(&inbox, MODELS);
    sow(&place.0.path().join("handed"), 1);
    place.write(
        "lazaret.toml",
        &format!("[gates.models.watch]\nx = '{} every=50ms under=x'\n", inbox.display()),
    );
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut acknowledged = Vec::new();
    for kill in 0..crate::killed::runs(6) {
        let serving = watching(&place, "x");
        let name = format!("handed-{kill}");
        let pass = lazaret(place.0.path())
            .args(["models", "pass", "handed/m0", "--json", "--name", &name])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(dice.below(900)));
        drop(serving); // SIGKILL
        let passed = pass.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&passed.stderr).into_owned();
        match passed.status.code() {
            Some(1) => acknowledged.push(name),
            Some(3) => assert!(said.contains("did not answer") || said.contains("ledger"), "{said}"),
            other => panic!("{other:?} {said}"),
        }
    }
    let serving = watching(&place, "x");
    until("everything has passed", || {
        (0..MODELS).all(|number| {
            endings(&place, &format!("x/m{number}")).first().is_some_and(|last| last == "complete")
        })
    });
    std::thread::sleep(Duration::from_millis(500)); // it looks again, and again
    terminate(serving);
    for number in 0..MODELS {
        let endings = endings(&place, &format!("x/m{number}"));
        assert_eq!(
            endings.iter().filter(|ending| *ending == "complete").count(),
            1,
            "m{number}: {endings:?}"
        );
        assert!(endings.iter().all(|ending| ending != "open"), "m{number}: {endings:?}");
    }
    for name in acknowledged {
        assert_eq!(endings(&place, &name), ["complete"]);
    }
    assert_eq!(left_behind(&place), 0);
    place.clear(&["ledger", "verify"]);
}
