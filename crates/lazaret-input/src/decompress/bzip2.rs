//! bzip2, any number of streams one after the other. Memory: one block, four bytes for each of at most 900,000.
//!
//! Blocks of the form that bzip2 0.9.0 wrote for repetitive data ("randomised") are refused as damaged.

use std::io::{self, BufRead, Read};

/// Symbols of one table: two for runs, 255 for places, one for the end.
const MOST_SYMBOLS: usize = 258;
/// Longest code.
const LONGEST: u32 = 20;
/// So many symbols are coded by one table, then comes the next selector.
const GROUP: u32 = 50;
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;

/// A decoder.
pub(super) struct Bzip2<R> {
    bits: Bits<R>,
    /// Most bytes of a block before runs are undone; 0 between streams.
    most: usize,
    /// A block: a byte, and above it the place of the next one.
    block: Vec<u32>,
    /// Where the walk through the block is, and how many of its bytes are left.
    at: u32,
    left: usize,
    /// The last byte and how often it came, up to four: then the next byte says how often more.
    last: Option<u8>,
    repeated: u8,
    /// How often the last byte comes yet.
    run: u8,
    /// CRC of the block so far and as it is said, and of the stream so far.
    crc: u32,
    said: u32,
    stream_crc: u32,
    in_block: bool,
    first: bool,
    ended: bool,
}

impl<R: BufRead> Bzip2<R> {
    pub(super) fn new(packed: R) -> Self {
        Self {
            bits: Bits { packed, held: 0, count: 0 },
            most: 0,
            block: Vec::new(),
            at: 0,
            left: 0,
            last: None,
            repeated: 0,
            run: 0,
            crc: 0,
            said: 0,
            stream_crc: 0,
            in_block: false,
            first: true,
            ended: false,
        }
    }

