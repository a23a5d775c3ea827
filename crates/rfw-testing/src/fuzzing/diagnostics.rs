//! Whatever is wrong with a text, drawn and as JSON.

use rfw_compiler::builtin::TABLES;
use rfw_compiler::{BuildCx, build, unknown_target};
use rfw_diagnostics::{Diagnostic, Source, SourceKind, Span, Voice, render_text, to_json};
use rfw_extensions::Registry;
use rfw_nft::Family;
use rfw_syntax::{Mode, SaveLines, Word, join_argv, parse_command, split_line};

use super::{FAMILIES, NoNames, too_many_addresses};

/// Most mistakes that are drawn of one text.
const MOST: usize = 20;

/// The text as a file of commands and as a command line with an argument per line.
///
/// # Panics
/// If a mistake cannot be drawn, or its drawing does not say its message.
pub fn diagnostics(data: &[u8]) {
    if too_many_addresses(data) {
        return;
    }
    let arguments: Vec<Vec<u8>> = data.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    let line = join_argv(&arguments);
    for family in FAMILIES {
        let mut found = Vec::new();
        let mut words = Vec::new();
        for line in SaveLines::new(data) {
            words.clear();
            split_line(line.text, line.span.start as usize, &mut words);
            mistakes(&words, line.span.end as usize, Mode::Restore, family, &mut found);
        }
        found.truncate(MOST);
        shown(&found, &Source::new("some/file", SourceKind::File, data.to_vec()));
        found.clear();
        mistakes(&line.words, line.source.text.len(), Mode::CommandLine, family, &mut found);
        found.truncate(MOST);
        shown(&found, &line.source);
    }
}

fn mistakes(words: &[Word<'_>], end: usize, mode: Mode, family: Family, found: &mut Vec<Diagnostic>) {
    let registry = Registry::new(family);
    let command = match parse_command(words, Span::new(end, end), mode, &registry) {
        Ok(command) => command,
        Err(diagnostic) => return found.push(*diagnostic),
    };
    let chain = command.chain.as_ref().map(|w| w.text.to_vec()).unwrap_or_default();
    for table in TABLES {
        let cx = BuildCx { family, table: table.name, chain: &chain, names: &NoNames };
        found.extend(build(&command.rule, &cx).err().map(|d| *d));
    }
    if let Some(target) = &command.rule.target {
        found.push(*unknown_target(&target.name, "filter", &["chain", "drop-all"], &registry));
    }
}

fn shown(found: &[Diagnostic], source: &Source) {
    let plain = render_text(found, source, false);
    let _ = render_text(found, source, true);
    let voice = Voice::new("iptables", "rfw");
    for diagnostic in found {
        assert!(plain.contains(&diagnostic.code.to_string()), "{} is not in\n{plain}", diagnostic.code);
        let object = to_json(diagnostic, source, &serde_json::Map::new());
        assert!(object["line"].as_u64() <= object["end_line"].as_u64(), "{object}");
        if let Some(classic) = &diagnostic.classic {
            let _ = voice.say(classic, Some(3));
        }
    }
}
