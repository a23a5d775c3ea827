//! Any span in any text can be drawn.

use proptest::prelude::*;
use rfw_diagnostics::{
    Diagnostic, FixSafety, Severity, Source, SourceKind, Span, codes, render_text, to_json,
};
use serde_json::Map;

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\t".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"\x1b[1m".to_vec()),
        Just(b"-A INPUT ".to_vec()),
        Just(vec![b'x'; 200]),
        Just(vec![0x80; 150]),
        Just("é–漢字\u{301}\u{200b}\u{202e}\u{2028}👨‍👩‍👧".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        (0u32..900, 0u32..40).prop_map(|(start, len)| Span { start, end: start + len }),
        (0u32..2000, 0u32..2000).prop_map(|(start, end)| Span { start, end }),
        Just(Span { start: u32::MAX, end: u32::MAX }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_span_in_any_text(
        text in text(),
        place in span(),
        labels in proptest::collection::vec((span(), ".{0,8}"), 0..4),
        fix in proptest::option::of((span(), "(?s).{0,12}")),
        message in "(?s).{0,12}",
        command in any::<bool>(),
    ) {
        let kind = if command { SourceKind::CommandLine } else { SourceKind::File };
        let source = Source::new("file", kind, text);
        let mut diagnostic = Diagnostic::new(codes::STRAY_WORD, Severity::Warn, place, message.clone())
            .help(message.clone())
            .label(message);
        for (span, text) in labels {
            diagnostic = diagnostic.also(span, text);
        }
        if let Some((span, replacement)) = fix {
            let end = Span { start: span.end, end: span.end };
            diagnostic = diagnostic.fix(span, replacement.clone(), FixSafety::Safe).and_edit(end, replacement);
        }
        let drawn = render_text(std::slice::from_ref(&diagnostic), &source, true);
        prop_assert!(drawn.contains("RFW158"));
        let object = to_json(&diagnostic, &source, &Map::new());
        let start = source.line_column(place.start);
        prop_assert_eq!(&object["line"], start.line);
        prop_assert!(start.line <= source.line_count());
    }
}
