//! ipset's names and numbers, over its socket option (`linux/netfilter/ipset/ip_set.h`).

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use rfw_nft::Family;

use crate::socket::{check, socklen};

/// `IPSET_MAXNAMELEN`, with the NUL.
const NAME: usize = 32;
const INVALID: u16 = 65535;
const SO_IP_SET: libc::c_int = 83;
const OP_BY_NAME: u32 = 8;
const OP_BY_INDEX: u32 = 7;
const OP_VERSION: u32 = 0x100;
/// `IPSET_PROTOCOL_MIN`.
const PROTOCOL_MIN: u32 = 6;

/// Why an ipset was not found.
#[derive(Debug, thiserror::Error)]
pub enum IpsetError {
    /// No ipset in this kernel, or not for this process.
    #[error("ipset is not available: {0}")]
    Unavailable(io::Error),
    /// The kernel's ipset is older than the protocol spoken here.
    #[error("ipset protocol version {0} is too old")]
    Version(u32),
    /// No set of that name or number, or a name too long to be one.
    #[error("no such set")]
    Missing,
    /// The set holds addresses of the other family.
    #[error("the set is of the other family")]
    Family,
    /// A system call failed.
    #[error(transparent)]
    Os(io::Error),
    /// The kernel's answer has the wrong size.
    #[error("answer of {got} bytes instead of {want}")]
    Size {
        /// Bytes expected.
        want: usize,
        /// Bytes received.
        got: usize,
    },
}

impl IpsetError {
    /// iptables' words where a rule names the set; a newline at the end where iptables prints an empty line.
    #[must_use]
    pub fn classic(&self, name: &[u8], family: Family) -> String {
        let name = String::from_utf8_lossy(name);
        let other = match family {
            Family::Ipv4 => "IPv6",
            Family::Ipv6 => "IPv4",
        };
        match self {
            Self::Missing => format!("Set {name} doesn't exist.\n"),
            Self::Family => {
                format!("The protocol family of set {name} is {other}, which is not applicable.\n")
            }
            Self::Unavailable(_) => "Can't open socket to ipset.\n".into(),
            error => error.to_string(),
        }
    }
}

/// `struct ip_set_req_version`.
#[repr(C)]
#[derive(Clone, Copy)]
struct VersionRequest {
    op: u32,
    version: u32,
}

/// `struct ip_set_req_get_set`; the union's index is its first two bytes. Aligned as the kernel's is.
#[repr(C)]
#[derive(Clone, Copy)]
struct SetRequest {
    op: u32,
    version: u32,
    set: [u8; NAME],
}

/// `struct ip_set_req_get_set_family`. The family is an `NFPROTO_*`; 0 for a set of either, such as a list of sets.
#[repr(C)]
#[derive(Clone, Copy)]
struct FamilyRequest {
    op: u32,
    version: u32,
    family: u32,
    set: [u8; NAME],
}

/// Plain old data of the kernel's interface.
trait Request: Copy {}
impl Request for VersionRequest {}
impl Request for SetRequest {}
impl Request for FamilyRequest {}

pub(crate) struct Socket {
    fd: OwnedFd,
    version: u32,
}

impl Socket {
    /// Opens the socket and agrees on the protocol version.
    pub(crate) fn open() -> Result<Self, IpsetError> {
        // SAFETY: takes three integers and returns a new descriptor or -1.
        let fd =
            unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW) };
        if fd < 0 {
            return Err(IpsetError::Unavailable(io::Error::last_os_error()));
        }
        // SAFETY: `fd` was just opened and belongs to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let request = VersionRequest { op: OP_VERSION, version: 0 };
        let answer = ask(&fd, request).map_err(|e| match e {
            IpsetError::Os(e) => IpsetError::Unavailable(e),
            other => other,
        })?;
        if answer.version < PROTOCOL_MIN {
            return Err(IpsetError::Version(answer.version));
        }
        Ok(Self { fd, version: answer.version })
    }

    pub(crate) fn index(&self, name: &[u8], family: Family) -> Result<u16, IpsetError> {
        let mut set = [0; NAME];
        // The last byte stays NUL.
        set[..NAME - 1].get_mut(..name.len()).ok_or(IpsetError::Missing)?.copy_from_slice(name);
        let request = FamilyRequest { op: OP_BY_NAME, version: self.version, family: 0, set };
        let answer = ask(&self.fd, request)?;
        match u16::from_ne_bytes([answer.set[0], answer.set[1]]) {
            INVALID => Err(IpsetError::Missing),
            _ if answer.family != 0 && answer.family != u32::from(family.number()) => Err(IpsetError::Family),
            index => Ok(index),
        }
    }

    pub(crate) fn name(&self, index: u16) -> Result<Vec<u8>, IpsetError> {
        let mut set = [0; NAME];
        set[..2].copy_from_slice(&index.to_ne_bytes());
        let request = SetRequest { op: OP_BY_INDEX, version: self.version, set };
        let answer = ask(&self.fd, request)?.set;
        let end = answer.iter().position(|&b| b == 0).unwrap_or(NAME);
        match &answer[..end] {
            [] => Err(IpsetError::Missing),
            name => Ok(name.to_vec()),
        }
    }
}

fn ask<T: Request>(fd: &OwnedFd, mut request: T) -> Result<T, IpsetError> {
    let mut len = socklen::<T>();
    // SAFETY: the descriptor is open; both pointers are to live values, `len` is the size of the first, and any bytes the kernel
    // writes there make a valid value, since a `Request` has only integers.
    let rc = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_IP, SO_IP_SET, (&raw mut request).cast(), &raw mut len)
    };
    check(rc).map_err(IpsetError::Os)?;
    let got = usize::try_from(len).unwrap_or(0);
    let want = size_of::<T>();
    if got == want { Ok(request) } else { Err(IpsetError::Size { want, got }) }
}