    /// Goes on to the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        loop {
            if self.most == 0 {
                if !self.begin_stream()? {
                    return Ok(false);
                }
                continue;
            }
            match self.bits.take(24)? << 24 | self.bits.take(24)? {
                BLOCK => {
                    self.read_block()?;
                    return Ok(true);
                }
                END => {
                    if self.bits.take(32)? != u64::from(self.stream_crc) {
                        return Err(damaged());
                    }
                    self.bits.align();
                    self.most = 0;
                }
                _ => return Err(damaged()),
            }
        }
    }

    fn begin_stream(&mut self) -> io::Result<bool> {
        if !self.first && self.bits.at_end()? {
            return Ok(false);
        }
        let mark = self.bits.take(24)?;
        let level = self.bits.take(8)?;
        let size = level.checked_sub(u64::from(b'0')).filter(|size| (1..=9).contains(size));
        let size = size.filter(|_| mark == 0x42_5a_68).ok_or_else(damaged)?;
        self.most = usize::try_from(size).unwrap_or(0).saturating_mul(100_000);
        self.first = false;
        self.stream_crc = 0;
        Ok(true)
    }

    fn read_block(&mut self) -> io::Result<()> {
        self.said = u32::try_from(self.bits.take(32)?).unwrap_or(0);
        if self.bits.take(1)? != 0 {
            return Err(damaged());
        }
        let begin = usize::try_from(self.bits.take(24)?).unwrap_or(usize::MAX);
        let mut front = self.used_bytes()?;
        let symbols = front.len().saturating_add(2);
        let (tables, selectors) = self.tables(symbols)?;
        let mut counts = [0_usize; 256];
        self.block.clear();
        let end = symbols.saturating_sub(1);
        let (mut run, mut weight) = (0_usize, 1_usize);
        let mut selectors = selectors.into_iter();
        let mut table = None;
        let mut in_group = 0;
        loop {
            if in_group == 0 {
                table = selectors.next().and_then(|selector| tables.get(usize::from(selector)));
                in_group = GROUP;
            }
            in_group = in_group.saturating_sub(1);
            let symbol = usize::from(table.ok_or_else(damaged)?.symbol(&mut self.bits)?);
            if symbol < 2 {
                // Digits one and two to base two: how often the first byte comes.
                run = run.saturating_add(weight << symbol);
                weight = weight.saturating_mul(2);
                if run > self.most {
                    return Err(damaged());
                }
                continue;
            }
            if run > 0 {
                let byte = front.first().copied().ok_or_else(damaged)?;
                self.fill(byte, run, &mut counts)?;
                (run, weight) = (0, 1);
            }
            if symbol == end {
                break;
            }
            let place = symbol.saturating_sub(1);
            let byte = front.get(place).copied().ok_or_else(damaged)?;
            front.copy_within(..place, 1);
            if let Some(first) = front.first_mut() {
                *first = byte;
            }
            self.fill(byte, 1, &mut counts)?;
        }
        self.link(begin, &counts)
    }

    fn fill(&mut self, byte: u8, times: usize, counts: &mut [usize; 256]) -> io::Result<()> {
        if self.block.len().saturating_add(times) > self.most {
            return Err(damaged());
        }
        self.block.resize(self.block.len().saturating_add(times), byte.into());
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(times);
        }
        Ok(())
    }

    /// Undoes the sorting: writes above each byte the place of the one that follows it.
    fn link(&mut self, begin: usize, counts: &[usize; 256]) -> io::Result<()> {
        let mut next = [0_usize; 256];
        let mut sum = 0_usize;
        for (next, count) in next.iter_mut().zip(counts) {
            *next = sum;
            sum = sum.saturating_add(*count);
        }
        for place in 0..self.block.len() {
            let byte = self.block.get(place).map_or(0, |entry| usize::from(entry.to_le_bytes()[0]));
            let slot = next.get_mut(byte).ok_or_else(damaged)?;
            let entry = self.block.get_mut(*slot).ok_or_else(damaged)?;
            *slot = slot.saturating_add(1);
            *entry |= u32::try_from(place).unwrap_or(0) << 8;
        }
        let entry = self.block.get(begin).ok_or_else(damaged)?;
        (self.at, self.left) = (entry >> 8, self.block.len());
        (self.last, self.repeated, self.run) = (None, 0, 0);
        (self.crc, self.in_block) = (u32::MAX, true);
        Ok(())
    }

    fn used_bytes(&mut self) -> io::Result<Vec<u8>> {
        let ranges = self.bits.take(16)?;
        let mut used = Vec::new();
        for range in (0..16_u8).filter(|range| ranges >> (15_u8.saturating_sub(*range)) & 1 == 1) {
            let bytes = self.bits.take(16)?;
            let set = (0..16_u8).filter(|byte| bytes >> (15_u8.saturating_sub(*byte)) & 1 == 1);
            used.extend(set.map(|byte| range << 4 | byte));
        }
        if used.is_empty() { Err(damaged()) } else { Ok(used) }
    }

    /// The tables of codes, and which is used for each group of symbols.
    fn tables(&mut self, symbols: usize) -> io::Result<(Vec<Table>, Vec<u8>)> {
        let count = u8::try_from(self.bits.take(3)?).unwrap_or(0);
        let selector_count = self.bits.take(15)?;
        if !(2..=6).contains(&count) || selector_count == 0 || symbols > MOST_SYMBOLS {
            return Err(damaged());
        }
        let mut front: Vec<u8> = (0..count).collect();
        let mut selectors = Vec::new();
        for _ in 0..selector_count {
            let mut place = 0_usize;
            while self.bits.take(1)? == 1 {
                place = place.saturating_add(1);
                if place >= front.len() {
                    return Err(damaged());
                }
            }
            front.get_mut(..=place).ok_or_else(damaged)?.rotate_right(1);
            selectors.extend(front.first());
        }
        let mut tables = Vec::new();
        for _ in 0..count {
            let mut len = u32::try_from(self.bits.take(5)?).unwrap_or(0);
            let mut lens = Vec::new();
            for _ in 0..symbols {
                loop {
                    if !(1..=LONGEST).contains(&len) {
                        return Err(damaged());
                    }
                    if self.bits.take(1)? == 0 {
                        break;
                    }
                    len = if self.bits.take(1)? == 0 { len.saturating_add(1) } else { len.saturating_sub(1) };
                }
                lens.push(len);
            }
            tables.push(Table::new(&lens));
        }
        Ok((tables, selectors))
    }

    /// The next byte of a block before runs are undone.
    fn step(&mut self) -> io::Result<u8> {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let entry = self.block.get(at).copied().ok_or_else(damaged)?;
        self.at = entry >> 8;
        self.left = self.left.saturating_sub(1);
        Ok(entry.to_le_bytes()[0])
    }

    /// The next byte; none at the end of the block.
    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            if let Some(last) = self.last.filter(|_| self.run > 0) {
                self.run = self.run.saturating_sub(1);
                return Ok(Some(last));
            }
            if self.left == 0 {
                return Ok(None);
            }
            let byte = self.step()?;
            if self.repeated == 4 {
                (self.run, self.repeated) = (byte, 0);
                continue;
            }
            self.repeated = if self.last == Some(byte) { self.repeated.saturating_add(1) } else { 1 };
            self.last = Some(byte);
            return Ok(Some(byte));
        }
    }
}

