//! The conditions or the actions of a rule as elements: one per match or target, in it one per option.

use rfw_syntax::Word;

/// Appends text as XML; bytes that are no ASCII become references, each by itself, as in the original.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            ..=0x7e => out.push(byte),
            _ => out.extend_from_slice(format!("&#{byte};").as_bytes()),
        }
    }
}

fn is(word: &Word<'_>, names: [&[u8]; 2]) -> bool {
    !word.quoted && names.contains(&word.text.as_ref())
}

/// Whether a word is `-j`, `-g` or their long form.
pub fn is_target(word: &Word<'_>) -> bool {
    is(word, [b"-j", b"--jump"]) || is(word, [b"-g", b"--goto"])
}

/// An element of a match or target.
struct Element {
    name: Vec<u8>,
    /// Whether anything is in it yet.
    filled: bool,
}

/// Whether a name is that of a chain.
pub type IsChain<'c> = dyn Fn(&[u8]) -> bool + 'c;

struct Writer<'w> {
    out: &'w mut Vec<u8>,
    element: Option<Element>,
    /// The name of the option whose values come now.
    option: Option<Vec<u8>>,
    /// Whether the last thing written was a value.
    behind_value: bool,
}

/// Appends the elements of some words. In conditions (without `chains`) selectors are in an element `match`; in actions
/// `chains` says which targets are chains.
pub fn write(words: &[Word<'_>], chains: Option<&IsChain<'_>>, out: &mut Vec<u8>) {
    let empty = out.len();
    let mut writer = Writer { out, element: None, option: None, behind_value: false };
    let mut invert = false;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1);
        at += 1;
        let target = chains.filter(|_| is_target(word));
        if let (Some(name), true) = (next, target.is_some() || is(word, [b"-m", b"--match"])) {
            at += 1;
            let goto = is(word, [b"-g", b"--goto"]);
            match target {
                Some(declared) if declared(&name.text) => writer.call(goto, &name.text),
                _ => writer.open(&name.text),
            }
        } else if !word.quoted && word.text.as_ref() == b"!" && next.is_some_and(|w| w.text.starts_with(b"-"))
        {
            invert = true;
            continue;
        } else if !word.quoted && word.text.starts_with(b"-") {
            if writer.element.is_none() && chains.is_none() && writer.out.len() == empty {
                writer.open(b"match");
            }
            writer.option(&word.text, invert, next.is_some_and(|w| !w.text.starts_with(b"-")));
        } else {
            writer.value(word);
        }
        invert = false;
    }
    writer.close();
}

impl Writer<'_> {
    fn put(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.behind_value = false;
    }

    fn open(&mut self, name: &[u8]) {
        self.close();
        self.put(b"        <");
        self.put(name);
        self.put(b" ");
        self.element = Some(Element { name: name.to_vec(), filled: false });
    }

    fn call(&mut self, goto: bool, chain: &[u8]) {
        self.open(if goto { b"goto" } else { b"call" });
        self.fill();
        self.put(b"          <");
        self.put(chain);
        self.put(b" />\n");
    }

    /// Ends the start tag.
    fn fill(&mut self) {
        if let Some(element) = self.element.as_mut().filter(|element| !element.filled) {
            element.filled = true;
            self.put(b">\n");
        }
    }

    fn option(&mut self, word: &[u8], invert: bool, has_value: bool) {
        self.end_option();
        self.fill();
        let name = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-")).unwrap_or(word);
        self.put(b"          <");
        self.put(name);
        self.put(if invert { b"  invert=\"1\"" } else { b" " });
        if has_value {
            self.put(b">");
            self.option = Some(name.to_vec());
        } else {
            self.put(b" />\n");
        }
    }

    fn value(&mut self, word: &Word<'_>) {
        if self.option.is_none() {
            self.fill();
        }
        if self.behind_value {
            self.put(b" ");
        }
        // A quote that was never closed, so that the newline is in it, is not counted as one.
        let quoted = word.quoted && !word.text.ends_with(b"\n") || word.text.contains(&b' ');
        let mark: &[u8] = if quoted { b"&quot;" } else { b"" };
        self.put(mark);
        encode(&word.text, self.out);
        self.put(mark);
        self.behind_value = true;
    }

    fn end_option(&mut self) {
        if let Some(name) = self.option.take() {
            self.put(b"</");
            self.put(&name);
            self.put(b">\n");
        }
    }

    fn close(&mut self) {
        self.end_option();
        match self.element.take() {
            Some(element) if element.filled => {
                self.put(b"        </");
                self.put(&element.name);
                self.put(b">\n");
            }
            Some(_) => self.put(b" />\n"),
            None => {}
        }
    }
}
