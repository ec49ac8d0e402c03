//! Inputs that broke other tools, with the right answer; each folder's `expected.md` tells where it is from.

use std::path::Path;

use lazaret_core::{Limits, Severity};
use lazaret_models::{Inspected, look_file};

/// A file of a case, what it is, how much of it is read, and findings it must have. No others above info may be graver.
type Case = (&'static str, &'static str, Inspected, &'static [(&'static str, Severity, &'static str)]);

const CASES: &[Case] = &[
    (
        "01-unreadable-member-first/model.pt",
        "torch-zip",
        Inspected::Part,
        &[
            ("pickle.dangerous-call", Severity::Critical, "model.pt!archive/data.pkl"),
            ("archive.member-unreadable", Severity::High, "model.pt!archive/.format_version"),
        ],
    ),
    (
        "02-builtins-through-allowed-module/array_stats.pkl",
        "pickle",
        Inspected::Whole,
        &[
            ("pickle.module-dunder", Severity::Critical, "array_stats.pkl@38"),
            ("pickle.call-of-computed", Severity::High, "array_stats.pkl@85"),
        ],
    ),
    (
        "03-private-stdlib-by-setstate/config.pkl",
        "pickle",
        Inspected::Whole,
        &[
            ("pickle.dangerous-global", Severity::Critical, "config.pkl@25"),
            ("pickle.dangerous-global", Severity::Critical, "config.pkl@101"),
            ("pickle.build-plants-method", Severity::Critical, "config.pkl@103"),
        ],
    ),
    ("04-harmless-builtins/scaler_state.pkl", "pickle", Inspected::Whole, &[]),
    (
        "05-not-inspected-is-not-clean/alone/weights.bin",
        "unknown",
        Inspected::None,
        &[("format.unknown", Severity::Medium, "weights.bin")],
    ),
    (
        "05-not-inspected-is-not-clean/with_graph/openvino_model.bin",
        "openvino-weights",
        Inspected::Whole,
        &[],
    ),
    ("05-not-inspected-is-not-clean/with_graph/openvino_model.xml", "openvino", Inspected::Whole, &[]),
    ("06-zip-records-inside-weights/model.pt", "torch-zip", Inspected::Whole, &[]),
    (
        "07-small-bin-memo-replay/pytorch_model.bin",
        "pickle",
        Inspected::Whole,
        &[("pickle.dangerous-call", Severity::Critical, "pytorch_model.bin@143")],
    ),
    ("08-signed-manifest-leaves-folder/good.sig", "model-signature", Inspected::Whole, &[]),
    (
        "08-signed-manifest-leaves-folder/model.sig",
        "model-signature",
        Inspected::Whole,
        &[(
            "signature.path-escapes-model",
            Severity::Critical,
            "model.sig!dsseEnvelope.payload!predicate.resources[0].name",
        )],
    ),
];

#[test]
fn inputs_that_broke_other_tools() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/cases");
    for (file, format, inspected, wanted) in CASES {
        let report = look_file(&folder.join(file), &Limits::default()).unwrap();
        assert_eq!((report.format.0, report.inspected), (*format, *inspected), "{file}");
        let said: Vec<_> = report.findings.iter().map(|f| (f.id, f.severity, f.at.as_str())).collect();
        for one in *wanted {
            assert!(said.contains(one), "{file}: {one:?} is not in {said:?}");
        }
        let most = wanted.iter().map(|(_, severity, _)| *severity).max().unwrap_or(Severity::Info);
        assert!(said.iter().all(|(_, severity, _)| *severity <= most), "{file}: {said:?}");
    }
}
