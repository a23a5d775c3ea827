//! Any bytes give a value or an error whose place lies inside the word; what was read prints to itself.

use proptest::prelude::*;
use rfw_values::ports::NoServices;
use rfw_values::{
    AddrRange, Interface, MacAddr, Masked, Pattern, PortRange, Quoted, Rate, ValueError, suggest,
};

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        "[-+ 0-9a-fx:./|,\\\\smhd]{0,20}".prop_map(String::into_bytes),
    ]
}

fn check<T>(word: &[u8], result: Result<T, ValueError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.start <= error.end && error.end <= word.len(), "{error:?}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn any_word(word in word()) {
        if let Some(value) = check(&word, Masked::parse(&word)) {
            prop_assert_eq!(Masked::parse(value.to_string().as_bytes()), Ok(value));
        }
        if let Some(value) = check(&word, MacAddr::parse(&word)) {
            prop_assert_eq!(MacAddr::parse(value.to_string().as_bytes()), Ok(value));
        }
        if let Some(value) = check(&word, Interface::parse(&word)) {
            prop_assert_eq!(Interface::from_match_bytes(&value.match_bytes()), Some(value));
        }
        if let Some(value) = check(&word, AddrRange::parse_v4(&word)) {
            prop_assert_eq!(AddrRange::parse_v4(value.to_string().as_bytes()), Ok(value));
        }
        check(&word, AddrRange::parse_v6(&word));
        check(&word, Pattern::parse_hex(&word));
        match PortRange::parse(&word, None, &NoServices) {
            Ok(range) => {
                let back = PortRange::parse(range.to_string().as_bytes(), None, &NoServices);
                prop_assert_eq!(back, Ok(range));
            }
            Err(error) => { check::<()>(&word, Err(error.value_error().clone())); }
        }
        match Rate::parse(&word) {
            Ok(rate) => {
                let printed = rate.to_string();
                let back = Rate::parse(printed.as_bytes()).map(|r| r.to_string());
                prop_assert_eq!(back, Ok(printed));
            }
            Err(error) => { check::<()>(&word, Err(error.value_error().clone())); }
        }
        let mut quoted = Vec::new();
        Quoted(&word).write_to(&mut quoted);
        prop_assert!(quoted.len() >= word.len());
        let _ = suggest(&word, ["ACCEPT", "DROP"]);
    }

    #[test]
    fn any_pattern(bytes in proptest::collection::vec(any::<u8>(), 1..100)) {
        let pattern = Pattern::new(&bytes).expect("1 to 128 bytes");
        if pattern.needs_hex() {
            let printed = pattern.to_string();
            let inner = printed.trim_matches('"').as_bytes();
            prop_assert_eq!(Pattern::parse_hex(inner), Ok(pattern));
        }
    }

    #[test]
    fn any_kernel_rate(rate in any::<u64>(), unit in any::<u64>(), avg in any::<u32>()) {
        if let Some(found) = Rate::from_kernel(rate, unit) {
            let _ = (found.to_string(), found.kernel());
        }
        let _ = (Rate::from_avg(avg).to_string(), Rate::from_avg(avg).kernel());
    }
}
