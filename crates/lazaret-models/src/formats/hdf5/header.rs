//! Object headers, both versions: messages, in blocks that continue each other.

use rustc_hash::FxHashSet;

use super::file::{Fields, File, broken};
use crate::part::Unread;

/// Most messages and most blocks of one header.
const MOST_MESSAGES: usize = 100_000;
const MOST_BLOCKS: usize = 4_096;

/// Kinds of messages that are looked at.
pub(super) mod kind {
    pub(crate) const DATASPACE: u64 = 0x01;
    pub(crate) const LINK_INFO: u64 = 0x02;
    pub(crate) const DATATYPE: u64 = 0x03;
    pub(crate) const OLD_FILL: u64 = 0x04;
    pub(crate) const FILL: u64 = 0x05;
    pub(crate) const LINK: u64 = 0x06;
    pub(crate) const EXTERNAL_FILES: u64 = 0x07;
    pub(crate) const LAYOUT: u64 = 0x08;
    pub(crate) const FILTERS: u64 = 0x0b;
    pub(crate) const ATTRIBUTE: u64 = 0x0c;
    pub(crate) const SHARED_TABLE: u64 = 0x0f;
    pub(crate) const CONTINUATION: u64 = 0x10;
    pub(crate) const SYMBOL_TABLE: u64 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u64 = 0x15;
    pub(crate) const LAST: u64 = 0x18;
}

/// One message.
pub(super) struct Message {
    pub(super) kind: u64,
    pub(super) flags: u8,
    /// The address of its data.
    pub(super) address: u64,
    pub(super) data: Vec<u8>,
}

impl Message {
    /// Its data lie elsewhere.
    pub(super) const fn is_shared(&self) -> bool {
        self.flags & 0x02 != 0
    }
}

/// The message for which a shared one stands: that of the same kind of the object that it names.
pub(super) fn shared(file: &File<'_>, message: &Message) -> Result<Message, Unread> {
    shared_as(file, message.kind, &mut file.fields(&message.data, message.address))
}

/// The message of a kind that these fields name.
pub(super) fn shared_as(file: &File<'_>, kind: u64, fields: &mut Fields<'_>) -> Result<Message, Unread> {
    const IN_TABLE: u8 = 1;
    let at = fields.place();
    let (version, lies) = (fields.byte()?, fields.byte()?);
    if version == 1 {
        fields.skip(6)?;
        fields.length()?;
    } else if lies == IN_TABLE {
        return Err(broken(at, "a message lies in a shared table, which is not read"));
    }
    let (messages, fault) = messages(file, fields.address()?);
    let own = messages.into_iter().find(|message| message.kind == kind && !message.is_shared());
    let missing = || broken(at, "a shared message names an object that has none of its kind");
    own.ok_or_else(|| fault.unwrap_or_else(missing))
}

/// The messages of the header at an address, as far as they can be read, and what ended the reading.
pub(super) fn messages(file: &File<'_>, address: u64) -> (Vec<Message>, Option<Unread>) {
    let mut messages = Vec::new();
    let fault = gather(file, address, &mut messages).err();
    (messages, fault)
}

fn gather(file: &File<'_>, address: u64, messages: &mut Vec<Message>) -> Result<(), Unread> {
    let start = file.bytes(address, 16).or_else(|_| file.bytes(address, 12))?;
    let is_second = start.starts_with(b"OHDR");
    let mut fields = file.fields(&start, address);
    let (first, with_order) = if is_second {
        fields.skip(4)?;
        let (version, flags) = (fields.byte()?, fields.byte()?);
        if version != 2 {
            return Err(broken(fields.place(), format!("an object header of the unknown version {version}")));
        }
        let skipped = if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
        let width = 1_u8 << (flags & 3);
        let sizes = file.bytes(address.saturating_add(6 + skipped), u64::from(width))?;
        let size = file.fields(&sizes, address).number(width)?;
        let begins = address.saturating_add(6 + skipped).saturating_add(u64::from(width));
        ((begins, size), flags & 0x04 != 0)
    } else {
        let version = fields.byte()?;
        if version != 1 {
            return Err(broken(fields.place(), "no object header where one is pointed at"));
        }
        fields.skip(7)?;
        ((address.saturating_add(16), fields.number(4)?), false)
    };
    let mut seen = FxHashSet::default();
    let mut blocks = vec![first];
    while let Some((begins, size)) = blocks.pop() {
        if seen.len() >= MOST_BLOCKS || !seen.insert(begins) {
            return Err(broken(
                file.base.saturating_add(begins),
                "an object header goes in a circle, or on without end",
            ));
        }
        let bytes = file.bytes(begins, size)?;
        let more = if is_second {
            block_of_second(file, &bytes, begins, with_order, messages)?
        } else {
            block_of_first(file, &bytes, begins, messages)?
        };
        blocks.extend(more);
        if messages.len() > MOST_MESSAGES {
            return Err(broken(
                file.base.saturating_add(begins),
                "an object header has messages without end",
            ));
        }
    }
    Ok(())
}

type Blocks = Vec<(u64, u64)>;

fn block_of_first(
    file: &File<'_>,
    bytes: &[u8],
    begins: u64,
    messages: &mut Vec<Message>,
) -> Result<Blocks, Unread> {
    let mut fields = file.fields(bytes, begins);
    let mut more = Vec::new();
    while fields.left() >= 8 {
        let (kind, size, flags) = (fields.number(2)?, fields.size(2)?, fields.byte()?);
        fields.skip(3)?;
        let address = fields.place().saturating_sub(file.base);
        add(file, Message { kind, flags, address, data: fields.take(size)?.to_vec() }, &mut more, messages)?;
    }
    Ok(more)
}

fn block_of_second(
    file: &File<'_>,
    bytes: &[u8],
    begins: u64,
    with_order: bool,
    messages: &mut Vec<Message>,
) -> Result<Blocks, Unread> {
    let mut fields = file.fields(bytes, begins);
    let mut more = Vec::new();
    let is_continued = bytes.starts_with(b"OCHK");
    if is_continued {
        fields.skip(4)?;
    }
    // A continued block counts its checksum, the first one does not.
    let least = if with_order { 6 } else { 4 } + if is_continued { 4 } else { 0 };
    while fields.left() >= least {
        let (kind, size, flags) = (fields.number(1)?, fields.size(2)?, fields.byte()?);
        if with_order {
            fields.skip(2)?;
        }
        let address = fields.place().saturating_sub(file.base);
        add(file, Message { kind, flags, address, data: fields.take(size)?.to_vec() }, &mut more, messages)?;
    }
    Ok(more)
}

fn add(
    file: &File<'_>,
    message: Message,
    more: &mut Blocks,
    messages: &mut Vec<Message>,
) -> Result<(), Unread> {
    if message.kind == kind::CONTINUATION {
        let mut fields = file.fields(&message.data, message.address);
        more.push((fields.address()?, fields.length()?));
    } else if message.kind != 0 {
        messages.push(message);
    }
    Ok(())
}
