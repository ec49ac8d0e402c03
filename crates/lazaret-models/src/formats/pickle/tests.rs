//! Pickles written opcode by opcode, and what is said of them.

use std::sync::Arc;

use lazaret_core::{Hint, Limits, Severity};
use lazaret_input::MemorySource;
use proptest::prelude::*;

use crate::look::{NoFolder, Report, look};

fn looked(bytes: &[u8]) -> Report {
    let source = Arc::new(MemorySource::new(bytes, Hint::default()));
    look(source, bytes.len() as u64, "m.pkl", &NoFolder, &Limits::default())
}

fn ids(bytes: &[u8]) -> Vec<(&'static str, Severity)> {
    let mut ids: Vec<_> =
        looked(bytes).findings.iter().map(|finding| (finding.id, finding.severity)).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn worst(bytes: &[u8]) -> Severity {
    looked(bytes).findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info)
}

/// `module.name` as protocol 4 writes it.
fn global(module: &str, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in [module, name] {
        bytes.extend([0x8c, u8::try_from(text.len()).unwrap()]);
        bytes.extend(text.as_bytes());
    }
    bytes.push(0x93);
    bytes
}

fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x04", &parts.concat()[..], b"."].concat()
}

/// An object of a class, made and filled with plain values.
fn filled(module: &str, name: &str) -> Vec<u8> {
    pickle(&[&global(module, name), b")\x81}\x94(\x8c\x01aK\x01\x8c\x01bG?\xf0\0\0\0\0\0\0ub"])
}

fn called(module: &str, name: &str) -> Vec<u8> {
    pickle(&[&global(module, name), b"\x8c\x04true\x85R"])
}

#[test]
fn a_pickle_is_one_by_whatever_opcode_it_begins_and_under_any_name() {
    // Longer than what is enough to tell.
    let line = [b"V", &[b'a'; 5_000][..], b"\n"].concat();
    let call = b"cposix\nsystem\n(S'true'\ntR.";
    let firsts: [&[u8]; 25] = [
        b"(",
        b"]",
        b"}",
        b")",
        b"I1\n",
        b"S'a'\n",
        b"Va\n",
        b"U\x01a",
        b"X\x01\0\0\0a",
        b"K\x01",
        b"M\x01\0",
        b"J\x01\0\0\0",
        b"N",
        b"L1L\n",
        b"F1.0\n",
        b"G\0\0\0\0\0\0\0\0",
        b"T\x01\0\0\0a",
        b"B\x01\0\0\0a",
        b"C\x01a",
        b"\x88",
        b"\x8a\x01\x01",
        b"\x8c\x01a",
        b"\x8f",
        b"\x95\x01\0\0\0\0\0\0\0N",
        b"\x80\x01N",
    ];
    for first in firsts {
        let bytes = [first, b"0", &line, call].concat();
        for name in ["README.md", "LICENSE-MIT", "a.toml", "m.bin"] {
            let source = Arc::new(MemorySource::new(&bytes[..], Hint::default()));
            let report = look(source, bytes.len() as u64, name, &NoFolder, &Limits::default());
            let is_told = report.findings.iter().any(|finding| finding.id == "pickle.dangerous-call");
            assert!(is_told, "{first:?} in {name}: {:?}", report.findings);
        }
    }
}

#[test]
fn calls_name_the_function_and_the_place() {
    let report = looked(b"cos\nsystem\n(S'true'\ntR.");
    let call = report.findings.iter().find(|finding| finding.id == "pickle.dangerous-call").unwrap();
    assert_eq!((call.at.as_str(), call.severity), ("m.pkl@21", Severity::Critical));
    assert!(call.message.contains("`os.system`"), "{}", call.message);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.id == "pickle.dangerous-global" && finding.at.as_str() == "m.pkl@0")
    );
}

/// A call of a function with arguments, each written out.
fn call(function: &[u8], arguments: &[&[u8]]) -> Vec<u8> {
    [function, b"(", &arguments.concat(), b"tR"].concat()
}

fn text(of: &str) -> Vec<u8> {
    [&[0x8c, u8::try_from(of.len()).unwrap()], of.as_bytes()].concat()
}

