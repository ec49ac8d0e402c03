//! Every console block of the README and the docs is run: changing one word of a page fails the test.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Each page runs in a directory of its own that holds the files of `testdata/docs`.
#[test]
fn console_blocks_of_readme_and_docs() {
    let work = tempfile::tempdir().unwrap();
    let mut all = vec![root().join("README.md")];
    pages(&root().join("docs/src"), &mut all);
    let cases = trycmd::TestCases::new();
    for page in all {
        let text = std::fs::read_to_string(&page).unwrap();
        if !text.contains("```console") {
            continue;
        }
        let name = page.strip_prefix(root()).unwrap().to_string_lossy().replace(['/', '\\'], "-");
        let copy = work.path().join(&name);
        std::fs::write(&copy, text).unwrap();
        let before = copy.with_extension("in");
        std::fs::create_dir(&before).unwrap();
        for file in std::fs::read_dir(root().join("testdata/docs")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), before.join(file.file_name())).unwrap();
        }
        std::fs::create_dir(copy.with_extension("out")).unwrap(); // asks for a sandbox
        cases.case(&copy);
    }
    cases.register_bin("lazaret", Path::new(env!("CARGO_BIN_EXE_lazaret")));
    cases.run();
}

/// The table of detection in text is what its command prints.
#[test]
fn the_table_of_detection_is_the_commands() {
    let command = root().join("bench/phi/table");
    let printed = std::process::Command::new("python3").arg(command).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let table = String::from_utf8(printed.stdout).unwrap();
    assert!(table.lines().count() > 10, "{table}");
    for page in ["README.md", "docs/src/concepts/de-identification.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let block = format!("<!-- bench/phi/table -->\n{table}<!-- end -->\n");
        assert!(text.contains(&block), "{page} does not hold what `bench/phi/table` prints");
    }
}
