//! Finds network addresses, IPv4 and IPv6.
//!
//! Every form of RFC 4291 is taken whole, with an IPv4 address within it, its zone (`fe80::1%eth0`) and its prefix length.
//! Four numbers up to 255 are an address unless the words before say that they are a version (`software 10.2.14.3`).
//!
//! Why: 45 CFR 164.514(b)(2)(i)(O).
//!
//! Example: `from 10.44.18.203` is found; `software 10.2.14.3` is not.
//!
//! References: RFC 791; RFC 4291, 2.2.

use std::net::Ipv6Addr;

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Ip;

impl ShapeDetector for Ip {
    fn id(&self) -> &'static str {
        "phi.ip"
    }

    fn source(&self) -> &'static str {
        include_str!("ip.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Read from 10.44.18.203 at night.", "Software 10.2.14.3 and 999.1.1.1, at 10:52:11.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(Pass::Signs, r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"), (Pass::Signs, SIX)]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        const VERSION: &str = "software|version|v|ver|release|firmware|fw|sw|build|rev|protocol|oid|update";
        let text = note.slice(hit.start, hit.end);
        if hit.shape == 0 {
            let small = text.split('.').all(|part| part.parse::<u16>().is_ok_and(|n| n < 256));
            let longer = matches!(note.byte_before(hit.start), b'.' | b'-')
                || (note.byte(hit.end) == b'.' && note.byte(hit.end + 1).is_ascii_digit());
            // `4.3.1.0`: a version has small numbers throughout.
            let version = text.split('.').all(|part| part.len() == 1)
                && !note.cue_before(hit.start, 8, "ip|ip:|addr|address|from|host");
            if small && !longer && !version && !note.cue_before(hit.start, 20, VERSION) {
                out.push(found(Label::IP, hit.start, hit.end, Evidence::Checked));
            }
            return;
        }
        // `a::b` within a name of code, and a third colon: no address begins there.
        let before = note.byte_before(hit.start);
        if text.starts_with(':') && (before.is_ascii_alphanumeric() || before == b':') {
            return;
        }
        if let Some(end) = six_end(note, hit) {
            out.push(found(Label::IP, hit.start, end, Evidence::Checked));
        }
    }
}

/// Two colons or more between groups of hexadecimal digits, with an IPv4 address at the end.
const SIX: &str =
    r"(?:\b[0-9a-f]{1,4}:|:)(?:[0-9a-f]{0,4}:){1,7}(?:\d{1,3}(?:\.\d{1,3}){3}\b|[0-9a-f]{1,4}\b)?";

/// Where the IPv6 address ends, its zone (`%eth0`) and prefix length (`/64`) taken in; none if it is no address.
fn six_end(note: &Note<'_>, hit: Hit) -> Option<usize> {
    let text = note.slice(hit.start, hit.end);
    // A colon after the address, or a number with points that is no IPv4 address.
    let tries = [text, text.strip_suffix(':').unwrap_or(text), text.split('.').next().unwrap_or(text)];
    let address = tries.into_iter().find(|part| part.parse::<Ipv6Addr>().is_ok())?;
    // `1::2` is a ratio, `::` says that there is no address.
    let small = |group: &str| group.len() <= 2 && group.bytes().all(|b| b.is_ascii_digit());
    let ratio = address.split("::").all(|half| !half.is_empty() && small(half));
    let mut end = hit.start + address.len();
    let zoned = note.byte(end) == b'%';
    if zoned {
        let zone = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
        let name: String = note.after(end + 1, 32).bytes().take_while(zone).map(char::from).collect();
        let name = name.trim_end_matches(['.', '-']);
        end += if name.is_empty() { 0 } else { name.len() + 1 };
    }
    if note.byte(end) == b'/' {
        let count = note.after(end + 1, 4).bytes().take_while(u8::is_ascii_digit).count();
        end += if (1..=3).contains(&count) { count + 1 } else { 0 };
    }
    let bare = end == hit.start + address.len();
    // `a::Vec` is code.
    let code = address.ends_with("::") && note.byte(end).is_ascii_alphanumeric();
    (address != "::" && !(bare && (ratio || code))).then_some(end)
}

#[cfg(test)]
mod tests {
    fn whole(text: &str) -> Vec<String> {
        let found = crate::Scanner::new().unwrap().scan(text, None).unwrap();
        found
            .into_iter()
            .map(|found| text.get(found.span.start..found.span.end).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_form_of_an_address_is_taken_whole() {
        for address in [
            "2001:db8:85a3::8a2e:370:7334",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "2001:DB8:0:0:8:800:200C:417A",
            "FF01::101",
            "2001:db8::",
            "fe80::1ff:fe23:4567:890a%eth0",
            "fe80::1%en0/64",
            "2001:db8:0:cd30::/60",
            "::1",
            "::ffff:192.0.2.128",
            "::13.1.68.3",
            "64:ff9b::192.0.2.33",
            "0:0:0:0:0:FFFF:129.144.52.38",
            "2001:db8:1:2:3:4:5::",
        ] {
            for text in [
                format!("Read from {address} at night."),
                format!("host ({address}), then"),
                format!("Addr {address}: reached"),
                format!("IP={address}."),
            ] {
                assert_eq!(whole(&text), [address], "{text}");
            }
        }
    }

    #[test]
    fn times_ratios_and_names_of_code_are_no_address() {
        for text in [
            "At 10:52:11 and 7:05, ratio 3:4:5, 1:1000, odds 1::2.",
            "I:E 1:2, titer 1:320, run 00:14:59.",
            "Call std::fs or a::Vec, end::",
            "Timer 12:34:56:78 stopped :: later",
        ] {
            assert_eq!(whole(text), [""; 0], "{text}");
        }
    }
}