#[test]
fn chains_of_plain_operations_end_in_what_they_reach() {
    let (os, system, truth) = (text("os"), text("system"), text("true"));
    let (modules, getitem) = (global("sys", "modules"), global("operator", "getitem"));
    let getattr = |of: &[u8]| call(&global("builtins", "getattr"), &[of, &system]);
    let by = |module: &str, name: &str, arguments: &[&[u8]]| call(&global(module, name), arguments);
    let module = by("importlib", "import_module", &[&os]);
    let vars = by("builtins", "vars", &[&module]);
    let getter = by("operator", "itemgetter", &[&os]);
    for (chain, function) in [
        (getattr(&call(&getitem, &[&modules, &os])), "os.system"),
        (getattr(&call(&global("sys", "modules.get"), &[&os])), "os.system"),
        (getattr(&by("builtins", "dict.get", &[&modules, &os])), "os.system"),
        (getattr(&call(&getter, &[&modules])), "os.system"),
        (getattr(&module), "os.system"),
        (getattr(&by("builtins", "__import__", &[&os])), "os.system"),
        (getattr(&by("cloudpickle.cloudpickle", "subimport", &[&os])), "os.system"),
        (by("dill._dill", "_get_attr", &[&by("dill._dill", "_import_module", &[&os]), &system]), "os.system"),
        (call(&getitem, &[&vars, &system]), "os.system"),
        (call(&getitem, &[&global("os", "__dict__"), &system]), "os.system"),
        (call(&getitem, &[&global("numpy", "__builtins__"), &text("eval")]), "builtins.eval"),
        (call(&by("operator", "attrgetter", &[&system]), &[&module]), "os.system"),
        (by("pkgutil", "resolve_name", &[&text("os:system")]), "os.system"),
        (by("pydoc", "locate", &[&text("os.system")]), "os.system"),
    ] {
        let report = looked(&pickle(&[&call(&chain, &[&truth])]));
        let says = format!("calls `{function}`");
        let found = report.findings.iter().find(|found| found.message.contains(&says));
        let found = found.map(|found| (found.id, found.severity));
        assert_eq!(found, Some(("pickle.dangerous-call", Severity::Critical)), "{:?}", report.findings);
    }
    // What it is taken from is not known; the key says enough.
    let unknown = call(&call(&getitem, &[&global("foo", "TABLE"), &text("eval")]), &[&truth]);
    assert_eq!(worst(&pickle(&[&unknown])), Severity::Critical);
    let harmless = call(&call(&getitem, &[&global("foo", "TABLE"), &text("mean")]), &[&truth]);
    assert_eq!(worst(&pickle(&[&harmless])), Severity::High);
    // An object that keeps how to take an item, and one of which an item is taken.
    let kept = [b"}".as_slice(), &text("key"), &getter, b"s"].concat();
    assert_eq!(ids(&pickle(&[&kept])), []);
}

#[test]
fn what_only_builds_plain_values_is_quiet() {
    for bytes in [
        &b"N."[..],
        b"\x80\x02]q\x00(K\x01K\x02K\x03e.",
        b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.",
        b"(lp0\nI1\naI2\na.",
        b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.",
        b"\x80\x03cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n\x8c\x09_unpickle\x86R\x8c\x03UTCK\x01\x86R.",
    ] {
        assert_eq!(ids(bytes), [], "{bytes:?}");
    }
}

#[test]
fn names_that_are_made_of_parts_are_still_read() {
    let by_escapes = b"\x80\x04S'o\\x73'\nV\\u0073ystem\n\x93\x8c\x04true\x85R.";
    assert!(ids(by_escapes).contains(&("pickle.dangerous-call", Severity::Critical)));
    let by_memo = b"\x80\x02X\x02\0\0\0osp900\n0X\x06\0\0\0systemr\xff\x01\0\x000g900\nj\xff\x01\0\0\x93\x8c\x04true\x85R.";
    assert!(ids(by_memo).contains(&("pickle.dangerous-call", Severity::Critical)));
    let computed =
        pickle(&[&global("builtins", "str"), b"\x8c\x02os\x85R\x8c\x06system\x93\x8c\x04true\x85R"]);
    assert_eq!(worst(&computed), Severity::Critical);
}

