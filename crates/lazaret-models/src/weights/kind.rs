//! Types of numbers: how many bytes so many of them take, and what they are as binary32.

/// A type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Kind {
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of binary32.
    Bf16,
    /// OCP 8-bit floats (E4M3 without infinities).
    F8E4m3,
    /// OCP 8-bit floats with five bits of exponent.
    F8E5m2,
    /// Whole numbers with a sign, of so many bytes.
    Int(u8),
    /// Whole numbers without a sign, of so many bytes.
    Uint(u8),
    /// One byte each.
    Bool,
    /// A block type of ggml: the scales of its blocks are read.
    Blocks {
        /// Numbers in a block.
        numbers: u64,
        /// Bytes of a block.
        bytes: u64,
        /// Where in a block its scale stands (binary16).
        scale: u64,
    },
    /// Of so many bits; its numbers are not read.
    Bits(u64),
    /// Nothing is known of it.
    #[default]
    Unknown,
}

impl Kind {
    /// How many bytes so many numbers take.
    pub(crate) fn bytes(self, numbers: u64) -> Option<u64> {
        match self {
            Self::F64 => numbers.checked_mul(8),
            Self::F32 => numbers.checked_mul(4),
            Self::F16 | Self::Bf16 => numbers.checked_mul(2),
            Self::F8E4m3 | Self::F8E5m2 | Self::Bool => Some(numbers),
            Self::Int(bytes) | Self::Uint(bytes) => numbers.checked_mul(u64::from(bytes)),
            Self::Blocks { numbers: block, bytes, .. } => {
                numbers.checked_div(block.max(1)).and_then(|blocks| blocks.checked_mul(bytes))
            }
            Self::Bits(bits) => numbers.checked_mul(bits).map(|bits| bits.div_ceil(8)),
            Self::Unknown => None,
        }
    }

    /// Whether its numbers have an exponent.
    pub(crate) const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16 | Self::F8E4m3 | Self::F8E5m2)
    }

    /// Bytes that are read as one value, and the number of values that stand for so many numbers; none where values are
    /// not read.
    pub(crate) const fn step(self) -> Option<(usize, u64)> {
        Some(match self {
            Self::F64 => (8, 1),
            Self::F32 => (4, 1),
            Self::F16 | Self::Bf16 => (2, 1),
            Self::F8E4m3 | Self::F8E5m2 | Self::Bool => (1, 1),
            Self::Int(bytes @ (1 | 2 | 4 | 8)) | Self::Uint(bytes @ (1 | 2 | 4 | 8)) => (bytes as usize, 1),
            // No block is longer than a few hundred bytes.
            Self::Blocks { numbers, bytes, .. } if bytes <= 1024 && numbers > 0 => {
                (bytes.to_le_bytes()[0] as usize + 256 * bytes.to_le_bytes()[1] as usize, numbers)
            }
            _ => return None,
        })
    }

    /// Decodes values of [`Kind::step`] bytes each.
    pub(crate) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        values.clear();
        match self {
            Self::F32 => {
                values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            Self::F64 => {
                values
                    .extend(bytes.as_chunks::<8>().0.iter().map(|bytes| narrow(f64::from_le_bytes(*bytes))));
            }
            Self::F16 => values.extend(halves(bytes).map(half)),
            Self::Bf16 => values.extend(halves(bytes).map(|bits| f32::from_bits(u32::from(bits) << 16))),
            Self::F8E4m3 => values.extend(bytes.iter().map(|byte| eight(*byte, 4, 3, true))),
            Self::F8E5m2 => values.extend(bytes.iter().map(|byte| eight(*byte, 5, 2, false))),
            Self::Bool | Self::Uint(1) => values.extend(bytes.iter().map(|byte| f32::from(*byte))),
            Self::Int(1) => values.extend(bytes.iter().map(|byte| f32::from(byte.cast_signed()))),
            Self::Int(2) => values.extend(halves(bytes).map(|bits| f32::from(bits.cast_signed()))),
            Self::Uint(2) => values.extend(halves(bytes).map(f32::from)),
            Self::Int(4) => {
                let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| i32::from_le_bytes(*bytes));
                values.extend(numbers.map(|number| narrow(f64::from(number))));
            }
            Self::Uint(4) => {
                let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
                values.extend(numbers.map(|number| narrow(f64::from(number))));
            }
            Self::Int(8) | Self::Uint(8) => {
                let numbers = bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
                values.extend(numbers.map(near));
            }
            Self::Blocks { bytes: block, scale, .. } => {
                let block = usize::try_from(block).unwrap_or(usize::MAX).max(1);
                let scale = usize::try_from(scale).unwrap_or(usize::MAX);
                let scales =
                    bytes.chunks_exact(block).filter_map(|block| block.get(scale..)?.first_chunk::<2>());
                values.extend(scales.map(|bytes| half(u16::from_le_bytes(*bytes))));
            }
            Self::Int(_) | Self::Uint(_) | Self::Bits(_) | Self::Unknown => {}
        }
    }
}

