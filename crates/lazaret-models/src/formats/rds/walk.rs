//! The walk over a serialised object, without recursion: what is still to be read lies on a stack.

use lazaret_core::{Limit, Severity};

use super::calls::{self, Does};
use super::stream::Input;
use super::{MAX_DEPTH, MAX_ITEMS, MAX_REFERENCES};
use crate::look::Looking;
use crate::part::{Part, Unread, printed};
use crate::rules;

/// What code something is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Code {
    #[default]
    None,
    /// A function, or byte code.
    Function,
    /// The function of a name whose value it computes each time.
    Bound,
}

impl Code {
    /// What a function within it is part of.
    const fn function(self) -> Self {
        match self {
            Self::None => Self::Function,
            other => other,
        }
    }
}

/// Where something lies: what is around it says when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Around {
    /// Within a promise that has no value yet.
    promise: bool,
    /// Within what code.
    code: Code,
    /// The first of a call: the name of a function.
    called: bool,
}

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
        let plain = Around { called: false, ..around };
        self.tasks.push(Task::CodeLang(plain));
        self.tasks.push(Task::CodeLang(Around { called: is_call, ..around }));
        self.tasks.push(Task::Item(plain));
        if has_attributes {
            self.tasks.push(Task::Item(plain));
        }
        Ok(())
    }

    fn item(&mut self, flags: u32, around: Around, is_first: bool) -> Result<(), Unread> {
        let (kind, has_attributes) = (flags & 0xff, flags & 0x200 != 0);
        let plain = Around { called: false, ..around };
        self.last_kind = kind;
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
                self.tasks.push(Task::Items(u64::from(has_attributes), plain));
            }
            7 | 8 => {
                let length = self.input.length()?;
                let name = self.input.text(length)?;
                self.named(&name, around);
            }
            9 => {
                let text = self.char_text()?;
                if around.promise && calls::is_program(&text) {
                    self.named(&text, around);
                }
                self.tasks.push(Task::Items(u64::from(has_attributes), plain));
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
                self.tasks.push(Task::Items(u64::from(has_attributes), plain));
            }
            16 | 19 | 20 => {
                let count = self.input.length()?;
                if count.saturating_mul(4) > self.input.left().saturating_mul(2) {
                    return Err(Unread::cut_off(self.input.position()));
                }
                self.tasks.push(Task::Items(u64::from(has_attributes), plain));
                self.tasks.push(Task::Items(count, plain));
            }
            21 => {
                self.input.int()?;
                self.tasks.push(Task::Items(u64::from(has_attributes), plain));
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
        let plain = Around { called: false, ..around };
        let (first, second) = match kind {
            6 | 240 => (Around { called: true, ..around }, plain),
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
                    (plain, plain)
                }
            }
        };
        self.tasks.push(Task::Item(second));
        self.tasks.push(Task::Item(first));
        self.attributes_and_tag(kind, flags, plain);
    }

    /// They are read before all else: what is pushed last is read first.
    fn attributes_and_tag(&mut self, kind: u32, flags: u32, around: Around) {
        if flags & 0x400 != 0 {
            self.tasks.push(Task::Item(around));
        }
        if flags & 0x200 != 0 || matches!(kind, 239 | 240) {
            self.tasks.push(Task::Item(around));
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
        self.tasks.push(Task::Item(Around { promise: around.promise || is_open, ..around }));
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
        if name.is_empty() || !(around.called || around.promise) {
            return;
        }
        let at = self.input.position();
        let does = if around.called { calls::does(name) } else { None };
        let is_program = does == Some(Does::Programs) || (around.promise && calls::is_program(name));
        let does = if is_program { Some(Does::Programs) } else { does };
        let Some(does) = does else { return };
        let (severity, what) = match (around, does) {
            (Around { promise: true, .. }, Does::Evaluates) => (Severity::High, "a promise calls"),
            (Around { promise: true, .. }, _) => (Severity::Critical, "a promise calls or names"),
            (Around { code: Code::Bound, .. }, Does::Programs) => {
                (Severity::Critical, "a value is computed by calling")
            }
            (Around { code: Code::Function, .. }, Does::Programs) => {
                (Severity::High, "a function in it calls")
            }
            (_, Does::Programs) => (Severity::High, "it holds a call of"),
            _ => return,
        };
        self.tell(severity, at, &format!("{what} {}: it {}", printed(name), does.words()));
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
