//! `VALUE[/MASK]`, or the name of a value in a table of iproute2.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_values::Masked;

use crate::Parsed;
use crate::context::{Labels, ParseCx};
use crate::printer::Printer;
use crate::uses::Uses;

/// The value of an option, if it was given. Names count only while the table has any, as in the original.
///
/// # Errors
/// With libxtables' words.
pub fn parse(uses: &Uses<'_, '_>, option: &str, cx: &ParseCx<'_>, table: Labels) -> Parsed<Option<Masked>> {
    let Some(word) = uses.word(option) else { return Ok(None) };
    let labels = cx.names.labels(table);
    let number = rfw_values::number::prefix(&word.text).filter(|(value, _)| u32::try_from(*value).is_ok());
    let is_number = number.is_some_and(|(_, used)| matches!(word.text.get(used), None | Some(b'/')));
    if is_number || labels.is_empty() {
        return uses.masked(option);
    }
    let found = labels.iter().find(|(_, name)| name.as_bytes() == &*word.text);
    if let Some((value, _)) = found {
        return Ok(Some(Masked::exact(*value)));
    }
    let shown = word.lossy();
    let help = match rfw_values::suggest(&word.text, labels.iter().map(|(_, name)| name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("a number, VALUE/MASK, or a name of {}", table.file()),
    };
    let classic = format!(
        "{}: could not map name {shown} to an integer value for option \"--{option}\".\n",
        uses.extension
    );
    Err(Box::new(
        Diagnostic::error(codes::BAD_VALUE, word.span, format!("`{shown}` is no number and no name"))
            .help(help)
            .parameter(classic),
    ))
}

/// A blank and the value; its name, if it has one and `named`.
pub fn print(out: &mut Printer<'_>, value: Masked, table: Labels, named: bool) {
    let labels = if named && value.is_exact() { out.names.labels(table) } else { &[] };
    match labels.iter().find(|(number, _)| *number == value.value) {
        Some((_, name)) => out.word(name.as_bytes()),
        None => out.fmt(format_args!(" {value}")),
    }
}
