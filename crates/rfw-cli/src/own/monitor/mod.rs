//! `rfw monitor`: changes of the ruleset in iptables syntax as they happen, and the rules that traced packets meet.

mod changes;
mod traces;

use std::io::{self, Write};

use clap::Args;
use rfw_kernel::{Live, Monitor};
use rfw_nft::Family;
use rfw_nft::message::{Messages, kind};

use crate::getopt::{self, Flag, Found, Takes};
use crate::names::SystemNames;
use crate::personality::Personality;
use crate::report;

/// What `rfw monitor` takes.
#[derive(Args, Default)]
pub struct MonitorArgs {
    /// Changes of the ruleset only
    #[arg(short, long)]
    event: bool,
    /// Traced packets only (`-j TRACE`)
    #[arg(short, long)]
    trace: bool,
    /// IPv4 only
    #[arg(short = '4', long)]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Show the counters of rules
    #[arg(short, long)]
    counters: bool,
}

/// What is shown.
struct Shown {
    family: Option<Family>,
    counters: bool,
}

impl Shown {
    fn has(&self, family: Family) -> bool {
        self.family.is_none_or(|only| only == family)
    }
}

/// Runs until it is stopped; gives the exit status: 4 if the kernel can't be listened to, as iptables has it.
pub fn run(args: &MonitorArgs) -> u8 {
    report_end("rfw monitor", listen(args))
}

fn report_end(program: &str, end: io::Result<()>) -> u8 {
    match end {
        Ok(()) => 0,
        // Nobody reads any more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{program}: {error}");
            4
        }
    }
}

const FLAGS: &[Flag] = &[
    Flag { letter: 'e', long: "event", value: Takes::Nothing },
    Flag { letter: 't', long: "trace", value: Takes::Nothing },
    Flag { letter: '4', long: "ipv4", value: Takes::Nothing },
    Flag { letter: '6', long: "ipv6", value: Takes::Nothing },
    Flag { letter: 'c', long: "counters", value: Takes::Nothing },
    Flag { letter: 'V', long: "version", value: Takes::Nothing },
    Flag { letter: 'h', long: "help", value: Takes::Nothing },
];

/// The `xtables-monitor` personality: options and statuses of the original, lines of `rfw monitor`.
pub fn run_as_original(personality: &Personality, arguments: &[Vec<u8>]) -> u8 {
    let (called, version) = (personality.called(), personality.version);
    let mut args = MonitorArgs::default();
    for found in getopt::read(arguments, FLAGS) {
        match found {
            Found::Flag('e', _) => args.event = true,
            Found::Flag('t', _) => args.trace = true,
            Found::Flag('4', _) => args.ipv4 = true,
            Found::Flag('6', _) => args.ipv6 = true,
            Found::Flag('c', _) => args.counters = true,
            Found::Flag('V', _) => {
                report::output(format!("{called} {version}\n").as_bytes());
                return 0;
            }
            Found::Flag(..) => {
                report::output(usage(called, personality).as_bytes());
                return 1;
            }
            Found::Wrong(_) => {
                report::error_text(&format!(
                    "{called} {version}: Bad argument.\nTry `{called} -h' for more information.\n"
                ));
                return 2;
            }
            // The original does not look at them either.
            Found::Word(_) => {}
        }
    }
    report_end(called, listen(&args))
}

fn usage(called: &str, personality: &Personality) -> String {
    let version = personality.version;
    format!(
        "{called} {version} (nf_tables)\nUsage: {called} [-e|-t] [-4|-6] [-c]\n\
         \x20  --event     -e    changes of the ruleset\n\
         \x20  --trace     -t    traced packets (-j TRACE)\n\
         \x20  --ipv4      -4    IPv4 only\n\
         \x20  --ipv6      -6    IPv6 only\n\
         \x20  --counters  -c    show the counters of rules\n"
    )
}

fn listen(args: &MonitorArgs) -> io::Result<()> {
    let both = args.event == args.trace;
    let mut monitor = Monitor::open(both || args.event, both || args.trace)?;
    let mut live = Live::open()?;
    let names = SystemNames::default();
    let family = match (args.ipv4, args.ipv6) {
        (true, false) => Some(Family::Ipv4),
        (false, true) => Some(Family::Ipv6),
        _ => None,
    };
    let shown = Shown { family, counters: args.counters };
    let mut packets = traces::Packets::default();
    loop {
        let mut text = Vec::new();
        match monitor.wait()? {
            None => text
                .extend_from_slice(b"# some announcements were lost: they came faster than they were read\n"),
            Some(bytes) => {
                for message in Messages::new(bytes).flatten() {
                    if message.kind == kind::TRACE {
                        packets.show(&message, &shown, &mut live, &names, &mut text);
                    } else {
                        changes::show(&message, &shown, &names, &mut text);
                    }
                }
            }
        }
        let mut out = io::stdout().lock();
        out.write_all(&text)?;
        out.flush()?;
    }
}
