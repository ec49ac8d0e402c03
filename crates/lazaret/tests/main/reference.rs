//! The reference is made from the program: these tests fail when a page is stale, and `LAZARET_UPDATE=1` rewrites
//! it. Beside them: the book's links resolve, and the ids that everything refers to exist.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn book() -> PathBuf {
    root().join("docs/src")
}

/// Runs the binary where there is no configuration, with nothing in the environment.
fn lazaret(arguments: &[&str]) -> String {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .current_dir(empty.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "lazaret {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Compares a page with what it should be, or rewrites it.
fn page(name: &str, title: &str, body: &str) {
    let path = book().join("reference").join(name);
    let made =
        "Made from the program; `LAZARET_UPDATE=1 cargo test -p lazaret --test main reference` rewrites it.";
    let wanted = format!("# {title}\n\n<!-- {made} -->\n\n{}\n", body.trim_end());
    if std::env::var_os("LAZARET_UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(found, wanted, "{name} is stale; LAZARET_UPDATE=1 rewrites it");
}

/// The commands of a help text, by the lines under `Commands:`.
fn commands_of(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let words =
        names.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    words.filter(|word| *word != "help").map(str::to_owned).collect()
}

fn describe(path: &[&str], body: &mut String, seen: &mut usize) {
    let help = lazaret(&[path, &["--help"]].concat());
    let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let help = help.join("\n");
    if !path.is_empty() {
        let title = path.join(" ");
        writeln!(body, "{} `lazaret {title}`\n", if path.len() == 1 { "##" } else { "###" }).unwrap();
    }
    writeln!(body, "```text\n{help}\n```\n").unwrap();
    *seen += 1;
    for command in commands_of(&help) {
        describe(&[path, &[command.as_str()]].concat(), body, seen);
    }
}

#[test]
fn the_page_of_commands() {
    let (mut body, mut seen) = (String::new(), 0);
    describe(&[], &mut body, &mut seen);
    assert!(seen > 20, "only {seen} commands were found in the help");
    page("cli.md", "Commands", &body);
}

fn rules() -> Vec<(String, String, String)> {
    let listed: serde_json::Value = serde_json::from_str(&lazaret(&["explain", "--json"])).unwrap();
    let word = |rule: &serde_json::Value, key: &str| rule[key].as_str().unwrap().to_owned();
    let rules = listed.as_array().unwrap().iter();
    rules.map(|rule| (word(rule, "id"), word(rule, "severity"), word(rule, "title"))).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_page_of_rules() {
    let mut body = String::from(
        "What a finding's rule means. `lazaret explain RULE` says more where there is more to say. By default a \
         critical finding blocks its record, a high or medium one holds it, and a lower one only stands in the \
         entry. The ids are forever.\n",
    );
    let mut area = String::new();
    for (id, severity, title) in rules() {
        let of = id.split('.').next().unwrap();
        if of != area {
            area = of.to_owned();
            write!(body, "\n## {area}\n\n| rule | severity | meaning |\n|---|---|---|\n").unwrap();
        }
        writeln!(body, "| `{id}` | {severity} | {} |", cell(&title)).unwrap();
    }
    page("rules.md", "Rules", &body);
}

#[test]
fn the_page_of_settings() {
    let listed: serde_json::Value = serde_json::from_str(&lazaret(&["config", "--json"])).unwrap();
    let mut body = String::from(
        "`lazaret config` prints the settings in force and where each came from. A flag goes before the \
         environment, that before the file (`lazaret.toml` in the working directory, or `--config FILE`), that \
         before the default. An unknown key is refused, with the nearest one that exists. Times carry units (`30 \
         s`), sizes may (`64 MiB`).\n\nTwo tables hold names of the hospital's own: `[profiles]` (what becomes of labels) and \
         `[reviewers]` (a line for each person, made by `lazaret phi knowledge reviewer`).\n\n| setting | default | in the environment |\n|---|---|---|\n",
    );
    let is_limit = |setting: &&serde_json::Value| setting["key"].as_str().unwrap().starts_with("limits.");
    for setting in listed.as_array().unwrap().iter().filter(|setting| !is_limit(setting)) {
        let (key, value) = (setting["key"].as_str().unwrap(), setting["value"].as_str().unwrap());
        assert_eq!(setting["from"], "default", "{key} was set in an empty directory");
        let variable = format!("LAZARET_{}", key.replace('.', "_").to_uppercase());
        let value = if value.is_empty() { "–".to_owned() } else { format!("`{value}`") };
        writeln!(body, "| `{key}` | {value} | `{variable}` |").unwrap();
    }
    body.push_str(
        "\n`LAZARET_PASSPHRASE` is the passphrase of the keys, where there is no terminal to ask on.\n\n## \
         Limits\n\nWhat may grow with the input has a limit. Reaching it is an error or a finding that names it, \
         never a shorter result; past those of `placeholders` a placeholder has no number. To change one, write it into the file's table `[limits]`: \
         `json.max_depth = 80`.\n\n| limit | default |\n|---|---|\n",
    );
    let limits = || listed.as_array().unwrap().iter().filter(is_limit);
    for from in ["default", "fixed"] {
        if from == "fixed" {
            body.push_str(
                "\nThese are fixed. The configuration cannot set the limit it is read under; a ledger's limits are \
                 those of its stored form, or of a form that others verify, who must take the same; a policy's \
                 depth and operators guard the stack of whoever reads it; what names the lakes is short.\n\n| limit | fixed at |\n|---|---|\n",
            );
        }
        for limit in limits().filter(|limit| limit["from"] == from) {
            let key = limit["key"].as_str().unwrap().trim_start_matches("limits.");
            writeln!(body, "| `{key}` | {} |", limit["value"].as_str().unwrap()).unwrap();
        }
    }
    page("settings.md", "Settings and limits", &body);
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The keys of the limits that a source file makes, outside its tests.
fn limits_made(text: &str) -> Vec<String> {
    let outside_tests = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = outside_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let makers = ["Limit::new(", "Limit::fixed("];
    let made = makers.iter().flat_map(|maker| code.split(maker).skip(1));
    made.map(|rest| rest.trim_start().trim_start_matches('"').split('"').next().unwrap().to_owned()).collect()
}

/// A limit that is in no list can neither be found nor set.
#[test]
fn every_limit_of_every_room_is_listed() {
    assert_eq!(
        limits_made(
            "const A: Limit = Limit::new(\n    \"a.b\", 1);\n#[cfg(test)]\nmod tests {\nLimit::new(\"c\")"
        ),
        ["a.b"]
    );
    let listed: serde_json::Value = serde_json::from_str(&lazaret(&["config", "--json"])).unwrap();
    let keys =
        listed.as_array().unwrap().iter().filter_map(|one| one["key"].as_str()?.strip_prefix("limits."));
    let keys: Vec<&str> = keys.collect();
    let mut files = Vec::new();
    for room in std::fs::read_dir(root().join("crates")).unwrap() {
        rust_files(&room.unwrap().path().join("src"), &mut files);
    }
    let mut made = Vec::new();
    let is_test = |file: &Path| file.ends_with("tests.rs") || file.ends_with("lazaret-core/src/limit.rs");
    for file in files.iter().filter(|file| !is_test(file)) {
        made.extend(limits_made(&std::fs::read_to_string(file).unwrap()));
    }
    made.sort();
    assert!(made.windows(2).all(|pair| pair[0] != pair[1]), "a limit is made twice: {made:?}");
    assert_eq!(keys, made, "the limits that `lazaret config` lists and those of the sources");
}

#[test]
fn the_page_of_what_fhir_does_not_check() {
    use lazaret_ingest::formats::fhir;
    let listed = |ids: BTreeSet<&str>| ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let skipped: BTreeSet<&str> = fhir::NOT_EVALUATED.iter().copied().collect();
    let open: BTreeSet<&str> = fhir::open_value_sets().collect();
    let checked = fhir::evaluated_constraints().count();
    let body = format!(
        "FHIR R4 (4.0.1) in JSON is checked against the official definitions: structure, cardinality, types and \
         their forms, required bindings, targets of references, narratives, attachments, and {checked} \
         constraints of severity `error`. Profiles (US Core and others) are not checked, nor constraints of \
         severity `warning`, nor whether a reference's target exists.\n\n## Constraints that are not evaluated\n\n\
         They need whole definitions or other resources than the record itself (most are of conformance \
         resources, which describe systems and not patients), or they cannot fail.\n\n{}\n\n## Value sets whose \
         codes are not looked up\n\nThe bindings to them are required, but the definitions do not list their \
         codes (media types, currencies, units). Of these the form of the code alone is checked.\n\n{}\n",
        listed(skipped),
        listed(open),
    );
    page("fhir.md", "FHIR: what is not checked", &body);
}

/// Cases, policies and receipts bear these ids. None may vanish.
#[test]
fn the_ids_that_others_refer_to_exist() {
    let wanted = "
        input.uninspectable input.detector-failed input.byte-order-mark limit.expanded-size limit.ratio
        limit.record-size limit.time xml.doctype xml.malformed xml.depth
        json.malformed json.duplicate-key json.not-a-number json.number-range json.invalid-utf8
        json.lone-surrogate json.nul json.depth json.trailing-bytes
        fhir.type fhir.unknown-element fhir.cardinality fhir.binding fhir.empty-object fhir.id fhir.date
        fhir.format fhir.reference-target fhir.invariant fhir.base64 fhir.attachment-mismatch
        fhir.narrative-malformed fhir.narrative-element fhir.narrative-attribute fhir.narrative-link-scheme
        fhir.narrative-remote-image
        csv.formula csv.quote csv.nul csv.type csv.duplicate-column csv.extra-column
        ledger.body-mismatch ledger.root-mismatch ledger.history-cut";
    let there: BTreeSet<String> = rules().into_iter().map(|(id, ..)| id).collect();
    let missing: Vec<&str> = wanted.split_whitespace().filter(|id| !there.contains(*id)).collect();
    assert!(missing.is_empty(), "no rule bears {missing:?}");
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The relative targets of a page's links, without what is in code blocks.
fn links(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2);
    let targets = outside.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or("").to_owned());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

#[test]
fn links_lead_to_pages_and_the_summary_names_every_page() {
    let mut pages = Vec::new();
    markdown(&book(), &mut pages);
    assert!(pages.len() > 20, "only {} pages were found", pages.len());
    let front = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"];
    pages.extend(front.map(|name| root().join(name)));
    let mut listed = BTreeSet::new();
    for page in pages.iter().filter(|page| page.exists()) {
        for target in links(&std::fs::read_to_string(page).unwrap()) {
            let path = page.parent().unwrap().join(&target);
            assert!(path.exists(), "{}: {target} leads nowhere", page.display());
            if page.ends_with("SUMMARY.md") {
                listed.insert(path.canonicalize().unwrap());
            }
        }
    }
    for page in pages.iter().filter(|page| page.starts_with(book()) && !page.ends_with("SUMMARY.md")) {
        let is_listed = listed.contains(&page.canonicalize().unwrap());
        assert!(is_listed, "{} is not in the summary", page.display());
    }
}
