//! What `torch.export.save` writes: the graph of a program as JSON, and its weights as bytes or as files of `torch.save`.
//! Loading it evaluates its symbolic expressions (`sympy.sympify`) and looks its operators up by name.

use lazaret_core::{FormatId, Locator, Severity};
use lazaret_input::json::{self, Node};

use super::torch::{is_record, is_storage, top_of};
use super::torchscript::operator;
use super::{Members, ZipKind, ending};
use crate::callables::documents::{Effect, judge_by, split};
use crate::formats::json::{MAX_SIZE, Walk, limits, path_of};
use crate::formats::{python, recipes};
use crate::look::Looking;
use crate::own::About;
use crate::part::{Part, Unread, printed};
use crate::rules;

/// The kind: since 2.8 with its graph in `models`, before in a file of its own.
pub(super) struct TorchExport;

/// The graph of a program before 2.8.
const OLD: &str = "serialized_exported_program.json";

impl ZipKind for TorchExport {
    fn id(&self) -> FormatId {
        FormatId("torch-export")
    }

    fn about(&self) -> &'static str {
        "PyTorch exported program (torch.export.save): a graph as JSON and the bytes of its weights in a zip"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        top_of(names, "archive_format").or_else(|| top_of(names, OLD)).is_some()
    }

    fn member(&self, member: &Part, looking: &mut Looking<'_>) -> Result<bool, Unread> {
        if is_graph(member.name()) {
            let bytes = member.whole(looking.limits.get(MAX_SIZE))?;
            // What is no JSON is told where the member is read as such.
            if let Some(document) = &json::parse(&bytes, &limits(looking.limits)).document {
                graph(document.root(), member, looking);
            }
            return Ok(false);
        }
        Ok(is_record(member)? || !is_object(member.name()) && is_storage(member)?)
    }

    fn whole(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        for name in members.in_order().filter(|name| lists_payloads(name)) {
            unpickled(name, members, part, looking);
        }
        let in_inductor = |name: &&str| name.contains("data/aotinductor/");
        let source = |name: &&str| matches!(ending(name), "cpp" | "c" | "cu" | "cc" | "S" | "s" | "o" | "a");
        if let Some(name) = members.in_order().filter(in_inductor).find(source) {
            let says =
                "source or objects of a native library, which the loader builds and loads into its process";
            looking.find(&rules::PROGRAM, part.inner(name), says);
        }
    }
}

/// Whether a member holds an object and no tensor: it is unpickled whatever it looks like.
fn is_object(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    ["custom_obj_", "opaque_obj_"].iter().any(|prefix| last.starts_with(prefix))
}

/// Whether a member says how each of the weights or constants beside it is read.
fn lists_payloads(name: &str) -> bool {
    ["weights_config.json", "constants_config.json"].iter().any(|end| name.ends_with(end))
}

/// Looks at those weights and constants that are said to be unpickled and were passed over as bytes of tensors.
fn unpickled(list: &str, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
    let folder = list.rfind('/').and_then(|end| list.get(..=end)).unwrap_or_default();
    let Some(bytes) =
        members.open(list, part, looking).and_then(|list| list.whole(looking.limits.get(MAX_SIZE)).ok())
    else {
        return;
    };
    // What is no JSON is told where the member is read as such.
    let parsed = json::parse(&bytes, &limits(looking.limits));
    let Some(document) = &parsed.document else { return };
    let is_pickled = |of: &Node<'_, '_>| of.get("use_pickle").is_some_and(|is| is.as_bool() != Some(false));
    for payload in Walk::new(document.root()).filter(is_pickled) {
        let Some(name) = payload.get("path_name").and_then(|name| name.as_str()) else { continue };
        let Some(member) = members.open(&format!("{folder}{name}"), part, looking) else { continue };
        if !is_object(name) && member.len() > 0 && is_storage(&member).unwrap_or(false) {
            looking.within(&member, |looking| {
                looking.read(&member);
            });
        }
    }
}

