//! Packets by hand, IPv4 and IPv6, valid or not.
//!
//! Contract: [`Packet::to_bytes`] gives the packet from its IP header on, with right lengths and checksums unless told
//! otherwise by [`Packet::cut`] or [`Packet::fragment`]. The same description always gives the same bytes.
//! Nothing is checked: a broken packet is what one may want.

use std::net::{IpAddr, SocketAddr};

/// Protocol numbers (IANA) used by the lab.
pub mod protocol {
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// GRE.
    pub const GRE: u8 = 47;
    /// ESP.
    pub const ESP: u8 = 50;
    /// AH.
    pub const AH: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPComp.
    pub const IPCOMP: u8 = 108;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// UDP-Lite.
    pub const UDPLITE: u8 = 136;
}

/// TCP flag bits.
pub mod flag {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;
    /// URG.
    pub const URG: u8 = 0x20;
    /// ECE.
    pub const ECE: u8 = 0x40;
    /// CWR.
    pub const CWR: u8 = 0x80;
}

#[derive(Clone, Debug)]
enum Body {
    Tcp { ports: (u16, u16), seq: u32, ack: u32, flags: u8, options: Vec<u8>, data: Vec<u8> },
    Udp { ports: (u16, u16), data: Vec<u8> },
    Icmp { kind: u8, code: u8, rest: [u8; 4], data: Vec<u8> },
    Raw(Vec<u8>),
}

/// A packet in the making. Builder methods that do not fit the kind of packet leave it as it is.
#[derive(Clone, Debug)]
pub struct Packet {
    pub(super) dst: IpAddr,
    /// Mark of the sending socket (`SO_MARK`), 0 for none.
    pub(super) mark: u32,
    src: IpAddr,
    tos: u8,
    ttl: u8,
    /// The fragment field of IPv4: flags and offset in units of 8 bytes.
    fragment: u16,
    ip_options: Vec<u8>,
    extensions: Vec<(u8, Vec<u8>)>,
    protocol: u8,
    body: Body,
    cut: Option<usize>,
}

impl Packet {
    fn new(src: IpAddr, dst: IpAddr, protocol: u8, body: Body) -> Packet {
        Packet {
            dst,
            mark: 0,
            src,
            tos: 0,
            ttl: 64,
            fragment: 0,
            ip_options: Vec::new(),
            extensions: Vec::new(),
            protocol,
            body,
            cut: None,
        }
    }

    /// A TCP SYN.
    #[must_use]
    pub fn tcp(from: SocketAddr, to: SocketAddr) -> Packet {
        let ports = (from.port(), to.port());
        let body =
            Body::Tcp { ports, seq: 1000, ack: 0, flags: flag::SYN, options: Vec::new(), data: Vec::new() };
        Packet::new(from.ip(), to.ip(), protocol::TCP, body)
    }

    /// A UDP datagram without data.
    #[must_use]
    pub fn udp(from: SocketAddr, to: SocketAddr) -> Packet {
        let body = Body::Udp { ports: (from.port(), to.port()), data: Vec::new() };
        Packet::new(from.ip(), to.ip(), protocol::UDP, body)
    }

    /// An ICMP message (ICMPv6 between IPv6 addresses). `rest` is the second word of the header.
    #[must_use]
    pub fn icmp(src: impl Into<IpAddr>, dst: impl Into<IpAddr>, kind: u8, code: u8, rest: [u8; 4]) -> Packet {
        let (src, dst) = (src.into(), dst.into());
        let number = if dst.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
        Packet::new(src, dst, number, Body::Icmp { kind, code, rest, data: Vec::new() })
    }

    /// Any other protocol, with everything above IP given.
    #[must_use]
    pub fn other(src: impl Into<IpAddr>, dst: impl Into<IpAddr>, number: u8, bytes: Vec<u8>) -> Packet {
        Packet::new(src.into(), dst.into(), number, Body::Raw(bytes))
    }

