//! Traced packets: the packet once, then a line for each rule it met.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;

use rfw_compiler::print_stored;
use rfw_extensions::{Names, Printer};
use rfw_kernel::{Kernel, Live, TableId, interface_name};
use rfw_nft::Family;
use rfw_nft::message::{Message, Trace, TraceKind};

use super::Shown;
use crate::engine::Dumped;

/// Packets that were shown already; the oldest are forgotten in bulk.
#[derive(Default)]
pub struct Packets(HashSet<u32>);

/// More ids than packets can be under way at once.
const REMEMBERED: usize = 4096;

impl Packets {
    /// Appends the lines of one step.
    pub fn show(
        &mut self,
        message: &Message<'_>,
        shown: &Shown,
        live: &mut Live,
        names: &dyn Names,
        out: &mut Vec<u8>,
    ) {
        let Ok(Some(trace)) = Trace::decode(message) else { return };
        if !shown.has(trace.family) {
            return;
        }
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        if !trace.network.is_empty() && self.0.insert(trace.id) {
            out.extend_from_slice(packet_line(&trace).as_bytes());
        }
        // The kernel also tells the end of a chain's rules, as a rule without a handle.
        if trace.kind != TraceKind::Rule || trace.rule.is_some_and(|handle| handle != 0) {
            out.extend_from_slice(&step_line(&trace, live, names));
        }
    }
}

fn step_line(trace: &Trace<'_>, live: &mut Live, names: &dyn Names) -> Vec<u8> {
    let (table, chain) = (String::from_utf8_lossy(trace.table), String::from_utf8_lossy(trace.chain));
    let mut line = format!(" TRACE: {:08x} {table}:{chain}:", trace.id).into_bytes();
    match trace.kind {
        TraceKind::Policy => {
            let policy = if trace.policy == Some(0) { "DROP" } else { "ACCEPT" };
            line.extend_from_slice(format!("policy:{policy}").as_bytes());
        }
        TraceKind::Return => line.extend_from_slice(b"return"),
        TraceKind::Rule => {
            let verdict = verdict_name(trace.verdict);
            match trace.rule.and_then(|handle| rule_text(trace, handle, live, names)) {
                Some((number, text)) => {
                    line.extend_from_slice(format!("rule:{number}:{verdict}  ").as_bytes());
                    line.extend_from_slice(&text);
                }
                None => line.extend_from_slice(format!("rule:?:{verdict}  # deleted meanwhile").as_bytes()),
            }
        }
    }
    line.push(b'\n');
    line
}

/// The number of a rule in its chain, and its text.
fn rule_text(trace: &Trace<'_>, handle: u64, live: &mut Live, names: &dyn Names) -> Option<(usize, Vec<u8>)> {
    let digit = if trace.family == Family::Ipv4 { 4 } else { 6 };
    let mut number = 0;
    let mut found = None;
    let table = TableId::new(trace.family, trace.table);
    let dumped = live.rules(table, Some(trace.chain), &mut |raw| {
        number += 1;
        if raw.handle != handle {
            return ControlFlow::Continue(());
        }
        found = Some(Dumped::new(raw));
        ControlFlow::Break(())
    });
    dumped.ok()?;
    let rule = found?.read(live, table, trace.family, names);
    let mut text = format!("-{digit} -t {} ", String::from_utf8_lossy(trace.table)).into_bytes();
    let mut printer = Printer {
        out: &mut text,
        family: trace.family,
        names,
        numeric: true,
        version: Default::default(),
        protocol: None,
    };
    print_stored(trace.chain, &rule, None, &mut printer);
    Some((number, text))
}

/// `enum nft_verdicts` and `NF_*`.
fn verdict_name(verdict: Option<(i32, Option<&[u8]>)>) -> String {
    match verdict {
        Some((0, _)) => "DROP".into(),
        Some((1, _)) => "ACCEPT".into(),
        Some((-1, _)) | None => "CONTINUE".into(),
        Some((-3, Some(chain))) => format!("JUMP:{}", String::from_utf8_lossy(chain)),
        Some((-4, Some(chain))) => format!("GOTO:{}", String::from_utf8_lossy(chain)),
        Some((-5, _)) => "RETURN".into(),
        // The low byte is the verdict, the rest a queue number or an errno (NF_VERDICT_MASK).
        Some((code, _)) => match code & 0xff {
            0 => "DROP".into(),
            2 => "STOLEN".into(),
            3 => "QUEUE".into(),
            other => format!("VERDICT{other}"),
        },
    }
}

