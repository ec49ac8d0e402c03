//! The walk over a serialised object, without recursion: what is still to be read lies on a stack.

use lazaret_core::{Limit, Severity};

use super::around::{Around, Code, Given, Place, When};
use super::calls::{self, Does};
use super::stream::Input;
use super::{MAX_DEPTH, MAX_ITEMS, MAX_REFERENCES};
use crate::look::Looking;
use crate::part::{Part, Unread, printed};
use crate::rules;

/// Writes to the screen, or where it is told.
const WRITER: &str = "writeLines";
/// The mark for "no value yet".
const UNBOUND: u32 = 252;

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
enum Task {
    Item(Around),
    /// So many items.
    Items(u64, Around),
    /// A constant of byte code: its type comes first.
    Constants(u64, Around),
    /// Byte code: its instructions, then its constants.
    Code(Around),
    /// A count of constants, then they.
    Count(Around),
    /// A call or list within byte code, whose type comes first.
    CodeLang(Around),
    /// What a call gives its function, which was read; within byte code or not.
    Operands(Around, bool),
    /// An item whose tag was read; within byte code or not.
    Tagged(Around, bool),
    /// The expression of a promise, and whether the promise is the object itself.
    Expression(Around, bool),
    /// The class of a compact object was read.
    Altrep,
}

/// Reads all objects of a part.
pub(super) fn objects(input: Input<'_>, part: &Part, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let limits = looking.limits;
    let (max_items, max_depth, max_references) =
        (limits.get(MAX_ITEMS), limits.get(MAX_DEPTH), limits.get(MAX_REFERENCES));
    let mut walk = Walk {
        input,
        part,
        looking,
        references: Vec::new(),
        max_references,
        tasks: Vec::new(),
        altrep: None,
        last_kind: 0,
        last_name: None,
        head_name: None,
    };
    let mut items = 0_u64;
    let mut is_root = true;
    // What follows the object is read by nobody; it is walked all the same, as far as it can be.
    while is_root || walk.input.left() >= 4 {
        let begins = walk.input.position();
        walk.tasks.push(Task::Item(Around::default()));
        if !is_root {
            walk.looking.find(
                &rules::TRAILING_BYTES,
                part.at(begins),
                format!("{} bytes follow the object, from byte {begins} on", walk.input.left()),
            );
        }
        while let Some(task) = walk.tasks.pop() {
            items = items.saturating_add(1);
            max_items.check(items)?;
            max_depth.check(walk.tasks.len() as u64)?;
            if let Err(unread) = walk.task(task, is_root && items == 1) {
                return if is_root { Err(unread) } else { Ok(()) };
            }
        }
        is_root = false;
    }
    Ok(())
}

struct Walk<'a, 'l, 'f> {
    input: Input<'a>,
    part: &'a Part,
    looking: &'l mut Looking<'f>,
    /// Names of symbols that were read, empty for environments and the like.
    references: Vec<String>,
    max_references: Limit,
    tasks: Vec<Task>,
    /// While the class of a compact object is read: the names in it.
    altrep: Option<Vec<String>>,
    /// What was read last.
    last_kind: u32,
    /// The name that was read last, if nothing was since.
    last_name: Option<String>,
    /// The name behind the last `::` of a call's function.
    head_name: Option<String>,
}