    /// TCP flags, from [`flag`].
    #[must_use]
    pub fn flags(mut self, new: u8) -> Packet {
        if let Body::Tcp { flags, .. } = &mut self.body {
            *flags = new;
        }
        self
    }

    /// TCP sequence and acknowledgement number.
    #[must_use]
    pub fn numbers(mut self, new_seq: u32, new_ack: u32) -> Packet {
        if let Body::Tcp { seq, ack, .. } = &mut self.body {
            (*seq, *ack) = (new_seq, new_ack);
        }
        self
    }

    /// TCP options; the length must be a multiple of 4.
    #[must_use]
    pub fn options(mut self, new: &[u8]) -> Packet {
        if let Body::Tcp { options, .. } = &mut self.body {
            *options = new.to_vec();
        }
        self
    }

    /// The data after the TCP, UDP or ICMP header.
    #[must_use]
    pub fn data(mut self, new: &[u8]) -> Packet {
        match &mut self.body {
            Body::Tcp { data, .. } | Body::Udp { data, .. } | Body::Icmp { data, .. } => *data = new.to_vec(),
            Body::Raw(_) => {}
        }
        self
    }

    /// Type of service, or traffic class.
    #[must_use]
    pub fn tos(mut self, tos: u8) -> Packet {
        self.tos = tos;
        self
    }

    /// Time to live, or hop limit.
    #[must_use]
    pub fn ttl(mut self, ttl: u8) -> Packet {
        self.ttl = ttl;
        self
    }

    /// Mark of the sending socket: seen by the sender's own rules.
    #[must_use]
    pub fn mark(mut self, mark: u32) -> Packet {
        self.mark = mark;
        self
    }

    /// IPv4 options; the length must be a multiple of 4.
    #[must_use]
    pub fn ip_options(mut self, options: &[u8]) -> Packet {
        self.ip_options = options.to_vec();
        self
    }

    /// Adds an IPv6 extension header: its number, and its bytes after the next-header byte.
    #[must_use]
    pub fn extension(mut self, number: u8, bytes: &[u8]) -> Packet {
        self.extensions.push((number, bytes.to_vec()));
        self
    }

    /// Makes it an IPv4 fragment at `offset` (bytes, a multiple of 8); `more` if others follow.
    #[must_use]
    pub fn fragment(mut self, offset: u16, more: bool) -> Packet {
        self.fragment = (offset / 8) | if more { 0x2000 } else { 0 };
        self
    }

    /// Cuts what is above IP to `length` bytes; the IP header's length agrees with the cut.
    #[must_use]
    pub fn cut(mut self, length: usize) -> Packet {
        self.cut = Some(length);
        self
    }