/// Whether a member is the graph of an exported program.
fn is_graph(name: &str) -> bool {
    let is_new = (name.starts_with("models/") || name.contains("/models/")) && ending(name) == "json";
    is_new || name.rsplit('/').next() == Some(OLD)
}

/// Judges the expressions and operators of a graph.
fn graph(root: Node<'_, '_>, member: &Part, looking: &mut Looking<'_>) {
    for node in Walk::new(root) {
        let place = || member.inner(&path_of(node));
        let is_guard = node.parent().and_then(|parent| parent.key()) == Some("guards_code");
        match (node.key(), node.as_str()) {
            (Some("expr_str"), Some(text)) => {
                if let Some((severity, says)) = expression(text) {
                    let says = format!("loading it evaluates the expression `{}`: it {says}", printed(text));
                    looking.find_as(severity, &rules::CONFIG_TARGET, place(), says);
                }
            }
            (_, Some(text)) if is_guard => {
                if let Some((severity, says)) = guard(text) {
                    let says = format!("it is run with the guard `{}`, which {says}", printed(text));
                    looking.find_as(severity, &rules::CONFIG_TARGET, place(), says);
                }
            }
            (Some("in_spec" | "out_spec"), Some(spec)) => tree(spec, &place, looking),
            (Some("target"), Some(target)) if is_operator(node) => call(target, node, member, looking),
            _ => {}
        }
    }
}

/// Judges what reading the description of a tree of arguments imports: classes of enumerations, what makes missing values. It
/// is JSON in a text, and so is the context of each node in it.
fn tree(spec: &str, place: &impl Fn() -> Locator, looking: &mut Looking<'_>) {
    let mut texts = vec![spec.to_owned()];
    while let Some(text) = texts.pop() {
        let parsed = json::parse(text.as_bytes(), &limits(looking.limits));
        let Some(document) = &parsed.document else { continue };
        for node in Walk::new(document.root()) {
            let text_of = |key: &str| node.get(key).and_then(|value| value.as_str());
            if let Some(class) = text_of("fqn").filter(|_| node.get("__enum__").is_some()) {
                recipes::judge_called(&class.replace(':', "."), place, looking);
            }
            if let (Some(module), Some(name)) =
                (text_of("default_factory_module"), text_of("default_factory_name"))
            {
                recipes::judge_called(&format!("{module}.{name}"), place, looking);
            }
            texts.extend(text_of("context").map(str::to_owned));
        }
    }
}

/// Whether a name is the operator of a node and not that of a tensor.
fn is_operator(target: Node<'_, '_>) -> bool {
    target.parent().is_some_and(|node| node.get("inputs").is_some() || node.get("outputs").is_some())
}

/// Judges the operator of a node: its name is followed from `torch`, `operator` or `math` on, wherever it leads.
fn call(target: &str, node: Node<'_, '_>, member: &Part, looking: &mut Looking<'_>) {
    let place = || member.inner(&path_of(node));
    if let Some(name) = target.strip_prefix("torch.ops.") {
        let mut steps = name.split('.');
        let (namespace, name) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
        if !target.contains("__") || is_plain_operator(target) {
            operator(namespace, name, place, looking);
            return;
        }
    }
    let is_usual = match split(target) {
        ("torch", name) => name.starts_with("sym_") || name.starts_with("_sym_"),
        ("math", name) => name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        ("_operator", name) => !matches!(name, "call" | "methodcaller" | "attrgetter" | "itemgetter"),
        _ => false,
    };
    let (module, name) = split(target);
    let is_usual = is_usual || target.starts_with("torch._higher_order_ops.");
    if is_usual && !target.contains("__") {
        return;
    }
    looking.met_callable(module, name, place);
    let walked = target.split('.').skip(1).collect::<Vec<_>>().join(".");
    let (own_module, own_name) = split(&walked);
    let judged = [judge_by(looking.own, module, name), judge_by(looking.own, own_module, own_name)];
    let dangerous = judged.into_iter().find_map(|effect| match effect {
        Effect::Dangerous(does) => Some(does),
        _ => None,
    });
    let (severity, says) = match dangerous {
        Some(does) => (Severity::Critical, does),
        None => (Severity::High, "is none of those that exported programs have"),
    };
    let says = format!("a node calls `{}`, which {says}", printed(target));
    looking.find_about(severity, &rules::CONFIG_TARGET, About::callable(module, name), place(), says);
}

