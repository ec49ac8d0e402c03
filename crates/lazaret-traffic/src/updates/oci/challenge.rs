//! What a server says it wants to know of who asks: `WWW-Authenticate` (RFC 9110, 11.6.1), read as far as it makes sense.

/// One way to say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `bearer`, `basic`: in lower case.
    pub scheme: String,
    /// What it says beside: names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter; none if it stands twice.
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(of, _)| of == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }
}

/// The challenges of a header.
pub fn challenges(header: &str) -> Vec<Challenge> {
    let mut read: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((word, after)) = token(rest) else { return read };
        let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match (value.and_then(value_of), read.last_mut()) {
            (Some((value, after)), Some(challenge)) => {
                challenge.parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(_), None) => return read,
            // `abc==` is a word of a scheme that is not spoken here.
            (None, _) if value.is_some() => rest = after.trim_start_matches([' ', '\t', '=']),
            (None, _) => {
                read.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

/// A word and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

/// The value of a parameter, a word or in quotes, and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(word, after)| (word.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.get(at..)?.strip_prefix('"')?)),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges_of_registries_are_read() {
        let read = challenges(
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#,
        );
        assert_eq!((read.len(), read[0].scheme.as_str()), (1, "bearer"));
        assert_eq!(read[0].one("realm"), Some("https://auth.example/token"));
        assert_eq!(read[0].one("scope"), Some("repository:a/b:pull,push"));
        let read =
            challenges(r#"Negotiate abc==, BASIC Realm = "a \"b\", c" , charset=UTF-8,bearer realm=x"#);
        let schemes: Vec<&str> = read.iter().map(|one| one.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!((read[1].one("realm"), read[1].one("charset")), (Some("a \"b\", c"), Some("UTF-8")));
        assert_eq!(challenges("Bearer realm=a,realm=b")[0].one("realm"), None, "which of them is meant?");
        assert_eq!(challenges("Bearer realm=\"a")[0].one("realm"), None);
        assert_eq!((challenges(""), challenges("realm=\"x\"")), (vec![], vec![]));
    }

    proptest! {
        #[test]
        fn any_header_ends_and_says_no_more_than_stands_in_it(header in r#"((Bearer|Basic|realm|scope|=|"|\\|,| |a|é){0,30}|.*)"#) {
            let read = challenges(&header);
            let long: usize = read.iter().map(|one| one.scheme.len() + one.parameters.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>()).sum();
            prop_assert!(long <= header.len());
        }
    }
}