#[test]
fn types_that_are_looked_up_by_name_are_judged_as_if_they_were_named() {
    for (module, name) in [("dill._dill", "_load_type"), ("cloudpickle.cloudpickle", "_builtin_type")] {
        let named = |of: &str| {
            let len = u8::try_from(of.len()).unwrap();
            worst(&pickle(&[&global(module, name), &[0x8c, len], of.as_bytes(), b"\x85R"]))
        };
        assert!(named("int") < Severity::Medium && named("NoneType") < Severity::Medium);
        assert_eq!(named("CodeType"), Severity::Critical);
        let computed = [&global(module, name)[..], &global("builtins", "str"), b"\x8c\x01x\x85R\x85R"];
        assert_eq!(worst(&pickle(&computed)), Severity::Critical);
        assert_eq!(worst(&pickle(&[b"]", &global(module, name), b"a"])), Severity::Critical);
    }
}

#[test]
fn arrays_that_are_handed_on_are_judged_by_what_makes_them() {
    for (module, name) in [("dill._dill", "_create_array"), ("jax._src.array", "_reconstruct_array")] {
        let made_by = |of: (&str, &str)| {
            let call =
                [&global(module, name)[..], b"(", &global(of.0, of.1), b"(", &global("numpy", "ndarray")];
            worst(&pickle(&[&call.concat(), b"K\0\x85C\x01bt(K\x01K\x01\x85N\x89C\x01xtNtR"]))
        };
        assert!(made_by(("numpy.core.multiarray", "_reconstruct")) < Severity::Medium);
        for of in [("os", "system"), ("thing", "make"), (module, name)] {
            assert_eq!(made_by(of), Severity::Critical, "{of:?}");
        }
    }
}

#[test]
fn a_method_of_an_object_of_the_file_may_be_kept_but_not_called() {
    let object = filled("thing", "Thing");
    let object = &object[2..object.len() - 1];
    let method = |name: &str, then: &[u8]| {
        let len = u8::try_from(name.len()).unwrap();
        ids(&pickle(&[&global("builtins", "getattr"), object, &[0x8c, len], name.as_bytes(), b"\x86R", then]))
    };
    assert!(method("predict", b"").iter().all(|(_, severity)| *severity < Severity::Medium));
    assert!(method("predict", b")R").contains(&("pickle.call-of-computed", Severity::High)));
    for name in ["__globals__", "__class__", "f_globals", "format", "os.system"] {
        assert!(method(name, b"").contains(&("pickle.dangerous-call", Severity::Critical)), "{name}");
    }
}

#[test]
fn a_class_that_torch_keeps_with_its_source_is_that_class() {
    let of = |module: &str, name: &str| {
        let id = [&b"(\x8c\x06module"[..], &global(module, name), b"\x8c\x04a.py\x8c\0tQ"].concat();
        ids(&pickle(&[&id, b")\x81}b"]))
    };
    assert!(of("thing", "Net").iter().all(|(_, severity)| *severity < Severity::Medium));
    assert!(of("subprocess", "Popen").contains(&("pickle.dangerous-call", Severity::Critical)));
}

#[test]
fn what_a_call_gives_must_not_be_called() {
    let bytes = pickle(&[&global("thing", "make"), b")R\x8c\x01x\x85R"]);
    assert!(ids(&bytes).contains(&("pickle.call-of-computed", Severity::High)));
}

#[test]
fn a_planted_method_is_found_in_either_half_of_a_state() {
    let object = filled("thing", "Thing");
    let object = &object[2..object.len() - 1];
    for state in [&b"}\x8c\x0c__setstate__K\x01sb"[..], b"N}\x8c\x08__call__K\x01s\x86b"] {
        let ids = ids(&pickle(&[object, state]));
        assert!(ids.contains(&("pickle.build-plants-method", Severity::Critical)), "{ids:?}");
    }
    assert!(
        ids(&pickle(&[&global("collections", "namedtuple"), b"}b"]))
            .contains(&("pickle.build-plants-method", Severity::Critical))
    );
}