/// Operators of PyTorch whose names begin with two underscores: `aten.__and__.Tensor`.
fn is_plain_operator(target: &str) -> bool {
    const OPERATORS: &[&str] = &[
        "__and__",
        "__iand__",
        "__ilshift__",
        "__ior__",
        "__irshift__",
        "__ixor__",
        "__lshift__",
        "__or__",
        "__rshift__",
        "__xor__",
    ];
    target.split('.').all(|step| !step.contains("__") || OPERATORS.contains(&step))
}

/// Functions of sympy and of torch that its writer puts in expressions.
const FUNCTIONS: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "BitwiseFn_bitwise_and",
    "BitwiseFn_bitwise_or",
    "BitwiseFn_bitwise_xor",
    "CeilDiv",
    "CeilToInt",
    "CleanDiv",
    "Eq",
    "Equality",
    "ExprCondPair",
    "Float",
    "FloatPow",
    "FloatTrueDiv",
    "FloorDiv",
    "FloorToInt",
    "Ge",
    "GreaterThan",
    "Gt",
    "Identity",
    "IntTrueDiv",
    "Integer",
    "IsNonOverlappingAndDenseIndicator",
    "LShift",
    "Le",
    "LessThan",
    "Lt",
    "Max",
    "Min",
    "Mod",
    "ModularIndexing",
    "Mul",
    "Ne",
    "Not",
    "OpaqueUnaryFn_acos",
    "OpaqueUnaryFn_asin",
    "OpaqueUnaryFn_asinh",
    "OpaqueUnaryFn_atan",
    "OpaqueUnaryFn_cos",
    "OpaqueUnaryFn_cosh",
    "OpaqueUnaryFn_exp",
    "OpaqueUnaryFn_log",
    "OpaqueUnaryFn_log2",
    "OpaqueUnaryFn_sin",
    "OpaqueUnaryFn_sinh",
    "OpaqueUnaryFn_sqrt",
    "OpaqueUnaryFn_tan",
    "OpaqueUnaryFn_tanh",
    "Or",
    "Piecewise",
    "Pow",
    "PowByNatural",
    "PythonMod",
    "RShift",
    "Rational",
    "RoundDecimal",
    "RoundToInt",
    "StrictGreaterThan",
    "StrictLessThan",
    "Symbol",
    "ToFloat",
    "Trunc",
    "TruncToFloat",
    "TruncToInt",
    "Unequality",
    "Where",
    "Xor",
    "ceiling",
    "exp",
    "floor",
    "log",
    "sqrt",
];

/// What follows the text that sympy writes a symbol or a number with: `Symbol('s77', positive=True)`, `Float('1.5', precision=53)`.
fn behind_literal<'e>(word: &str, behind: &'e str) -> Option<&'e str> {
    let (text, after) = behind.strip_prefix("('")?.split_once('\'')?;
    let is_part: fn(char) -> bool = match word {
        "Symbol" => |c| c == '_' || c.is_ascii_alphanumeric(),
        "Float" => |c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e'),
        _ => return None,
    };
    (!text.is_empty() && text.chars().all(is_part) && after.starts_with([',', ')'])).then_some(after)
}

