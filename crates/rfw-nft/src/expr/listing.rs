//! Expressions as `nft --debug=netlink list` shows them (nft 1.0.6, libnftnl 1.2.4): one line each.
//!
//! Contract: for expressions that came from a dump, the text is the tool's, byte for byte, if names are UTF-8. What
//! libnftnl 1.2.4 cannot show (bitwise of two registers) takes the form of later versions. An [`Expr::Unknown`] shows
//! its name and its attributes as words of hexadecimal, which libnftnl never does.

use std::fmt::{self, Display, Formatter};

use super::{Base, BitwiseOp, CmpOp, CtDir, Expr, PortNat, Reg, Verdict, keys};

/// Shows expressions the way libnftnl does: `  [ cmp eq reg 1 0x00000006 ]`, a newline after each.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a>(pub &'a [Expr]);

impl Display for Listing<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for expr in self.0 {
            write!(f, "  [ {} ", Text(expr.kernel_name()))?;
            line(expr, f)?;
            f.write_str("]\n")?;
        }
        Ok(())
    }
}

/// Bytes that should be UTF-8.
struct Text<'a>(&'a [u8]);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

/// Register contents as host-order words, each with a blank after it; the last word is filled with zeroes.
struct Words<'a>(&'a [u8]);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.chunks(4) {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            write!(f, "0x{:08x} ", u32::from_ne_bytes(word))?;
        }
        Ok(())
    }
}

/// What stands between the name and the closing bracket; ends with a blank unless empty.
fn line(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Payload { .. }
        | Expr::PayloadWrite { .. }
        | Expr::Meta { .. }
        | Expr::MetaSet { .. }
        | Expr::Ct { .. }
        | Expr::CtSet { .. }
        | Expr::Fib { .. }
        | Expr::Exthdr { .. }
        | Expr::ExthdrWrite { .. }
        | Expr::Rt { .. }
        | Expr::Numgen { .. } => load(expr, f),
        Expr::Cmp { .. }
        | Expr::Range { .. }
        | Expr::Bitwise { .. }
        | Expr::Byteorder { .. }
        | Expr::Lookup { .. } => operation(expr, f),
        Expr::Immediate { dreg, data } => write!(f, "reg {dreg} {}", Words(data)),
        Expr::Verdict(verdict) => show_verdict(verdict, f),
        Expr::Match { name, rev, .. } | Expr::Target { name, rev, .. } => {
            write!(f, "name {} rev {rev} ", Text(name))
        }
        Expr::TcpOptReset { kind } => write!(f, "reset tcpopt {kind} "),
        Expr::Dup { addr, dev } => {
            write!(f, "sreg_addr {addr} ")?;
            dev.map_or(Ok(()), |dev| write!(f, "sreg_dev {dev} "))
        }
        Expr::Notrack | Expr::Unknown { data: None, .. } => Ok(()),
        Expr::Unknown { data: Some(data), .. } => Words(data).fmt(f),
        _ => statement(expr, f),
    }
}

const fn base_word(base: Base) -> &'static str {
    match base {
        Base::Link => "link",
        Base::Network => "network",
        Base::Transport => "transport",
        Base::Inner => "inner",
    }
}