fn halves(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "statistics need no more than binary32 has; what is beyond is infinite"
)]
const fn narrow(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_precision_loss, reason = "statistics need no more than binary32 has")]
const fn near(value: i64) -> f32 {
    value as f32
}

/// A number of binary16.
pub(super) fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff);
    // Multiplied by 2^112, exponents are those of binary32, subnormals among them; 31 is infinite or no number.
    let value = if magnitude >= 0x7c00 {
        f32::from_bits(0x7f80_0000 | (magnitude & 0x03ff) << 13)
    } else {
        f32::from_bits(magnitude << 13) * f32::from_bits(0x7780_0000)
    };
    f32::from_bits(value.to_bits() | sign)
}

/// A number of eight bits with so many bits of exponent and fraction. With `finite` only all ones are no number.
fn eight(byte: u8, exponent: u32, fraction: u32, finite: bool) -> f32 {
    let sign = if byte & 0x80 == 0 { 1.0 } else { -1.0 };
    let top = (1_u32 << exponent) - 1;
    let (e, f) = (u32::from(byte & 0x7f) >> fraction, u32::from(byte) & ((1 << fraction) - 1));
    let all = (1_u32 << fraction) - 1;
    if e == top && (!finite || f == all) {
        return if finite || f > 0 { f32::NAN } else { sign * f32::INFINITY };
    }
    let bias = (1_i32 << (exponent - 1)) - 1;
    let steps = f32::from(u16::try_from(f).unwrap_or(0)) / f32::from(u16::try_from(all + 1).unwrap_or(1));
    let (whole, e) = if e == 0 { (0.0, 1) } else { (1.0, e.cast_signed()) };
    sign * (whole + steps) * f32::powi(2.0, e - bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(kind: Kind, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::new();
        kind.decode(bytes, &mut values);
        values
    }

    #[test]
    fn numbers_are_what_their_standard_says() {
        let halves = [0x3c00_u16, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000].map(u16::to_le_bytes).concat();
        assert_eq!(decoded(Kind::F16, &halves), [1.0, -2.0, 2_f32.powi(-24), 65504.0, f32::INFINITY, -0.0]);
        assert!(half(0x7e01).is_nan());
        assert_eq!(decoded(Kind::Bf16, &0x4049_u16.to_le_bytes()), [3.140_625]);
        assert_eq!(decoded(Kind::F8E4m3, &[0x38, 0x7e, 0x01, 0xb8]), [1.0, 448.0, 2_f32.powi(-9), -1.0]);
        assert!(decoded(Kind::F8E4m3, &[0x7f])[0].is_nan());
        assert_eq!(
            decoded(Kind::F8E5m2, &[0x3c, 0x7b, 0x7c, 0x01]),
            [1.0, 57344.0, f32::INFINITY, 2_f32.powi(-16)]
        );
        assert_eq!(decoded(Kind::Int(2), &(-5_i16).to_le_bytes()), [-5.0]);
        assert_eq!(decoded(Kind::Uint(4), &7_u32.to_le_bytes()), [7.0]);
        assert_eq!(decoded(Kind::F64, &0.5_f64.to_le_bytes()), [0.5]);
        let block = [&0x3c00_u16.to_le_bytes()[..], &[0; 16]].concat();
        assert_eq!(decoded(Kind::Blocks { numbers: 32, bytes: 18, scale: 0 }, &block.repeat(2)), [1.0, 1.0]);
    }

    #[test]
    fn sizes_are_counted() {
        assert_eq!(
            (Kind::F16.bytes(3), Kind::Bits(4).bytes(3), Kind::Unknown.bytes(3)),
            (Some(6), Some(2), None)
        );
        assert_eq!(Kind::Blocks { numbers: 32, bytes: 18, scale: 0 }.bytes(64), Some(36));
        assert_eq!(Kind::F64.bytes(u64::MAX), None);
        assert_eq!(Kind::Blocks { numbers: 256, bytes: 292, scale: 0 }.step(), Some((292, 256)));
    }
}