/// What is wrong with a symbolic expression: only numbers, symbols, operators and calls of those functions are usual.
fn expression(text: &str) -> Option<(Severity, &'static str)> {
    if text.contains("__") {
        return Some((Severity::Critical, "reaches what lies behind an object"));
    }
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c == '_' || c.is_alphanumeric();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if first.is_ascii_digit() {
            // `0.5`, `1e-5`: what follows the point of a number is no name.
            let fraction = behind.strip_prefix('.').unwrap_or(behind);
            rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            continue;
        }
        if is_part(first) {
            let is_called = behind.trim_start().starts_with('(');
            if word == "lambda"
                || is_called && matches!(word, "eval" | "exec" | "open" | "compile" | "getattr")
            {
                return Some((Severity::Critical, "runs code or opens files"));
            }
            if is_called && !FUNCTIONS.contains(&word) {
                return Some((Severity::High, "calls a function that is no part of symbolic shapes"));
            }
            rest = behind_literal(word, behind).unwrap_or(behind);
            continue;
        }
        match first {
            '\'' | '"' | '`' => {
                return Some((Severity::Critical, "has a text in it, which no symbolic shape has"));
            }
            '.' => return Some((Severity::Critical, "reaches what lies behind an object")),
            '+' | '-' | '*' | '/' | '%' | '(' | ')' | ',' | '<' | '>' | '=' | '!' | '&' | '|' | '~' | '^' => {
            }
            c if c.is_ascii_whitespace() => {}
            _ => return Some((Severity::High, "is no symbolic shape")),
        }
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    None
}

/// Names that guards of shapes have: the inputs as `L`, what is asked of tensors, and functions on numbers.
const IN_GUARDS: &[&str] = &[
    "L",
    "size",
    "stride",
    "storage_offset",
    "torch",
    "math",
    "ceil",
    "floor",
    "trunc",
    "sqrt",
    "and",
    "or",
    "not",
    "True",
    "False",
    "max",
    "min",
    "int",
    "float",
    "if",
    "else",
    "is",
    "None",
];

