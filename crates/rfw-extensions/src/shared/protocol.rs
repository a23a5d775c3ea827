//! Protocols in options (libxtables' `XTTYPE_PROTOCOL`: `--ctproto`, `--proto`, `--vproto`).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_syntax::Word;
use rfw_values::number;

use crate::Parsed;
use crate::context::ParseCx;

/// A number, or a name that the system knows; `all` is 0.
///
/// # Errors
/// With libxtables' words.
pub fn parse_protocol(word: &Word<'_>, cx: &ParseCx<'_>) -> Parsed<u8> {
    let lower = word.text.to_ascii_lowercase();
    let known = number::parse_u8(&word.text, 0, u8::MAX).ok();
    known.or_else(|| if lower == b"all" { Some(0) } else { cx.names.protocol_number(&lower) }).ok_or_else(
        || {
            let shown = word.lossy();
            Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_PROTOCOL,
                    word.span,
                    format!("there is no protocol `{shown}`"),
                )
                .help("a name of /etc/protocols or a number from 0 to 255")
                .parameter(format!("unknown protocol \"{shown}\" specified")),
            )
        },
    )
}
