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

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// nft's syntax.
    Text,
    /// The same; behind a rule without an nft form, in comments, one that does nearly the same.
    Nearly,
    /// The JSON of libnftables.
    Json,
}

impl Form {
    /// The form that an option asks for.
    pub fn named(word: &[u8]) -> Option<Self> {
        match word {
            b"--json" => Some(Self::Json),
            b"--approximate" => Some(Self::Nearly),
            _ => None,
        }
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
}

/// Runs one command line; gives the exit status.
pub fn run(personality: &Personality, mut arguments: Vec<Vec<u8>>) -> u8 {
    let mut form = Form::Text;
    while let Some(word) = arguments.first() {
        match word.as_slice() {
            b"--restore" if personality.ours => {
                return restore::run_own(personality, form, &arguments[1..]);
            }
            word => match Form::named(word) {
                Some(named) => form = named,
                None => break,
            },
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
    let lines =
        iptables::check_family(personality, &command).and_then(|()| iptables::table_spec(&command)).and_then(
            |spec| command::lines(personality.family, spec, &command, (&shown, form), &names, &unwritable),
        );
    match lines {
        Ok(lines) => {
            match form {
                Form::Text | Form::Nearly => {
                    report::output(lines.iter().map(shell_line).collect::<String>().as_bytes())
                }
                Form::Json => report::output(json(personality, &lines).as_bytes()),
            }
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
        Text::Note(words) => format!("# {words}\n"),
    }
}

/// A line for `nft -f`.
fn script_line(text: &Text) -> String {
    match text {
        Text::Rule(words) | Text::Command(words) => format!("{words}\n"),
        Text::Note(words) => format!("# {words}\n"),
    }
}

/// All lines as one JSON document for `nft -j -f`. What has no nft form can't stand there as a comment: it is said on standard
/// error, and kept in `metainfo`, where nft does not look.
fn json(personality: &Personality, lines: &[Text]) -> String {
    let (mut objects, mut left_out) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Text::Note(words) => left_out.push(words.clone()),
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
