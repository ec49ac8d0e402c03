//! Numbers in headers: little endian, and absent where the bytes end.

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let end = at.checked_add(2)?;
    bytes.get(at..end)?.try_into().ok().map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes.get(at..end)?.try_into().ok().map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    bytes.get(at..end)?.try_into().ok().map(u64::from_le_bytes)
}

/// As many bytes as there are, up to `count`.
pub(super) fn read(
    source: &dyn lazaret_core::Source,
    at: u64,
    count: usize,
) -> Result<Vec<u8>, lazaret_core::SourceError> {
    let mut bytes = vec![0; count];
    let read = source.read_at(at, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
