//! Byte offsets as lines and columns of the protocol, and back.

use lsp_types::{Position, Range};
use rfw_diagnostics::{Source, Span};

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Halves of UTF-16.
    Utf16,
}

impl Encoding {
    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

/// The place of a byte.
pub fn position(source: &Source, offset: u32, encoding: Encoding) -> Position {
    let place = source.line_column(offset);
    let line = String::from_utf8_lossy(source.line_text(offset)).into_owned();
    let before = line.chars().take(place.column - 1);
    let column: usize = before.map(|c| encoding.width(c)).sum();
    Position::new(number(place.line - 1), number(column))
}

/// The place of a span.
pub fn range(source: &Source, span: Span, encoding: Encoding) -> Range {
    Range::new(position(source, span.start, encoding), position(source, span.end, encoding))
}

/// The byte at a place; past the end of a line it is the end of the line.
pub fn offset(source: &Source, position: Position, encoding: Encoding) -> u32 {
    let mut lines = source.text.split_inclusive(|&b| b == b'\n');
    let line_number = position.line as usize;
    let start: usize = lines.by_ref().take(line_number).map(<[u8]>::len).sum();
    let line = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (mut column, mut at) = (0, start);
    for character in line.chars().take_while(|&c| c != '\n') {
        if column >= position.character as usize {
            break;
        }
        column += encoding.width(character);
        at += character.len_utf8();
    }
    number(at)
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use rfw_diagnostics::SourceKind;

    use super::*;

    #[test]
    fn there_and_back() {
        let source = Source::new("t", SourceKind::File, "a–b\n😀x\n".as_bytes().to_vec());
        for (byte, line, utf8, utf16) in [
            (0, 0, 0, 0),
            (1, 0, 1, 1),
            (4, 0, 4, 2),
            (5, 0, 5, 3),
            (6, 1, 0, 0),
            (10, 1, 4, 2),
            (11, 1, 5, 3),
            (12, 2, 0, 0),
        ] {
            for (encoding, column) in [(Encoding::Utf8, utf8), (Encoding::Utf16, utf16)] {
                let place = position(&source, byte, encoding);
                assert_eq!((place.line, place.character), (line, column), "{byte} {encoding:?}");
                assert_eq!(offset(&source, place, encoding), byte, "{byte} {encoding:?}");
            }
        }
        assert_eq!(offset(&source, Position::new(0, 99), Encoding::Utf16), 5);
        assert_eq!(offset(&source, Position::new(9, 9), Encoding::Utf16), 12);
    }
}
