//! The two scanners: argv keeps its borders, a restore line is split as iptables-restore splits it.

use std::borrow::Cow;

use rfw_diagnostics::{Source, SourceKind, Span};

/// One argument with its place. The text has quotes and escapes resolved, the span covers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What the argument says.
    pub text: Cow<'a, [u8]>,
    /// Where it stands.
    pub span: Span,
    /// Whether it was quoted, in a restore line.
    pub quoted: bool,
}

impl Word<'_> {
    /// The text, with bytes that are not UTF-8 replaced; for messages.
    #[must_use]
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Whether one of its bytes is zero.
    pub(crate) fn has_nul(&self) -> bool {
        // Asked of every word, and most are too short for the methods that are quick with long ones: eight bytes at a time, of
        // which the lowest zero borrows from its top bit.
        let (eights, rest) = self.text.as_chunks::<8>();
        eights.iter().any(|eight| {
            let eight = u64::from_ne_bytes(*eight);
            eight.wrapping_sub(0x0101_0101_0101_0101) & !eight & 0x8080_8080_8080_8080 != 0
        }) || rest.contains(&0)
    }

    /// The span of a byte range inside the word; the whole word where quoting has shifted the bytes.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Span {
        let whole = (self.span.end - self.span.start) as usize;
        if whole != self.text.len() || start > end || end > whole {
            return self.span;
        }
        let at = self.span.start as usize;
        // An empty range has nothing to underline: take the character before it.
        if start == end && start > 0 {
            Span::new(at + start - 1, at + end)
        } else {
            Span::new(at + start, at + end)
        }
    }
}

/// A command line as a source, and its words.
#[derive(Debug)]
pub struct WordsSource<'a> {
    /// The words joined by single spaces.
    pub source: Source,
    /// The words, with spans in `source`.
    pub words: Vec<Word<'a>>,
}

/// Makes a source of command-line arguments (without the program name).
#[must_use]
pub fn join_argv(arguments: &[Vec<u8>]) -> WordsSource<'_> {
    let mut text = Vec::new();
    let mut words = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if !words.is_empty() {
            text.push(b' ');
        }
        let start = text.len();
        text.extend_from_slice(argument);
        let span = Span::new(start, text.len());
        words.push(Word { text: Cow::Borrowed(argument.as_slice()), span, quoted: false });
    }
    WordsSource { source: Source::new("<command line>", SourceKind::CommandLine, text), words }
}

/// What ends a word without quotes.
const ENDS_PLAIN: [bool; 256] = {
    let mut ends = [false; 256];
    ends[b' ' as usize] = true;
    ends[b'\t' as usize] = true;
    ends[b'\n' as usize] = true;
    ends[b'"' as usize] = true;
    ends
};

/// Splits a restore line (without its newline) that starts at byte `offset` of its source.
///
/// As iptables-restore does: blanks separate; `"` opens and closes a quote, and closing ends the argument; inside quotes
/// `\x` is `x`; single quotes are ordinary; an open quote takes the rest and, as in the original, the newline too.
pub fn split_line<'a>(line: &'a [u8], offset: usize, out: &mut Vec<Word<'a>>) {
    let mut at = 0;
    while at < line.len() {
        if matches!(line[at], b' ' | b'\t' | b'\n') {
            at += 1;
            continue;
        }
        let start = at;
        let plain = line[at..].iter().position(|&b| ENDS_PLAIN[usize::from(b)]);
        let end = plain.map_or(line.len(), |p| at + p);
        if end == line.len() || line[end] != b'"' {
            let span = Span::new(offset + start, offset + end);
            out.push(Word { text: Cow::Borrowed(&line[start..end]), span, quoted: false });
            at = end;
            continue;
        }
        let (text, end) = quoted_word(line, start, end);
        out.push(Word { text, span: Span::new(offset + start, offset + end), quoted: true });
        at = end;
    }
}

