//! Markup: tags, comments, instructions, and what is open.

use lazaret_core::{Flow, Limit, Limits, Rule};

use super::text::{Space, decode, first_bad_character, name, space};
use super::{Attribute, Event, MAX_ATTRIBUTES, MAX_DEPTH, MAX_FAULTS, XmlFault};
use crate::rules::{RECORD_SIZE, XML_DEPTH, XML_DOCTYPE, XML_MALFORMED};

/// Reads a text that begins at an offset of its file.
pub(super) fn read<'t>(
    text: &'t str,
    file_offset: u64,
    limits: &Limits,
    visit: &mut dyn FnMut(Event<'_, 't>) -> Flow,
) -> Vec<XmlFault> {
    let mut reader = Reader {
        text,
        pos: 0,
        file_offset,
        max_depth: limits.get(MAX_DEPTH),
        max_attributes: limits.get(MAX_ATTRIBUTES),
        max_faults: limits.get(MAX_FAULTS),
        open: Vec::new(),
        attributes: Vec::new(),
        roots: 0,
        faults: Vec::new(),
        visit,
    };
    let ended = reader.document();
    if !matches!(ended, Err(Stopped::ByVisitor)) {
        // Where a DOCTYPE ended the reading, what stands after it was not read.
        let read = text.get(..reader.pos).unwrap_or(text);
        if let Some(at) = first_bad_character(read) {
            reader.faults.push(reader.fault(&XML_MALFORMED, at, "a character that XML does not have"));
        }
    }
    reader.faults.sort_by_key(|fault| fault.offset);
    reader.faults
}

/// The reading ended early.
pub(super) enum Stopped {
    /// The visitor had enough.
    ByVisitor,
    /// The last fault says why.
    ByFault,
}

/// What is read so far.
pub(super) struct Reader<'t, 'v> {
    pub(super) text: &'t str,
    pub(super) pos: usize,
    file_offset: u64,
    max_depth: Limit,
    max_attributes: Limit,
    max_faults: Limit,
    open: Vec<&'t str>,
    /// Room for the attributes of one tag.
    attributes: Vec<Attribute<'t>>,
    roots: u64,
    faults: Vec<XmlFault>,
    visit: &'v mut dyn FnMut(Event<'_, 't>) -> Flow,
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<(), Stopped> {
        if self.rest().starts_with("<?xml") && space(self.rest().get(5..).unwrap_or("")) > 0 {
            self.pos = self.rest().find("?>").map_or(self.text.len(), |end| end.saturating_add(2));
        }
        loop {
            let begin = self.pos;
            let markup = memchr::memchr(b'<', self.rest().as_bytes());
            self.pos = markup.map_or(self.text.len(), |at| begin.saturating_add(at));
            self.characters(begin)?;
            if markup.is_none() {
                break;
            }
            self.markup()?;
        }
        self.close_what_is_open()
    }

    /// Text between markup.
    fn characters(&mut self, begin: usize) -> Result<(), Stopped> {
        let written = self.text.get(begin..self.pos).unwrap_or("");
        let spaces = space(written);
        if self.open.is_empty() {
            if spaces == written.len() {
                return Ok(());
            }
            self.malformed(begin.saturating_add(spaces), "text outside the root element")?;
        }
        if written.is_empty() {
            return Ok(());
        }
        let bracket = memchr::memchr(b']', written.as_bytes());
        if let Some(at) = bracket.and_then(|_| written.find("]]>")) {
            self.malformed(begin.saturating_add(at), "`]]>` in text")?;
        }
        let (text, bad) = decode(written, Space::Text);
        for at in bad {
            self.malformed(begin.saturating_add(at), "`&` that begins no reference XML has")?;
        }
        let offset = self.offset(begin);
        self.tell(Event::Text { text: &text, offset })
    }

    /// What begins with `<`.
    fn markup(&mut self) -> Result<(), Stopped> {
        let rest = self.rest();
        match rest.as_bytes().get(1) {
            Some(b'!') if rest.starts_with("<!--") => self.comment(),
            Some(b'!') if rest.starts_with("<![CDATA[") => self.cdata(),
            Some(b'!') => self.declaration(),
            Some(b'?') => self.instruction(),
            Some(b'/') => self.end_tag(),
            _ => self.start_tag(),
        }
    }

    fn comment(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let inside = self.rest().get(4..).unwrap_or("");
        let Some(end) = inside.find("-->") else {
            return Err(self.end_of_text(begin, "the comment has no end"));
        };
        let text = inside.get(..end).unwrap_or("");
        if text.contains("--") || text.ends_with('-') {
            self.malformed(begin, "a comment with `--` in it, or that ends in `--->`")?;
        }
        self.skip(end.saturating_add(7));
        let offset = self.offset(begin);
        self.tell(Event::Comment { text, offset })
    }

    fn cdata(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let inside = self.rest().get(9..).unwrap_or("");
        let Some(end) = inside.find("]]>") else {
            return Err(self.end_of_text(begin, "the CDATA section has no end"));
        };
        if self.open.is_empty() {
            self.malformed(begin, "text outside the root element")?;
        }
        self.skip(end.saturating_add(12));
        let offset = self.offset(begin);
        let text = inside.get(..end).unwrap_or("").replace("\r\n", "\n").replace('\r', "\n");
        self.tell(Event::Text { text: &text, offset })
    }

