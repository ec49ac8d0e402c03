//! Programs: ELF, PE, Mach-O, scripts, and models that are programs. They are recognised and refused, never read.

use lazaret_core::{FormatId, Likeness, Severity};

use super::python::PythonSource;
use super::text;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::{Depth, ModelFormat};
use crate::rules;

/// One kind of program.
pub(crate) struct Program {
    id: &'static str,
    about: &'static str,
    /// The endings of names under which it does not hide.
    own_names: &'static [&'static str],
    is: fn(&Head<'_>) -> bool,
}

pub(crate) static ELF: Program = Program {
    id: "elf",
    about: "ELF program or library (Linux)",
    own_names: &["so", "elf", "o", "ko", "out", "run", "appimage"],
    is: |head| matches!(head.bytes, [0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2, ..]),
};
pub(crate) static PE: Program = Program {
    id: "pe",
    about: "PE program or library (Windows)",
    own_names: &["exe", "dll", "pyd", "sys", "ocx", "efi", "scr"],
    is: is_pe,
};
pub(crate) static MACH_O: Program = Program {
    id: "mach-o",
    about: "Mach-O program or library (macOS)",
    own_names: &["dylib", "so", "bundle", "o"],
    is: is_mach_o,
};
pub(crate) static LLAMAFILE: Program = Program {
    id: "llamafile",
    about: "program for every system (APE), as llamafiles are",
    own_names: &["llamafile", "com", "exe", "ape"],
    is: |head| is_ape(head.bytes),
};
pub(crate) static JAVA: Program = Program {
    id: "java-class",
    about: "Java class",
    own_names: &["class"],
    is: |head| matches!(head.bytes, [0xca, 0xfe, 0xba, 0xbe, 0, _, 0, 45..=99, ..]),
};
pub(crate) static SCRIPT: Program = Program {
    id: "script",
    about: "script that names its interpreter",
    own_names: &["sh", "bash", "zsh", "pl", "rb", "command", "pyz", "pyzw"],
    is: |head| head.extension != "py" && is_script(head.bytes),
};

impl ModelFormat for Program {
    fn id(&self) -> FormatId {
        FormatId(self.id)
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn depth(&self) -> Depth {
        Depth::Refused
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.own_names
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if (self.is)(head) { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let extension = part.extension();
        let (severity, why) = if !part.is_file() {
            (Severity::Critical, ", inside another file")
        } else if !extension.is_empty() && !self.has_own_name(part) {
            (Severity::Critical, ", under a name that is no program's")
        } else {
            (Severity::High, "")
        };
        looking.find_as(
            severity,
            &rules::PROGRAM,
            part.at(0),
            format!("it is a program{why}: {}", self.about),
        );
        if self.id == SCRIPT.id && is_python(part)? {
            PythonSource.read(part, looking)?;
        }
        Ok(self.id())
    }
}

/// Whether a script names Python as its interpreter, and is text: what it does is told then, too.
fn is_python(part: &Part) -> Result<bool, Unread> {
    let mut head = [0; 512];
    let read = part.read_at(0, &mut head)?;
    let head = head.get(..read).unwrap_or_default();
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(memchr::memmem::find(first, b"python").is_some() && text::is_text(head))
}

impl Program {
    /// `libx.so.1.2` is a library too.
    fn has_own_name(&self, part: &Part) -> bool {
        let name = part.file_name();
        let mut endings = name.split('.').skip(1).collect::<Vec<_>>();
        while endings.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
            endings.pop();
        }
        endings.last().is_none_or(|last| self.own_names.contains(last))
    }
}

/// A PE program, and a script for a shell at the same time.
fn is_ape(head: &[u8]) -> bool {
    head.starts_with(b"MZqFpD='") || head.starts_with(b"jartsr='")
}

/// Whether bytes that should be data are a program beyond doubt: its whole header is right.
pub(crate) fn is_surely(part: &Part) -> Result<bool, Unread> {
    let mut header = [0; 64];
    let read = part.read_at(0, &mut header)?;
    let header = header.get(..read).unwrap_or_default();
    let elf = match header {
        [0x7f, b'E', b'L', b'F', class @ (1 | 2), 1, 1, ..] => {
            let size_at = if *class == 2 { 52 } else { 40 };
            let size = if *class == 2 { 64 } else { 52 };
            header.get(20..24) == Some(&[1, 0, 0, 0])
                && header.get(size_at..).is_some_and(|rest| rest.starts_with(&[size, 0]))
        }
        _ => false,
    };
    Ok(elf || is_pe(&Head::nameless(header, part)))
}

fn is_pe(head: &Head<'_>) -> bool {
    if is_ape(head.bytes) {
        return false; // it is told as what it is
    }
    let Some(at) = head.bytes.get(60..64).filter(|_| head.bytes.starts_with(b"MZ")) else { return false };
    let at = at.try_into().map_or(0, u32::from_le_bytes);
    head.part.array(u64::from(at)).is_ok_and(|mark| mark == *b"PE\0\0")
}

fn is_mach_o(head: &Head<'_>) -> bool {
    // The mark of several systems in one also begins Java classes, whose next number is a version of 45 and more.
    matches!(
        head.bytes,
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..]
            | [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, 1..=39, ..]
    )
}

/// `#!` and the path of an interpreter, in a line of text.
fn is_script(head: &[u8]) -> bool {
    let Some(line) = head.strip_prefix(b"#!") else { return false };
    let line = line.get(..128).unwrap_or(line).split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.trim_ascii();
    line.starts_with(b"/") && line.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\t')
}

/// An engine of `TensorRT`: compiled for one GPU, perhaps with plug-ins that run on the host.
pub(crate) struct TensorRt;

impl ModelFormat for TensorRt {
    fn id(&self) -> FormatId {
        FormatId("tensorrt")
    }

    fn about(&self) -> &'static str {
        "TensorRT engine: compiled code"
    }

    fn depth(&self) -> Depth {
        Depth::Refused
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["engine", "plan", "trt"]
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(b"ptrt") || head.bytes.starts_with(b"ftrt") {
            Likeness::Certain
        } else {
            Likeness::No
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        looking.not_whole();
        let message = "a TensorRT engine is compiled code, plug-ins with it: it was not inspected";
        looking.find(&rules::COMPILED_ENGINE, part.at(0), message);
        Ok(self.id())
    }
}
