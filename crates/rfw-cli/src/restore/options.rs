//! The options of iptables-restore.

use rfw_nft::Family;

use crate::getopt::{self, Flag, Found, Takes};
use crate::personality::Personality;
use crate::report;

/// What the words ask for.
#[derive(Default)]
pub struct Options {
    /// `-c`.
    pub counters: bool,
    /// `-v`.
    pub verbose: bool,
    /// `-t`.
    pub test: bool,
    /// `-n`.
    pub noflush: bool,
    /// `-T`.
    pub table: Option<String>,
    /// The file; standard input without one.
    pub file: Option<String>,
}

const FLAGS: &[Flag] = &[
    Flag { letter: 'c', long: "counters", value: Takes::Nothing },
    Flag { letter: 'v', long: "verbose", value: Takes::Nothing },
    Flag { letter: 'V', long: "version", value: Takes::Nothing },
    Flag { letter: 't', long: "test", value: Takes::Nothing },
    Flag { letter: 'h', long: "help", value: Takes::Nothing },
    Flag { letter: 'n', long: "noflush", value: Takes::Nothing },
    Flag { letter: 'M', long: "modprobe", value: Takes::Value },
    Flag { letter: 'T', long: "table", value: Takes::Value },
    Flag { letter: '4', long: "ipv4", value: Takes::Nothing },
    Flag { letter: '6', long: "ipv6", value: Takes::Nothing },
    Flag { letter: 'w', long: "wait", value: Takes::Number },
    Flag { letter: 'W', long: "wait-interval", value: Takes::Number },
    // Last, so that no other name is ambiguous for it: iptables has only the letter.
    Flag { letter: 'b', long: "-", value: Takes::Nothing },
];

/// Reads the words; gives the exit status where nothing is left to do.
pub fn parse(personality: &Personality, arguments: &[Vec<u8>]) -> Result<Options, u8> {
    let mut options = Options::default();
    let called = personality.called();
    let wrong = |text: &str| {
        report::error_text(&format!("{text}Try `{called} -h' for more information.\n"));
        1
    };
    let other = if personality.family == Family::Ipv4 { '6' } else { '4' };
    for found in getopt::read(arguments, FLAGS) {
        match found {
            Found::Wrong(text) => return Err(wrong(&format!("{called}: {text}\n"))),
            Found::Flag('c', _) => options.counters = true,
            Found::Flag('v', _) => options.verbose = true,
            Found::Flag('t', _) => options.test = true,
            Found::Flag('n', _) => options.noflush = true,
            Found::Flag('T', table) => options.table = table,
            Found::Flag('b', _) => report::error_text("-b/--binary option is not implemented\n"),
            Found::Flag('V', _) => {
                report::output(format!("{}\n", personality.banner()).as_bytes());
                return Err(0);
            }
            Found::Flag('h', _) => {
                usage(personality);
                return Err(0);
            }
            // The rules of the one family are never loaded as those of the other.
            Found::Flag(family, _) if family == other => {
                return Err(wrong(&format!("{called}: invalid option -- '{family}'\n")));
            }
            Found::Flag(..) => {}
            Found::Word(word) if options.file.is_none() => options.file = Some(word),
            Found::Word(_) => {
                report::error_text("Unknown arguments found on commandline\n");
                return Err(1);
            }
        }
    }
    options.file = options.file.filter(|file| file != "-");
    Ok(options)
}

fn usage(personality: &Personality) {
    let text = format!(
        "Usage: {} [-c] [-v] [-V] [-t] [-h] [-n] [-w] [-W] [-T table] [-M command] [file]\n\
         \x20  [ --counters ]      set the counters of the file\n\
         \x20  [ --verbose ]       print what is done\n\
         \x20  [ --test ]          read and check only\n\
         \x20  [ --noflush ]       keep what the tables hold\n\
         \x20  [ --table=TABLE ]   this table only\n\
         \x20  [ --encoding=E ]    auto, native or compat (rfw)\n\
         \x20  [ --no-xt ]         refuse what needs nft_compat (rfw)\n\
         \x20  [ --compat-version=V ]  texts of 1.8.9 or 1.8.11 (rfw)\n",
        personality.called()
    );
    report::output(text.as_bytes());
}