    /// `<!` and neither a comment nor CDATA.
    fn declaration(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let word = self.rest().get(2..9).unwrap_or("");
        if word.eq_ignore_ascii_case("DOCTYPE") {
            let message = "DOCTYPE; nothing of it was expanded or opened, and nothing after it read";
            self.faults.push(self.fault(&XML_DOCTYPE, begin, message));
            return Err(Stopped::ByFault);
        }
        self.malformed(begin, "a declaration outside a DOCTYPE")?;
        self.pos =
            self.rest().find('>').map_or(self.text.len(), |end| begin.saturating_add(end).saturating_add(1));
        Ok(())
    }

    fn instruction(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let inside = self.rest().get(2..).unwrap_or("");
        let Some(end) = inside.find("?>") else {
            return Err(self.end_of_text(begin, "the processing instruction has no end"));
        };
        let target = name(inside.get(..end).unwrap_or(""));
        self.skip(end.saturating_add(4));
        if target.eq_ignore_ascii_case("xml") {
            return self.malformed(begin, "an XML declaration that is not at the start");
        }
        if target.is_empty() {
            self.malformed(begin, "a processing instruction without a name")?;
        }
        let offset = self.offset(begin);
        self.tell(Event::Instruction { target, offset })
    }

    fn start_tag(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let name = name(self.rest().get(1..).unwrap_or(""));
        let offset = self.offset(begin);
        if name.is_empty() {
            self.malformed(begin, "`<` that begins no tag")?;
            self.skip(1);
            return self.tell(Event::Text { text: "<", offset });
        }
        if let Err(reached) = self.max_depth.check((self.open.len() as u64).saturating_add(1)) {
            self.faults.push(self.fault(&XML_DEPTH, begin, reached.to_string()));
            return Err(Stopped::ByFault);
        }
        self.skip(name.len().saturating_add(1));
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        let empty = self.read_attributes(&mut attributes)?;
        if self.open.is_empty() {
            self.roots = self.roots.saturating_add(1);
            if self.roots > 1 {
                self.malformed(begin, "a second root element")?;
            }
        }
        if !empty {
            self.open.push(name);
        }
        let told = self.tell(Event::Start { name, attributes: &attributes, empty, offset });
        self.attributes = attributes;
        told
    }

    fn end_tag(&mut self) -> Result<(), Stopped> {
        let begin = self.pos;
        let name = name(self.rest().get(2..).unwrap_or(""));
        self.skip(name.len().saturating_add(2));
        self.skip(space(self.rest()));
        let found = if self.rest().starts_with('>') { Some(0) } else { self.rest().find('>') };
        match found {
            Some(0) => self.skip(1),
            Some(end) => {
                self.malformed(self.pos, "expected `>`")?;
                self.skip(end.saturating_add(1));
            }
            None => return Err(self.end_of_text(begin, "the tag has no end")),
        }
        let offset = self.offset(begin);
        let Some(place) = self.open.iter().rposition(|open| *open == name) else {
            return self.malformed(begin, "an end tag without its start");
        };
        if place.saturating_add(1) < self.open.len() {
            self.malformed(begin, "an element within this one has no end tag")?;
        }
        while self.open.len() > place {
            if let Some(name) = self.open.pop() {
                self.tell(Event::End { name, offset })?;
            }
        }
        Ok(())
    }

    /// The end of the text.
    fn close_what_is_open(&mut self) -> Result<(), Stopped> {
        let end = self.text.len();
        if !self.open.is_empty() {
            self.malformed(end, "an element has no end tag")?;
        } else if self.roots == 0 {
            self.malformed(end, "no root element")?;
        }
        let offset = self.offset(end);
        while let Some(name) = self.open.pop() {
            self.tell(Event::End { name, offset })?;
        }
        Ok(())
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.pos = self.pos.saturating_add(bytes);
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn offset(&self, at: usize) -> u64 {
        self.file_offset.saturating_add(at as u64)
    }

    fn fault(&self, rule: &'static Rule, at: usize, message: impl Into<String>) -> XmlFault {
        XmlFault { rule, offset: self.offset(at), message: message.into() }
    }

    /// Reports what is not well-formed, and goes on while there are not too many faults.
    pub(super) fn malformed(&mut self, at: usize, message: &'static str) -> Result<(), Stopped> {
        self.check(self.max_faults, at, (self.faults.len() as u64).saturating_add(1))?;
        self.faults.push(self.fault(&XML_MALFORMED, at, message));
        Ok(())
    }

    /// Reports what reaches to the end of the text, so that nothing is left to go on with; what is open ends.
    pub(super) fn end_of_text(&mut self, at: usize, message: &'static str) -> Stopped {
        self.faults.push(self.fault(&XML_MALFORMED, at, message));
        self.pos = self.text.len();
        let offset = self.offset(self.pos);
        while let Some(name) = self.open.pop() {
            if let Err(stopped) = self.tell(Event::End { name, offset }) {
                return stopped;
            }
        }
        Stopped::ByFault
    }

    pub(super) fn check_attribute_count(&mut self, at: usize, count: u64) -> Result<(), Stopped> {
        self.check(self.max_attributes, at, count)
    }

    fn check(&mut self, limit: Limit, at: usize, count: u64) -> Result<(), Stopped> {
        limit.check(count).map_err(|reached| {
            self.faults.push(self.fault(&RECORD_SIZE, at, reached.to_string()));
            Stopped::ByFault
        })
    }

    fn tell(&mut self, event: Event<'_, 't>) -> Result<(), Stopped> {
        match (self.visit)(event) {
            Flow::On => Ok(()),
            Flow::Stop => Err(Stopped::ByVisitor),
        }
    }
}
