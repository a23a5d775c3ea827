//! The `iptables-xml` personality: a save file as XML, by its words alone; no table and no extension is known here.
//!
//! Contract: what iptables-xml 1.8.9 prints for the same file, byte for byte, with its errors and exit statuses. Where a file is
//! broken, what came before is printed.

mod document;
mod part;

use crate::getopt::{self, Flag, Found, Takes};
use crate::personality::Personality;
use crate::report;
use document::{Broken, Document};

const FLAGS: &[Flag] = &[
    Flag { letter: 'c', long: "combine", value: Takes::Nothing },
    Flag { letter: 'v', long: "verbose", value: Takes::Nothing },
    Flag { letter: 'h', long: "help", value: Takes::Nothing },
];

/// Runs the command; gives the exit status.
pub fn run(personality: &Personality, arguments: &[Vec<u8>]) -> u8 {
    let called = personality.called();
    let (mut combine, mut verbose, mut file) = (false, false, None);
    for found in getopt::read(arguments, FLAGS) {
        match found {
            Found::Flag('c', _) => combine = true,
            Found::Flag('v', _) => verbose = true,
            Found::Flag(..) => {
                report::error_text(&usage(called));
                return 1;
            }
            Found::Word(word) if file.is_none() => file = Some(word),
            Found::Word(_) => {
                report::error_text("Unknown arguments found on commandline\n");
                return 1;
            }
            // As in the original, which goes on without it.
            Found::Wrong(words) => report::error_text(&format!("{called}: {words}\n")),
        }
    }
    let source = match crate::restore::read_source(file.as_deref()) {
        Ok(source) => source,
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            report::error_text(&format!("Can't open {}: {reason}\n", file.as_deref().unwrap_or("-")));
            return 1;
        }
    };
    let mut document = Document::new(combine, verbose);
    let end = document.convert(&source.text);
    report::output(document.text());
    end.map_or_else(|broken| complain(personality, &broken), |()| 0)
}

/// Says why a file ends early; gives the exit status.
fn complain(personality: &Personality, broken: &Broken) -> u8 {
    let called = personality.called();
    match broken {
        Broken::Frame(text) => {
            report::error_text(&format!("{called}: {text}\n"));
            1
        }
        // Of all programs this one leaves the variant out of its banner.
        Broken::Line(number, text) => {
            let version = personality.version;
            report::error_text(&format!(
                "{called} v{version}: {text}\nError occurred at line: {number}\n\
                 Try `{called} -h' or '{called} --help' for more information.\n"
            ));
            2
        }
    }
}

fn usage(called: &str) -> String {
    format!(
        "Usage: {called} [-c] [-v] [-h] [FILE]\n\
         \x20  [ --combine ]       one rule of neighbours that differ in their targets only\n\
         \x20  [ --verbose ]       each line of the file as a comment\n\
         \x20  [ --help ]\n"
    )
}
