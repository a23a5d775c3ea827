//! What the fuzz targets under `tests/fuzz` do with their bytes.
//!
//! Plain functions of `&[u8]` that panic when something does not hold, so that ordinary tests can run them over all
//! fixtures and over the inputs that once broke something (`fixtures/bogons`). Nothing is asked of the system.

mod decode;
mod diagnostics;
mod save_file;
mod script;
mod seeds;
mod words;

use rfw_extensions::Names;
use rfw_nft::Family;
use rfw_values::Services;

pub use decode::decode;
pub use diagnostics::diagnostics;
pub use save_file::save_file;
pub use script::script;
pub use seeds::{Seed, seeds};
pub use words::words;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("words", words),
    ("save_file", save_file),
    ("script", script),
    ("decode", decode),
    ("diagnostics", diagnostics),
];

/// Both families.
const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// A system without names, except that the ipset at index N is called `setN`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Services for NoNames {}

impl Names for NoNames {
    fn set_index(&self, name: &[u8], _family: Family) -> Result<u16, String> {
        let number = name.strip_prefix(b"set").and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let index = number.and_then(|digits| digits.parse::<u16>().ok());
        // `set01` is another name.
        index.filter(|i| format!("set{i}").as_bytes() == name).ok_or_else(|| "no such set".to_owned())
    }

    fn set_name(&self, index: u16) -> Option<String> {
        Some(format!("set{index}"))
    }
}

/// Whether a name may stand in a save file as it is. iptables takes others on its command line, prints them bare and
/// cannot read them back.
fn plain(name: &[u8]) -> bool {
    let odd = |b: &u8| matches!(b, b'"' | b'\\' | b'[') || b.is_ascii_whitespace();
    !name.is_empty() && !name.iter().any(odd) && !matches!(name[0], b'-' | b'!')
}

/// Sources and destinations multiply; what a person would write stays far below this.
fn too_many_addresses(text: &[u8]) -> bool {
    text.iter().filter(|&&b| b == b',').count() > 40
}