#[test]
fn bytes_that_are_a_pickle_are_read_too() {
    let inner = b"\x80\x04cos\nsystem\n\x8c\x04true\x85R.";
    let mut outer = vec![0x80, 4, b'C', u8::try_from(inner.len()).unwrap()];
    outer.extend(inner);
    outer.push(b'.');
    let report = looked(&outer);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.id == "pickle.nested" && finding.at.as_str() == "m.pkl@4")
    );
    assert!(report.findings.iter().any(|finding| finding.id == "pickle.dangerous-call"), "{report:?}");
    let text = lazaret_input::base64::encode(inner);
    let in_text = pickle(&[&[0x8c, u8::try_from(text.len()).unwrap()], text.as_bytes()]);
    assert_eq!(worst(&in_text), Severity::Critical);
}

#[test]
fn what_follows_a_call_does_not_hide_it() {
    for end in [&b""[..], b"\xff.", b"h\x09.", b"\x8c\x01\xff.", b"0."] {
        let bytes = [&b"\x80\x04cposix\nsystem\n\x8c\x04true\x85R"[..], end].concat();
        assert_eq!(worst(&bytes), Severity::Critical, "{end:?}");
    }
}

/// Python takes the last byte of a line that has no end for its end, and has imported the module by then.
#[test]
fn a_name_at_the_very_end_is_loaded() {
    let report = looked(b"\x80\x04cos\nputenv.");
    assert!(report.findings.iter().any(|finding| finding.message.contains("`os.putenv`")), "{report:?}");
}

#[test]
fn escapes_that_python_does_not_know_stand_for_themselves() {
    let report = looked(b"\x80\x04S'o\\x73'\nS'a\\qb'\n\x93.");
    assert!(report.findings.iter().any(|finding| finding.message.contains("`os.a\\qb`")), "{report:?}");
}

#[test]
fn short_files_that_ask_for_much_are_told() {
    let memo = b"\x80\x02]r\xff\xff\xff\x7f.";
    assert!(ids(memo).contains(&("pickle.exhausts-memory", Severity::Medium)));
    let deep = [&b"\x80\x02)"[..], &b"\x85".repeat(200_000), b"."].concat();
    assert!(ids(&deep).contains(&("pickle.exhausts-memory", Severity::Medium)));
    let mut laughs = b"\x80\x02]q\0(K\x01K\x02e".to_vec();
    for n in 1..60_u8 {
        laughs.extend([b']', b'q', n, b'(', b'h', n - 1, b'h', n - 1, b'e']);
    }
    laughs.push(b'.');
    assert!(ids(&laughs).contains(&("pickle.exhausts-memory", Severity::Medium)), "{:?}", ids(&laughs));
}

