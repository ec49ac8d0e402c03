//! What is hidden in low bits, told by its marks: programs, archives, scripts.

/// What was recognised, and in which bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) what: &'static str,
    /// How many bits of each number were taken.
    pub(super) bits: u32,
}

/// Texts that chance does not make in any file: none is shorter than six bytes.
const MARKS: &[(&[u8], &str)] = &[
    (b"\x7fELF\x01\x01\x01", "an ELF program"),
    (b"\x7fELF\x02\x01\x01", "an ELF program"),
    (b"!This program", "a PE program"),
    (b"PK\x03\x04\x14\x00", "a zip archive"),
    (b"PK\x03\x04\x0a\x00", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"#!/bin/", "a script"),
    (b"#!/usr/bin/", "a script"),
    (b"/bin/sh", "a shell command"),
    (b"/bin/bash", "a shell command"),
    (b"powershell", "a shell command"),
    (b"cmd.exe", "a shell command"),
    (b"import os", "Python source"),
    (b"import sys", "Python source"),
    (b"import socket", "Python source"),
    (b"import subprocess", "Python source"),
    (b"os.system", "Python source"),
    (b"posix\nsystem", "a pickle that starts a program"),
    (b"posix\x94\x8c\x06system", "a pickle that starts a program"),
    (b"<script", "a script"),
    (b"http://", "an address"),
    (b"https://", "an address"),
];

/// Looks for a mark in the low bits of numbers, in every usual way of laying bytes into them.
pub(super) fn find(words: &[u32]) -> Option<Mark> {
    let mut stream = Vec::new();
    for (bits, low_first) in [
        (8, true),
        (16, true),
        (16, false),
        (24, true),
        (24, false),
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (4, false),
        (4, true),
    ] {
        extract(words, bits, low_first, &mut stream);
        let found = MARKS.iter().find(|(mark, _)| memchr::memmem::find(&stream, mark).is_some());
        if let Some((_, what)) = found {
            return Some(Mark { what, bits });
        }
    }
    None
}

/// The bytes in so many low bits of each number.
fn extract(words: &[u32], bits: u32, low_first: bool, stream: &mut Vec<u8>) {
    stream.clear();
    if bits >= 8 {
        for word in words {
            let [first, second, third, _] = word.to_le_bytes();
            let bytes = [first, second, third];
            let bytes = bytes.get(..(bits / 8) as usize).unwrap_or_default();
            if low_first { stream.extend(bytes) } else { stream.extend(bytes.iter().rev()) }
        }
        return;
    }
    let mask = (1 << bits) - 1;
    for some in words.chunks_exact((8 / bits) as usize) {
        let byte = (0_u32..).zip(some).fold(0, |byte, (place, word)| {
            let piece = word & mask;
            if low_first { byte | piece << (place * bits) } else { byte << bits | piece }
        });
        stream.extend(u8::try_from(byte & 0xff));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers whose low bits hold a text, most significant bits first, or bytes in the order of memory.
    fn hidden(text: &[u8], bits: u32) -> Vec<u32> {
        let high = 0x3c12_3400_u32;
        if bits == 8 {
            return text.iter().map(|byte| high | u32::from(*byte)).collect();
        }
        let pieces = 8 / bits;
        let of = |byte: u8| {
            (0..pieces).map(move |n| high | u32::from(byte) >> (8 - bits * (n + 1)) & ((1 << bits) - 1))
        };
        text.iter().flat_map(|byte| of(*byte)).collect()
    }

    #[test]
    fn marks_are_found_at_every_depth() {
        for bits in [1, 2, 4, 8] {
            let found = find(&hidden(b"....#!/bin/sh -c id", bits));
            assert_eq!(found.map(|mark| (mark.what, mark.bits)), Some(("a script", bits)));
            assert_eq!(find(&hidden(b"weights of a small model", bits)), None);
        }
        let big_endian: Vec<u32> = b"xx\x7fELF\x02\x01\x01"
            .chunks(3)
            .map(|c| u32::from_be_bytes([0x3c, c[0], c[1], c[2]]))
            .collect();
        assert_eq!(find(&big_endian).map(|mark| mark.bits), Some(24));
    }
}
