//! The agent: what runs inside a namespace and does there what the [`Lab`](super::Lab) asks.
//!
//! Contract: one JSON request per line on standard input, one JSON answer per line on standard output, in order.
//! Every wait is bounded by [`PATIENCE`]. `{"error": …}` means the request could not be carried out;
//! that traffic got no answer is an ordinary answer. Ends when its input ends.

use std::collections::HashMap;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::PATIENCE;

/// `IPPROTO_RAW` of netinet/in.h: a raw socket of this protocol sends packets with their IP header as given.
const IPPROTO_RAW: i32 = 255;

/// Serves requests until `input` ends.
///
/// # Errors
/// When the pipes break.
pub fn serve(input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut agent = Agent { connections: HashMap::new(), next: 0 };
    for line in input.lines() {
        let answer = match serde_json::from_str::<Value>(&line?) {
            Ok(request) => agent.answer(&request).unwrap_or_else(|error| json!({"error": error.to_string()})),
            Err(error) => json!({"error": format!("request: {error}")}),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> io::Result<Vec<u8>> {
    let digits = text.as_bytes();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| bad("hex"))?;
            u8::from_str_radix(pair, 16).map_err(|_| bad("hex"))
        })
        .collect()
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("bad or missing {what}"))
}

fn text<'a>(request: &'a Value, key: &str) -> io::Result<&'a str> {
    request[key].as_str().ok_or_else(|| bad(key))
}

fn parsed<T: std::str::FromStr>(request: &Value, key: &str) -> io::Result<T> {
    text(request, key)?.parse().map_err(|_| bad(key))
}

/// What traffic came to, as the lab's `Outcome` reads it.
fn outcome(result: io::Result<String>) -> Value {
    match result {
        Ok(text) => json!({"outcome": "answer", "text": text}),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => {
                json!({"outcome": "refused"})
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => json!({"outcome": "silence"}),
            _ => json!({"outcome": "failed", "text": error.to_string()}),
        },
    }
}

struct Agent {
    connections: HashMap<String, TcpStream>,
    next: u32,
}

impl Agent {
    fn answer(&mut self, request: &Value) -> io::Result<Value> {
        let done = Ok(json!({}));
        match text(request, "op")? {
            "write" => std::fs::write(text(request, "path")?, text(request, "text")?).and(done),
            "settle" => settle().and(done),
            "send" => send(request).and(done),
            "tcp-listen" => tcp_listen(parsed(request, "at")?).and(done),
            "udp-listen" => udp_listen(parsed(request, "at")?).and(done),
            "connect" => {
                let stream = connect(parsed(request, "from")?, parsed(request, "to")?);
                Ok(outcome(stream.map(|stream| self.keep(stream))))
            }
            "talk" => {
                let stream = self
                    .connections
                    .get_mut(text(request, "connection")?)
                    .ok_or_else(|| bad("connection"))?;
                Ok(outcome(talk(stream, text(request, "text")?)))
            }
            "reset" => {
                let stream =
                    self.connections.remove(text(request, "connection")?).ok_or_else(|| bad("connection"))?;
                // Lingering for zero seconds makes the close a reset.
                Socket::from(stream).set_linger(Some(Duration::ZERO)).map(|()| outcome(Ok(String::new())))
            }
            "udp" => {
                Ok(outcome(ask_udp(parsed(request, "from")?, parsed(request, "to")?, text(request, "text")?)))
            }
            "ping" => {
                let sequence = request["sequence"].as_u64().and_then(|n| u16::try_from(n).ok());
                Ok(outcome(ping(parsed(request, "to")?, sequence.ok_or_else(|| bad("sequence"))?)))
            }
            other => Err(bad(&format!("op `{other}`"))),
        }
    }

    fn keep(&mut self, stream: TcpStream) -> String {
        self.next += 1;
        let name = self.next.to_string();
        self.connections.insert(name.clone(), stream);
        name
    }
}

/// Waits until the packet counters of all interfaces hold still, half a second at most.
fn settle() -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_millis(500);
    let mut before = std::fs::read_to_string("/proc/self/net/dev")?;
    while Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(4));
        let now = std::fs::read_to_string("/proc/self/net/dev")?;
        if now == before {
            break;
        }
        before = now;
    }
    Ok(())
}

fn send(request: &Value) -> io::Result<()> {
    let to: IpAddr = parsed(request, "dst")?;
    let bytes = from_hex(text(request, "bytes")?)?;
    let socket = Socket::new(
        Domain::for_address(SocketAddr::new(to, 0)),
        Type::RAW,
        Some(Protocol::from(IPPROTO_RAW)),
    )?;
    if to.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    if let Some(mark) = request["mark"].as_u64().filter(|mark| *mark != 0) {
        socket.set_mark(u32::try_from(mark).map_err(|_| bad("mark"))?)?;
    }
    if to.is_multicast() {
        socket.bind_device(Some(b"eth0"))?;
    }
    socket.send_to(&bytes, &SockAddr::from(SocketAddr::new(to, 0))).map(drop)
}

fn tcp_listen(at: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(at)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || echo(stream));
        }
    });
    Ok(())
}

/// Answers each message on a stream with `PEER MESSAGE` until it ends; a broken connection ends it too.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    let peer = stream.peer_addr()?.ip();
    let mut buffer = [0; 2048];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&buffer[..length]);
        stream.write_all(format!("{peer} {message}").as_bytes())?;
    }
}

fn udp_listen(at: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        // An ICMP error for an earlier answer shows up as a receive error; the listener goes on.
        loop {
            if let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                let message = String::from_utf8_lossy(&buffer[..length]);
                let _ = socket.send_to(format!("{} {message}", peer.ip()).as_bytes(), peer);
            }
        }
    });
    Ok(())
}

fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn talk(stream: &mut TcpStream, message: &str) -> io::Result<String> {
    stream.write_all(message.as_bytes())?;
    let mut buffer = [0; 2048];
    let length = stream.read(&mut buffer)?;
    // Past the delayed acknowledgement (40 ms), so that it is never merged into what comes next.
    std::thread::sleep(Duration::from_millis(60));
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn ask_udp(from: SocketAddr, to: SocketAddr, message: &str) -> io::Result<String> {
    let socket = UdpSocket::bind(from)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(message.as_bytes())?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Identifier of our echo requests.
const PING_ID: u16 = 0x5277;

fn ping(to: IpAddr, sequence: u16) -> io::Result<String> {
    let (protocol, request, reply, skip) = match to {
        IpAddr::V4(_) => (Protocol::ICMPV4, 8, 0, 20), // a raw IPv4 socket receives the IP header too
        IpAddr::V6(_) => (Protocol::ICMPV6, 128, 129, 0),
    };
    let socket = Socket::new(Domain::for_address(SocketAddr::new(to, 0)), Type::RAW, Some(protocol))?;
    socket.connect(&SocketAddr::new(to, 0).into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut message = vec![request, 0, 0, 0];
    message.extend_from_slice(&PING_ID.to_be_bytes());
    message.extend_from_slice(&sequence.to_be_bytes());
    message.extend_from_slice(b"rfw packet lab");
    if to.is_ipv4() {
        let sum = super::packet::checksum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    socket.send(&message)?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 2048];
    while Instant::now() < deadline {
        let length = (&socket).read(&mut buffer)?;
        let ours = buffer.get(skip..length).filter(|icmp| icmp.len() >= 8 && icmp[4..8] == message[4..8]);
        if ours.is_some_and(|icmp| icmp[0] == reply) {
            return Ok(to.to_string());
        }
    }
    Err(ErrorKind::TimedOut.into())
}
