//! Takes a few values out of a JSON text without building it: what the typed columns hold.
//!
//! The text has passed the strict reader, so this looks only for what it needs; what is no JSON all the same
//! is refused, never guessed. Depth costs no stack: what no column asks for is skipped by counting brackets.

use std::borrow::Cow;

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoJson {
    /// Where.
    pub(crate) at: usize,
}

/// The paths that are sought, as a tree. Of an array, its first item counts.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    keys: Vec<(String, usize)>,
    takes: Vec<Take>,
}

#[derive(Debug, Clone, Copy)]
struct Take {
    column: usize,
    rank: usize,
}

/// What was found for each column: the JSON of the value as written, and how far down the list of paths.
#[derive(Debug)]
pub(crate) struct Found<'t> {
    by_column: Vec<Option<(usize, &'t str)>>,
}

impl<'t> Found<'t> {
    /// A column's value as text: a string unescaped, a number or a word as written.
    pub(crate) fn text(&self, column: usize) -> Option<Cow<'t, str>> {
        let (_, raw) = self.by_column.get(column).copied().flatten()?;
        scalar(raw)
    }
}

impl Tree {
    /// A tree of the paths of some columns, the first path that is there wins.
    pub(crate) fn of<'p>(columns: impl Iterator<Item = &'p [&'p str]>) -> Self {
        let mut tree = Self { nodes: vec![Node::default()] };
        for (column, paths) in columns.enumerate() {
            for (rank, path) in paths.iter().enumerate() {
                let end = tree.reach(path);
                if let Some(node) = tree.nodes.get_mut(end) {
                    node.takes.push(Take { column, rank });
                }
            }
        }
        tree
    }

    fn reach(&mut self, path: &str) -> usize {
        let mut at = 0;
        for key in path.split('.') {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return at };
            at = if let Some((_, known)) = node.keys.iter().find(|(known, _)| known == key) {
                *known
            } else {
                node.keys.push((key.to_owned(), next));
                self.nodes.push(Node::default());
                next
            };
        }
        at
    }

    /// Walks a text once and takes what the columns ask for.
    pub(crate) fn skim<'t>(&self, text: &'t str, columns: usize) -> Result<Found<'t>, NoJson> {
        let mut found = Found { by_column: vec![None; columns] };
        let mut cursor = Cursor::new(text);
        self.walk(0, &mut cursor, &mut found)?;
        cursor.end()?;
        Ok(found)
    }

    /// Recurses only along the paths sought, so its depth is theirs.
    fn walk<'t>(&self, at: usize, cursor: &mut Cursor<'t>, found: &mut Found<'t>) -> Result<(), NoJson> {
        let Some(node) = self.nodes.get(at) else { return Err(cursor.wrong()) };
        match cursor.peek() {
            Some(b'{') if !node.keys.is_empty() => {
                cursor.object(&mut |cursor, key| match node.keys.iter().find(|(known, _)| known == key) {
                    Some((_, next)) => self.walk(*next, cursor, found),
                    None => cursor.skip().map(|_| ()),
                })
            }
            Some(b'[') => cursor.array(&mut |cursor, index| {
                if index == 0 && cursor.peek() != Some(b'[') {
                    self.walk(at, cursor, found)
                } else {
                    cursor.skip().map(|_| ())
                }
            }),
            _ => {
                let raw = cursor.skip()?;
                for take in &node.takes {
                    if let Some(slot) = found.by_column.get_mut(take.column)
                        && slot.is_none_or(|(rank, _)| take.rank < rank)
                    {
                        *slot = Some((take.rank, raw));
                    }
                }
                Ok(())
            }
        }
    }
}

/// The resources in the entries of a Bundle, with their `resourceType`; what has none is left in the Bundle.
pub(crate) fn entries(bundle: &str) -> Result<Vec<(usize, String, &str)>, NoJson> {
    let mut found = Vec::new();
    let mut cursor = Cursor::new(bundle);
    cursor.object(&mut |cursor, key| {
        if key != "entry" || cursor.peek() != Some(b'[') {
            return cursor.skip().map(|_| ());
        }
        cursor.array(&mut |cursor, index| {
            if cursor.peek() != Some(b'{') {
                return cursor.skip().map(|_| ());
            }
            cursor.object(&mut |cursor, key| {
                let raw = cursor.skip()?;
                if key == "resource"
                    && raw.starts_with('{')
                    && let Some(kind) = kind_of(raw)?
                {
                    found.push((index, kind, raw));
                }
                Ok(())
            })
        })
    })?;
    cursor.end()?;
    Ok(found)
}

