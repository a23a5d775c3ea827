//! The grammar with a toy dictionary: two matches and a target that exist nowhere else.

use rfw_diagnostics::{Diagnostic, Span};
use rfw_syntax::{
    Action, Command, Dictionary, ExtId, Mode, OptionSpec, join_argv, parse_command, split_line,
};

struct Toy;

const COLOUR: &[OptionSpec] = &[
    OptionSpec::value("shade", "word", "the shade").invertible().required(),
    OptionSpec::value("shadow", "word", "another").free_text(),
    OptionSpec::flag("bright", "bright").excludes(&["dull"]),
    OptionSpec::flag("dull", "dull"),
];
const PAIR: &[OptionSpec] = &[OptionSpec::two("both", "a b", "two words").repeatable()];
const PAINT: &[OptionSpec] =
    &[OptionSpec::value("coat", "n", "coats").needs(&["primer"]), OptionSpec::flag("primer", "")];

impl Dictionary for Toy {
    fn find_match(&self, name: &[u8]) -> Option<ExtId> {
        match name {
            b"colour" => Some(ExtId(0)),
            b"pair" => Some(ExtId(1)),
            _ => None,
        }
    }
    fn find_target(&self, name: &[u8]) -> Option<ExtId> {
        (name == b"PAINT").then_some(ExtId(2))
    }
    fn implicit_match(&self, protocol: &[u8]) -> Option<ExtId> {
        (protocol == b"light").then_some(ExtId(0))
    }
    fn name(&self, id: ExtId) -> &'static str {
        ["colour", "pair", "PAINT"][usize::from(id.0)]
    }
    fn options(&self, id: ExtId) -> &'static [OptionSpec] {
        [COLOUR, PAIR, PAINT][usize::from(id.0)]
    }
    fn match_names(&self) -> Vec<&'static str> {
        vec!["colour", "pair"]
    }
    fn target_names(&self) -> Vec<&'static str> {
        vec!["ACCEPT", "PAINT"]
    }

    fn target_meant_by(&self, _word: &[u8]) -> Option<&'static str> {
        None
    }
    fn owners(&self, option: &[u8]) -> Vec<String> {
        if option == b"coat" { vec!["`-j PAINT`".into()] } else { Vec::new() }
    }
}

fn on<T>(line: &str, look: impl FnOnce(Result<Command<'_>, Box<Diagnostic>>) -> T) -> T {
    let arguments: Vec<Vec<u8>> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
    let joined = join_argv(&arguments);
    let end = Span::new(line.len() - 1, line.len());
    look(parse_command(&joined.words, end, Mode::CommandLine, &Toy))
}

/// The iptables words of a refusal, and the text it underlines.
fn refused(line: &str) -> (String, String) {
    on(line, |parsed| {
        let diagnostic = parsed.expect_err(line);
        let span = diagnostic.span;
        let words = format!("{:?}", diagnostic.classic.expect("iptables' words"));
        (words, line[span.start as usize..span.end as usize].to_owned())
    })
}

#[test]
fn options_arrive_with_what_loads_them() {
    on("-A X -m colour ! --shade red -j PAINT --primer --coat 2", |parsed| {
        let command = parsed.expect("valid");
        assert_eq!(command.action, Action::Append);
        let used = &command.rule.matches[0].uses[0];
        assert!(used.inverted && used.option.name == "shade");
        let target = command.rule.target.expect("-j").extension.expect("PAINT");
        assert_eq!(target.uses.len(), 2);
    });
    let (words, at) = refused("-A X --coat 2");
    assert!(words.contains("unknown option \\\"--coat\\\""), "{words}");
    assert_eq!(at, "--coat");
}

#[test]
fn a_protocol_loads_its_match_at_the_first_option_of_it() {
    on("-A X -p light -m pair --both a b --shade red", |parsed| {
        let ids: Vec<u16> = parsed.expect("valid").rule.matches.iter().map(|m| m.id.0).collect();
        assert_eq!(ids, [1, 0]);
    });
}

#[test]
fn a_beginning_is_enough_while_it_is_one_options() {
    on("-A X -m colour --shade red --bri", |parsed| assert!(parsed.is_ok()));
    assert!(refused("-A X -m colour --sha red").0.contains("unknown option"));
    assert!(refused("-A X -m colour --shade red --nothing").0.contains("unknown option"));
}

#[test]
fn values_may_be_attached() {
    on("-A X -m colour --shade=red -jPAINT --primer", |parsed| {
        let command = parsed.expect("valid");
        assert_eq!(command.rule.matches[0].uses[0].value().expect("red").text.as_ref(), b"red");
    });
    on("-nvL", |parsed| {
        let command = parsed.expect("valid");
        assert!(command.numeric && command.verbose == 1 && command.action == Action::List);
    });
}

#[test]
fn constraints_are_told_with_the_extension() {
    assert!(refused("-A X -m colour").0.contains("must be specified"));
    assert!(refused("-A X -m colour --shade a --shade b").0.contains("can only be used once"));
    assert!(refused("-A X -m colour --shade a ! --bright").0.contains("cannot be inverted"));
    assert!(refused("-A X -m colour --shade a --bright --dull").0.contains("cannot be used together"));
    assert!(refused("-A X -j PAINT --coat 1").0.contains("also requires"));
}

#[test]
fn an_option_is_no_value() {
    assert_eq!(refused("-A X -m colour --shade --bright").1, "--shade");
    // Free text may look like an option.
    on("-A X -m colour --shade a --shadow --bright", |parsed| assert!(parsed.is_ok()));
}

#[test]
fn file_and_command_line_give_the_same() {
    let line = b"-A X -m colour --shade red ! -s 1.2.3.4";
    let mut words = Vec::new();
    split_line(line, 0, &mut words);
    let file = parse_command(&words, Span::new(0, 1), Mode::Restore, &Toy).expect("valid");
    on(std::str::from_utf8(line).expect("ascii"), |parsed| {
        let command = parsed.expect("valid");
        assert_eq!(command.rule.source, file.rule.source);
        assert_eq!(format!("{:?}", command.rule.matches), format!("{:?}", file.rule.matches));
    });
    assert!(parse_command(&words[..0], Span::new(0, 1), Mode::Restore, &Toy).is_err());
}
