//! The `iptables-translate` personalities: iptables commands and save files in nft's syntax.
//!
//! Nothing here asks nf_tables in the kernel for anything. A rule is lowered natively and printed as text that `nft -f` takes;
//! one that nft cannot write becomes a comment with the reason, and the exit status stays 0, as with the original.

mod command;
mod restore;

use rfw_compiler::nft_json;
use rfw_diagnostics::{Classic, Span};
use rfw_extensions::Registry;
use rfw_syntax::{Action, Mode, join_argv, parse_command};

use crate::iptables;
use crate::names::SystemNames;
use crate::personality::Personality;
use crate::report;

pub use restore::run as run_restore;

/// What is written: nft's syntax, unless something else is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The JSON of libnftables instead.
    pub json: bool,
    /// Behind a rule without an nft form, for people to read, one that does nearly the same.
    pub nearly: bool,
}

impl Form {
    /// Takes an option that is about the form; false for any other word.
    pub fn take(&mut self, word: &[u8]) -> bool {
        match word {
            b"--json" => self.json = true,
            b"--approximate" => self.nearly = true,
            _ => return false,
        }
        true
    }
}

/// A line of the translation.
enum Text {
    /// A command with a rule.
    Rule(String),
    /// Any other command.
    Command(String),
    /// A comment, without its `#`.
    Note(String),
    /// What does nearly the same as the rule that the comment before speaks of; nothing that is to be loaded.
    Nearly {
        /// The commands: sets, then the rule.
        commands: Vec<String>,
        /// What it does otherwise: clauses.
        differs: Vec<&'static str>,
    },
}

/// Runs one command line; gives the exit status.
pub fn run(personality: &Personality, mut arguments: Vec<Vec<u8>>) -> u8 {
    let mut form = Form::default();
    while let Some(word) = arguments.first() {
        match word.as_slice() {
            b"--restore" if personality.ours => {
                return restore::run_own(personality, form, &arguments[1..]);
            }
            word if form.take(word) => {}
            _ => break,
        }
        arguments.remove(0);
    }
    let joined = join_argv(&arguments);
    let end = Span::new(joined.source.text.len().saturating_sub(1), joined.source.text.len());
    let registry = Registry::new(personality.family);
    let command = match parse_command(&joined.words, end, Mode::CommandLine, &registry) {
        Ok(command) => command,
        Err(diagnostic) => {
            return report::diagnostics(personality, &[*diagnostic], 0, &joined.source, |_| None);
        }
    };
    for notice in &command.notices {
        report::error_text(&format!("{notice}\n"));
    }
    match command.action {
        Action::Help => return iptables::help(personality, &command),
        Action::Version => {
            report::output(format!("{}\n", personality.banner()).as_bytes());
            return 0;
        }
        _ => {}
    }
    let program = match personality.family {
        rfw_nft::Family::Ipv4 => "iptables",
        rfw_nft::Family::Ipv6 => "ip6tables",
    };
    let shown = format!("{program} {}", one_line(&joined.source.text));
    let unwritable = || Classic::Refused("Translation not implemented".to_owned());
    let names = SystemNames::default();
    let lines = iptables::table_spec(&command).and_then(|spec| {
        command::lines(personality.family, spec, &command, (&shown, form), &names, &unwritable)
    });
    match lines {
        Ok(lines) => {
            let text = match form.json {
                true => json(personality, &lines),
                false => lines.iter().map(shell_line).collect(),
            };
            report::output(text.as_bytes());
            0
        }
        Err(halt) => iptables::report_halt(personality, halt, &joined.source),
    }
}

/// A line for a shell: `nft 'add rule …'`, `nft flush chain …`, `# …`.
fn shell_line(text: &Text) -> String {
    match text {
        Text::Rule(words) => format!("nft '{}'\n", words.replace('\'', "'\\''")),
        Text::Command(words) if words.contains('{') => format!("nft '{words}'\n"),
        Text::Command(words) => format!("nft {words}\n"),
        Text::Note(_) | Text::Nearly { .. } => script_line(text),
    }
}

/// A line for `nft -f`.
fn script_line(text: &Text) -> String {
    match text {
        Text::Rule(words) | Text::Command(words) => format!("{words}\n"),
        Text::Note(words) => format!("# {words}\n"),
        Text::Nearly { commands, differs } => {
            let commands = commands.iter().map(|words| format!("#     {words}\n"));
            let differs = differs.iter().map(|clause| format!("#   - {clause}\n"));
            let heads = ["#   nearly the same:\n", "#   which is another rule:\n"].map(str::to_owned);
            let [first, second] = heads;
            std::iter::once(first).chain(commands).chain([second]).chain(differs).collect()
        }
    }
}

/// All lines as one JSON document for `nft -j -f`. What has no nft form can't stand there as a comment: it is said on standard
/// error, and kept in `metainfo`, where nft does not look; so is what does nearly the same, as text: the JSON of nft 1.0.6
/// has no sets that rules fill.
fn json(personality: &Personality, lines: &[Text]) -> String {
    let (mut objects, mut left_out, mut nearly) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        match line {
            Text::Note(words) => left_out.push(words.clone()),
            Text::Nearly { commands, differs } => nearly.push(serde_json::json!({
                "instead_of": left_out.last(),
                "commands": commands,
                "differs": differs,
            })),
            Text::Rule(words) | Text::Command(words) => match nft_json::command(words) {
                Ok(object) => objects.push(object),
                Err(error) => left_out.push(format!("{words}: {error}")),
            },
        }
    }
    let mut metainfo = serde_json::json!({ "json_schema_version": 1 });
    if !left_out.is_empty() {
        metainfo["left_out"] = serde_json::json!(left_out);
    }
    if !nearly.is_empty() {
        metainfo["nearly"] = serde_json::json!(nearly);
    }
    for words in left_out {
        report::error_text(&format!("{}: left out: {words}\n", personality.program()));
    }
    objects.insert(0, serde_json::json!({ "metainfo": metainfo }));
    format!("{}\n", serde_json::json!({ "nftables": objects }))
}

/// Text that cannot end the comment it stands in.
fn one_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim_end().replace(char::is_control, " ")
}