fn kind_of(resource: &str) -> Result<Option<String>, NoJson> {
    let mut kind = None;
    Cursor::new(resource).object(&mut |cursor, key| {
        let raw = cursor.skip()?;
        if key == "resourceType" {
            kind = scalar(raw).map(Cow::into_owned);
        }
        Ok(())
    })?;
    Ok(kind)
}

fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => {
            let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
            if inner.contains('\\') {
                serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
            } else {
                Some(Cow::Borrowed(inner))
            }
        }
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn wrong(&self) -> NoJson {
        NoJson { at: self.at }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space, without taking it.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest();
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    fn take(&mut self, byte: u8) -> Result<(), NoJson> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    fn end(&mut self) -> Result<(), NoJson> {
        if self.peek().is_none() { Ok(()) } else { Err(self.wrong()) }
    }

    fn object(&mut self, each: &mut dyn FnMut(&mut Self, &str) -> Result<(), NoJson>) -> Result<(), NoJson> {
        self.take(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            let raw = self.string()?;
            let key = scalar(raw).ok_or_else(|| self.wrong())?;
            self.take(b':')?;
            each(self, &key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong()),
            }
        }
    }

    fn array(&mut self, each: &mut dyn FnMut(&mut Self, usize) -> Result<(), NoJson>) -> Result<(), NoJson> {
        self.take(b'[')?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            each(self, index)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong()),
            }
        }
        Err(self.wrong())
    }

    /// Takes a string with its quotes.
    fn string(&mut self) -> Result<&'t str, NoJson> {
        let start = self.at;
        if self.rest().first() != Some(&b'"') {
            return Err(self.wrong());
        }
        self.at += 1;
        loop {
            let rest = self.rest();
            let stop = memchr::memchr2(b'"', b'\\', rest).ok_or(NoJson { at: start })?;
            if rest.get(stop) == Some(&b'"') {
                self.at += stop + 1;
                return self.text.get(start..self.at).ok_or(NoJson { at: start });
            }
            self.at += stop + 2;
        }
    }

    /// Takes the next value whole, as written.
    fn skip(&mut self) -> Result<&'t str, NoJson> {
        let first = self.peek().ok_or_else(|| self.wrong())?;
        let start = self.at;
        match first {
            b'"' => return self.string(),
            b'{' | b'[' => {
                let mut open = 0_usize;
                loop {
                    let rest = self.rest();
                    let stop = rest
                        .iter()
                        .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))
                        .ok_or(NoJson { at: start })?;
                    self.at += stop;
                    match rest.get(stop) {
                        Some(b'"') => {
                            self.string()?;
                            continue;
                        }
                        Some(b'{' | b'[') => open += 1,
                        _ => open = open.saturating_sub(1),
                    }
                    self.at += 1;
                    if open == 0 {
                        break;
                    }
                }
            }
            _ => {
                let length = self
                    .rest()
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
                    .count();
                if length == 0 {
                    return Err(self.wrong());
                }
                self.at += length;
            }
        }
        self.text.get(start..self.at).ok_or(NoJson { at: start })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATHS: [&[&str]; 4] = [&["id"], &["code.coding.code"], &["b", "a"], &["value.number"]];

    fn skim(text: &str) -> Result<Vec<Option<String>>, NoJson> {
        let tree = Tree::of(PATHS.into_iter());
        let found = tree.skim(text, PATHS.len())?;
        Ok((0..PATHS.len()).map(|n| found.text(n).map(Cow::into_owned)).collect())
    }

    #[test]
    fn takes_values_as_written_and_the_first_path_that_is_there() {
        let text = r#" {"x":[1,{"id":"no"}],"a":"two","\u0069d":"q\"1", "code":{"coding":[{"code":"c1"},{"code":"c2"}]},
            "b":"one","value":{"number":37.10}} "#;
        let found = skim(text).unwrap();
        let found: Vec<_> = found.iter().map(|value| value.as_deref().unwrap()).collect();
        assert_eq!(found, ["q\"1", "c1", "one", "37.10"]);
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in ["", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{} x", "{\"a\":\"", "{\"a\":1,}", "[1,"] {
            assert!(skim(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(skim(&deep).unwrap(), vec![None; 4]);
        let deep = format!("{{\"id\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(skim(&deep).is_ok());
    }

    #[test]
    fn a_bundle_gives_its_entries() {
        let bundle = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"u","resource":{"id":"1","resourceType":"Patient"}},
            {"request":{}},{"resource":{"resourceType":"Condition"}}]}"#;
        let found = entries(bundle).unwrap();
        assert_eq!(found[0], (0, "Patient".to_owned(), r#"{"id":"1","resourceType":"Patient"}"#));
        assert_eq!(found[1].0, 2);
        assert_eq!(found.len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[\\[\\]{}\":,a1\\\\ é]{0,60}") {
            let _ = skim(&text);
            let _ = entries(&text);
        }
    }
}
