//! What source calls: names are followed through imports, aliases, `getattr` and the like.

use rustc_hash::{FxHashMap, FxHashSet};

use super::lex::{Kind, Token};
use super::names::{Effect, counts_when_called, effect, is_builtin, is_module, is_usual_variable};
use crate::formats::template::slice;

/// A call, or a callable that is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) at: usize,
    pub(super) path: String,
    pub(super) does: &'static str,
    /// It is grave only where the module itself does it.
    pub(super) only_in_function: bool,
    /// It runs programs or code itself, and does not only load or fetch.
    pub(super) runs: bool,
}

/// Longest name that is followed.
const MAX_PATH: usize = 256;
/// How deep brackets of constants are read.
const MAX_DEPTH: u8 = 16;

/// What names stand for.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    names: FxHashMap<String, String>,
    /// Modules of which all names are imported.
    stars: Vec<String>,
}

/// All of them, where some names are known beforehand.
pub(super) fn judge(tokens: &[Token], given: &Aliases) -> Vec<Call> {
    // Functions are called after the whole module is read: aliases are learnt first.
    let aliases = learn(tokens, given);
    let mut judge = Judge { tokens, given, aliases, seen: FxHashSet::default(), calls: vec![] };
    judge.find();
    judge.calls
}

/// What names stand for behind source.
pub(super) fn learn(tokens: &[Token], given: &Aliases) -> Aliases {
    let aliases = Aliases::default();
    let mut judge = Judge { tokens, given, aliases, seen: FxHashSet::default(), calls: vec![] };
    judge.learn();
    judge.aliases
}

struct Judge<'t> {
    tokens: &'t [Token],
    given: &'t Aliases,
    aliases: Aliases,
    seen: FxHashSet<String>,
    calls: Vec<Call>,
}

