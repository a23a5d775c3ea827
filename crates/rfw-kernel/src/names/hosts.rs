//! Host names to addresses and back, through the system's resolver.

use std::{
    ffi::{CStr, CString},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ptr,
};

use rfw_nft::Family;

use crate::socket::socklen;

/// The addresses of a host in a family, in the resolver's order, each once. May wait for the network.
///
/// # Errors
/// If there are none, with the resolver's words.
pub fn resolve(name: &str, family: Family) -> io::Result<Vec<IpAddr>> {
    let name = CString::new(name)?;
    // SAFETY: an `addrinfo` of zeroes is valid: integers and NULL pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = match family {
        Family::Ipv4 => libc::AF_INET,
        Family::Ipv6 => libc::AF_INET6,
    };
    // One entry for each address, instead of one for each address and protocol.
    hints.ai_socktype = libc::SOCK_RAW;
    let mut list: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: the strings and structures are alive; `list` takes a list that is freed below.
    let rc = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    if rc != 0 {
        return Err(failure(rc));
    }
    let mut addresses = Vec::new();
    let mut at = list;
    // SAFETY: `at` is NULL or an entry of the list, which is freed only after the loop.
    while let Some(entry) = unsafe { at.as_ref() } {
        if let Some(address) = address(entry)
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
        at = entry.ai_next;
    }
    // SAFETY: `list` came from getaddrinfo and nothing refers to it any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(addresses)
}

fn address(entry: &libc::addrinfo) -> Option<IpAddr> {
    match entry.ai_family {
        libc::AF_INET if entry.ai_addrlen >= socklen::<libc::sockaddr_in>() => {
            // SAFETY: an entry of this family and length points to a `sockaddr_in`.
            let raw = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes()).into())
        }
        libc::AF_INET6 if entry.ai_addrlen >= socklen::<libc::sockaddr_in6>() => {
            // SAFETY: an entry of this family and length points to a `sockaddr_in6`.
            let raw = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(raw.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn failure(rc: libc::c_int) -> io::Error {
    if rc == libc::EAI_SYSTEM {
        return io::Error::last_os_error();
    }
    // SAFETY: gai_strerror returns a static NUL-terminated string for every number.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(rc)) };
    io::Error::other(text.to_string_lossy().into_owned())
}

/// The name of a host; `None` if it has none. May wait for the network.
#[must_use]
pub fn host_name(address: IpAddr) -> Option<String> {
    match address {
        IpAddr::V4(v4) => {
            // SAFETY: a socket address of zeroes is valid: only integers.
            let mut raw: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            raw.sin_family = libc::sa_family_t::try_from(libc::AF_INET).ok()?;
            raw.sin_addr.s_addr = u32::from_ne_bytes(v4.octets());
            reverse(&raw)
        }
        IpAddr::V6(v6) => {
            // SAFETY: a socket address of zeroes is valid: only integers.
            let mut raw: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            raw.sin6_family = libc::sa_family_t::try_from(libc::AF_INET6).ok()?;
            raw.sin6_addr.s6_addr = v6.octets();
            reverse(&raw)
        }
    }
}

/// Socket addresses that begin with their family, as getnameinfo wants them.
trait SocketAddress {}
impl SocketAddress for libc::sockaddr_in {}
impl SocketAddress for libc::sockaddr_in6 {}

fn reverse<T: SocketAddress>(address: &T) -> Option<String> {
    // NI_MAXHOST.
    let mut name: [libc::c_char; 1025] = [0; 1025];
    // SAFETY: the address is alive and its length is its type's; the buffer is alive and one byte longer than said, so that
    // it ends with a NUL in any case.
    let rc = unsafe {
        libc::getnameinfo(
            ptr::from_ref(address).cast(),
            socklen::<T>(),
            name.as_mut_ptr(),
            1024,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if rc != 0 {
        return None;
    }
    // SAFETY: the buffer is alive and ends with a NUL.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Some(name.to_string_lossy().into_owned())
}
