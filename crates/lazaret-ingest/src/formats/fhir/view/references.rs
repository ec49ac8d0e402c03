//! Character references: the named ones of HTML that stand in clinical texts, and numbers.

/// What a reference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// This character, written in so many bytes.
    Is(char, usize),
    /// An ampersand.
    Literal,
    /// A name or number that is not known here.
    Unknown,
}

/// The longest name of HTML has 31 letters.
const MAX_NAME: usize = 32;

/// What the ampersand at a place begins. `may_lack_end`: HTML reads the oldest names also without a semicolon.
pub(super) fn at(text: &str, at: usize, may_lack_end: bool) -> Reference {
    let Some(rest) = text.get(at.saturating_add(1)..) else { return Reference::Literal };
    if let Some(digits) = rest.strip_prefix('#') {
        return number(digits);
    }
    let name_end = rest
        .bytes()
        .take(MAX_NAME)
        .position(|byte| !byte.is_ascii_alphanumeric())
        .unwrap_or(rest.len().min(MAX_NAME));
    let Some(name) = rest.get(..name_end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    else {
        return Reference::Literal;
    };
    if rest.as_bytes().get(name_end) == Some(&b';') {
        return named(name).map_or(Reference::Unknown, |c| Reference::Is(c, name_end.saturating_add(2)));
    }
    if !may_lack_end {
        return Reference::Literal;
    }
    (2..=name_end)
        .rev()
        .find_map(|length| {
            let c = named(name.get(..length)?).filter(|c| u32::from(*c) < 256)?;
            Some(Reference::Is(c, length.saturating_add(1)))
        })
        .unwrap_or(Reference::Literal)
}

fn number(digits: &str) -> Reference {
    let (digits, radix, mark) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16, 3),
        None => (digits, 10, 2),
    };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if length == 0 {
        return Reference::Literal;
    }
    let significant = digits.get(..length).unwrap_or("").trim_start_matches('0');
    let code = u32::from_str_radix(significant, radix).ok();
    let Some(c) = code.filter(|code| *code != 0).and_then(windows).and_then(char::from_u32) else {
        return Reference::Unknown;
    };
    let end = usize::from(digits.as_bytes().get(length) == Some(&b';'));
    Reference::Is(c, length.saturating_add(mark).saturating_add(end))
}

/// Numbers 128 to 159 mean the characters of windows-1252 in HTML; other controls mean nothing.
fn windows(code: u32) -> Option<u32> {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match code {
        0x80..=0x9f => {
            usize::try_from(code.checked_sub(0x80)?).ok().and_then(|at| HIGH.get(at)).map(|c| u32::from(*c))
        }
        9 | 10 | 12 | 13 => Some(code),
        0..=0x1f | 0x7f => None,
        _ => Some(code),
    }
}

fn named(name: &str) -> Option<char> {
    if let Some((_, c)) = OTHERS.iter().find(|(known, _)| *known == name) {
        return Some(*c);
    }
    LATIN_1
        .split(' ')
        .position(|known| known == name)
        .and_then(|at| char::from_u32(u32::try_from(at).ok()?.checked_add(160)?))
}

/// The names of U+00A0 to U+00FF, in order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn \
sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml \
Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times \
Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute \
ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml \
yacute thorn yuml";