impl<R: BufRead> Read for Bzip2<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.ended {
            return Ok(0);
        }
        loop {
            if self.in_block {
                let mut given = 0_usize;
                for slot in buffer.iter_mut() {
                    let Some(byte) = self.next_byte()? else { break };
                    let index = usize::from(self.crc.to_be_bytes()[0] ^ byte);
                    self.crc = self.crc << 8 ^ CRC.get(index).copied().unwrap_or(0);
                    *slot = byte;
                    given = given.saturating_add(1);
                }
                if given < buffer.len() {
                    self.in_block = false;
                    self.stream_crc = self.stream_crc.rotate_left(1) ^ !self.crc;
                    if !self.crc != self.said {
                        return Err(damaged());
                    }
                }
                if given > 0 {
                    return Ok(given);
                }
            }
            if !self.next_block()? {
                self.ended = true;
                return Ok(0);
            }
        }
    }
}

/// Codes by their lengths, in order.
struct Table {
    /// For each length: the first code beyond it, and what is taken from a code to give the place of its symbol.
    ends: [(u32, u32); LONGEST as usize + 1],
    symbols: Vec<u16>,
}

impl Table {
    fn new(lens: &[u32]) -> Self {
        let mut ends = [(0, 0); LONGEST as usize + 1];
        let mut symbols = Vec::new();
        let mut code = 0_u32;
        for (len, end) in (0_u32..).zip(&mut ends) {
            code = code.wrapping_shl(1);
            let before = u32::try_from(symbols.len()).unwrap_or(0);
            let of_len = (0_u16..).zip(lens).filter(|(_, own)| **own == len);
            symbols.extend(of_len.map(|(symbol, _)| symbol));
            let count = u32::try_from(symbols.len()).unwrap_or(0).wrapping_sub(before);
            let from = code.wrapping_sub(before);
            code = code.wrapping_add(count);
            *end = (code, from);
        }
        Self { ends, symbols }
    }

    fn symbol<R: BufRead>(&self, bits: &mut Bits<R>) -> io::Result<u16> {
        let mut code = 0_u32;
        for (end, from) in self.ends.iter().skip(1) {
            code = code << 1 | u32::try_from(bits.take(1)?).unwrap_or(0);
            if code < *end {
                let place = usize::try_from(code.wrapping_sub(*from)).unwrap_or(usize::MAX);
                return self.symbols.get(place).copied().ok_or_else(damaged);
            }
        }
        Err(damaged())
    }
}

/// Bits, the highest of each byte first.
struct Bits<R> {
    packed: R,
    held: u64,
    count: u32,
}

impl<R: BufRead> Bits<R> {
    /// Takes up to 32 bits.
    fn take(&mut self, count: u32) -> io::Result<u64> {
        while self.count < count {
            let packed = self.packed.fill_buf()?;
            let Some(byte) = packed.first().copied() else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            self.packed.consume(1);
            self.held = self.held << 8 | u64::from(byte);
            self.count = self.count.saturating_add(8);
        }
        self.count = self.count.saturating_sub(count);
        let mask = u64::MAX.wrapping_shr(64_u32.saturating_sub(count));
        Ok(self.held >> self.count & mask)
    }

    /// Goes on to the next whole byte.
    const fn align(&mut self) {
        self.count &= !7;
    }

    fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.count == 0 && self.packed.fill_buf()?.is_empty())
    }
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// CRC-32 with the highest bit first.
const CRC: [u32; 256] = crc_table();

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "made by the compiler")]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut value = index << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000_0000 == 0 { value << 1 } else { value << 1 ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[index as usize] = value;
        index += 1;
    }
    table
}