#[test]
fn torch_before_zip_is_five_pickles_and_its_storages() {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let id = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02NtQK\0K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR.";
    let keys = b"\x80\x02]X\x01\0\0\x000a.";
    let storage = [&2_u64.to_le_bytes()[..], &[0; 8]].concat();
    let whole = [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", id, keys, &storage].concat();
    let report = looked(&whole);
    assert_eq!((report.format.0, report.findings.len()), ("torch-legacy", 0), "{:?}", report.findings);
    let tail = [&whole[..], b"\x80\x02cos\nsystem\n)R."].concat();
    assert!(worst(&tail) >= Severity::Medium);
}

/// An object made with a keyword, as Python writes it with protocol 2: `partial(Class.__new__, Class, **keywords)()`.
fn made_with_keyword(class: &str, again: &str, key: &str, call: &[u8]) -> Vec<u8> {
    let key = [b"X", &u32::try_from(key.len()).unwrap().to_le_bytes()[..], key.as_bytes()].concat();
    let begin = b"\x80\x02cfunctools\npartial\nc__builtin__\ngetattr\n";
    let (class, again) = (format!("c{class}\nq\x04"), format!("c{again}\n"));
    let maker = b"X\x07\0\0\0__new__\x86Rq\x07\x85R(h\x07";
    [begin, class.as_bytes(), maker, again.as_bytes(), b"\x85}", &key, b"K\x02sNtb", call, b"."].concat()
}

#[test]
fn objects_made_with_keywords_are_objects_in_every_protocol() {
    let made = |class: &str, key: &str| made_with_keyword(class, class, key, b")R");
    assert_eq!(worst(&made("hospital\nScaler", "mean")), Severity::Info);
    assert_eq!(ids(&made("hospital\nScaler", "mean")), [("pickle.code-of-package", Severity::Info)]);
    // What makes it may be the function of a class that it derives from.
    assert_eq!(
        worst(&made_with_keyword("__builtin__\nobject", "hospital\nScaler", "mean", b")R")),
        Severity::Info
    );
    for bytes in [
        made("subprocess\nPopen", "args"),
        made("hospital\nScaler", "__setstate__"),
        made_with_keyword("__builtin__\ntype", "hospital\nScaler", "mean", b")R"),
        made_with_keyword("hospital\nScaler", "subprocess\nPopen", "mean", b")R"),
        // Never called, or called with more.
        made_with_keyword("hospital\nScaler", "hospital\nScaler", "mean", b""),
        made_with_keyword("hospital\nScaler", "hospital\nScaler", "mean", b"NRq\x09)R"),
        // Another state, which makes it call something else.
        made_with_keyword("hospital\nScaler", "hospital\nScaler", "mean", b"(cos\nsystem\n)}NtbR"),
    ] {
        assert!(worst(&bytes) >= Severity::High, "{:?}", ids(&bytes));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        looked(&bytes);
        looked(&[b"\x80\x04", &bytes[..]].concat());
    }

    #[test]
    fn any_opcodes_are_read_to_an_end(bytes in prop::collection::vec(prop::sample::select(b"()]}Nabcdegehijlopqrstu012K\x01\x02.\n\x80\x81\x82\x85\x86\x87\x8c\x8f\x90\x91\x92\x93\x94os".to_vec()), 0..300)) {
        looked(&[b"\x80\x04", &bytes[..]].concat());
    }

    /// What a name is decides nothing where nobody has listed it: what is done with it does.
    #[test]
    fn an_unlisted_name_is_held_where_it_is_called_and_not_where_it_is_filled(
        module in "[a-zA-Z][a-zA-Z0-9_]{4,12}(\\.[a-zA-Z_]{1,9}){0,3}",
        name in "[a-zA-Z][a-zA-Z0-9_]{3,20}",
    ) {
        prop_assume!(crate::callables::effect_of(&module, &name) == crate::callables::Effect::Unknown);
        prop_assert!(worst(&called(&module, &name)) >= Severity::Medium);
        prop_assert_eq!(worst(&filled(&module, &name)), Severity::Info);
    }

    #[test]
    fn a_listed_name_is_found_however_its_pickle_is_changed_behind_it(at in 40_usize..200, byte in any::<u8>()) {
        let mut bytes = called("os", "system");
        bytes.pop();
        bytes.extend(b"0]\x94(K\x01K\x02K\x03e0N".repeat(20));
        bytes.push(b'.');
        bytes[at] = byte;
        prop_assert_eq!(worst(&bytes), Severity::Critical);
    }
}

/// Past the findings that are kept, the worst of the others is told as grave as it is, and no graver.
#[test]
fn what_is_not_listed_is_as_grave_as_its_worst() {
    let many = |last: &[u8]| {
        // Calls of names that nobody has listed, each its own.
        let mut one = b"\x80\x04".to_vec();
        for n in 0..2_100 {
            one.extend(global(&format!("package{n}"), "f"));
            one.extend(b"\x8c\x04true\x85R0");
        }
        one.extend(last);
        one.extend(b"N.");
        looked(&one)
    };
    let report = many(b"");
    let told = report.findings.iter().find(|finding| finding.message.contains("are not listed")).unwrap();
    assert_eq!((told.id, told.severity), ("pickle.unknown-call", Severity::Medium), "{}", told.message);
    let hidden = many(&[&global("package", "run")[..], b"\x8c\x04true\x85R0"].concat());
    let told = hidden.findings.iter().find(|finding| finding.message.contains("are not listed")).unwrap();
    assert_eq!(told.severity, Severity::Critical, "{}", told.message);
}

fn plants(bytes: &[u8]) -> bool {
    ids(bytes).iter().any(|(id, _)| *id == "pickle.build-plants-method")
}

/// An object of a class that keeps what it is told, with a state.
fn namespace(state: &[u8]) -> Vec<u8> {
    [b"\x80\x04cargparse\nNamespace\n)\x81".as_slice(), state, b"b"].concat()
}

#[test]
fn what_a_pickle_calls_to_add_values_is_no_function_of_an_object() {
    let launch = b"cunseen.lib\nlaunch\n".as_slice();
    let write =
        b"cbuiltins\ngetattr\ncpathlib\nPosixPath\nX\x02\0\0\0/a\x85RX\x0a\0\0\0write_text\x86R".as_slice();
    let key = |name: &str| {
        [b"X".as_slice(), &u32::try_from(name.len()).unwrap().to_le_bytes(), name.as_bytes()].concat()
    };
    let state = |name: &str, of: &[u8]| [b"}".as_slice(), &key(name), of, b"s"].concat();
    for of in [launch, write] {
        for (name, adds) in [
            ("append", b"X\x01\0\0\0xa".as_slice()),
            ("extend", b"(X\x01\0\0\0xe"),
            ("append", b"(X\x01\0\0\0xe"),
            ("add", b"(X\x01\0\0\0x\x90"),
        ] {
            let bytes = [namespace(&state(name, of)).as_slice(), adds, b"."].concat();
            assert!(plants(&bytes), "{name} {of:?}");
        }
    }
    // The names may be computed, or come as what a class is called with.
    let text = b"cbuiltins\nstr\nC\x0c__setstate__X\x05\0\0\0ascii\x86R";
    let markup = [b"cmarkupsafe\nMarkup\n".as_slice(), &key("__setstate__"), b"\x85\x81"].concat();
    let wide: Vec<u8> = "append".bytes().flat_map(|byte| [byte, 0, 0, 0]).collect();
    let scalar = [
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0U6\x85RC\x18".as_slice(),
        &wide,
        b"\x86R",
    ]
    .concat();
    for (computed, then) in [(text.as_slice(), b"Nb.".as_slice()), (&markup, b"Nb."), (&scalar, b"(Ne.")] {
        let state = [b"}".as_slice(), computed, launch, b"s"].concat();
        let bytes = [namespace(&state).as_slice(), then].concat();
        assert!(plants(&bytes), "{computed:?}");
    }
    let keywords =
        [b"\x80\x04cargparse\nNamespace\n)".as_slice(), &state("append", launch), b"\x92(Ne."].concat();
    assert!(plants(&keywords));
    // Words that are keys, tables of functions, and lists of one's own.
    let vocabulary =
        [b"\x80\x04}".as_slice(), &key("append"), b"cgensim.models.keyedvectors\nVocab\n)\x81s."].concat();
    let table = [b"\x80\x04}".as_slice(), &key("add"), b"cnumpy\nadd\ns."].concat();
    let own_list = b"\x80\x04cown.lib\nMyList\n)\x81(X\x01\0\0\0aX\x01\0\0\0be.".to_vec();
    for bytes in [vocabulary, table, own_list] {
        assert!(!plants(&bytes));
    }
}

#[test]
fn an_operand_that_is_longer_than_what_is_looked_at_first_hides_no_pickle() {
    let call = b"0cposix\nsystem\n(S'true'\ntR.";
    let picture = [b"GIF89a\0\0\0".as_slice(), b"0V", &[b'a'; 5_000], b"\n", call].concat();
    let words = [b"V".as_slice(), &[b'w'; 9_000], b"\n", call].concat();
    let counted = [b"X\x88\x13\0\0".as_slice(), &[7; 5_000], call].concat();
    for (bytes, name) in [(picture, "x.gif"), (words, "coco.names"), (counted, "model.bin")] {
        let source = Arc::new(MemorySource::new(bytes.as_slice(), Hint::default()));
        let report = look(source, bytes.len() as u64, name, &NoFolder, &Limits::default());
        assert!(
            report.findings.iter().any(|finding| finding.id == "pickle.dangerous-call"),
            "{name}: {report:?}"
        );
    }
}
