//! Addresses with masks as iptables 1.8.9 reads and prints them.

use std::net::IpAddr;

use proptest::prelude::*;
use rfw_values::address::{AddrText, from_octets, mask_len};
use rfw_values::{AddrMask, HostOrAddr};

fn v4(text: &str) -> Option<AddrMask> {
    AddrMask::parse_v4(text.as_bytes()).ok()
}

fn v6(text: &str) -> Option<AddrMask> {
    AddrMask::parse_v6(text.as_bytes()).ok()
}

#[test]
fn v4_forms() {
    for (text, saved, listed) in [
        ("10/8", "10.0.0.0/8", "10.0.0.0/8"),
        ("0/0", "0.0.0.0/0", "0.0.0.0/0"),
        ("10.1", "10.1.0.0/32", "10.1.0.0"),
        ("10", "10.0.0.0/32", "10.0.0.0"),
        ("1.2.3.4/255.0.255.0", "1.0.3.0/255.0.255.0", "1.0.3.0/255.0.255.0"),
        ("0x0a.1/16", "10.1.0.0/16", "10.1.0.0/16"),
        ("010.0.0.1", "8.0.0.1/32", "8.0.0.1"),
        ("1.2.3.4/0x10", "1.2.0.0/16", "1.2.0.0/16"),
        ("1.2.3.4/+5", "0.0.0.0/5", "0.0.0.0/5"),
        ("1.2.3.4/024", "1.2.0.0/20", "1.2.0.0/20"),
        ("1.2.3.4/0.0.0.0", "0.0.0.0/0", "0.0.0.0/0"),
        (" 1.2.3.4", "1.2.3.4/32", "1.2.3.4"),
        ("1234567", "0.18.214.135/32", "0.18.214.135"),
        ("10.300", "10.0.1.44/32", "10.0.1.44"),
        ("4294967295", "255.255.255.255/32", "255.255.255.255"),
        ("1.2.3.4/0xff.0xff.0.0", "1.2.0.0/16", "1.2.0.0/16"),
    ] {
        let found = v4(text).expect(text);
        assert_eq!(found.to_string(), saved, "{text}");
        assert_eq!(found.list_form(), listed, "{text}");
    }
}

