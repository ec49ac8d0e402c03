//! What a name does that a configuration of training makes a loader call: `torch.optim.Adam`, `torch.hub.load`, `torch.os.system`.
//! Such documents name hundreds of classes of the usual packages. None is trusted by its package alone: its whole way there
//! must be one that the package itself goes.

use super::documents::{self, Effect, is_or_within, judge_by, split};
use super::{LISTED, sounds_dangerous, sources};
use crate::own::OwnRules;

/// What calling a name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// It makes a part of a model, or a plain value.
    Builds,
    /// It runs code, opens files or connections, or reaches what does; the text says which.
    Harms(&'static str),
    /// It lies in a module of the standard library that a package has imported.
    Borrowed,
    /// A function of a known package that nobody has listed.
    Unlisted,
    /// Its package is not known.
    Foreign,
}

/// Methods of classes that build an object of the class, by what the caller gives or by a model that it names.
const BUILDERS: &[&str] = &[
    "from_pretrained",
    "from_config",
    "from_dict",
    "from_list",
    "from_single_file",
    "from_file",
    "from_checkpoint",
    "from_names",
    "load_from_checkpoint",
    "restore_from",
    "create",
];

/// Whether a name is that of a method that builds an object from what it is told to load.
pub(crate) fn is_builder(full: &str) -> bool {
    BUILDERS.contains(&split(full).1)
}

/// Judges a dotted name.
pub(crate) fn judge(own: &OwnRules, full: &str) -> Call {
    let (module, name) = split(full);
    let effect = judge_by(own, module, name);
    match effect {
        Effect::Dangerous(does) => return Call::Harms(does),
        Effect::Own => return Call::Builds,
        Effect::Harmless | Effect::Unknown => {}
    }
    let steps: Vec<&str> = full.split('.').collect();
    if let Some(call) = borrowed(full, &steps) {
        return call;
    }
    if copies_a_runner(name) {
        return Call::Harms("is a name for what runs programs or code");
    }
    if effect == Effect::Harmless {
        return Call::Builds;
    }
    if !LISTED.training.contains(steps.first().copied().unwrap_or_default()) {
        return Call::Foreign;
    }
    let class = steps.iter().position(|step| step.starts_with(|c: char| c.is_ascii_uppercase()));
    let builds = match class.and_then(|at| steps.get(at.saturating_add(1)..)) {
        // A class, a value of an enumeration, or a class within one.
        Some([]) => true,
        Some([.., last]) => BUILDERS.contains(last) || last.starts_with(|c: char| c.is_ascii_uppercase()),
        None => {
            LISTED.building.contains(&full)
                || !name.starts_with('_') && !sounds_dangerous(name) && is_building(module)
        }
    };
    if builds { Call::Builds } else { Call::Unlisted }
}

/// Whether importing a module runs nothing but the code of a known package or of the standard library.
pub(crate) fn is_known_module(full: &str) -> bool {
    let root = full.split('.').next().unwrap_or_default();
    let is_known =
        [&LISTED.training, &LISTED.libraries, &LISTED.standard].iter().any(|known| known.contains(root));
    is_known && root != "antigravity" && !full.ends_with("__main__")
}

/// Whether a name does harm beyond doubt: where nothing but the text says that a name of Python stands there, words of other
/// worlds (`io.netty.Channel`, `code.block`) must not be taken for one.
pub(crate) fn is_unmistakable(own: &OwnRules, full: &str) -> bool {
    const MODULES: &[&str] = &[
        "os",
        "posix",
        "nt",
        "subprocess",
        "builtins",
        "importlib",
        "runpy",
        "shutil",
        "pickle",
        "marshal",
        "ctypes",
        "pty",
        "cloudpickle",
        "jsonpickle",
        "dill",
        "joblib",
    ];
    // Their classes stand in many documents as what they are: types of values. So do the operators of torch, in graphs.
    const LIBRARIES: &[&str] = &["torch", "numpy", "pandas", "transformers"];
    let is_name = |step: &str| {
        !step.is_empty()
            && step.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
            && !step.starts_with(|c: char| c.is_ascii_digit())
    };
    let (_, name) = split(full);
    full.len() < 300
        && full.split('.').all(is_name)
        && full.split_once('.').is_some_and(|(root, _)| {
            MODULES.contains(&root)
                || LIBRARIES.contains(&root)
                    && name.starts_with(|c: char| c.is_ascii_lowercase())
                    && sounds_dangerous(name)
                || LISTED.training.contains(root)
                    && !is_or_within(full, "torch.ops")
                    && !is_or_within(full, "torch._C")
                    && matches!(judge(own, full), Call::Harms(_))
                || own.forbids(split(full).0, name).is_some()
                || ends_in_harm(full)
        })
}

/// Whether a name, or what is left of it behind any of its steps (`timm.utils.os.system`), is one that is listed for its harm.
fn ends_in_harm(full: &str) -> bool {
    let names_harm = |of: &str| {
        let (module, name) = split(of);
        let in_source = || sources().iter().any(|of| of.module == module && of.names.contains(&name));
        !module.is_empty() && (documents::names_harm(module, name) || in_source())
    };
    let behind = full.match_indices('.').filter_map(|(at, _)| full.get(at.saturating_add(1)..));
    behind.chain([full]).any(names_harm)
}

/// Whether a way leads through a module of the standard library below a package, and what the name does there if that is
/// known to do harm.
fn borrowed(full: &str, steps: &[&str]) -> Option<Call> {
    let mut end = steps.first()?.len();
    for step in steps.iter().skip(1) {
        let start = end.saturating_add(1);
        end = start.saturating_add(step.len());
        // `numpy.array` is a function. Every library has `modules`; that of Python lies below `sys`.
        let is_module = LISTED.modules.contains(step) || end < full.len() && LISTED.standard.contains(step);
        let is_own = *step == "modules" || LISTED.own_modules.contains(full.get(..end).unwrap_or(full));
        if !is_module || is_own {
            continue;
        }
        let (module, name) = split(full.get(start..).unwrap_or_default());
        let is_reached = LISTED.modules.contains(step) && !module.is_empty();
        return Some(match documents::judge(module, name) {
            Effect::Dangerous(does) if is_reached => Call::Harms(does),
            _ => Call::Borrowed,
        });
    }
    None
}

/// Whether a name is that of a class that runs programs or code, wherever a package has it from: `Popen`.
fn copies_a_runner(name: &str) -> bool {
    let mut listed = sources().iter().filter(|of| matches!(of.section, "runs" | "builds" | "loads"));
    // The clocks of training and of tests bear such names too.
    let is_clock = matches!(name, "Timer" | "Trace");
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && !is_clock
        && listed.any(|of| of.names.contains(&name))
}

/// Whether a module is one whose functions build parts of models or compute.
fn is_building(module: &str) -> bool {
    LISTED.building.iter().any(|area| match area.strip_suffix('*') {
        Some(package) => module == package,
        None => is_or_within(module, area),
    })
}
