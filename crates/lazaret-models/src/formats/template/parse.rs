//! The grammar of Jinja2 3.1 with the extensions that chat templates may use (`break`, `do`, `generation`, `trans`).
//! Statements are kept on a stack of their own; only expressions recurse, to a fixed depth.

use super::lex::{Fault, Token, lex};
use super::syntax::{Args, Expr, Id, Param, Step, Target, Template};

/// How deep brackets and operands may nest. Jinja itself gives up at Python's recursion limit, a little above.
const MAX_DEPTH: usize = 200;

/// Reads a template. What was read before a fault is given with it.
pub(super) fn parse(text: &str) -> (Template, Option<Fault>) {
    let (tokens, lexical) = lex(text);
    let mut parser =
        Parser { tokens, next: 0, end: text.len(), depth: 0, out: Template::default(), open: vec![] };
    let fault = parser.template().err();
    // What ends the tokens early is the first cause.
    let fault = match (fault, lexical) {
        (Some(fault), Some(lexical)) if fault.at < lexical.at => Some(fault),
        (fault, lexical) => lexical.or(fault),
    };
    (parser.out, fault)
}

type Parsed<T> = Result<T, Fault>;

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    out: Template,
    /// The words that end the statements that are open.
    open: Vec<&'static str>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn peek_after(&self) -> Option<&Token> {
        self.tokens.get(self.next.saturating_add(1)).map(|(_, token)| token)
    }

    fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    fn fault<T>(&self, why: &'static str) -> Parsed<T> {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        Err(Fault { at, why })
    }

    fn is_op(&self, operator: &str) -> bool {
        matches!(self.peek(), Some(Token::Op(op)) if *op == operator)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name)) if name == word)
    }

    fn take_op(&mut self, operator: &str) -> bool {
        let is = self.is_op(operator);
        self.next = self.next.saturating_add(usize::from(is));
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.next = self.next.saturating_add(usize::from(is));
        is
    }

    fn need_op(&mut self, operator: &str, why: &'static str) -> Parsed<()> {
        if self.take_op(operator) { Ok(()) } else { self.fault(why) }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.skip();
                Ok(name)
            }
            _ => self.fault("a name is missing"),
        }
    }

    fn add(&mut self, expr: Expr) -> Id {
        self.out.exprs.push(expr);
        self.out.exprs.len().saturating_sub(1)
    }

    fn step(&mut self, step: Step) {
        let evaluated = self.out.exprs.len();
        self.out.steps.push((evaluated, step));
    }

    fn begin(&mut self, step: Step, end: &'static str) {
        self.step(step);
        self.open.push(end);
    }

    fn template(&mut self) -> Parsed<()> {
        while let Some(token) = self.peek() {
            match token {
                Token::Data(data) => {
                    let data = data.clone();
                    self.skip();
                    self.step(Step::Data(data));
                }
                Token::PrintBegin => {
                    self.skip();
                    let printed = self.tuple(true)?;
                    self.step(Step::Print(printed));
                    if self.peek() != Some(&Token::PrintEnd) {
                        return self.fault("an expression is followed by something else");
                    }
                    self.skip();
                }
                Token::BlockBegin => {
                    self.skip();
                    self.statement()?;
                    if self.peek() != Some(&Token::BlockEnd) {
                        return self.fault("a statement is followed by something else");
                    }
                    self.skip();
                }
                _ => return self.fault("not a template"),
            }
        }
        if self.open.is_empty() { Ok(()) } else { self.fault("a statement does not end") }
    }

    fn statement(&mut self) -> Parsed<()> {
        let word = self.name()?;
        if word.starts_with("end") {
            if self.open.last().is_none_or(|end| *end != word) {
                return self.fault("a statement ends that was not opened");
            }
            self.open.pop();
            self.step(Step::End);
            if word == "endblock" && matches!(self.peek(), Some(Token::Name(_))) {
                self.skip();
            }
            return Ok(());
        }
        match word.as_str() {
            "if" => {
                let test = self.tuple(false)?;
                self.begin(Step::If(test), "endif");
            }
            "elif" if self.open.last() == Some(&"endif") => {
                let test = self.tuple(false)?;
                self.step(Step::Elif(test));
            }
            "else" if matches!(self.open.last(), Some(&"endif" | &"endfor")) => self.step(Step::Else),
            "for" => self.for_loop()?,
            "set" => self.set()?,
            "macro" => {
                let name = self.name()?;
                let params = self.params()?;
                self.begin(Step::Macro(name, params), "endmacro");
            }
            "call" => {
                let params = if self.is_op("(") { self.params()? } else { Vec::new() };
                let call = self.expression()?;
                self.begin(Step::CallBlock(call, params), "endcall");
            }
            "filter" => {
                let filter = self.filters(None, true)?;
                self.begin(Step::FilterBlock(filter), "endfilter");
            }
            "with" => self.with()?,
            "block" => {
                let name = self.name()?;
                while self.take_word("scoped") || self.take_word("required") {}
                self.begin(Step::Block(name), "endblock");
            }
            "generation" => self.begin(Step::Plain, "endgeneration"),
            "autoescape" => {
                self.expression()?;
                self.begin(Step::Plain, "endautoescape");
            }
            "trans" => self.trans()?,
            "pluralize" if self.open.last() == Some(&"endtrans") => {
                if matches!(self.peek(), Some(Token::Name(_))) {
                    self.skip();
                }
            }
            "do" => {
                let done = self.tuple(true)?;
                self.step(Step::Do(done));
            }
            "print" => {
                let printed = self.tuple(true)?;
                self.step(Step::Print(printed));
            }
            "break" | "continue" if self.open.contains(&"endfor") => {}
            "debug" => self.step(Step::Debug),
            "include" => {
                let other = self.expression()?;
                self.step(Step::Other("includes", other));
                if self.take_word("ignore") && !self.take_word("missing") {
                    return self.fault("`missing` is missing");
                }
                self.context();
            }
            "extends" => {
                let other = self.expression()?;
                self.step(Step::Other("extends", other));
            }
            "import" => {
                let other = self.expression()?;
                self.step(Step::Other("imports", other));
                if !self.take_word("as") {
                    return self.fault("a name to import as is missing");
                }
                self.name()?;
                self.context();
            }
            "from" => self.import_from()?,
            _ => return self.fault("a statement that Jinja does not have"),
        }
        Ok(())
    }

    fn with(&mut self) -> Parsed<()> {
        let mut values = Vec::new();
        while self.peek() != Some(&Token::BlockEnd) {
            if !values.is_empty() {
                self.need_op(",", "a comma is missing")?;
            }
            let target = self.target()?;
            self.need_op("=", "an equals sign is missing")?;
            values.push((target, self.expression()?));
        }
        self.begin(Step::With(values), "endwith");
        Ok(())
    }

    fn context(&mut self) {
        if self.is_word("with") || self.is_word("without") {
            self.skip();
            self.take_word("context");
        }
    }

    fn import_from(&mut self) -> Parsed<()> {
        let other = self.expression()?;
        self.step(Step::Other("imports", other));
        if !self.take_word("import") {
            return self.fault("`import` is missing");
        }
        loop {
            self.name()?;
            if self.take_word("as") {
                self.name()?;
            }
            self.context();
            if !self.take_op(",") || self.peek() == Some(&Token::BlockEnd) {
                return Ok(());
            }
        }
    }

    fn for_loop(&mut self) -> Parsed<()> {
        let target = self.target()?;
        if !self.take_word("in") {
            return self.fault("`in` is missing");
        }
        let over = self.tuple(false)?;
        let only = if self.take_word("if") { Some(self.expression()?) } else { None };
        self.take_word("recursive");
        self.begin(Step::For(target, over, only), "endfor");
        Ok(())
    }

    fn set(&mut self) -> Parsed<()> {
        let target = self.target()?;
        if self.take_op("=") {
            let value = self.tuple(true)?;
            self.step(Step::Set(target, value));
        } else {
            let filter = if self.is_op("|") { Some(self.filters(None, false)?) } else { None };
            self.begin(Step::Capture(target, filter), "endset");
        }
        Ok(())
    }

    fn trans(&mut self) -> Parsed<()> {
        if matches!(self.peek(), Some(Token::Text(..))) {
            self.skip();
        }
        while self.peek() != Some(&Token::BlockEnd) {
            self.take_op(",");
            let name = self.name()?;
            if self.take_op("=") {
                let value = self.expression()?;
                self.step(Step::Set(Target::Name(name), value));
            }
        }
        self.begin(Step::Plain, "endtrans");
        Ok(())
    }

    fn target(&mut self) -> Parsed<Target> {
        let mut targets = Vec::new();
        let mut many = false;
        loop {
            targets.push(self.one_target()?);
            if !self.take_op(",") {
                break;
            }
            many = true;
            if !matches!(self.peek(), Some(Token::Name(_) | Token::Op("("))) || self.is_word("in") {
                break;
            }
        }
        match targets.pop() {
            Some(one) if targets.is_empty() && !many => Ok(one),
            last => {
                targets.extend(last);
                Ok(Target::Many(targets))
            }
        }
    }

    fn one_target(&mut self) -> Parsed<Target> {
        if self.is_op("(") || self.is_op("[") {
            return self.deeper(|parser| {
                parser.skip();
                let inner = parser.target()?;
                if !parser.take_op(")") {
                    parser.need_op("]", "a bracket does not close")?;
                }
                Ok(inner)
            });
        }
        let name = self.name()?;
        if self.take_op(".") {
            return Ok(Target::Field(name, self.name()?));
        }
        Ok(Target::Name(name))
    }

    fn params(&mut self) -> Parsed<Vec<Param>> {
        let mut params = Vec::new();
        self.need_op("(", "a bracket is missing")?;
        while !self.is_op(")") {
            if !params.is_empty() {
                self.need_op(",", "a comma is missing")?;
                if self.is_op(")") {
                    break;
                }
            }
            let name = self.name()?;
            let default = if self.take_op("=") { Some(self.expression()?) } else { None };
            params.push((name, default));
        }
        self.skip();
        Ok(params)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.fault("it nests too deep");
        }
        self.depth = self.depth.saturating_add(1);
        let result = inner(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// One or more expressions with commas between. Where `if` follows a loop, it is no part of the expression.
    fn tuple(&mut self, with_if: bool) -> Parsed<Id> {
        let mut items = Vec::new();
        let mut many = false;
        loop {
            if many && self.ends_tuple() {
                break;
            }
            items.push(if with_if { self.expression()? } else { self.binary(0)? });
            if !self.take_op(",") {
                break;
            }
            many = true;
        }
        match items.as_slice() {
            [one] if !many => Ok(*one),
            _ => Ok(self.add(Expr::List(items))),
        }
    }

    fn ends_tuple(&self) -> bool {
        matches!(self.peek(), None | Some(Token::PrintEnd | Token::BlockEnd | Token::Op(")" | "]")))
            || self.is_word("if")
            || self.is_word("recursive")
    }

    fn expression(&mut self) -> Parsed<Id> {
        self.deeper(|parser| {
            let mut value = parser.binary(0)?;
            while parser.take_word("if") {
                let test = parser.binary(0)?;
                let other = if parser.take_word("else") { Some(parser.expression()?) } else { None };
                value = parser.add(Expr::Choice(test, value, other));
            }
            Ok(value)
        })
    }

    /// Operators that bind at least as strongly as a level, by their precedence.
    fn binary(&mut self, level: u8) -> Parsed<Id> {
        self.deeper(|parser| {
            let mut left = if level <= 3 && parser.is_word("not") {
                parser.skip();
                let operand = parser.binary(3)?;
                parser.add(Expr::Unary("not", operand))
            } else {
                parser.unary(true)?
            };
            while let Some((operator, strength, words)) = parser.operator() {
                if strength < level {
                    break;
                }
                for _ in 0..words {
                    parser.skip();
                }
                let right = parser.binary(strength.saturating_add(1))?;
                left = parser.add(Expr::Binary(operator, left, right));
            }
            Ok(left)
        })
    }

    /// The operator that comes next, how strongly it binds, and how many tokens it has.
    fn operator(&self) -> Option<(&'static str, u8, usize)> {
        match self.peek()? {
            Token::Name(name) => match name.as_str() {
                "or" => Some(("or", 1, 1)),
                "and" => Some(("and", 2, 1)),
                "in" => Some(("in", 4, 1)),
                "not" if matches!(self.peek_after(), Some(Token::Name(next)) if next == "in") => {
                    Some(("not in", 4, 2))
                }
                _ => None,
            },
            Token::Op(op) => match *op {
                "==" | "!=" | "<" | ">" | "<=" | ">=" => Some((op, 4, 1)),
                "+" | "-" => Some((op, 5, 1)),
                "~" => Some((op, 6, 1)),
                "*" | "/" | "//" | "%" => Some((op, 7, 1)),
                "**" => Some((op, 8, 1)),
                _ => None,
            },
            _ => None,
        }
    }

    fn unary(&mut self, with_filters: bool) -> Parsed<Id> {
        let sign = match self.peek() {
            Some(Token::Op(op @ ("-" | "+"))) => Some(*op),
            _ => None,
        };
        let mut value = if let Some(sign) = sign {
            self.skip();
            let operand = self.deeper(|parser| parser.unary(false))?;
            self.add(Expr::Unary(sign, operand))
        } else {
            self.primary()?
        };
        value = self.postfix(value)?;
        if with_filters {
            value = self.filters_and_tests(value)?;
        }
        Ok(value)
    }

    fn primary(&mut self) -> Parsed<Id> {
        let Some(token) = self.peek().cloned() else { return self.fault("an expression is missing") };
        match token {
            Token::Name(name) => {
                self.skip();
                Ok(match name.as_str() {
                    "true" | "false" | "none" | "True" | "False" | "None" => self.add(Expr::Other),
                    _ => self.add(Expr::Name(name)),
                })
            }
            Token::Text(mut text, mut whole) => {
                self.skip();
                while let Some(Token::Text(more, also_whole)) = self.peek() {
                    text.push_str(more);
                    whole &= *also_whole;
                    self.next = self.next.saturating_add(1);
                }
                Ok(self.add(Expr::Text(text, whole)))
            }
            Token::Int(number) => {
                self.skip();
                Ok(self.add(Expr::Int(number)))
            }
            Token::Float => {
                self.skip();
                Ok(self.add(Expr::Other))
            }
            Token::Op("(") => self.deeper(|parser| {
                parser.skip();
                let inner = if parser.is_op(")") {
                    parser.add(Expr::List(Vec::new()))
                } else {
                    parser.tuple(true)?
                };
                parser.need_op(")", "a bracket does not close")?;
                Ok(inner)
            }),
            Token::Op("[") => self.deeper(|parser| {
                parser.skip();
                let mut items = Vec::new();
                while !parser.is_op("]") {
                    if !items.is_empty() {
                        parser.need_op(",", "a comma is missing")?;
                        if parser.is_op("]") {
                            break;
                        }
                    }
                    items.push(parser.expression()?);
                }
                parser.skip();
                Ok(parser.add(Expr::List(items)))
            }),
            Token::Op("{") => self.deeper(|parser| {
                parser.skip();
                let mut pairs = Vec::new();
                while !parser.is_op("}") {
                    if !pairs.is_empty() {
                        parser.need_op(",", "a comma is missing")?;
                        if parser.is_op("}") {
                            break;
                        }
                    }
                    let key = parser.expression()?;
                    parser.need_op(":", "a colon is missing")?;
                    pairs.push((key, parser.expression()?));
                }
                parser.skip();
                Ok(parser.add(Expr::Dict(pairs)))
            }),
            _ => self.fault("an expression is missing"),
        }
    }

    fn postfix(&mut self, mut value: Id) -> Parsed<Id> {
        loop {
            if self.take_op(".") {
                value = match self.peek().cloned() {
                    Some(Token::Name(name)) => self.add(Expr::Attr(value, name)),
                    Some(Token::Int(number)) => {
                        let index = self.add(Expr::Int(number));
                        self.add(Expr::Item(value, index))
                    }
                    // `x.0.1` is cut as a float: the items of items are numbers.
                    Some(Token::Float) => self.add(Expr::Other),
                    _ => return self.fault("a name is missing"),
                };
                self.skip();
            } else if self.take_op("[") {
                let key = self.deeper(Self::subscript)?;
                value = self.add(Expr::Item(value, key));
            } else if self.is_op("(") {
                let args = self.args()?;
                value = self.add(Expr::Call(value, args));
            } else {
                return Ok(value);
            }
        }
    }

    fn subscript(&mut self) -> Parsed<Id> {
        let mut keys = Vec::new();
        while !self.is_op("]") {
            keys.push(self.subscribed()?);
            if !self.take_op(",") || self.is_op("]") {
                break;
            }
        }
        self.need_op("]", "a bracket does not close")?;
        match keys.as_slice() {
            [one] => Ok(*one),
            _ => Ok(self.add(Expr::List(keys))),
        }
    }

    fn subscribed(&mut self) -> Parsed<Id> {
        let mut bounds: [Option<Id>; 3] = [None; 3];
        let mut colons = 0_usize;
        loop {
            if self.take_op(":") {
                colons = colons.saturating_add(1);
                if colons > 2 {
                    return self.fault("a slice has three parts at most");
                }
            } else if self.is_op("]") || self.is_op(",") {
                break;
            } else {
                let value = self.expression()?;
                let Some(bound @ None) = bounds.get_mut(colons) else {
                    return self.fault("a colon is missing");
                };
                *bound = Some(value);
            }
        }
        match (bounds, colons) {
            ([Some(key), ..], 0) => Ok(key),
            (_, 0) => self.fault("a key is missing"),
            ([from, to, by], _) => Ok(self.add(Expr::Slice(from, to, by))),
        }
    }

    fn args(&mut self) -> Parsed<Args> {
        self.deeper(|parser| {
            parser.need_op("(", "a bracket is missing")?;
            let mut args = Args::default();
            let mut first = true;
            while !parser.is_op(")") {
                if !first {
                    parser.need_op(",", "a comma is missing")?;
                    if parser.is_op(")") {
                        break;
                    }
                }
                first = false;
                if parser.take_op("*") || parser.take_op("**") {
                    let spread = parser.expression()?;
                    args.spread.push(spread);
                } else if matches!(parser.peek(), Some(Token::Name(_)))
                    && matches!(parser.peek_after(), Some(Token::Op("=")))
                {
                    let name = parser.name()?;
                    parser.skip();
                    let value = parser.expression()?;
                    args.named.push((name, value));
                } else {
                    let value = parser.expression()?;
                    args.plain.push(value);
                }
            }
            parser.skip();
            Ok(args)
        })
    }

    fn dotted(&mut self) -> Parsed<String> {
        let mut name = self.name()?;
        while self.take_op(".") {
            name.push('.');
            name.push_str(&self.name()?);
        }
        Ok(name)
    }

    /// Filters in a row, each on the result of the one before. Inline, the first has no `|`.
    fn filters(&mut self, mut value: Option<Id>, inline: bool) -> Parsed<Id> {
        let mut bare = inline;
        loop {
            if !bare && !self.take_op("|") {
                break;
            }
            bare = false;
            let name = self.dotted()?;
            let args = if self.is_op("(") { self.args()? } else { Args::default() };
            value = Some(self.add(Expr::Filter(value, name, args)));
        }
        value.map_or_else(|| self.fault("a filter is missing"), Ok)
    }

    fn filters_and_tests(&mut self, mut value: Id) -> Parsed<Id> {
        loop {
            if self.is_op("|") {
                value = self.filters(Some(value), false)?;
            } else if self.take_word("is") {
                let negated = self.take_word("not");
                let name = self.dotted()?;
                let args = self.test_args()?;
                value = self.add(Expr::Test(value, name, args));
                if negated {
                    value = self.add(Expr::Unary("not", value));
                }
            } else if self.is_op("(") {
                let args = self.args()?;
                value = self.add(Expr::Call(value, args));
            } else {
                return Ok(value);
            }
        }
    }

    fn test_args(&mut self) -> Parsed<Args> {
        if self.is_op("(") {
            return self.args();
        }
        let takes = match self.peek() {
            Some(Token::Name(name)) => !matches!(name.as_str(), "else" | "or" | "and" | "is"),
            Some(Token::Text(..) | Token::Int(_) | Token::Float | Token::Op("[" | "{")) => true,
            _ => false,
        };
        let mut args = Args::default();
        if takes {
            let value = self.deeper(Self::primary)?;
            let value = self.postfix(value)?;
            args.plain.push(value);
        }
        Ok(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parses(text: &str) -> Template {
        let (template, fault) = parse(text);
        assert_eq!(fault, None, "{text}");
        template
    }

    #[test]
    fn what_jinja_reads_is_read() {
        for text in [
            "{{ a, b }}",
            "{{ -x ** 2 + 3 // 4 ~ 'a' 'b' }}",
            "{{ x is not defined and y is divisibleby 3 or z is in [1, 2] }}",
            "{{ a if b else c if d }}",
            "{{ x[1:] }}{{ x[::-1] }}{{ x[:, 1] }}{{ x[a:b:c] }}{{ x.0 }}",
            "{{ f(1, *a, k=2, **b)|tojson(indent=4)|join(', ') }}",
            "{% for k, v in x.items() if v recursive %}{{ loop(v) }}{% else %}{% endfor %}",
            "{% for a, (b, c) in x %}{% break %}{% endfor %}",
            "{% set ns.x = 1 %}{% set a, b = 1, 2 %}{% set x %}t{% endset %}{% set y | upper %}t{% endset %}",
            "{% macro m(a, b=1) %}{{ caller() }}{% endmacro %}{% call(u) m(1) %}{{ u }}{% endcall %}",
            "{% filter upper | trim %}x{% endfilter %}{% with a=1, b=2 %}{% endwith %}",
            "{% block a scoped %}{% endblock a %}{% generation %}x{% endgeneration %}",
            "{% include ['a', 'b'] ignore missing with context %}{% import 'a' as b %}",
            "{% from 'a' import b as c, d with context %}{% extends x %}",
            "{% if not (a or b) is defined %}{% elif x %}{% else %}{% endif %}",
            "{{ {'a': 1, 'b': [1, 2,],}['a'] }}{{ () }}{{ (1,) }}",
            "{% trans count=x|length %}one{% pluralize %}many{% endtrans %}{% do x.append(1) %}",
            "{{ 'a' if x is string else 'b' }}{{ x is sameas none }}{{ x not in y }}{{ a < b < c }}",
        ] {
            parses(text);
        }
    }

    #[test]
    fn what_jinja_refuses_is_refused() {
        for text in [
            "{{ }}",
            "{{ a b }}",
            "{% if %}{% endif %}",
            "{% if x %}",
            "{% endif %}",
            "{% for x %}{% endfor %}",
            "{% nothing %}",
            "{{ a[ }}",
            "{{ f(1 2) }}",
            "{% else %}",
            "{{ x | }}",
            "{% for x in y %}{% endif %}",
        ] {
            assert!(parse(text).1.is_some(), "{text}");
        }
    }

    #[test]
    fn children_stand_before_their_parents() {
        let template = parses("{{ a.b['c' ~ d](e, f=g)|h(i) is j(k) }}");
        let last = template.exprs.len() - 1;
        assert!(matches!(template.get(last), Expr::Test(..)));
        assert_eq!(template.steps, [(last + 1, Step::Print(last))]);
    }

    #[test]
    fn depth_ends_in_a_fault() {
        for (open, close) in [("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("f(", ")"), ("x[", "]")] {
            let text = format!("{{{{ {}1{} }}}}", open.repeat(50_000), close.repeat(50_000));
            assert!(parse(&text).1.is_some());
        }
        parses(&format!("{{{{ {}1 }}}}", "1 + ".repeat(50_000)));
        parses(&format!("{}{}", "{% if x %}".repeat(50_000), "{% endif %}".repeat(50_000)));
    }
}