fn load(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match *expr {
        Expr::Payload { dreg, base, offset, len } => {
            let base = base_word(base);
            write!(f, "load {len}b @ {base} header + {offset} => reg {dreg} ")
        }
        Expr::PayloadWrite { sreg, base, offset, len, csum_type, csum_offset, csum_flags } => {
            let base = base_word(base);
            write!(f, "write reg {sreg} => {len}b @ {base} header + {offset} ")?;
            write!(f, "csum_type {csum_type} csum_off {csum_offset} csum_flags 0x{csum_flags:x} ")
        }
        Expr::Meta { dreg, key } => write!(f, "load {} => reg {dreg} ", keys::meta(key)),
        Expr::MetaSet { sreg, key } => write!(f, "set {} with reg {sreg} ", keys::meta(key)),
        Expr::Ct { dreg, key, dir } => {
            write!(f, "load {} => reg {dreg} ", keys::ct(key))?;
            direction(dir, f)
        }
        Expr::CtSet { sreg, key, dir } => {
            write!(f, "set {} with reg {sreg} ", keys::ct(key))?;
            direction(dir, f)
        }
        Expr::Fib { dreg, result, flags } => fib(dreg, result, flags, f),
        Expr::Exthdr { dreg, kind, offset, len, op, flags } => {
            let op = keys::exthdr_op(op);
            let present = if flags & 1 == 0 { "" } else { " present" };
            write!(f, "load{op} {len}b @ {kind} + {offset}{present} => reg {dreg} ")
        }
        Expr::ExthdrWrite { sreg, kind, offset, len, op } => {
            let op = keys::exthdr_op(op);
            write!(f, "write{op} reg {sreg} => {len}b @ {kind} + {offset} ")
        }
        Expr::Rt { dreg, key } => write!(f, "load {} => reg {dreg} ", keys::rt(key)),
        Expr::Numgen { dreg, modulus, kind, offset } => {
            let kind = if kind == 0 { "inc" } else { "random" };
            write!(f, "reg {dreg} = {kind} mod {modulus} ")?;
            if offset != 0 {
                write!(f, "offset {offset} ")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn direction(dir: Option<CtDir>, f: &mut Formatter<'_>) -> fmt::Result {
    match dir {
        None => Ok(()),
        Some(CtDir::Original) => f.write_str(", dir original "),
        Some(CtDir::Reply) => f.write_str(", dir reply "),
    }
}

fn fib(dreg: Reg, result: u32, flags: u32, f: &mut Formatter<'_>) -> fmt::Result {
    const PRESENT: u32 = 1 << 5;
    let mut rest = flags & !PRESENT;
    for (bit, word) in keys::FIB_FLAGS.iter().enumerate() {
        if rest & (1 << bit) != 0 {
            rest &= !(1 << bit);
            let dot = if rest == 0 { "" } else { ". " };
            write!(f, "{word} {dot}")?;
        }
    }
    if rest != 0 {
        write!(f, "unknown 0x{rest:x}")?;
    }
    let present = if flags & PRESENT == 0 { "" } else { " present" };
    write!(f, "{}{present} => reg {dreg} ", keys::fib_result(result))
}

fn operation(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Cmp { sreg, op, data } => {
            let op = match op {
                CmpOp::Eq => "eq",
                CmpOp::Neq => "neq",
                CmpOp::Lt => "lt",
                CmpOp::Lte => "lte",
                CmpOp::Gt => "gt",
                CmpOp::Gte => "gte",
            };
            write!(f, "{op} reg {sreg} {}", Words(data))
        }
        Expr::Range { sreg, invert, from, to } => {
            let op = if *invert { "neq" } else { "eq" };
            write!(f, "{op} reg {sreg} {}{}", Words(from), Words(to))
        }
        Expr::Bitwise { sreg, dreg, op, .. } => {
            write!(f, "reg {dreg} = ( reg {sreg} ")?;
            match op {
                BitwiseOp::MaskXor { mask, xor } => {
                    write!(f, "& {}) ^ {}", Words(mask), Words(xor))
                }
                BitwiseOp::Lshift(count) => write!(f, "<< 0x{count:08x} ) "),
                BitwiseOp::Rshift(count) => write!(f, ">> 0x{count:08x} ) "),
                BitwiseOp::And(reg) => write!(f, "& reg {reg} ) "),
                BitwiseOp::Or(reg) => write!(f, "| reg {reg} ) "),
                BitwiseOp::Xor(reg) => write!(f, "^ reg {reg} ) "),
            }
        }
        Expr::Byteorder { sreg, dreg, hton, len, size } => {
            let op = if *hton { "hton" } else { "ntoh" };
            write!(f, "reg {dreg} = {op}(reg {sreg}, {size}, {len}) ")
        }
        Expr::Lookup { set, set_id, sreg, dreg, flags, .. } => {
            write!(f, "reg {sreg} set {} ", Text(set))?;
            if let Some(dreg) = dreg {
                write!(f, "dreg {dreg} ")?;
            }
            // The attribute is in every dump; of what is sent only where it says something.
            if *flags != 0 || set_id.is_none() { write!(f, "0x{flags:x} ") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn show_verdict(verdict: &Verdict, f: &mut Formatter<'_>) -> fmt::Result {
    match verdict {
        Verdict::Drop => f.write_str("reg 0 drop "),
        Verdict::Accept => f.write_str("reg 0 accept "),
        Verdict::Continue => f.write_str("reg 0 continue "),
        Verdict::Return => f.write_str("reg 0 return "),
        Verdict::Jump(chain) => write!(f, "reg 0 jump -> {} ", Text(chain)),
        Verdict::Goto(chain) => write!(f, "reg 0 goto -> {} ", Text(chain)),
    }
}

fn statement(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Counter { packets, bytes } => write!(f, "pkts {packets} bytes {bytes} "),
        Expr::Limit { rate, unit, burst, kind, flags } => {
            let unit = keys::limit_unit(*unit);
            let kind = if *kind == 1 { "bytes" } else { "packets" };
            write!(f, "rate {rate}/{unit} burst {burst} type {kind} flags 0x{flags:x} ")
        }
        Expr::Log { .. } => log(expr, f),
        Expr::Reject { kind, code } => write!(f, "type {kind} code {} ", code.unwrap_or(0)),
        Expr::Nat { .. } => nat(expr, f),
        Expr::Masq(ports) | Expr::Redir(ports) => port_nat(ports, f),
        Expr::Connlimit { count, flags } => write!(f, "count {count} flags {flags:x} "),
        Expr::Quota { bytes, flags, consumed } => {
            write!(f, "bytes {bytes} consumed {consumed} flags {flags} ")
        }
        _ => Ok(()),
    }
}

fn log(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    let Expr::Log { group, prefix, snaplen, qthreshold, level, flags } = expr else {
        return Ok(());
    };
    if let Some(prefix) = prefix {
        write!(f, "prefix {} ", Text(prefix))?;
    }
    if let Some(group) = group {
        let (snaplen, qthreshold) = (snaplen.unwrap_or(0), qthreshold.unwrap_or(0));
        return write!(f, "group {group} snaplen {snaplen} qthreshold {qthreshold} ");
    }
    if let Some(level) = level {
        write!(f, "level {level} ")?;
    }
    let flags = flags.unwrap_or(0);
    for (bit, word) in keys::LOG_FLAGS {
        if flags & bit != 0 {
            write!(f, "{word} ")?;
        }
    }
    Ok(())
}

fn nat(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    let Expr::Nat { kind, family, addr_min, addr_max, proto_min, proto_max, flags } = expr else {
        return Ok(());
    };
    let kind = if *kind == 0 { "snat" } else { "dnat" };
    write!(f, "{kind} {} ", keys::family(*family))?;
    register("addr_min", *addr_min, f)?;
    register("addr_max", *addr_max, f)?;
    port_nat(&PortNat { proto_min: *proto_min, proto_max: *proto_max, flags: *flags }, f)
}

fn port_nat(ports: &PortNat, f: &mut Formatter<'_>) -> fmt::Result {
    register("proto_min", ports.proto_min, f)?;
    register("proto_max", ports.proto_max, f)?;
    match ports.flags {
        Some(flags) => write!(f, "flags 0x{flags:x} "),
        None => Ok(()),
    }
}

fn register(word: &str, reg: Option<Reg>, f: &mut Formatter<'_>) -> fmt::Result {
    match reg {
        Some(reg) => write!(f, "{word} reg {reg} "),
        None => Ok(()),
    }
}
