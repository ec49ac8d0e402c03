//! The header of a 7z archive, as it is written (7zFormat.txt of the LZMA SDK).

use lazaret_core::Limits;

use super::super::MAX_MEMBERS;
use super::coders::{Chain, Coder};
use super::{Member, START_LEN};

type Read<T> = Result<T, &'static str>;

const CUT_OFF: &str = "its header is cut off";
const WRONG: &str = "its header is damaged";
/// Most coders of a folder; 7-Zip itself takes 32.
const MOST_CODERS: u64 = 32;

/// What a header lists.
pub(super) enum Listing {
    /// Members, and the streams they lie in.
    Members { streams: Streams, members: Vec<Member> },
    /// The header itself, packed.
    Packed(Streams),
}

/// Packed streams and folders.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Where each packed stream begins, and how long it is.
    pub(super) packs: Vec<(u64, u64)>,
    pub(super) folders: Vec<Folder>,
    /// The unpacked sizes of the members in each folder.
    sizes: Vec<Vec<u64>>,
}

/// Members that are packed as one.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its coders; none where they are not read here.
    pub(super) chain: Option<Chain>,
    pub(super) encrypted: bool,
    /// Its packed stream.
    pub(super) pack: usize,
    pub(super) size: u64,
    pub(super) crc: Option<u32>,
}

/// Reads a header.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Read<Listing> {
    let mut input = Input { bytes, most: limits.get(MAX_MEMBERS).most() };
    match input.byte()? {
        0x17 => Ok(Listing::Packed(streams(&mut input)?)),
        0x01 => {
            let mut found = Streams::default();
            let mut members = Vec::new();
            loop {
                match input.byte()? {
                    0x00 => return Ok(Listing::Members { streams: found, members }),
                    0x02 => archive_properties(&mut input)?,
                    0x03 => {
                        streams(&mut input)?;
                    }
                    0x04 => found = streams(&mut input)?,
                    0x05 => members = files(&mut input, &found)?,
                    _ => return Err(WRONG),
                }
            }
        }
        _ => Err(WRONG),
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    /// Most members, folders and streams.
    most: u64,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.bytes.split_first().ok_or(CUT_OFF)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take(&mut self, count: u64) -> Read<&'a [u8]> {
        let count = usize::try_from(count).map_err(|_| CUT_OFF)?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(CUT_OFF)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Read<u32> {
        self.take(4)?.try_into().map(u32::from_le_bytes).map_err(|_| CUT_OFF)
    }

    /// A number of one to nine bytes: the leading ones of the first say how many follow.
    fn number(&mut self) -> Read<u64> {
        let first = self.byte()?;
        let more = first.leading_ones().min(8);
        let mut value = 0_u64;
        for (position, byte) in (0_u32..).zip(self.take(more.into())?) {
            value |= u64::from(*byte).checked_shl(position.saturating_mul(8)).unwrap_or(0);
        }
        if more < 7 {
            let mask = 0x7f_u8.checked_shr(more).unwrap_or(0);
            let high = u64::from(first & mask).checked_shl(more.saturating_mul(8)).unwrap_or(0);
            value |= high;
        }
        Ok(value)
    }

    /// A number of things: no more than is allowed.
    fn count(&mut self) -> Read<u64> {
        let count = self.number()?;
        if count > self.most {
            Err("it has more members than `archive.max_members` allows")
        } else {
            Ok(count)
        }
    }

    fn bits(&mut self, count: u64) -> Read<Vec<bool>> {
        let bytes = self.take(count.div_ceil(8))?;
        let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte.wrapping_shr(bit) & 1 == 1));
        Ok(bits.take(usize::try_from(count).unwrap_or(0)).collect())
    }

    /// Bits, or a byte that says that all are set.
    fn defined(&mut self, count: u64) -> Read<Vec<bool>> {
        if self.byte()? == 0 {
            return self.bits(count);
        }
        Ok(vec![true; usize::try_from(count).unwrap_or(0)])
    }

    fn digests(&mut self, count: u64) -> Read<Vec<Option<u32>>> {
        let defined = self.defined(count)?;
        defined.into_iter().map(|is| if is { self.u32().map(Some) } else { Ok(None) }).collect()
    }
}

