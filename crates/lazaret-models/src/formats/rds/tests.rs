//! Objects as R writes them, and what is found in them.

use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity};
use lazaret_input::MemorySource;
use proptest::prelude::*;

use crate::look::{Inspected, NoFolder, Report, look};

fn said(bytes: &[u8]) -> Report {
    let source = MemorySource::new(bytes, Hint::default());
    look(Arc::new(source), bytes.len() as u64, "m.rds", &NoFolder, &Limits::default())
}

fn ints(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn text(text: &str) -> Vec<u8> {
    [ints(&[0x0004_0009, i32::try_from(text.len()).unwrap()]), text.as_bytes().to_vec()].concat()
}

fn symbol(name: &str) -> Vec<u8> {
    [ints(&[1]), text(name)].concat()
}

fn call(name: &str, argument: &str) -> Vec<u8> {
    [ints(&[6]), symbol(name), ints(&[2, 16, 1]), text(argument), ints(&[254])].concat()
}

fn file(body: &[u8]) -> Vec<u8> {
    [b"X\n".as_slice(), &ints(&[2, 0x0004_0301, 0x0002_0300]), body].concat()
}

fn worst(bytes: &[u8]) -> Option<Severity> {
    said(bytes).findings.iter().map(|finding| finding.severity).max()
}

#[test]
fn a_promise_that_calls_is_found() {
    let promise = [ints(&[0x405, 253, 252]), call("system", "true")].concat();
    assert_eq!(worst(&file(&promise)), Some(Severity::Critical));
    // Within a list, as it lies in a fitted model.
    let within = |name| [ints(&[19, 2, 13, 1, 7]), ints(&[0x405, 253, 252]), call(name, "true")].concat();
    assert_eq!(worst(&file(&within("system"))), Some(Severity::Critical));
    assert_eq!(worst(&file(&within("parse"))), Some(Severity::Critical));
    assert_eq!(worst(&file(&within("eval"))), Some(Severity::High));
    assert_eq!(worst(&file(&within("log"))), Some(Severity::Info));
    let named = [ints(&[19, 1, 0x405, 253, 252]), call("do.call", "system")].concat();
    assert_eq!(worst(&file(&named)), Some(Severity::Critical));
    let forced = [ints(&[19, 1, 5, 13, 1, 7]), call("system", "true")].concat();
    assert_eq!(worst(&file(&forced)), Some(Severity::High));
    let report = said(&file(&promise));
    assert_eq!((report.format.0, report.inspected), ("rds", Inspected::Whole));
    assert!(report.findings[0].at.as_str().starts_with("m.rds@"));
}

#[test]
fn what_r_passes_over_at_the_beginning_hides_nothing() {
    let promise = [ints(&[0x405, 253, 252]), call("system", "true")].concat();
    let mut other = file(&promise);
    other[1] = b'?';
    assert_eq!(worst(&other), Some(Severity::Critical));
    let words =
        "2\n262912\n131840\n1029\n253\n252\n6\n1\n262153\n6\nsystem\n2\n16\n1\n262153\n4\ntrue\n254\n";
    for begins in ["A\n", "A\r\n", "\nA\n"] {
        let text = format!("{begins}{words}");
        assert_eq!(worst(text.as_bytes()), Some(Severity::Critical), "{begins:?}");
    }
    let reference = said(&file(&ints(&[19, 1, 255 | 77 << 8])));
    assert_eq!(reference.findings[0].id, "format.malformed");
}

/// A call whose function and operands are given, each behind its tag.
fn call_of(head: Vec<u8>, operands: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let operands = operands.iter().map(|(tag, operand)| match *tag {
        "" => [ints(&[2]), operand.clone()].concat(),
        tag => [ints(&[0x402]), symbol(tag), operand.clone()].concat(),
    });
    [ints(&[6]), head, operands.collect::<Vec<_>>().concat(), ints(&[254])].concat()
}

fn of(name: &str, operands: &[(&str, Vec<u8>)]) -> Vec<u8> {
    call_of(symbol(name), operands)
}

fn word(value: &str) -> Vec<u8> {
    [ints(&[16, 1]), text(value)].concat()
}

/// A promise, the function of an active binding and a formula's variables run as soon as the model is used.
#[test]
fn what_runs_by_itself_may_not_reach_out_in_any_way() {
    let built = || of("paste0", &[("", word("sys")), ("", word("tem"))]);
    let get = || of("get", &[("", built())]);
    let ns = |name| of("::", &[("", symbol("utils")), ("", symbol(name))]);
    let bad = [
        call_of(get(), &[("", word("x"))]),
        get(),
        call_of(of("[[", &[("", symbol("e")), ("", built())]), &[("", word("x"))]),
        call_of(of("(", &[("", symbol("f"))]), &[]),
        of("eval", &[("", of("parse", &[("text", word("x"))]))]),
        of("cat", &[("", word("x")), ("file", word("y"))]),
        call_of(ns("write.table"), &[("", word("x"))]),
        call_of(ns("untar"), &[("", word("x"))]),
        of("sapply", &[("", word("x")), ("", built())]),
        of("Map", &[("", built()), ("", word("x"))]),
        call_of(of("$", &[("", symbol("e")), ("", symbol("get"))]), &[("", word("x"))]),
        of("library", &[("", word("x"))]),
    ];
    let good = [
        of("list", &[("", symbol("y")), ("", of("log", &[("", symbol("x"))]))]),
        call_of(of("::", &[("", symbol("splines")), ("", symbol("ns"))]), &[("", symbol("x"))]),
        of("sapply", &[("", symbol("x")), ("", symbol("mean"))]),
        of("cat", &[("", word("x"))]),
        call_of(of("$", &[("", symbol("family")), ("", symbol("linkinv"))]), &[("", symbol("x"))]),
    ];
    let promise = |code: &[u8]| [&ints(&[19, 1, 0x405, 253, 252]), code].concat();
    let variables = |code: &[u8]| {
        let attributes = [ints(&[0x402]), symbol("predvars"), code.to_vec(), ints(&[254])].concat();
        [ints(&[0x206]), attributes, symbol("~"), ints(&[254])].concat()
    };
    let binding = |code: &[u8]| {
        let function = [&ints(&[0x403, 253, 254]), code].concat();
        let frame = [ints(&[0x0800_0402]), symbol("terms"), function, ints(&[254])].concat();
        [ints(&[4, 0, 253]), frame, ints(&[254, 254])].concat()
    };
    for within in [&promise as &dyn Fn(&[u8]) -> Vec<u8>, &variables, &binding] {
        for code in &bad {
            let worst = worst(&file(&within(code)));
            assert!(worst >= Some(Severity::High), "{worst:?} {}", String::from_utf8_lossy(code));
        }
        for code in &good {
            let worst = worst(&file(&within(code)));
            assert!(worst <= Some(Severity::Info), "{worst:?} {}", String::from_utf8_lossy(code));
        }
    }
    // A function that the user calls: what makes code of a text, and what is found by one.
    let function = |code: &[u8]| [&ints(&[0x403, 253, 254]), code].concat();
    let base = |name| of("::", &[("", symbol("base")), ("", symbol(name))]);
    for (code, severity) in [
        (call_of(get(), &[]), Some(Severity::Medium)),
        (of("eval", &[("", of("parse", &[("text", word("x"))]))]), Some(Severity::Medium)),
        (call_of(base("eval"), &[("", call_of(base("parse"), &[]))]), Some(Severity::Medium)),
        (call_of(base("system"), &[("", word("x"))]), Some(Severity::High)),
        (of("writeLines", &[("", word("x")), ("", word("y"))]), Some(Severity::High)),
        (of("writeLines", &[("", word("x"))]), None),
        (get(), None),
        (of("eval", &[("", symbol("x"))]), None),
        (call_of(of("[[", &[("", symbol("fs")), ("", symbol("i"))]), &[]), None),
    ] {
        assert_eq!(worst(&file(&function(&code))), severity, "{}", String::from_utf8_lossy(&code));
    }
}

#[test]
fn data_formulas_and_functions_are_quiet() {
    let list = [
        ints(&[0x213, 2, 13, 2, 1, 2, 14, 1, 0, 0, 1026]),
        symbol("names"),
        ints(&[16, 2]),
        text("a"),
        text("b"),
        ints(&[254]),
    ]
    .concat();
    let report = said(&file(&list));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let formula = [ints(&[6]), symbol("~"), ints(&[2]), symbol("y"), ints(&[254])].concat();
    assert_eq!(worst(&file(&formula)), None);
    let closure = [ints(&[0x403, 253, 254]), call("get", "x")].concat();
    assert_eq!(worst(&file(&closure)), None);
    let closure = [ints(&[0x403, 253, 254]), call("system", "x")].concat();
    assert_eq!(worst(&file(&closure)), Some(Severity::High));
}

#[test]
fn the_other_forms_are_read() {
    let ascii = b"A\n2\n262913\n131840\n1029\n253\n252\n6\n1\n262153\n6\nsystem\n2\n16\n1\n262153\n4\ntr\\165e\n254\n";
    assert_eq!(worst(ascii), Some(Severity::Critical));
    let native: Vec<u8> =
        [2, 262_913, 131_840, 13, 1, 7].iter().flat_map(|value: &i32| value.to_le_bytes()).collect();
    let native = [b"B\n".as_slice(), &native].concat();
    assert_eq!((worst(&native), said(&native).inspected), (None, Inspected::Whole));
}

#[test]
fn compact_objects_are_judged_by_their_class() {
    let altrep = |class: &str, package: &str| {
        let class =
            [ints(&[2]), symbol(class), ints(&[2]), symbol(package), ints(&[2, 13, 1, 13, 254])].concat();
        [ints(&[238]), class, ints(&[14, 1, 0, 0, 254])].concat()
    };
    assert_eq!(worst(&file(&altrep("compact_intseq", "base"))), None);
    assert_eq!(worst(&file(&altrep("mmap_real", "base"))), Some(Severity::Critical));
    assert_eq!(worst(&file(&altrep("x", "evil"))), Some(Severity::High));
}

#[test]
fn lies_about_lengths_end() {
    assert!(worst(&file(&ints(&[19, i32::MAX]))).is_some());
    assert!(worst(&file(&ints(&[14, -1, i32::MAX, -1]))).is_some());
    assert!(worst(&file(&ints(&[2; 3]))).is_some());
}

proptest! {
    #[test]
    fn any_object_ends(body in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_i32..256) {
        let _report = said(&file(&[ints(&[kind]), body].concat()));
    }
}
