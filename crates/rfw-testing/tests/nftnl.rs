//! What we encode, read and shown by libnftnl: the same lines as [`Listing`]'s, for every fixture in both encodings.
#![allow(unsafe_code, reason = "libnftnl is a C library; the safe crate above it cannot read rules")]

use std::ffi::{c_char, c_int};

use nftnl_sys::{nftnl_rule, nftnl_rule_alloc, nftnl_rule_free, nftnl_rule_nlmsg_parse, nftnl_rule_snprintf};
use rfw_compiler::lower;
use rfw_extensions::Encoding;
use rfw_nft::attr::{Reader, Writer};
use rfw_nft::expr::encode_list;
use rfw_nft::message::{Batch, Messages, NewRule, TableId, kind};
use rfw_nft::{Expr, Family, Listing};
use rfw_testing::fixture::load;

/// `NFTNL_OUTPUT_DEFAULT`: the expressions as `nft --debug=netlink` shows them.
const DEFAULT: u32 = 0;

/// A rule of libnftnl's.
struct Foreign(*mut nftnl_rule);

impl Foreign {
    /// Reads a `NEWRULE` message; `None` if libnftnl does not take it.
    fn parse(message: &[u8]) -> Option<Self> {
        // A netlink header wants the alignment of its 32-bit fields.
        let mut aligned: Vec<u32> = Vec::with_capacity(message.len().div_ceil(4));
        aligned.extend(message.chunks(4).map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_ne_bytes(word)
        }));
        // SAFETY: takes no arguments; null is checked below.
        let rule = unsafe { nftnl_rule_alloc() };
        assert!(!rule.is_null(), "no memory");
        let rule = Self(rule);
        // SAFETY: `aligned` holds a whole message whose header gives its length, at most that of the buffer, and lives
        // until the call returns; `rule` is a live rule that nothing else uses.
        let status = unsafe { nftnl_rule_nlmsg_parse(aligned.as_ptr().cast(), rule.0) };
        (status >= 0).then_some(rule)
    }

    /// Its lines.
    fn shown(&self) -> String {
        let mut buffer = vec![0_u8; 1 << 16];
        // SAFETY: the buffer is writable for the length given, the rule is live.
        let written: c_int = unsafe {
            let start: *mut c_char = buffer.as_mut_ptr().cast();
            nftnl_rule_snprintf(start, buffer.len(), self.0, DEFAULT, 0)
        };
        let written = usize::try_from(written).expect("a length");
        assert!(written < buffer.len(), "does not fit");
        buffer.truncate(written);
        String::from_utf8_lossy(&buffer).into_owned()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: allocated by `nftnl_rule_alloc`, freed once.
        unsafe { nftnl_rule_free(self.0) };
    }
}

/// The message that appends a rule of these expressions. Their names get the NUL that libnftnl wants and the kernel does not;
/// all else is what we send.
fn message(exprs: &[Expr], family: Family) -> Vec<u8> {
    let mut sent = Vec::new();
    encode_list(exprs, &mut Writer::new(&mut sent));
    let mut batch = Batch::new(None);
    let chain = TableId::new(family, b"t").chain(b"c");
    batch.add_rule_with(&NewRule::append(chain), |out| {
        for element in Reader::new(&sent).map(|e| e.expect("an element of ours")) {
            let name = element.nested().next().expect("an attribute").expect("a name");
            let data = element.payload.get((name.payload.len() + 4).next_multiple_of(4)..);
            let nest = out.begin(element.kind);
            out.string(name.kind, name.payload);
            out.raw(data.unwrap_or_default());
            out.end(nest);
        }
    });
    let bytes = batch.to_bytes();
    let mut messages = Messages::new(&bytes).map(|m| m.expect("our own message"));
    messages.find(|m| m.kind == kind::NEWRULE).expect("a rule").bytes.to_vec()
}

/// The expression lines of libnftnl's text; the first line tells the table and the chain.
fn expressions(text: &str) -> String {
    let lines = text.lines().filter(|line| line.trim_start().starts_with('['));
    lines.map(|line| format!("  {} \n", line.trim()).replace("] \n", "]\n")).collect()
}

#[test]
fn libnftnl_reads_what_we_encode() {
    let (mut rules, mut complaints) = (0, Vec::new());
    for file in load().expect("fixtures").iter().flat_map(|f| &f.accept) {
        let names = file.fixed_names();
        for line in &file.lines {
            let built = file.build(line, &names).map(|b| b.rules).unwrap_or_default();
            for (rule, encoding) in built.iter().flat_map(|r| [(r, Encoding::Compat), (r, Encoding::Native)])
            {
                let lowered = lower(rule, encoding, file.family, (3, 4));
                let at = format!("{}:{} {encoding:?}", file.name, line.number);
                let Some(read) = Foreign::parse(&message(&lowered.exprs, file.family)) else {
                    complaints.push(format!("{at}: libnftnl does not read it"));
                    continue;
                };
                let (ours, theirs) = (Listing(&lowered.exprs).to_string(), expressions(&read.shown()));
                if ours != theirs {
                    complaints.push(format!(
                        "{at}: {}\nours\n{ours}libnftnl\n{theirs}",
                        String::from_utf8_lossy(&line.text)
                    ));
                }
                rules += 1;
            }
        }
    }
    assert!(complaints.is_empty(), "{} of {rules}\n{}", complaints.len(), complaints.join("\n"));
    assert!(rules > 500 || std::env::var_os("RFW_FIXTURES").is_some(), "only {rules} rules");
}