fn archive_properties(input: &mut Input<'_>) -> Read<()> {
    while input.byte()? != 0 {
        let size = input.number()?;
        input.take(size)?;
    }
    Ok(())
}

fn streams(input: &mut Input<'_>) -> Read<Streams> {
    let mut found = Streams::default();
    loop {
        match input.byte()? {
            0x00 => break,
            0x06 => packs(input, &mut found)?,
            0x07 => folders(input, &mut found)?,
            0x08 => sub_streams(input, &mut found)?,
            _ => return Err(WRONG),
        }
    }
    if found.sizes.is_empty() {
        found.sizes = found.folders.iter().map(|folder| vec![folder.size]).collect();
    }
    Ok(found)
}

fn packs(input: &mut Input<'_>, found: &mut Streams) -> Read<()> {
    let mut at = START_LEN.checked_add(input.number()?).ok_or(WRONG)?;
    let count = input.count()?;
    loop {
        match input.byte()? {
            0x00 => return Ok(()),
            0x09 => {
                for _ in 0..count {
                    let size = input.number()?;
                    found.packs.push((at, size));
                    at = at.checked_add(size).ok_or(WRONG)?;
                }
            }
            0x0a => {
                input.digests(count)?;
            }
            _ => return Err(WRONG),
        }
    }
}

fn folders(input: &mut Input<'_>, found: &mut Streams) -> Read<()> {
    if input.byte()? != 0x0b {
        return Err(WRONG);
    }
    let count = input.count()?;
    if input.byte()? != 0 {
        return Err("its header lies elsewhere");
    }
    let mut outs = Vec::new();
    let mut pack = 0;
    for _ in 0..count {
        let (folder, out_count, main, pack_count) = folder(input, pack)?;
        pack = pack.saturating_add(pack_count);
        outs.push((out_count, main));
        found.folders.push(folder);
    }
    if input.byte()? != 0x0c {
        return Err(WRONG);
    }
    for (folder, (count, main)) in found.folders.iter_mut().zip(outs) {
        let mut sizes = Vec::new();
        for _ in 0..count {
            sizes.push(input.number()?);
        }
        folder.size = sizes.get(main).copied().ok_or(WRONG)?;
        if let Some(chain) = &mut folder.chain {
            chain.set_sizes(&sizes);
        }
    }
    loop {
        match input.byte()? {
            0x00 => return Ok(()),
            0x0a => {
                let digests = input.digests(count)?;
                for (folder, crc) in found.folders.iter_mut().zip(digests) {
                    folder.crc = crc;
                }
            }
            _ => return Err(WRONG),
        }
    }
}

/// A folder with the number of its unpacked streams, the one that is its result, and how many packed ones it takes.
fn folder(input: &mut Input<'_>, pack: usize) -> Read<(Folder, u64, usize, usize)> {
    let coder_count = input.number()?;
    if coder_count == 0 || coder_count > MOST_CODERS {
        return Err(WRONG);
    }
    let mut coders = Vec::new();
    let (mut ins, mut outs) = (0_u64, 0_u64);
    let mut simple = true;
    for _ in 0..coder_count {
        let flags = input.byte()?;
        let id = input.take(u64::from(flags & 0x0f))?.to_vec();
        let (coder_ins, coder_outs) =
            if flags & 0x10 != 0 { (input.number()?, input.number()?) } else { (1, 1) };
        if coder_ins > MOST_CODERS || coder_outs != 1 {
            return Err(WRONG);
        }
        simple &= coder_ins == 1;
        let properties = if flags & 0x20 != 0 {
            let size = input.number()?;
            input.take(size)?.to_vec()
        } else {
            Vec::new()
        };
        coders.push(Coder { id, properties, size: 0 });
        ins = ins.saturating_add(coder_ins);
        outs = outs.saturating_add(coder_outs);
    }
    let mut binds = Vec::new();
    for _ in 1..outs {
        binds.push((input.number()?, input.number()?));
    }
    let pack_count = ins.checked_sub(binds.len() as u64).filter(|count| *count > 0).ok_or(WRONG)?;
    if pack_count > 1 {
        for _ in 0..pack_count {
            input.number()?;
        }
    }
    // From the result back to the packed bytes: each coder takes what the one bound to it gives.
    let main = (0..outs).find(|out| binds.iter().all(|(_, bound)| bound != out)).ok_or(WRONG)?;
    let mut order = vec![main];
    while let Some((_, out)) = binds.iter().find(|(taken, _)| order.last() == Some(taken)) {
        if order.contains(out) {
            return Err(WRONG);
        }
        order.push(*out);
    }
    let encrypted = coders.iter().any(|coder| coder.id == Coder::AES);
    let whole = simple && pack_count == 1 && order.len() as u64 == coder_count;
    let main = usize::try_from(main).unwrap_or(0);
    let chain = Chain::new(&coders, &order).filter(|_| whole);
    let folder = Folder { chain, encrypted, pack, size: 0, crc: None };
    Ok((folder, outs, main, usize::try_from(pack_count).unwrap_or(0)))
}