    /// Whether it was cut.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// The packet as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut upper = self.upper();
        if let Some(length) = self.cut {
            upper.truncate(length);
        }
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.v4(&src.octets(), &dst.octets(), &upper),
            (IpAddr::V6(src), IpAddr::V6(dst)) => self.v6(&src.octets(), &dst.octets(), &upper),
            _ => upper,
        }
    }

    fn v4(&self, src: &[u8; 4], dst: &[u8; 4], upper: &[u8]) -> Vec<u8> {
        let header = 20 + self.ip_options.len();
        let mut bytes = vec![0x40 | (header / 4) as u8, self.tos];
        bytes.extend_from_slice(&((header + upper.len()) as u16).to_be_bytes());
        bytes.extend_from_slice(&0x5277u16.to_be_bytes());
        bytes.extend_from_slice(&self.fragment.to_be_bytes());
        bytes.extend_from_slice(&[self.ttl, self.protocol, 0, 0]);
        bytes.extend_from_slice(src);
        bytes.extend_from_slice(dst);
        bytes.extend_from_slice(&self.ip_options);
        let sum = checksum(&bytes);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend_from_slice(upper);
        bytes
    }

    fn v6(&self, src: &[u8; 16], dst: &[u8; 16], upper: &[u8]) -> Vec<u8> {
        let mut rest = Vec::new();
        for (index, (_, body)) in self.extensions.iter().enumerate() {
            rest.push(self.extensions.get(index + 1).map_or(self.protocol, |(number, _)| *number));
            rest.extend_from_slice(body);
        }
        rest.extend_from_slice(upper);
        let first = self.extensions.first().map_or(self.protocol, |(number, _)| *number);
        let mut bytes = vec![0x60 | (self.tos >> 4), self.tos << 4, 0, 0];
        bytes.extend_from_slice(&(rest.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&[first, self.ttl]);
        bytes.extend_from_slice(src);
        bytes.extend_from_slice(dst);
        bytes.extend_from_slice(&rest);
        bytes
    }

    /// Everything above IP, checksummed.
    fn upper(&self) -> Vec<u8> {
        let (mut bytes, at, pseudo) = match &self.body {
            Body::Tcp { ports, seq, ack, flags, options, data } => {
                let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
                bytes.extend_from_slice(&seq.to_be_bytes());
                bytes.extend_from_slice(&ack.to_be_bytes());
                bytes.extend_from_slice(&[
                    ((5 + options.len() / 4) << 4) as u8,
                    *flags,
                    0xff,
                    0xff,
                    0,
                    0,
                    0,
                    0,
                ]);
                bytes.extend_from_slice(options);
                bytes.extend_from_slice(data);
                (bytes, 16, true)
            }
            Body::Udp { ports, data } => {
                let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
                bytes.extend_from_slice(&((8 + data.len()) as u16).to_be_bytes());
                bytes.extend_from_slice(&[0, 0]);
                bytes.extend_from_slice(data);
                (bytes, 6, true)
            }
            Body::Icmp { kind, code, rest, data } => {
                let mut bytes = vec![*kind, *code, 0, 0];
                bytes.extend_from_slice(rest);
                bytes.extend_from_slice(data);
                (bytes, 2, self.dst.is_ipv6())
            }
            Body::Raw(bytes) => return bytes.clone(),
        };
        let mut summed = if pseudo { self.pseudo_header(bytes.len()) } else { Vec::new() };
        summed.extend_from_slice(&bytes);
        let sum = checksum(&summed);
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn pseudo_header(&self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for address in [self.src, self.dst] {
            match address {
                IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
            }
        }
        bytes.extend_from_slice(&(length as u32).to_be_bytes());
        bytes.extend_from_slice(&u32::from(self.protocol).to_be_bytes());
        bytes
    }
}

/// The Internet checksum (RFC 1071) over `bytes`, padded with a zero byte if odd.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let sum = bytes.chunks(2).fold(0u32, |sum, pair| {
        let sum = sum + u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        (sum & 0xffff) + (sum >> 16)
    });
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_forty_bytes_and_its_checksums_verify() {
        let bytes = Packet::tcp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap()).to_bytes();
        assert_eq!(bytes.len(), 40);
        assert_eq!(checksum(&bytes[..20]), 0);
        let mut upper = bytes[12..20].to_vec();
        upper.extend_from_slice(&[0, 6, 0, 20]);
        upper.extend_from_slice(&bytes[20..]);
        assert_eq!(checksum(&upper), 0);
    }

    #[test]
    fn extension_headers_are_chained() {
        let packet = Packet::udp("[2001:db8::1]:1".parse().unwrap(), "[2001:db8::2]:2".parse().unwrap())
            .extension(0, &[0, 1, 4, 0, 0, 0, 0])
            .extension(60, &[0, 1, 4, 0, 0, 0, 0]);
        let bytes = packet.to_bytes();
        assert_eq!((bytes[6], bytes[40], bytes[48]), (0, 60, protocol::UDP));
        assert_eq!(bytes.len(), 40 + 16 + 8);
    }

    #[test]
    fn a_cut_packet_says_so_in_its_ip_header() {
        let packet = Packet::udp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap()).cut(5);
        assert_eq!(packet.to_bytes()[2..4], [0, 25]);
    }
}