impl Judge<'_> {
    fn kind(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn is(&self, at: usize, operator: char) -> bool {
        self.kind(at).is_some_and(|kind| kind.is(operator))
    }

    fn name(&self, at: usize) -> Option<&str> {
        if let Some(Kind::Name(name)) = self.kind(at) { Some(name) } else { None }
    }

    fn begins_line(&self, at: usize) -> bool {
        at.checked_sub(1)
            .and_then(|before| self.kind(before))
            .is_none_or(|kind| matches!(kind, Kind::Line | Kind::Op(';' | ':')))
    }

    fn learn(&mut self) {
        for at in 0..self.tokens.len() {
            match self.name(at) {
                Some("import") if self.begins_line(at) => self.import(at.saturating_add(1)),
                Some("from") if self.begins_line(at) => self.import_from(at.saturating_add(1)),
                Some(_) => self.assignment(at),
                None => {}
            }
        }
    }

    fn dotted(&self, mut at: usize) -> (String, usize) {
        let mut path = String::new();
        while self.is(at, '.') {
            path.push('.');
            at = at.saturating_add(1);
        }
        while let Some(name) = self.name(at) {
            path.push_str(name);
            at = at.saturating_add(1);
            if !self.is(at, '.') || path.len() > MAX_PATH {
                break;
            }
            path.push('.');
            at = at.saturating_add(1);
        }
        (path, at)
    }

    fn import(&mut self, mut at: usize) {
        loop {
            let (path, next) = self.dotted(at);
            at = next;
            if self.name(at) == Some("as")
                && let Some(alias) = self.name(at.saturating_add(1)).map(str::to_owned)
            {
                self.bind(alias, path);
                at = at.saturating_add(2);
            } else if let Some(root) = path.split('.').next().map(str::to_owned) {
                self.bind(root.clone(), root);
            }
            if !self.is(at, ',') {
                return;
            }
            at = at.saturating_add(1);
        }
    }

    fn import_from(&mut self, at: usize) {
        let (module, mut at) = self.dotted(at);
        if self.name(at) != Some("import") {
            return;
        }
        at = at.saturating_add(1);
        if self.is(at, '*') {
            if is_module(&module) && !self.aliases.stars.contains(&module) {
                self.aliases.stars.push(module);
            }
            return;
        }
        at = at.saturating_add(usize::from(self.is(at, '(')));
        while let Some(name) = self.name(at).map(str::to_owned) {
            at = at.saturating_add(1);
            let path = format!("{module}.{name}");
            if self.name(at) == Some("as")
                && let Some(alias) = self.name(at.saturating_add(1)).map(str::to_owned)
            {
                self.bind(alias, path);
                at = at.saturating_add(2);
            } else {
                self.bind(name, path);
            }
            if !self.is(at, ',') {
                return;
            }
            at = at.saturating_add(1);
        }
    }

    /// A name that stood for what is judged goes on to do so: which of two imports is the last is not known.
    fn bind(&mut self, name: String, path: String) {
        let is_judged = |path: &str| effect(path).is_some() || is_module(path);
        let covers = self.aliases.names.get(&name).is_some_and(|known| is_judged(known) && !is_judged(&path));
        if !covers {
            self.aliases.names.insert(name, path);
        }
    }

    /// `x = os.system`, `x = __import__('os')`.
    fn assignment(&mut self, at: usize) {
        let value = at.saturating_add(2);
        let is_assigned = self.is(at.saturating_add(1), '=') && !self.is(value, '=');
        let attribute = at.checked_sub(1).is_some_and(|before| self.is(before, '.'));
        if !is_assigned || attribute {
            return;
        }
        let Some(name) = self.name(at).map(str::to_owned) else { return };
        if let Some((path, next)) = self.path(value)
            && matches!(self.kind(next), None | Some(Kind::Line | Kind::Op(';' | ',' | ')')))
            && path != name
            && (effect(&path).is_some() || is_module(&path))
        {
            self.bind(name, path);
        }
    }

    fn alias(&self, name: &str) -> Option<&str> {
        self.aliases.names.get(name).or_else(|| self.given.names.get(name)).map(String::as_str)
    }

    /// What stands for a name without an import of it.
    fn resolve(&self, name: &str) -> String {
        if let Some(path) = self.alias(name) {
            return path.to_owned();
        }
        for module in self.aliases.stars.iter().chain(&self.given.stars) {
            let path = format!("{module}.{name}");
            if effect(&path).is_some() {
                return path;
            }
        }
        if is_builtin(name) { format!("builtins.{name}") } else { name.to_owned() }
    }

    /// The full name of what stands at a place, and where it ends.
    fn path(&self, at: usize) -> Option<(String, usize)> {
        self.path_within(at, 0)
    }

    fn path_within(&self, at: usize, depth: u8) -> Option<(String, usize)> {
        if depth > MAX_DEPTH {
            return None;
        }
        let name = self.name(at)?;
        let mut next = at.saturating_add(1);
        let mut path = self.resolve(name);
        let opens = self.is(next, '(');
        match (path.as_str(), opens) {
            ("getattr", true) => {
                let (of, after) = self.path_within(next.saturating_add(1), depth.saturating_add(1))?;
                if !self.is(after, ',') {
                    return None;
                }
                let (attribute, end) = self.constant(after.saturating_add(1), 0);
                let close = self.close(end);
                path = format!("{of}.{}", attribute.unwrap_or_else(|| "*".to_owned()));
                next = close;
            }
            ("builtins.__import__" | "importlib.import_module" | "importlib.__import__", true) => {
                let (module, end) = self.constant(next.saturating_add(1), 0);
                path = module?;
                next = self.close(end);
            }
            ("vars" | "dir", true) => {
                let (of, after) = self.path_within(next.saturating_add(1), depth.saturating_add(1))?;
                path = of;
                next = self.close(after);
            }
            ("globals" | "locals", true) => {
                "globals".clone_into(&mut path);
                next = self.close(next.saturating_add(1));
            }
            _ => {}
        }
        while path.len() <= MAX_PATH {
            let imports = matches!(path.as_str(), "importlib.import_module" | "builtins.__import__");
            if imports && self.is(next, '(') {
                let (module, end) = self.constant(next.saturating_add(1), 0);
                let Some(module) = module else { break };
                path = module;
                next = self.close(end);
            } else if self.is(next, '.') {
                let Some(name) = self.name(next.saturating_add(1)) else { break };
                next = next.saturating_add(2);
                match name {
                    "__dict__" => {}
                    "__getattribute__" if self.is(next, '(') => {
                        let (attribute, end) = self.constant(next.saturating_add(1), 0);
                        path = format!("{path}.{}", attribute.unwrap_or_else(|| "*".to_owned()));
                        next = self.close(end);
                    }
                    _ => {
                        path.push('.');
                        path.push_str(name);
                    }
                }
            } else if self.is(next, '[') {
                let (key, end) = self.constant(next.saturating_add(1), 0);
                let (Some(key), true) = (key, self.is(end, ']')) else { break };
                path = match path.as_str() {
                    "globals" => self.resolve(&key),
                    "sys.modules" => key,
                    _ => format!("{path}.{key}"),
                };
                next = end.saturating_add(1);
            } else {
                break;
            }
        }
        Some((path, next))
    }

    /// Past the bracket that closes after a place.
    fn close(&self, mut at: usize) -> usize {
        let mut open = 0_usize;
        let end = at.saturating_add(256);
        while at < end {
            match self.kind(at) {
                Some(Kind::Op('(' | '[' | '{')) => open = open.saturating_add(1),
                Some(Kind::Op(')' | ']' | '}')) if open == 0 => return at.saturating_add(1),
                Some(Kind::Op(')' | ']' | '}')) => open = open.saturating_sub(1),
                None | Some(Kind::Line) => return at,
                _ => {}
            }
            at = at.saturating_add(1);
        }
        at
    }

    /// A constant text: strings side by side or added, `chr(…)`, `'…'[::-1]`, `''.join([…])`. What else stands there
    /// makes it unknown.
    fn constant(&self, mut at: usize, depth: u8) -> (Option<String>, usize) {
        if depth > MAX_DEPTH {
            return (None, at);
        }
        let mut text = String::new();
        let first = at;
        loop {
            match self.kind(at) {
                Some(Kind::Text(part, true)) => {
                    let (part, next) = self.string_methods(part.clone(), at.saturating_add(1), depth);
                    let Some(part) = part else { return (None, next) };
                    text.push_str(&part);
                    at = next;
                }
                Some(Kind::Name(name)) if name == "chr" && self.is(at.saturating_add(1), '(') => {
                    let Some(Kind::Number(Some(code))) = self.kind(at.saturating_add(2)) else {
                        return (None, at);
                    };
                    let Some(c) = u32::try_from(*code).ok().and_then(char::from_u32) else {
                        return (None, at);
                    };
                    text.push(c);
                    at = at.saturating_add(4);
                }
                Some(Kind::Op('(')) => {
                    let (inner, end) = self.constant(at.saturating_add(1), depth.saturating_add(1));
                    let (Some(inner), true) = (inner, self.is(end, ')')) else { return (None, end) };
                    text.push_str(&inner);
                    at = end.saturating_add(1);
                }
                _ => return (None, at),
            }
            if text.len() > MAX_PATH || at.saturating_sub(first) > 4 * MAX_PATH {
                return (None, at);
            }
            match self.kind(at) {
                Some(Kind::Op('+')) => at = at.saturating_add(1),
                Some(Kind::Text(..)) => {}
                _ => return (Some(text), at),
            }
        }
    }

    /// What follows a string: a slice that turns it round, or a method.
    fn string_methods(&self, text: String, at: usize, depth: u8) -> (Option<String>, usize) {
        let after = |count: usize| at.saturating_add(count);
        if self.is(at, '[') {
            let Some((text, next)) = self.sliced(&text, after(1)) else { return (None, at) };
            return if depth < MAX_DEPTH {
                self.string_methods(text, next, depth.saturating_add(1))
            } else {
                (None, next)
            };
        }
        if !self.is(at, '.') {
            return (Some(text), at);
        }
        if self.name(after(1)) != Some("join") || !self.is(after(2), '(') {
            return (None, at);
        }
        let mut next = after(3);
        next = next.saturating_add(usize::from(self.is(next, '[') || self.is(next, '(')));
        let mut parts = Vec::new();
        while parts.len() < MAX_PATH {
            let (part, end) = self.constant(next, depth.saturating_add(1));
            next = end;
            let Some(part) = part else { break };
            parts.push(part);
            if !self.is(next, ',') {
                break;
            }
            next = next.saturating_add(1);
        }
        next = next.saturating_add(usize::from(self.is(next, ']')));
        let known = self.is(next, ')');
        (known.then(|| parts.join(&text)), next.saturating_add(1))
    }

    /// A slice of a constant text: `from:to:step`, each a number or left out.
    fn sliced(&self, text: &str, mut at: usize) -> Option<(String, usize)> {
        let mut bounds = [None; 3];
        let mut bound = bounds.iter_mut();
        let mut number = bound.next()?;
        while !self.is(at, ']') {
            let minus = self.is(at, '-');
            let digits = at.saturating_add(usize::from(minus));
            if self.is(at, ':') {
                number = bound.next()?;
                at = at.saturating_add(1);
            } else if let (None, Some(Kind::Number(Some(value)))) = (&number, self.kind(digits)) {
                *number = Some(if minus { value.saturating_neg() } else { *value });
                at = digits.saturating_add(1);
            } else {
                return None;
            }
        }
        let [from, to, step] = bounds;
        Some((slice(text, from, to, step)?, at.saturating_add(1)))
    }

    fn find(&mut self) {
        let mut line_is_import = false;
        for at in 0..self.tokens.len() {
            match self.kind(at) {
                Some(Kind::Line | Kind::Op(';')) => line_is_import = false,
                Some(Kind::Name(name)) => {
                    if matches!(name.as_str(), "import" | "from") && self.begins_line(at) {
                        line_is_import = true;
                    }
                    if !line_is_import {
                        self.mention(at);
                    }
                }
                _ => {}
            }
        }
    }

    /// A name where it is used.
    fn mention(&mut self, at: usize) {
        let before = at.checked_sub(1);
        if before.is_some_and(|before| {
            self.is(before, '.') || self.name(before).is_some_and(|word| matches!(word, "def" | "class"))
        }) {
            return;
        }
        let root = self.resolve(self.name(at).unwrap_or_default());
        let opens = self.is(at.saturating_add(1), '(');
        if root.starts_with("builtins.") && is_builtin(root.trim_start_matches("builtins.")) {
            // `eval` may be the name of a parameter: it counts where it is called or handed on.
            let next = self.kind(at.saturating_add(1));
            let keyword = next.is_some_and(|kind| kind.is('='));
            let handed = before
                .is_some_and(|b| self.is(b, '(') || self.is(b, ',') || self.is(b, '[') || self.is(b, '='))
                && !keyword
                && !self.is(at.saturating_add(1), ':');
            let imported = self.name(at).is_some_and(|name| self.alias(name).is_some());
            let alone = matches!(next, Some(Kind::Op(',' | ')'))) && !self.in_parameters(at);
            if opens || handed && (imported || alone) {
                self.tell(at, &root, Effect::Builds);
            }
            if !opens {
                return;
            }
        }
        let name = self.name(at).unwrap_or_default();
        if is_usual_variable(name) && self.alias(name).is_none() {
            return;
        }
        let Some((path, end)) = self.path(at) else { return };
        if let Some(found) = effect(&path) {
            if self.is(end, '(') || !counts_when_called(&path) {
                self.tell(at, &path, found);
            }
        } else if let Some(module) = path.strip_suffix(".*")
            && is_module(module)
        {
            self.tell(at, &path, Effect::Runs);
        } else if is_module(&path) && root.starts_with("importlib") && path != root {
            self.tell(at, &path, Effect::Loads);
        }
    }

    /// Whether a name stands among the parameters of a function.
    fn in_parameters(&self, at: usize) -> bool {
        let mut back = at;
        while let Some(before) = back.checked_sub(1) {
            match self.kind(before) {
                Some(Kind::Line) | None => return false,
                Some(Kind::Name(word)) if word == "def" || word == "lambda" => return true,
                _ if at.saturating_sub(before) > 64 => return false,
                _ => back = before,
            }
        }
        false
    }

    fn tell(&mut self, at: usize, path: &str, effect: Effect) {
        let Some(token) = self.tokens.get(at) else { return };
        let only_in_function = effect == Effect::Fetches && token.in_function;
        let key = format!("{path} {only_in_function}");
        if self.seen.insert(key) {
            let path = path.trim_start_matches("builtins.").to_owned();
            let runs = matches!(effect, Effect::Runs | Effect::Builds);
            self.calls.push(Call { at: token.at, path, does: effect.does(), only_in_function, runs });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::lex;
    use super::*;

    fn judge_all(tokens: &[Token]) -> Vec<Call> {
        judge(tokens, &Aliases::default())
    }

    fn paths(text: &str) -> Vec<String> {
        judge_all(&lex(text)).into_iter().map(|call| call.path).collect()
    }

    #[test]
    fn calls_are_found_however_they_are_named() {
        for (text, path) in [
            ("import os\nos.system('x')", "os.system"),
            ("from os import system as s\ns('x')", "os.system"),
            ("import os as o\no.system('x')", "os.system"),
            ("from os import *\nsystem('x')", "os.system"),
            ("import os\nf = os.system\nf('x')", "os.system"),
            ("getattr(__import__('o' + 's'), 'sys' 'tem')('x')", "os.system"),
            ("import os\ngetattr(os, 'metsys'[::-1])('x')", "os.system"),
            ("import os;os.system('x')", "os.system"),
            ("import os\ngetattr(os, x)('x')", "os.*"),
            ("import os\nf = getattr(os, x)\nf('x')", "os.*"),
            ("import os\ngetattr(os, 'sys' + 'metsys'[::-1][3:])('x')", "os.system"),
            ("import os\nos.__dict__['system']('x')", "os.system"),
            ("import sys\nsys.modules['os'].system('x')", "os.system"),
            ("__builtins__['eval']('x')", "__builtins__.eval"),
            ("exec('x')", "exec"),
            ("class X:\n  def f(self):\n    exec(self.x)", "exec"),
            ("map(eval, ['x'])", "eval"),
            ("import importlib\nimportlib.import_module('subprocess').run(['x'])", "subprocess.run"),
            ("import os, threading\nthreading.Thread(target=os.system, args=('x',))", "os.system"),
            ("from subprocess import (\n  run,\n)\nrun(['x'])", "subprocess.run"),
            ("f'{__import__(\"os\").system(1)}'", "os.system"),
            ("import ctypes\nctypes.CDLL('x')", "ctypes.CDLL"),
            ("ｅｖａｌ('x')", "eval"),
            ("import socket\ns = socket.socket()", "socket.socket"),
            ("getattr(os, ''.join(['sys', chr(116), 'em']))('x')\nimport os", "os.system"),
            ("if 1: import pty as p\np.spawn('x')", "pty.spawn"),
        ] {
            assert!(paths(text).iter().any(|found| found == path), "{text}: {:?}", paths(text));
        }
    }

    #[test]
    fn usual_code_of_models_is_quiet() {
        for text in [
            "import torch, re, os\nmodel.eval()\ntorch.compile(m)\nre.compile('x')\nos.path.join('a')",
            "def evaluate(eval=True, compile=False):\n    return eval\n",
            "class X:\n    def compile(self, exec):\n        self.compile(exec=1)\n",
            "from subprocess import PIPE\nimport subprocess\ntry:\n  pass\nexcept subprocess.CalledProcessError:\n  pass",
            "'os.system(1)'  # os.system(1)\n",
            "import os\nos.environ.get('X')\nos.makedirs('x')",
            "import importlib\nimportlib.import_module('flash_attn')\nimportlib.util.find_spec('x')",
            "x = getattr(self, name)(1)",
            "for code in codes: code.interact(1)\nrequests.get('x')",
            "import ctypes\nctypes.c_int(1)\nimport types\nisinstance(x, types.CodeType)",
        ] {
            assert_eq!(paths(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn fetching_is_graver_where_the_module_does_it() {
        let calls = judge_all(&lex("import requests\ndef f():\n    requests.get('x')\nrequests.post('y')\n"));
        assert_eq!(calls.iter().map(|call| call.only_in_function).collect::<Vec<_>>(), [true, false]);
    }
}