fn sub_streams(input: &mut Input<'_>, found: &mut Streams) -> Read<()> {
    let mut counts = vec![1_u64; found.folders.len()];
    let mut kind = input.byte()?;
    if kind == 0x0d {
        let mut all = 0_u64;
        for count in &mut counts {
            *count = input.count()?;
            all = all.saturating_add(*count);
        }
        if all > input.most {
            return Err("it has more members than `archive.max_members` allows");
        }
        kind = input.byte()?;
    }
    let said = kind == 0x09;
    for (folder, count) in found.folders.iter().zip(&counts) {
        let mut sizes = Vec::new();
        let mut left = folder.size;
        for _ in 1..*count {
            let size = if said { input.number()? } else { 0 };
            left = left.checked_sub(size).ok_or("its members are longer than what they are packed in")?;
            sizes.push(size);
        }
        if *count > 0 {
            sizes.push(left);
        }
        found.sizes.push(sizes);
    }
    if said {
        kind = input.byte()?;
    }
    loop {
        match kind {
            0x00 => return Ok(()),
            0x0a => {
                // One for each member whose folder's own CRC does not say it already.
                let known = |folder: &super::header::Folder, count: u64| count == 1 && folder.crc.is_some();
                let missing =
                    found.folders.iter().zip(&counts).filter(|(folder, count)| !known(folder, **count));
                let missing = missing.fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
                input.digests(missing)?;
            }
            _ => return Err(WRONG),
        }
        kind = input.byte()?;
    }
}

fn files(input: &mut Input<'_>, streams: &Streams) -> Read<Vec<Member>> {
    let count = input.count()?;
    let mut names = Vec::new();
    let (mut empty, mut attributes) = (Vec::new(), Vec::new());
    loop {
        let property = input.byte()?;
        if property == 0 {
            break;
        }
        let size = input.number()?;
        let mut field = Input { bytes: input.take(size)?, most: input.most };
        match property {
            0x0e => empty = field.bits(count)?,
            0x11 => {
                if field.byte()? != 0 {
                    return Err("its names lie elsewhere");
                }
                names = utf16_names(field.bytes);
            }
            0x15 => {
                let defined = field.defined(count)?;
                if field.byte()? == 0 {
                    for is in defined {
                        attributes.push(if is { field.u32()? } else { 0 });
                    }
                }
            }
            _ => {}
        }
    }
    let mut places = streams.sizes.iter().enumerate().flat_map(|(folder, sizes)| {
        sizes.iter().scan(0_u64, move |at, size| {
            let from = *at;
            *at = at.saturating_add(*size);
            Some((folder, from, *size))
        })
    });
    let mut members = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(0) {
        let place = if empty.get(index).copied().unwrap_or(false) { None } else { places.next() };
        let (folder, from, len) = place.map_or((None, 0, 0), |(folder, from, len)| (Some(folder), from, len));
        let name = names.get(index).cloned().unwrap_or_else(|| format!("member {index}"));
        members.push(Member {
            name,
            folder,
            from,
            len,
            attributes: attributes.get(index).copied().unwrap_or(0),
        });
        if names.len() < index && place.is_none() && index > input.bytes.len().saturating_add(4096) {
            return Err(WRONG); // members without names, bytes or anything else: a number that nothing stands behind
        }
    }
    Ok(members)
}

fn utf16_names(bytes: &[u8]) -> Vec<String> {
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let mut names: Vec<String> = units.split(|unit| *unit == 0).map(String::from_utf16_lossy).collect();
    names.pop(); // behind the last end
    names
}