#[test]
fn v6_forms() {
    for (text, saved, listed) in [
        ("::1", "::1/128", "::1"),
        ("2001:db8::1/32", "2001:db8::/32", "2001:db8::/32"),
        ("::/0", "::/0", "::/0"),
        ("fe80::1/ffff:ffff::", "fe80::/32", "fe80::/32"),
        ("::1/ffff::1", "::1/ffff::1", "::1/ffff::1"),
        ("::ffff:1.2.3.4/128", "::ffff:1.2.3.4/128", "::ffff:1.2.3.4"),
        ("::1.2.3.4", "::1.2.3.4/128", "::1.2.3.4"),
        ("2001:DB8::A/0x20", "2001:db8::/32", "2001:db8::/32"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128", "2001:db8::1:0:0:1"),
    ] {
        let found = v6(text).expect(text);
        assert_eq!(found.to_string(), saved, "{text}");
        assert_eq!(found.list_form(), listed, "{text}");
    }
}

#[test]
fn wrong_masks_are_named() {
    for (text, is_v6, start, end) in [
        ("1.2.3.4/33", false, 8, 10),
        ("1.2.3.4/", false, 8, 8),
        ("1.2.3.4/08", false, 8, 10),
        ("1.2.3.4/-1", false, 8, 10),
        ("1.2.3.4/255.255", false, 8, 15),
        ("host/24x", false, 5, 8),
        ("::1/129", true, 4, 7),
        ("::1/255.0.0.0", true, 4, 13),
    ] {
        let read =
            if is_v6 { HostOrAddr::parse_v6(text.as_bytes()) } else { HostOrAddr::parse_v4(text.as_bytes()) };
        let error = read.expect_err(text);
        assert_eq!((error.start, error.end), (start, end), "{text}");
    }
}

#[test]
fn what_is_not_a_number_is_a_name() {
    for (text, expected, resolvable) in [
        ("example.org/24", "example.org", true),
        ("", "", false),
        ("/24", "", false),
        ("256.1.1.1/8", "256.1.1.1", false),
        ("1..2", "1..2", false),
        ("1.2.3.4.5", "1.2.3.4.5", false),
        ("1.2.3.4/1/2", "1.2.3.4/1", false),
        ("1.2.3.4 /24", "1.2.3.4 ", false),
        ("1.2.3.08", "1.2.3.08", false),
        ("::1", "::1", false),
        ("localnet", "localnet", true),
    ] {
        let read = HostOrAddr::parse_v4(text.as_bytes()).expect(text);
        assert_eq!(read.could_resolve(), resolvable, "{text}");
        match read {
            HostOrAddr::Name { name, range, .. } => {
                assert_eq!(name, expected.as_bytes(), "{text}");
                assert_eq!(&text.as_bytes()[range], expected.as_bytes());
            }
            HostOrAddr::Addr(found) => panic!("{text} became {found}"),
        }
    }
}

#[test]
fn lists() {
    let text = b"1.2.3.4/24, host/8,,::1";
    let parts = HostOrAddr::parse_list(text, false).expect("good masks");
    let ranges: Vec<_> = parts.iter().map(|(range, _)| range.clone()).collect();
    assert_eq!(ranges, [0..10, 12..18, 19..19, 20..23]);
    assert!(matches!(&parts[1].1, HostOrAddr::Name { range, .. } if *range == (12..16)));
    for (text, v6, any) in
        [("any/0", false, "0.0.0.0/0"), ("/0.0.0.0", false, "0.0.0.0/0"), ("0/0", true, "::/0")]
    {
        let parts = HostOrAddr::parse_list(text.as_bytes(), v6).expect("good masks");
        assert!(matches!(parts[0].1, HostOrAddr::Addr(addr) if addr.to_string() == any), "{text}");
    }
    let error = HostOrAddr::parse_list(b"1.2.3.4,5.6.7.8/40", false).expect_err("mask");
    assert_eq!((error.start, error.end), (16, 18));
}

#[test]
fn families_do_not_mix() {
    let (four, six): (IpAddr, IpAddr) = ([1, 2, 3, 4].into(), [0u16; 8].into());
    assert_eq!(AddrMask::new(four, six), None);
    assert_eq!(AddrMask::prefix(four, 33), None);
    assert_eq!(from_octets(&[0; 5]), None);
    assert!(v4("10/8").is_some_and(|net| !net.contains(six)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_is_read_back(bytes in any::<[u8; 16]>(), mask in any::<[u8; 16]>(), len in 0u8..=128) {
        let plain = AddrMask::new(bytes.into(), mask.into()).expect("one family");
        prop_assert_eq!(v6(&plain.to_string()), Some(plain));
        prop_assert_eq!(from_octets(&plain.addr_bytes()), Some(plain.addr()));
        let net = AddrMask::prefix(bytes.into(), len).expect("a length");
        prop_assert_eq!(net.prefix_len(), Some(len));
        prop_assert_eq!(v6(&net.list_form()), Some(net));
        prop_assert!(net.contains(bytes.into()));
        let [a, b, c, d, e, f, g, h, ..] = bytes;
        let small = AddrMask::new([a, b, c, d].into(), [e, f, g, h].into()).expect("one family");
        prop_assert_eq!(v4(&small.to_string()), Some(small));
    }

    #[test]
    fn sparse_addresses_print_as_c_does(groups in proptest::collection::vec(prop_oneof![Just(0u16), any::<u16>()], 8)) {
        let mut array = [0u16; 8];
        array.copy_from_slice(&groups);
        let addr = IpAddr::from(array);
        prop_assert_eq!(AddrText(addr).to_string().parse::<IpAddr>(), Ok(addr));
    }

    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..24)) {
        let _ = HostOrAddr::parse_list(&text, false);
        let _ = HostOrAddr::parse_list(&text, true);
        prop_assert!(mask_len([255, 0, 255, 0].into()).is_none());
    }
}
