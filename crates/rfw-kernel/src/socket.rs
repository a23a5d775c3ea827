//! The netlink socket: mnl's, with the options and the non-blocking receive that mnl lacks.

use std::{io, os::fd::AsRawFd};

/// Bytes to receive at once. The kernel fills dumps up to 32 KiB if the receiver has shown that it takes as much; a smaller
/// buffer makes dumps of long chains slower out of proportion, since each part starts over at the chain's first rule.
const RECEIVE: usize = 64 * 1024;

const SOL_NETLINK: libc::c_int = 270;
const NETLINK_ADD_MEMBERSHIP: libc::c_int = 1;
const NETLINK_CAP_ACK: libc::c_int = 10;
const NETLINK_EXT_ACK: libc::c_int = 11;

pub(crate) struct Socket {
    inner: mnl::Socket,
    buf: Vec<u8>,
}

impl Socket {
    /// Opens a socket with extended acknowledgements, which don't repeat the request: sequence number and offset name the
    /// culprit, and thousands of errors then fit the receive queue.
    pub(crate) fn open() -> io::Result<Self> {
        let inner = mnl::Socket::new(mnl::Bus::Netfilter)?;
        let socket = Self { inner, buf: vec![0; RECEIVE] };
        // Kernels before 4.12 lack these; errors then come without detail.
        let _ = socket.set(SOL_NETLINK, NETLINK_EXT_ACK, 1);
        let _ = socket.set(SOL_NETLINK, NETLINK_CAP_ACK, 1);
        Ok(socket)
    }

    /// Listens to a multicast group (`enum nfnetlink_groups`).
    pub(crate) fn join(&self, group: libc::c_int) -> io::Result<()> {
        self.set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        let len = socklen::<libc::c_int>();
        // SAFETY: the descriptor is open while `inner` lives; the pointer is to a live c_int and the length is its size.
        let rc = unsafe {
            libc::setsockopt(self.inner.as_raw_fd(), level, option, (&raw const value).cast(), len)
        };
        check(rc)
    }

    fn get(&self, option: libc::c_int) -> io::Result<usize> {
        let mut value: libc::c_int = 0;
        let mut len = socklen::<libc::c_int>();
        // SAFETY: the descriptor is open while `inner` lives; both pointers are to live values and `len` is the first's size.
        let rc = unsafe {
            libc::getsockopt(
                self.inner.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw mut value).cast(),
                &raw mut len,
            )
        };
        check(rc)?;
        Ok(usize::try_from(value).unwrap_or(0))
    }

    /// Raises a buffer limit to at least `bytes` as far as allowed; returns the limit in force. It is a limit, not memory.
    fn raise(&self, option: libc::c_int, force: libc::c_int, bytes: usize) -> io::Result<usize> {
        let now = self.get(option)?;
        if now >= bytes {
            return Ok(now);
        }
        // The kernel doubles the value, so half of i32::MAX is the most it takes.
        let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX) / 2 + 1;
        if self.set(libc::SOL_SOCKET, force, value).is_err() {
            self.set(libc::SOL_SOCKET, option, value)?;
        }
        self.get(option)
    }

    /// Makes room to send `bytes` at once; returns how many may be sent.
    pub(crate) fn reserve_send(&self, bytes: usize) -> io::Result<usize> {
        // af_netlink refuses what is longer than the limit less 32.
        let limit = self.raise(libc::SO_SNDBUF, libc::SO_SNDBUFFORCE, bytes + 32)?;
        Ok(limit.saturating_sub(32))
    }

    /// Makes room to queue `bytes` of answers, counted with the kernel's own overhead.
    pub(crate) fn reserve_receive(&self, bytes: usize) -> io::Result<usize> {
        self.raise(libc::SO_RCVBUF, libc::SO_RCVBUFFORCE, bytes)
    }

    /// Sends all of `bytes` in one call.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.inner.send(bytes) {
                Ok(n) if n == bytes.len() => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Sends all pieces as one message in one call.
    pub(crate) fn send_pieces<'p>(&self, pieces: impl Iterator<Item = &'p [u8]>) -> io::Result<()> {
        let mut vectors: Vec<libc::iovec> = pieces
            .map(|piece| libc::iovec { iov_base: piece.as_ptr().cast_mut().cast(), iov_len: piece.len() })
            .collect();
        let len: usize = vectors.iter().map(|vector| vector.iov_len).sum();
        // SAFETY: all zeroes is a valid msghdr: no name, no vectors, no control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = vectors.as_mut_ptr();
        message.msg_iovlen = vectors.len() as _;
        loop {
            // SAFETY: the descriptor is open while `inner` lives; the message names `vectors`, which are alive, and those the
            // pieces, which outlive this call and are only read.
            let sent = unsafe { libc::sendmsg(self.inner.as_raw_fd(), &raw const message, 0) };
            match usize::try_from(sent) {
                Ok(n) if n == len => return Ok(()),
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Waits for one datagram and returns it.
    pub(crate) fn receive(&mut self) -> io::Result<&[u8]> {
        self.receive_with(0)
    }

    /// One datagram if there is one already.
    pub(crate) fn receive_now(&mut self) -> io::Result<Option<&[u8]>> {
        match self.receive_with(libc::MSG_DONTWAIT) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn receive_with(&mut self, flags: libc::c_int) -> io::Result<&[u8]> {
        let len = loop {
            // SAFETY: the descriptor is open while `inner` lives; pointer and length describe `buf`, which nothing else uses.
            let n = unsafe {
                libc::recv(
                    self.inner.as_raw_fd(),
                    self.buf.as_mut_ptr().cast(),
                    self.buf.len(),
                    flags | libc::MSG_TRUNC,
                )
            };
            if let Ok(n) = usize::try_from(n) {
                break n;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        };
        // MSG_TRUNC returns the datagram's real length.
        self.buf.get(..len).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOSPC))
    }
}

pub(crate) fn check(rc: libc::c_int) -> io::Result<()> {
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub(crate) fn socklen<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}