impl Walk<'_, '_, '_> {
    fn task(&mut self, task: Task, is_first: bool) -> Result<(), Unread> {
        match task {
            Task::Item(around) => {
                let flags = self.input.int()?.cast_unsigned();
                self.item(flags, around, is_first)
            }
            Task::Items(count, around) => {
                if let Some(left) = count.checked_sub(1) {
                    self.tasks.push(Task::Items(left, around));
                    self.tasks.push(Task::Item(around));
                }
                Ok(())
            }
            Task::Code(around) => {
                self.tasks.push(Task::Count(around));
                self.tasks.push(Task::Item(around));
                Ok(())
            }
            Task::Count(around) => {
                let count = self.input.length()?;
                self.tasks.push(Task::Constants(count, around));
                Ok(())
            }
            Task::Constants(count, around) => {
                let Some(left) = count.checked_sub(1) else { return Ok(()) };
                self.tasks.push(Task::Constants(left, around));
                match self.input.int()? {
                    21 => self.tasks.push(Task::Code(around)),
                    kind @ (2 | 6 | 239 | 240 | 243 | 244) => self.code_lang(kind, around)?,
                    _ => self.tasks.push(Task::Item(around)),
                }
                Ok(())
            }
            Task::CodeLang(around) => {
                let kind = self.input.int()?;
                self.code_lang(kind, around)
            }
            Task::Operands(around, is_code) => {
                let given = self.operands(around);
                self.tasks.push(if is_code { Task::CodeLang(given) } else { Task::Item(given) });
                Ok(())
            }
            Task::Tagged(around, is_code) => {
                let first = self.tagged(around);
                self.tasks.push(if is_code { Task::CodeLang(first) } else { Task::Item(first) });
                Ok(())
            }
            Task::Expression(around, is_root) => {
                self.expression(around, is_root);
                Ok(())
            }
            Task::Altrep => {
                self.altrep_class();
                Ok(())
            }
        }
    }

    /// A call or list within byte code.
    fn code_lang(&mut self, kind: i32, around: Around) -> Result<(), Unread> {
        self.last_name = None;
        let kind = match kind {
            243 => {
                self.input.int()?;
                return Ok(());
            }
            244 => {
                self.input.int()?;
                self.input.int()?
            }
            other => other,
        };
        let (is_call, has_attributes) = match kind {
            6 => (true, false),
            240 => (true, true),
            2 => (false, false),
            239 => (false, true),
            _ => {
                self.tasks.push(Task::Item(around));
                return Ok(());
            }
        };
        self.is_written(around);
        let plain = around.at(Place::Other);
        if is_call {
            self.tasks.push(Task::Operands(around, true));
            self.tasks.push(Task::CodeLang(around.at(Place::Head)));
        } else {
            self.tasks.push(Task::CodeLang(around.at(around.place.rest())));
            self.tasks.push(Task::Tagged(around, true));
        }
        self.tasks.push(Task::Item(plain));
        if has_attributes {
            self.tasks.push(Task::Item(plain));
        }
        Ok(())
    }

    fn item(&mut self, flags: u32, around: Around, is_first: bool) -> Result<(), Unread> {
        let (kind, has_attributes) = (flags & 0xff, flags & 0x200 != 0);
        let plain = around.at(Place::Other);
        self.last_kind = kind;
        self.last_name = None;
        match kind {
            // Nothing, and environments that every R has.
            254 | 253 | 252 | 251 | 250 | 242 | 241 | 0 => {}
            255 => {
                let index = flags >> 8;
                let index = if index == 0 { self.input.int()?.cast_unsigned() } else { index };
                let name =
                    index.checked_sub(1).and_then(|index| self.references.get(index as usize)).cloned();
                let name = name.ok_or_else(|| {
                    Unread::malformed(self.input.position(), "a reference to what was not read before")
                })?;
                self.named(&name, around);
                self.last_name = Some(name);
            }
            247..=249 => {
                self.input.int()?;
                self.refer(String::new())?;
                let count = self.input.length()?;
                self.tasks.push(Task::Items(count, plain));
            }
            238 => {
                self.altrep = Some(Vec::new());
                self.tasks.push(Task::Item(plain));
                self.tasks.push(Task::Item(plain));
                self.tasks.push(Task::Altrep);
                self.tasks.push(Task::Item(plain));
            }
            1 => {
                let name = self.name()?;
                self.named(&name, around);
                self.last_name = Some(name.clone());
                self.refer(name)?;
            }
            4 => {
                self.input.int()?;
                self.refer(String::new())?;
                self.tasks.push(Task::Items(4, plain));
            }
            2 | 3 | 5 | 6 | 17 | 239 | 240 => {
                self.pair(kind, flags, around, is_first);
            }
            22 => {
                self.refer(String::new())?;
                self.tasks.push(Task::Items(2 + u64::from(has_attributes), plain));
            }
            23 => {
                self.refer(String::new())?;
                self.tasks.push(Task::Items(u64::from(has_attributes), plain.at(Place::Attributes)));
            }
            7 | 8 => {
                let length = self.input.length()?;
                let name = self.input.text(length)?;
                self.named(&name, around);
            }
            9 => {
                let text = self.char_text()?;
                if around.is_called() || (around.runs() && calls::is_program(&text)) {
                    self.named(&text, around);
                }
                self.tasks.push(Task::Items(u64::from(has_attributes), plain.at(Place::Attributes)));
            }
            10 | 13 | 14 | 15 | 24 => {
                let count = self.input.length()?;
                let (width, words) = match kind {
                    14 => (8, 1),
                    15 => (16, 2),
                    24 => (1, 1),
                    _ => (4, 1),
                };
                self.input.skip(count, width, words)?;
                self.tasks.push(Task::Items(u64::from(has_attributes), plain.at(Place::Attributes)));
            }
            16 | 19 | 20 => {
                let count = self.input.length()?;
                if count.saturating_mul(4) > self.input.left().saturating_mul(2) {
                    return Err(Unread::cut_off(self.input.position()));
                }
                self.tasks.push(Task::Items(u64::from(has_attributes), plain.at(Place::Attributes)));
                self.tasks.push(Task::Items(count, around.at(around.place.first())));
            }
            21 => {
                self.input.int()?;
                self.tasks.push(Task::Items(u64::from(has_attributes), plain.at(Place::Attributes)));
                self.tasks.push(Task::Code(Around { code: around.code.function(), ..plain }));
            }
            25 => self.tasks.push(Task::Items(u64::from(has_attributes), plain)),
            other => {
                let says = format!("an object of the unknown kind {other}");
                return Err(Unread::malformed(self.input.position(), says));
            }
        }
        Ok(())
    }

    /// Lists, calls, functions and promises: attributes and a tag if they have them, then two items.
    fn pair(&mut self, kind: u32, flags: u32, around: Around, is_first: bool) {
        let at = self.input.position();
        let plain = around.at(Place::Other);
        self.is_written(around);
        let (first, second) = match kind {
            6 | 240 => {
                self.tasks.push(Task::Operands(around, false));
                self.tasks.push(Task::Item(around.at(Place::Head)));
                self.attributes_and_tag(kind, flags, plain);
                return;
            }
            3 => (
                Around { code: around.code.function(), ..plain },
                Around { code: around.code.function(), ..plain },
            ),
            5 => {
                self.tasks.push(Task::Expression(plain, is_first));
                self.tasks.push(Task::Item(plain));
                self.attributes_and_tag(kind, flags, plain);
                return;
            }
            _ => {
                // A binding of an environment that calls a function whenever it is read.
                if flags >> 12 & 0x8000 != 0 {
                    self.tell(Severity::Info, at, "a name whose value is computed by a function each time");
                    (Around { code: Code::Bound, ..plain }, plain)
                } else {
                    (plain, around.at(around.place.rest()))
                }
            }
        };
        self.tasks.push(Task::Item(second));
        let is_tagged = kind == 2 && flags & 0x400 != 0;
        self.tasks.push(if is_tagged {
            Task::Tagged(first.at(around.place), false)
        } else {
            Task::Item(first.at(around.place.first()))
        });
        let outside = if kind == 3 { Around { code: around.code.environment(), ..plain } } else { plain };
        self.attributes_and_tag(kind, flags, outside);
    }

    /// What follows a tag: of attributes two are lists of calls that a model computes.
    fn tagged(&mut self, around: Around) -> Around {
        let tag = self.last_name.take();
        let tag = tag.as_deref().unwrap_or_default();
        let first = around.at(around.place.first());
        if around.place == Place::Attributes && matches!(tag, "predvars" | "variables") {
            return Around { when: When::Variables, ..first };
        }
        if around.runs() && around.place == Place::Operand && tag == "file" {
            let at = self.input.position();
            self.tell(Severity::High, at, &format!("{} hands over the name of a file", around.words()));
        }
        first
    }

    /// The function of a call was read: what the call's operands are, and whether anybody can tell the function.
    fn operands(&mut self, around: Around) -> Around {
        let at = self.input.position();
        let (named, behind) = (self.last_name.take(), self.head_name.take());
        let head = named.or(behind);
        let name = head.as_deref().unwrap_or_default();
        let plain = around.at(Place::Operand);
        let is_function = around.place == Place::Head;
        match name {
            "::" | ":::" if is_function => return around.at(Place::HeadName),
            // What lies in a list or object: its name is judged where the call runs by itself.
            "$" | "@" if is_function => {
                return if around.runs() { around.at(Place::HeadName) } else { plain };
            }
            _ if is_function && around.runs() => {
                let says = format!("{} calls a function that is computed first", around.words());
                self.tell(Severity::High, at, &says);
            }
            _ if is_function && around.code != Code::None && calls::finds(name) => {
                let says = format!("{} calls what `{name}` finds by a text", around.words());
                self.tell(Severity::Medium, at, &says);
            }
            _ => {}
        }
        if name == "function" {
            return Around { given: Given::Other, ..plain };
        }
        if calls::applies(name) {
            return Around { given: Given::Applied, ..plain };
        }
        if calls::evaluates(name) {
            return Around { given: Given::Evaluated, ..plain };
        }
        if name == WRITER && !around.runs() { plain.at(Place::Screen) } else { plain }
    }

    /// More than what is to be written is given to a function that writes.
    fn is_written(&mut self, around: Around) {
        if around.place == Place::Written {
            self.calls(WRITER, Does::Programs, around);
        }
    }

    /// They are read before all else: what is pushed last is read first.
    fn attributes_and_tag(&mut self, kind: u32, flags: u32, around: Around) {
        if flags & 0x400 != 0 {
            self.tasks.push(Task::Item(around));
        }
        if flags & 0x200 != 0 || matches!(kind, 239 | 240) {
            self.tasks.push(Task::Item(around.at(Place::Attributes)));
        }
    }

    /// The expression of a promise follows its value: it runs only if there is none yet.
    fn expression(&mut self, around: Around, is_root: bool) {
        let at = self.input.position();
        let is_open = self.last_kind == UNBOUND || is_root;
        if is_root {
            let says = "the object is a promise: its expression runs as soon as the object is looked at";
            self.tell(Severity::Critical, at, says);
        } else if is_open {
            self.tell(Severity::Info, at, "a promise: its expression runs when its value is touched");
        }
        let when = if is_open { When::Promise } else { around.when };
        self.tasks.push(Task::Item(Around { when, ..around }));
    }

    fn name(&mut self) -> Result<String, Unread> {
        let flags = self.input.int()?.cast_unsigned();
        if flags & 0xff == 9 {
            return self.char_text();
        }
        Err(Unread::malformed(self.input.position(), "no name where one is expected"))
    }

    fn char_text(&mut self) -> Result<String, Unread> {
        match self.input.int()? {
            -1 => Ok(String::new()),
            length => match u64::try_from(length) {
                Ok(length) => self.input.text(length),
                Err(_) => Err(Unread::malformed(self.input.position(), "a negative length")),
            },
        }
    }

    fn refer(&mut self, name: String) -> Result<(), Unread> {
        self.references.push(name);
        Ok(self.max_references.check(self.references.len() as u64)?)
    }

    /// A name was read: of a function that is called, or of a class.
    fn named(&mut self, name: &str, around: Around) {
        if let Some(class) = &mut self.altrep {
            class.push(name.to_owned());
            return;
        }
        if name.is_empty() || !(around.is_called() || around.runs()) {
            return;
        }
        let at = self.input.position();
        if around.place == Place::HeadName {
            self.head_name = Some(name.to_owned());
        }
        if around.is_called() {
            if around.runs() && around.given == Given::Applied && calls::makes_text(name) {
                let says = format!("{} puts the name of a function together", around.words());
                self.tell(Severity::High, at, &says);
            }
            let is_code = matches!(around.code, Code::Function | Code::Near) && !around.runs();
            if is_code && around.given == Given::Evaluated && calls::parses(name) {
                self.tell(Severity::Medium, at, &format!("{} evaluates a text as code", around.words()));
            }
        }
        let is_program = around.runs() && calls::is_program(name);
        let does = if around.is_called() { calls::does(name) } else { None };
        let Some(does) = does.or(is_program.then_some(Does::Programs)) else { return };
        if name != WRITER || around.runs() {
            self.calls(name, does, around);
        }
    }

    fn calls(&mut self, name: &str, does: Does, around: Around) {
        let severity = match (around, does) {
            (Around { when: When::Promise, .. }, Does::Programs | Does::MakesCode)
            | (
                Around { when: When::Variables, .. } | Around { code: Code::Bound | Code::Near, .. },
                Does::Programs,
            ) => Severity::Critical,
            (_, Does::Programs) => Severity::High,
            _ if around.runs() => Severity::High,
            _ => return,
        };
        let calls = match around {
            Around { when: When::Called, code: Code::None, .. } => "holds a call of",
            _ if around.is_called() || around.place == Place::Written => "calls",
            _ => "names",
        };
        let says = format!("{} {calls} {}: it {}", around.words(), printed(name), does.words());
        self.tell(severity, self.input.position(), &says);
    }

    /// The class of a compact object was read: its package's code makes the object.
    fn altrep_class(&mut self) {
        const OWN: &[&str] = &[
            "compact_intseq",
            "compact_realseq",
            "deferred_string",
            "wrap_real",
            "wrap_integer",
            "wrap_logical",
            "wrap_complex",
            "wrap_raw",
            "wrap_string",
            "wrap_list",
            "base",
        ];
        let Some(class) = self.altrep.take() else { return };
        if class.iter().all(|name| OWN.contains(&name.as_str())) {
            return;
        }
        let at = self.input.position();
        let maps = class.iter().any(|name| name.starts_with("mmap"));
        let severity = if maps { Severity::Critical } else { Severity::High };
        let does = if maps { ": it opens a file of the host" } else { "" };
        let says = format!("code of the class {} makes a value of it{does}", printed(&class.join(" of ")));
        self.tell(severity, at, &says);
    }

    fn tell(&mut self, severity: Severity, at: u64, says: &str) {
        let says = format!("byte {at}: {says}");
        self.looking.find_as(severity, &rules::RDS_PROMISE, self.part.at(at), says);
    }
}
