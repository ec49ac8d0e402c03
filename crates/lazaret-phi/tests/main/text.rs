//! Any text at all: spans are disjoint, in order, on character boundaries, and nothing panics.

use lazaret_phi::Scanner;
use proptest::prelude::*;

fn check(text: &str) {
    let found = Scanner::new().unwrap().scan(text, None).unwrap();
    let mut at = 0;
    for detection in &found {
        assert!(detection.span.start >= at && detection.span.end > detection.span.start);
        assert!(text.get(detection.span.start..detection.span.end).is_some());
        at = detection.span.end;
    }
}

/// Pieces that detectors look for, thrown together.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Dr. "),
        Just("MRN: "),
        Just("0048-3917"),
        Just(" 3/4/25"),
        Just("@x.example"),
        Just("http://"),
        Just("née"),
        Just("Rose "),
        Just("\u{301}"),
        Just("，"),
        Just("００１"),
        Just("\u{200d}"),
        Just("(614) 555-0137"),
        Just("\n"),
        Just(": "),
        Just("wife "),
        Just("St. "),
        Just("Medical Center"),
        Just(", MD"),
        Just("PO Box 1"),
        Just("ssn "),
        Just("90 yo"),
        Just("::1"),
        Just("(01)00399999000417"),
        Just(" May 5"),
        Just("'s "),
        Just("-"),
        Just("#"),
        Just("."),
        Just("ﬁ"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces(text in pieces()) {
        check(&text);
    }
}
