//! The options of iptables-restore.

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

/// Reads the words; gives the exit status where nothing is left to do.
pub fn parse(personality: &Personality, arguments: &[Vec<u8>]) -> Result<Options, u8> {
    let mut options = Options::default();
    let mut rest = arguments.iter().map(|a| String::from_utf8_lossy(a).into_owned()).peekable();
    let missing = |word: &str| {
        report::error_text(&format!("{}: option requires an argument -- '{word}'\n", personality.called()));
        report::error_text(&format!("Try `{} -h' for more information.\n", personality.called()));
        1
    };
    let invalid = |letter: char| {
        report::error_text(&format!(
            "{0}: invalid option -- '{letter}'\nTry `{0} -h' for more information.\n",
            personality.called()
        ));
        1
    };
    while let Some(word) = rest.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (word.clone(), None),
        };
        match name.as_str() {
            "-c" | "--counters" => options.counters = true,
            "-v" | "--verbose" => options.verbose = true,
            "-t" | "--test" => options.test = true,
            "-n" | "--noflush" => options.noflush = true,
            "-w" | "--wait" | "-W" | "--wait-interval" => {
                let number = |w: &String| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit());
                if attached.is_none() && rest.peek().is_some_and(number) {
                    rest.next();
                }
            }
            "-4" | "--ipv4" | "-6" | "--ipv6" => {}
            "-T" | "--table" => {
                options.table = Some(attached.or_else(|| rest.next()).ok_or_else(|| missing("T"))?)
            }
            "-M" | "--modprobe" => drop(attached.or_else(|| rest.next()).ok_or_else(|| missing("M"))?),
            "-V" | "--version" => {
                report::output(format!("{}\n", personality.banner()).as_bytes());
                return Err(0);
            }
            "-h" | "--help" => {
                usage(personality);
                return Err(0);
            }
            other if other.starts_with('-') && other.len() > 2 && !other.starts_with("--") => {
                // Letters run together: `-cn`.
                let known = |c: char| "46cvtnwWhV".contains(c);
                if let Some(letter) = other[1..].chars().find(|&c| !known(c)) {
                    return Err(invalid(letter));
                }
                let letters: Vec<Vec<u8>> =
                    other[1..].chars().map(|c| format!("-{c}").into_bytes()).collect();
                let more = parse(personality, &letters)?;
                options.counters |= more.counters;
                options.verbose |= more.verbose;
                options.test |= more.test;
                options.noflush |= more.noflush;
            }
            other if other.len() == 2 && other.starts_with('-') => {
                return Err(invalid(char::from(other.as_bytes()[1])));
            }
            other if other.starts_with("--") => {
                report::error_text(&format!("{}: unrecognized option '{other}'\n", personality.called()));
                report::error_text(&format!("Try `{} -h' for more information.\n", personality.called()));
                return Err(1);
            }
            other if options.file.is_none() => options.file = (other != "-").then(|| other.to_owned()),
            _ => {
                report::error_text("Unknown arguments found on commandline\n");
                return Err(1);
            }
        }
    }
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
