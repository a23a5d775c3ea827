//! Commands whose output is known: `echo`, `printf`, `cat`, `seq`.

use rfw_diagnostics::Span;

use super::parse::lex::unescaped;
use super::run::Shell;
use super::text::{Field, Text, Value, Why};

impl Shell<'_> {
    pub(super) fn echo(&mut self, arguments: &[Field], span: Span) {
        let mut arguments = arguments;
        let (mut line_end, mut escapes) = (true, false);
        while let Some(flag) = arguments.first().and_then(Field::known) {
            match flag {
                b"-n" => line_end = false,
                b"-e" => escapes = true,
                b"-ne" | b"-en" => (line_end, escapes) = (false, true),
                _ => break,
            }
            arguments = &arguments[1..];
        }
        let mut out = Text::default();
        for (i, field) in arguments.iter().enumerate() {
            if i > 0 {
                out.push(b" ", Span { start: field.span.start, end: field.span.start });
            }
            match &field.unknown {
                Some(why) => return self.write(Value::Unknown(why.clone())),
                None => push_escaped(&mut out, &field.text, escapes || !self.bash),
            }
        }
        if line_end {
            out.push(b"\n", Span { start: span.end, end: span.end });
        }
        self.write(Value::Known(out));
    }

    /// Formats with `%s`, `%d` and `%%`; anything else is not followed.
    pub(super) fn printf(&mut self, arguments: &[Field]) {
        let Some((format, values)) = arguments.split_first() else { return };
        if let Some(why) = arguments.iter().find_map(|f| f.unknown.clone()) {
            return self.write(Value::Unknown(why));
        }
        let mut values = values.iter();
        let mut out = Text::default();
        loop {
            let left = values.len();
            let text = format.text.bytes();
            let mut at = 0;
            while at < text.len() {
                let rest = &text[at..];
                let plain = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
                push_escaped(&mut out, &format.text.slice(at, at + plain), true);
                at += plain;
                match text.get(at..at + 2) {
                    Some(b"%s" | b"%d" | b"%b") => {
                        if let Some(value) = values.next() {
                            out.append(&value.text);
                        }
                    }
                    Some(b"%%") => out.append(&format.text.slice(at, at + 1)),
                    None if at >= text.len() => break,
                    _ => {
                        let why = Why::new(format.span, "this format is not followed");
                        return self.write(Value::Unknown(why));
                    }
                }
                at += 2;
            }
            self.charge(text.len() + 64);
            if values.len() == 0 || values.len() == left || out.is_too_long() {
                break;
            }
        }
        self.write(Value::Known(out));
    }

    pub(super) fn cat(&mut self, arguments: &[Field], span: Span) {
        let files: Vec<&Field> = arguments.iter().filter(|f| f.known() != Some(b"-")).collect();
        if files.is_empty() {
            let written = match self.input.take() {
                Some(input) => input.rest(),
                None => Value::Unknown(Why::new(span, "it is read while the script runs")),
            };
            return self.write(written);
        }
        for file in files {
            let written = self.file(file);
            self.write(written);
        }
        self.status = None;
    }

    pub(super) fn sequence(&mut self, arguments: &[Field], span: Span) {
        let numbers: Option<Vec<i64>> =
            arguments.iter().map(|f| std::str::from_utf8(f.known()?).ok()?.parse().ok()).collect();
        let (from, to) = match numbers.as_deref() {
            Some([to]) => (1, *to),
            Some([from, to]) => (*from, *to),
            _ => return self.write_unknown(b"seq", span),
        };
        if to.checked_sub(from).is_none_or(|n| n > 1000) {
            return self.write_unknown(b"seq", span);
        }
        let mut out = Text::default();
        for number in from..=to {
            out.push(number.to_string().as_bytes(), span);
            out.push(b"\n", span);
        }
        self.write(Value::Known(out));
    }
}

/// Adds a text, with `\n` and `\t` resolved.
fn push_escaped(out: &mut Text, text: &Text, escapes: bool) {
    if !escapes || !text.bytes().contains(&b'\\') {
        return out.append(text);
    }
    let bytes = text.bytes();
    let mut at = 0;
    while at < bytes.len() {
        let plain = bytes[at..].iter().position(|&b| b == b'\\').unwrap_or(bytes.len() - at);
        out.append(&text.slice(at, at + plain));
        at += plain;
        if at < bytes.len() {
            let end = (at + 2).min(bytes.len());
            let span = text.place(at, end);
            out.push(&unescaped(&bytes[at..end]), Span { start: span.start, end: span.start });
            at = end;
        }
    }
}
