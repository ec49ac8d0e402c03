//! The reference page of the default policies is made from them. `LAZARET_UPDATE=1` rewrites it.

use std::fmt::Write as _;
use std::path::Path;

use lazaret_core::Limit;
use lazaret_policy::{DEFAULTS, EXAMPLES, Embedded};

use super::make::policies;

#[test]
fn the_page_of_the_default_policies_is_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/policies.md");
    let wanted = page();
    if std::env::var_os("LAZARET_UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let present = lazaret_input::read_file(&path, Limit::new("page", 1 << 20)).unwrap_or_default();
    assert!(
        present == wanted.as_bytes(),
        "stale: run `LAZARET_UPDATE=1 cargo test -p lazaret-policy reference`"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Default policies\n\n<!-- Made from `policies/`; `LAZARET_UPDATE=1 cargo test -p lazaret-policy reference` \
         rewrites it. -->\n\nThese are in force unless you change them. Decisions name them by their id.\n",
    );
    for file in DEFAULTS {
        table(&mut page, file);
    }
    page.push_str(
        "\n# Examples\n\nThese are copied out too, and are not in force until you copy them up one folder.\n",
    );
    for file in EXAMPLES {
        table(&mut page, file);
    }
    page
}

fn table(page: &mut String, file: &Embedded) {
    let policy = policies(file.text).unwrap();
    write!(page, "\n## `{}`\n\n| id | effect | why |\n|---|---|---|\n", file.name).unwrap();
    for note in policy.notes() {
        writeln!(page, "| `{}` | {} | {} |", note.id, note.effect, note.why).unwrap();
    }
}
