//! `rfw monitor`: changes of the ruleset in iptables syntax as they happen, and the rules that traced packets meet.

mod changes;
mod traces;

use std::io::{self, Write};

use clap::Args;
use rfw_kernel::{Live, Monitor};
use rfw_nft::Family;
use rfw_nft::message::{Messages, kind};

use crate::names::SystemNames;

/// What `rfw monitor` takes.
#[derive(Args)]
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
    match listen(args) {
        Ok(()) => 0,
        // Nobody reads any more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rfw monitor: {error}");
            4
        }
    }
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