/// A word with a quote at `quote`; gives its text and the offset behind it.
fn quoted_word(line: &[u8], start: usize, quote: usize) -> (Cow<'_, [u8]>, usize) {
    let body = &line[quote + 1..];
    let simple = body.iter().position(|b| matches!(b, b'"' | b'\\'));
    if let Some(close) = simple
        && body[close] == b'"'
        && start == quote
    {
        return (Cow::Borrowed(&body[..close]), quote + 1 + close + 1);
    }
    let mut text = line[start..quote].to_vec();
    let mut at = quote + 1;
    while at < line.len() {
        match line[at] {
            b'"' => return (Cow::Owned(text), at + 1),
            b'\\' if at + 1 < line.len() => {
                text.push(line[at + 1]);
                at += 2;
            }
            b'\\' => at += 1,
            other => {
                text.push(other);
                at += 1;
            }
        }
    }
    text.push(b'\n');
    (Cow::Owned(text), line.len())
}

/// Dashes that blog software puts where `-` or `--` was typed: U+2010 to U+2015, U+2212, U+FE58, U+FE63, U+FF0D.
fn is_typographic_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// For a word that begins with a typographic dash: the bytes the dashes take, the dash that is wrong, and the word as it was
/// typed before it was published (`--dport`, `-j`).
#[must_use]
pub fn dash_repaired(word: &[u8]) -> Option<(usize, char, String)> {
    if word.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(word).ok()?;
    let rest = text.trim_start_matches(|c| c == '-' || is_typographic_dash(c));
    let dashes = &text[..text.len() - rest.len()];
    let wrong = dashes.chars().find(|&c| is_typographic_dash(c))?;
    let name_len = rest.split('=').next().unwrap_or(rest).len();
    let repaired = match name_len {
        0 => return None,
        1 => format!("-{rest}"),
        _ => format!("--{rest}"),
    };
    Some((dashes.len(), wrong, repaired))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &[u8]) -> Vec<String> {
        let mut words = Vec::new();
        split_line(line, 0, &mut words);
        words.iter().map(|w| w.lossy().into_owned()).collect()
    }

    #[test]
    fn splits_as_restore_does() {
        assert_eq!(texts(b"-A  INPUT\t-j X"), ["-A", "INPUT", "-j", "X"]);
        assert_eq!(texts(br#"--comment "a b" -j"#), ["--comment", "a b", "-j"]);
        assert_eq!(texts(br#"a"b c"d"#), ["ab c", "d"]);
        assert_eq!(texts(br#""a\"b" "" 'x y'"#), ["a\"b", "", "'x", "y'"]);
        assert_eq!(texts(br#""open end"#), ["open end\n"]);
    }

    #[test]
    fn spans_cover_quotes() {
        let mut words = Vec::new();
        split_line(br#"-m "a b""#, 10, &mut words);
        assert_eq!(words[1].span, Span::new(13, 18));
        assert_eq!(words[1].part(0, 1), Span::new(13, 18));
        assert_eq!(words[0].part(1, 2), Span::new(11, 12));
    }

    #[test]
    fn finds_nul() {
        for len in 0..20 {
            let word = |text| Word { text: Cow::Owned(text), span: Span::new(0, len), quoted: false };
            for other in [1, b'a', 0x7f, 0x80, 0xff] {
                assert!(!word(vec![other; len]).has_nul());
                for at in 0..len {
                    let mut text = vec![other; len];
                    text[at] = 0;
                    assert!(word(text).has_nul(), "{other} {at} {len}");
                }
            }
        }
    }

    #[test]
    fn repairs_dashes() {
        let (len, wrong, text) = dash_repaired("–dport".as_bytes()).expect("a dash");
        assert_eq!((len, wrong, text.as_str()), (3, '–', "--dport"));
        assert_eq!(dash_repaired("–j".as_bytes()).expect("a dash").2, "-j");
        assert!(dash_repaired(b"--dport").is_none());
        assert!(dash_repaired("–".as_bytes()).is_none());
    }
}