const OTHERS: &[(&str, char)] = &[
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("VerticalLine", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
    ("NonBreakingSpace", '\u{a0}'),
    ("COPY", '©'),
    ("REG", '®'),
    ("half", '½'),
    ("hyphen", '‐'),
    ("dash", '‐'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("horbar", '―'),
    ("minus", '−'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("rsquor", '’'),
    ("sbquo", '‚'),
    ("lsquor", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("rdquor", '”'),
    ("bdquo", '„'),
    ("ldquor", '„'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("bull", '•'),
    ("bullet", '•'),
    ("hellip", '…'),
    ("mldr", '…'),
    ("prime", '′'),
    ("Prime", '″'),
    ("oline", '‾'),
    ("frasl", '⁄'),
    ("dagger", '†'),
    ("Dagger", '‡'),
    ("permil", '‰'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("emsp13", '\u{2004}'),
    ("emsp14", '\u{2005}'),
    ("numsp", '\u{2007}'),
    ("puncsp", '\u{2008}'),
    ("thinsp", '\u{2009}'),
    ("ThinSpace", '\u{2009}'),
    ("hairsp", '\u{200a}'),
    ("VeryThinSpace", '\u{200a}'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("NoBreak", '\u{2060}'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Zcaron", 'Ž'),
    ("zcaron", 'ž'),
    ("Ccaron", 'Č'),
    ("ccaron", 'č'),
    ("Dcaron", 'Ď'),
    ("dcaron", 'ď'),
    ("Ecaron", 'Ě'),
    ("ecaron", 'ě'),
    ("Lcaron", 'Ľ'),
    ("lcaron", 'ľ'),
    ("Ncaron", 'Ň'),
    ("ncaron", 'ň'),
    ("Rcaron", 'Ř'),
    ("rcaron", 'ř'),
    ("Tcaron", 'Ť'),
    ("tcaron", 'ť'),
    ("Yuml", 'Ÿ'),
    ("Amacr", 'Ā'),
    ("amacr", 'ā'),
    ("Emacr", 'Ē'),
    ("emacr", 'ē'),
    ("Imacr", 'Ī'),
    ("imacr", 'ī'),
    ("Omacr", 'Ō'),
    ("omacr", 'ō'),
    ("Umacr", 'Ū'),
    ("umacr", 'ū'),
    ("Abreve", 'Ă'),
    ("abreve", 'ă'),
    ("Gbreve", 'Ğ'),
    ("gbreve", 'ğ'),
    ("Ubreve", 'Ŭ'),
    ("ubreve", 'ŭ'),
    ("Aogon", 'Ą'),
    ("aogon", 'ą'),
    ("Eogon", 'Ę'),
    ("eogon", 'ę'),
    ("Iogon", 'Į'),
    ("iogon", 'į'),
    ("Uogon", 'Ų'),
    ("uogon", 'ų'),
    ("Cacute", 'Ć'),
    ("cacute", 'ć'),
    ("Lacute", 'Ĺ'),
    ("lacute", 'ĺ'),
    ("Nacute", 'Ń'),
    ("nacute", 'ń'),
    ("Racute", 'Ŕ'),
    ("racute", 'ŕ'),
    ("Sacute", 'Ś'),
    ("sacute", 'ś'),
    ("Zacute", 'Ź'),
    ("zacute", 'ź'),
    ("Cdot", 'Ċ'),
    ("cdot", 'ċ'),
    ("Edot", 'Ė'),
    ("edot", 'ė'),
    ("Gdot", 'Ġ'),
    ("gdot", 'ġ'),
    ("Idot", 'İ'),
    ("inodot", 'ı'),
    ("imath", 'ı'),
    ("Zdot", 'Ż'),
    ("zdot", 'ż'),
    ("Scedil", 'Ş'),
    ("scedil", 'ş'),
    ("Tcedil", 'Ţ'),
    ("tcedil", 'ţ'),
    ("Gcedil", 'Ģ'),
    ("Kcedil", 'Ķ'),
    ("kcedil", 'ķ'),
    ("Lcedil", 'Ļ'),
    ("lcedil", 'ļ'),
    ("Ncedil", 'Ņ'),
    ("ncedil", 'ņ'),
    ("Rcedil", 'Ŗ'),
    ("rcedil", 'ŗ'),
    ("Lstrok", 'Ł'),
    ("lstrok", 'ł'),
    ("Dstrok", 'Đ'),
    ("dstrok", 'đ'),
    ("Hstrok", 'Ħ'),
    ("hstrok", 'ħ'),
    ("Tstrok", 'Ŧ'),
    ("tstrok", 'ŧ'),
    ("Odblac", 'Ő'),
    ("odblac", 'ő'),
    ("Udblac", 'Ű'),
    ("udblac", 'ű'),
    ("Uring", 'Ů'),
    ("uring", 'ů'),
    ("Ycirc", 'Ŷ'),
    ("ycirc", 'ŷ'),
    ("Wcirc", 'Ŵ'),
    ("wcirc", 'ŵ'),
    ("Ccirc", 'Ĉ'),
    ("ccirc", 'ĉ'),
    ("ENG", 'Ŋ'),
    ("eng", 'ŋ'),
    ("fnof", 'ƒ'),
    ("circ", 'ˆ'),
    ("tilde", '˜'),
    ("Alpha", 'Α'),
    ("alpha", 'α'),
    ("Beta", 'Β'),
    ("beta", 'β'),
    ("Gamma", 'Γ'),
    ("gamma", 'γ'),
    ("Delta", 'Δ'),
    ("delta", 'δ'),
    ("Epsilon", 'Ε'),
    ("epsilon", 'ε'),
    ("Zeta", 'Ζ'),
    ("zeta", 'ζ'),
    ("Eta", 'Η'),
    ("eta", 'η'),
    ("Theta", 'Θ'),
    ("theta", 'θ'),
    ("Iota", 'Ι'),
    ("iota", 'ι'),
    ("Kappa", 'Κ'),
    ("kappa", 'κ'),
    ("Lambda", 'Λ'),
    ("lambda", 'λ'),
    ("Mu", 'Μ'),
    ("mu", 'μ'),
    ("Nu", 'Ν'),
    ("nu", 'ν'),
    ("Xi", 'Ξ'),
    ("xi", 'ξ'),
    ("Omicron", 'Ο'),
    ("omicron", 'ο'),
    ("Pi", 'Π'),
    ("pi", 'π'),
    ("Rho", 'Ρ'),
    ("rho", 'ρ'),
    ("Sigma", 'Σ'),
    ("sigma", 'σ'),
    ("sigmaf", 'ς'),
    ("Tau", 'Τ'),
    ("tau", 'τ'),
    ("Upsilon", 'Υ'),
    ("upsilon", 'υ'),
    ("Phi", 'Φ'),
    ("phi", 'φ'),
    ("Chi", 'Χ'),
    ("chi", 'χ'),
    ("Psi", 'Ψ'),
    ("psi", 'ψ'),
    ("Omega", 'Ω'),
    ("omega", 'ω'),
    ("euro", '€'),
    ("trade", '™'),
    ("larr", '←'),
    ("uarr", '↑'),
    ("rarr", '→'),
    ("darr", '↓'),
    ("harr", '↔'),
    ("rArr", '⇒'),
    ("lArr", '⇐'),
    ("ne", '≠'),
    ("le", '≤'),
    ("leq", '≤'),
    ("ge", '≥'),
    ("geq", '≥'),
    ("asymp", '≈'),
    ("sim", '∼'),
    ("infin", '∞'),
    ("radic", '√'),
    ("sum", '∑'),
    ("equiv", '≡'),
    ("check", '✓'),
    ("cross", '✗'),
    ("star", '☆'),
    ("male", '♂'),
    ("female", '♀'),
    ("numero", '№'),
    ("fflig", 'ﬀ'),
    ("filig", 'ﬁ'),
    ("fllig", 'ﬂ'),
    ("squ", '□'),
    ("loz", '◊'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_as_browsers_read_them() {
        for (text, c, length) in [
            ("&uuml;r", 'ü', 6),
            ("&#81;u", 'Q', 5),
            ("&#x51u", 'Q', 5),
            ("&#X0051;", 'Q', 8),
            ("&nbsp;8", '\u{a0}', 6),
            ("&yuml;", 'ÿ', 6),
            ("&lstrok;", 'ł', 8),
            ("&#150;", '–', 6),
            ("&#45 ", '-', 4),
            ("&hyphen;", '‐', 8),
        ] {
            assert_eq!(at(text, 0, false), Reference::Is(c, length), "{text}");
        }
        assert_eq!(at("&uumller", 0, true), Reference::Is('ü', 5));
        assert_eq!(at("&uumller", 0, false), Reference::Literal);
        for text in ["& so", "&", "&&amp;", "AT&T Bell".get(2..).unwrap(), "&#;", "&1;"] {
            assert_eq!(at(text, 0, true), Reference::Literal, "{text}");
        }
        for text in ["&quilian;", "&#0;", "&#x110000;", "&#xD800;", "&#99999999999999999999;", "&#1;"] {
            assert_eq!(at(text, 0, true), Reference::Unknown, "{text}");
        }
    }
}