fn packet_line(trace: &Trace<'_>) -> String {
    let interface = |index: Option<u32>| {
        index.map(|i| interface_name(i).unwrap_or_else(|| format!("if{i}"))).unwrap_or_default()
    };
    let mut line =
        format!("PACKET: {:08x} IN={} OUT={}", trace.id, interface(trace.iif), interface(trace.oif));
    let protocol = match trace.family {
        Family::Ipv4 => ipv4(trace.network, &mut line),
        Family::Ipv6 => ipv6(trace.network, &mut line),
    };
    if let Some(protocol) = protocol {
        transport(protocol, trace.transport, &mut line);
    }
    if let Some(mark) = trace.mark.filter(|m| *m != 0) {
        line.push_str(&format!(" MARK={mark:#x}"));
    }
    line.push('\n');
    line
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// RFC 791; gives the protocol.
fn ipv4(header: &[u8], line: &mut String) -> Option<u8> {
    let address = |at: usize| -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = header.get(at..at + 4)?.try_into().ok()?;
        Some(bytes.into())
    };
    line.push_str(&format!(
        " SRC={} DST={} LEN={} TOS={:#04x} TTL={} ID={}",
        address(12)?,
        address(16)?,
        be16(header, 2)?,
        header.get(1)?,
        header.get(8)?,
        be16(header, 4)?,
    ));
    header.get(9).copied()
}

/// RFC 8200; gives the next header.
fn ipv6(header: &[u8], line: &mut String) -> Option<u8> {
    let address = |at: usize| -> Option<Ipv6Addr> {
        let bytes: [u8; 16] = header.get(at..at + 16)?.try_into().ok()?;
        Some(bytes.into())
    };
    let payload = u32::from(be16(header, 4)?);
    line.push_str(&format!(
        " SRC={} DST={} LEN={} HOPLIMIT={}",
        address(8)?,
        address(24)?,
        payload + 40,
        header.get(7)?
    ));
    header.get(6).copied()
}

/// RFC 9293, 768, 792, 4443.
fn transport(protocol: u8, header: &[u8], line: &mut String) {
    match (protocol, be16(header, 0), be16(header, 2)) {
        (6, Some(from), Some(to)) => {
            line.push_str(&format!(" PROTO=TCP SPT={from} DPT={to}"));
            let flags = header.get(13).copied().unwrap_or(0);
            for (bit, name) in [(0x20, "URG"), (0x10, "ACK"), (8, "PSH"), (4, "RST"), (2, "SYN"), (1, "FIN")]
            {
                if flags & bit != 0 {
                    line.push(' ');
                    line.push_str(name);
                }
            }
        }
        (17, Some(from), Some(to)) => line.push_str(&format!(" PROTO=UDP SPT={from} DPT={to}")),
        (1 | 58, Some(both), _) => {
            let name = if protocol == 1 { "ICMP" } else { "ICMPv6" };
            line.push_str(&format!(" PROTO={name} TYPE={} CODE={}", both >> 8, both & 0xff));
        }
        _ => line.push_str(&format!(" PROTO={protocol}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let mut line = String::new();
        let header = [0x45, 0, 0, 60, 0, 7, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        assert_eq!(ipv4(&header, &mut line), Some(6));
        transport(6, &[0xc0, 0, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x12], &mut line);
        assert_eq!(
            line,
            " SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 TTL=64 ID=7 PROTO=TCP SPT=49152 DPT=22 ACK SYN"
        );
        assert_eq!(ipv4(&header[..12], &mut String::new()), None);
        assert_eq!(ipv6(&header, &mut String::new()), None);
    }

    #[test]
    fn verdicts_have_names() {
        assert_eq!(verdict_name(Some((-3, Some(b"x")))), "JUMP:x");
        assert_eq!(verdict_name(Some((0x0002_0003, None))), "QUEUE");
        assert_eq!(verdict_name(None), "CONTINUE");
    }
}
