//! What a mark becomes: the bits of a mask are cleared, then a value is xored in.

use rfw_values::Masked;

use crate::Parsed;
use crate::printer::Printer;
use crate::uses::Uses;

/// The value and the mask that `--set-xmark`, `--set-mark`, `--and-mark`, `--or-mark` or `--xor-mark` asks for; `None` if the
/// option is none of these.
///
/// # Errors
/// With libxtables' words.
pub fn parse(uses: &Uses<'_, '_>, option: &str) -> Parsed<Option<(u32, u32)>> {
    let masked = || Ok(uses.masked(option)?.unwrap_or(Masked::exact(0)));
    let bits = || Ok(uses.number(option, 0, u32::MAX)?.unwrap_or(0));
    match option {
        "set-xmark" => masked().map(|given| Some((given.value, given.mask))),
        "set-mark" => masked().map(|given| Some((given.value, given.mask | given.value))),
        "and-mark" => bits().map(|bits| Some((0, !bits))),
        "or-mark" => bits().map(|bits| Some((bits, bits))),
        "xor-mark" => bits().map(|bits| Some((bits, 0))),
        _ => Ok(None),
    }
}

/// ` or 0x1`, as listings say it.
pub fn list(out: &mut Printer<'_>, value: u32, mask: u32) {
    match (value, mask) {
        (0, _) => out.fmt(format_args!(" and {:#x}", !mask)),
        (_, _) if value == mask => out.fmt(format_args!(" or {value:#x}")),
        (_, 0) => out.fmt(format_args!(" xor {value:#x}")),
        (_, u32::MAX) => out.fmt(format_args!(" set {value:#x}")),
        _ => out.fmt(format_args!(" xset {value:#x}/{mask:#x}")),
    }
}