/// What is wrong with a guard: Python that runs when the program is made into a module.
fn guard(text: &str) -> Option<(Severity, String)> {
    let read = python::Expression::of(text);
    if let Some(expressed) = read.judge(&python::Imports::none()).into_iter().next() {
        return Some((Severity::Critical, expressed.says));
    }
    if read.names().any(|name| name.starts_with("__")) {
        return Some((Severity::Critical, "reaches what lies behind an object".to_owned()));
    }
    let is_known = |name: &str| {
        IN_GUARDS.contains(&name)
            || name.starts_with("sym_")
            || name.starts_with("_sym_")
            || FUNCTIONS.contains(&name)
    };
    let unknown = read.called().find(|name| !is_known(name))?;
    Some((Severity::High, format!("calls `{}`, which is no part of guards of shapes", printed(unknown))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits};
    use lazaret_input::MemorySource;

    use super::*;
    use crate::look::NoFolder;

    /// What is told of a graph with one node and one expression.
    fn told(target: &str, expression: &str) -> Vec<Severity> {
        let text = format!(
            r#"{{"graph": {{"nodes": [{{"target": "{target}", "inputs": []}}], "s": {{"expr_str": "{expression}"}}}}}}"#
        );
        let len = text.len() as u64;
        let member = Part::file(
            Arc::new(MemorySource::new(text.into_bytes(), Hint::default())),
            len,
            "models/model.json",
        );
        let limits = Limits::default();
        let mut looking = Looking::new(&limits, &NoFolder);
        TorchExport.member(&member, &mut looking).unwrap();
        looking.findings.iter().map(|found| found.finding.severity).collect()
    }

    #[test]
    fn operators_are_of_torch_alone() {
        for target in [
            "torch.ops.aten.add.Tensor",
            "torch.ops.aten.__and__.Tensor",
            "torch.ops.higher_order.cond",
            "_operator.getitem",
            "math.trunc",
            "torch.sym_int",
            "torch._sym_sqrt",
        ] {
            assert_eq!(told(target, "2*s0"), [], "{target}");
        }
        for target in
            ["torch.os.system", "os.system", "_operator.methodcaller", "torch.ops.aten.add.__globals__"]
        {
            assert!(told(target, "s0").iter().any(|severity| *severity >= Severity::High), "{target}");
        }
        assert_eq!(told("math.ceil", "__import__('os').system('true')"), [Severity::Critical]);
    }

    #[test]
    fn expressions_are_numbers_symbols_and_known_functions() {
        for text in [
            "s0",
            "2*s77 + 1",
            "Max(1, s0//2) - 0.5*u1**2",
            "Eq(PythonMod(u0, 8), 0) & (s0 <= 1.5e-3)",
            "CleanDiv(s0*s1, 4)",
            "-int_oo",
            "OpaqueUnaryFn_sqrt(s0)",
            "Symbol('s77', positive=True, integer=True)",
            "Mul(Float('1.5', precision=53), ToFloat(Symbol('s77', positive=True, integer=True)))",
            "Mul(Float('1.0e-5', precision=53), Integer(-1), Rational(1, 2))",
            "Add(Mul(Integer(2), FloorDiv(Add(Symbol('s53', integer=True), Integer(-1)), Integer(2))), Integer(2))",
            "StrictLessThan(Symbol('u0', integer=True), Integer(50))",
            "GreaterThan(Min(Integer(6), Symbol('u0', integer=True)), Integer(2))",
        ] {
            assert_eq!(expression(text), None, "{text}");
        }
        for (text, severity) in [
            ("__import__('os').system('true')", Severity::Critical),
            ("eval(s0)", Severity::Critical),
            ("s0.func", Severity::Critical),
            ("Symbol('os.system')", Severity::Critical),
            ("Symbol('s0' + 'x')", Severity::Critical),
            ("Symbol('__s0')", Severity::Critical),
            ("Symbol(\"s0\")", Severity::Critical),
            ("Float('s0')", Severity::Critical),
            ("Integer('1')", Severity::Critical),
            ("Function('f')", Severity::High),
            ("preview(s0)", Severity::High),
            ("s0 + 'x'", Severity::Critical),
            ("(1).real", Severity::Critical),
            ("[s0 for s0 in s1]", Severity::High),
        ] {
            assert_eq!(expression(text).map(|(severity, _)| severity), Some(severity), "{text}");
        }
    }

    #[test]
    fn trees_of_arguments_import_known_classes_alone() {
        let told = |context: &str| {
            let spec =
                json_of(&format!(r#"[1, {{"type": "builtins.dict", "context": {}}}]"#, json_of(context)));
            let text = format!(r#"{{"signature": {{"in_spec": {spec}}}}}"#);
            let len = text.len() as u64;
            let source = Arc::new(MemorySource::new(text.into_bytes(), Hint::default()));
            let limits = Limits::default();
            let mut looking = Looking::new(&limits, &NoFolder);
            TorchExport.member(&Part::file(source, len, "models/model.json"), &mut looking).unwrap();
            looking.findings.iter().map(|found| found.finding.severity).collect::<Vec<_>>()
        };
        assert_eq!(told(r#"[{"__enum__": true, "fqn": "evil:M", "name": "x"}]"#), [Severity::High]);
        let factory = |module: &str, name: &str| {
            format!(
                r#"{{"default_factory_module": "{module}", "default_factory_name": "{name}", "dict_context": []}}"#
            )
        };
        assert_eq!(told(&factory("os", "system")), [Severity::Critical]);
        assert_eq!(told(&factory("builtins", "list")), []);
        assert_eq!(told(r#"["x", "y"]"#), []);
    }

    /// A text as JSON.
    fn json_of(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn guards_ask_for_shapes_alone() {
        for text in [
            "L['x'].size()[0] <= 20",
            "torch.sym_max(L['args'][0].stride()[1], 2) % 8 == 0",
            "not (L['__kwargs']['y'].size()[0] == 1)",
        ] {
            assert_eq!(guard(text), None, "{text}");
        }
        for text in
            ["__import__('os').system('true')", "L['x'].tofile('/x')", "().__class__ == 1", "exec('x')"]
        {
            assert!(guard(text).is_some(), "{text}");
        }
    }
}
