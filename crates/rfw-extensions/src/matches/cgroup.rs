//! `-m cgroup`: the control group of the socket.
//!
//! ```c
//! struct xt_cgroup_info_v2 {  /* xt_cgroup.h */
//!     __u8 has_path, has_classid, invert_path, invert_classid;
//!     union { char path[512]; __u32 classid; };
//!     void *priv;
//! };
//! ```
//! xt in both encodings: nf_tables finds sockets that the match would not, and knows a path by its number only (encoding.md 4.2).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::ValueError;

use crate::approximation::Approximation;
use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 528;
/// `XT_CGROUP_PATH_MAX`, with the NUL.
const PATH_LEN: usize = 512;

/// Which one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    /// Below the root of cgroup2; with all that are below it.
    Path(Vec<u8>),
    /// The class of net_cls.
    Class(u32),
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    inverted: bool,
    group: Group,
}

impl Extension for Cgroup {
    const NAME: &'static str = "cgroup";
    const SUMMARY: &'static str = "the control group of the socket";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("path", "path", "in the hierarchy of cgroup2, with those below").invertible(),
        OptionSpec::value("cgroup", "classid", "the class of net_cls").invertible(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `socket` finds sockets that the match does not, and knows a control group by number only",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let class = uses.number("cgroup", 0, u32::MAX)?;
        match (uses.word("path"), class) {
            (Some(word), None) if word.text.len() >= PATH_LEN => {
                let error = ValueError::new(PATH_LEN - 1, word.text.len(), "a path of at most 511 bytes");
                Err(bad_value(word, &error, "Argument must have a maximum length of 511 characters\n"))
            }
            (Some(word), None) => {
                Ok(Self { inverted: uses.inverted("path"), group: Group::Path(word.text.to_vec()) })
            }
            (None, Some(class)) => Ok(Self { inverted: uses.inverted("cgroup"), group: Group::Class(class) }),
            // The original leaves both to the kernel, which refuses them.
            (None, None) => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "cgroup: one of --path or --cgroup is required",
                "add `--path PATH` or `--cgroup CLASSID`",
            )),
            (Some(_), Some(_)) => Err(Box::new(
                Diagnostic::error(codes::BAD_VALUE, uses.span("cgroup"), "a path and a class do not fit into one match")
                    .help("write `-m cgroup` twice")
                    .parameter("cgroup: option \"--path\" cannot be used together with \"--cgroup\".\n"),
            )),
        }
    }

    fn print(&self, out: &mut Printer<'_>) {
        match &self.group {
            Group::Path(path) => {
                out.option(self.inverted, "path");
                out.quoted(path);
            }
            Group::Class(class) => {
                out.option(self.inverted, "cgroup");
                out.fmt(format_args!(" {class}"));
            }
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(if self.inverted { " cgroup ! " } else { " cgroup " });
        match &self.group {
            Group::Path(path) => out.bytes(path),
            Group::Class(class) => out.fmt(format_args!("{class}")),
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let (inverted, info) = (u8::from(self.inverted), Info::new(SIZE));
        let info = match &self.group {
            Group::Path(path) => info.u8(0, 1).u8(2, inverted).bytes(4, path),
            Group::Class(class) => info.u8(1, 1).u8(3, inverted).u32(4, *class),
        };
        out.xt_match("cgroup", 2, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("cgroup", 2, SIZE)?;
        let path = view.string(4, PATH_LEN);
        let (inverted, group) = match view.array::<4>(0) {
            [1, 0, inverted @ (0 | 1), 0] if path.len() < PATH_LEN => (inverted, Group::Path(path.to_vec())),
            [0, 1, 0, inverted @ (0 | 1)] => (inverted, Group::Class(view.u32(4))),
            _ => return None,
        };
        Some(Self { inverted: inverted == 1, group })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let Group::Class(class) = &self.group else { return None };
        let sign = if self.inverted { "!= " } else { "" };
        Some(Approximation::plain(
            format!("meta cgroup {sign}{class}"),
            &["packets without a full socket, as of connections that are being opened, count as of class 0"],
        ))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(hook::INPUT | hook::OUTPUT | hook::POSTROUTING)
    }
}
