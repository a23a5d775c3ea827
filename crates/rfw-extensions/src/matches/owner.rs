//! `-m owner`: the user and group of the socket that made a packet; output only.
//!
//! Compat: xt `owner` revision 1 (`xt_owner.h`):
//!
//! ```c
//! struct xt_owner_match_info { __u32 uid_min, uid_max, gid_min, gid_max; __u8 match, invert; };
//! ```
//!
//! Native: `meta skuid` and `meta skgid`, for uninverted ids alone. A packet without a socket passes an inverted xt test
//! but breaks off a native one; sockets of the kernel have no user, and no expression looks at supplementary groups. An
//! id that may be the kernel's overflow id stays xt as well: `meta` gives that id to every user whom the namespace does
//! not map.

use rfw_diagnostics::{Classic, Diagnostic, codes};
use rfw_nft::Expr;
use rfw_nft::expr::{REG_1, meta};
use rfw_nft::predicate::{Field, Op};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::{ValueError, number};

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 20;
const UID: u8 = 1;
const GID: u8 = 2;
const SOCKET: u8 = 4;
const SUPPLEMENTARY: u8 = 8;
/// The highest id; the one above it means "none" to the system.
const MAX: u32 = u32::MAX - 1;
/// `DEFAULT_OVERFLOWUID` (`linux/highuid.h`).
const OVERFLOW: u32 = 65534;
/// Hint: this test of the group begins a match of its own, though one of the user stands before it.
const HINT_ANEW: u8 = 21;

/// A range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ids {
    inverted: bool,
    min: u32,
    max: u32,
}

/// The typed form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `--socket-exists`, and whether it is inverted.
    socket: Option<bool>,
    uid: Option<Ids>,
    gid: Option<Ids>,
    supplementary: bool,
}

impl Extension for Owner {
    const NAME: &'static str = "owner";
    const SUMMARY: &'static str = "the user or group whose socket made the packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("uid-owner", "user[-user]", "user by name or number, or a range of numbers").invertible(),
        OptionSpec::value("gid-owner", "group[-group]", "group by name or number, or a range of numbers").invertible(),
        OptionSpec::flag("socket-exists", "the packet belongs to a socket").invertible(),
        OptionSpec::flag("suppl-groups", "--gid-owner looks at supplementary groups too"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "a packet without a socket passes the inverted match, and breaks off a native test",
        "nf_tables does not look at supplementary groups, or at sockets without an owner",
        "65534 is among the ids, which nf_tables sees for every user whom the namespace does not map",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut owner = Self::default();
        for used in uses.list {
            match (used.option.name, used.value()) {
                ("uid-owner", Some(word)) => {
                    owner.uid = Some(Ids::parse(word, "uid-owner", used.inverted, |name| cx.names.user(name))?);
                }
                ("gid-owner", Some(word)) => {
                    owner.gid = Some(Ids::parse(word, "gid-owner", used.inverted, |name| cx.names.group(name))?);
                }
                ("socket-exists", _) => owner.socket = Some(used.inverted),
                ("suppl-groups", _) if owner.gid.is_none() => {
                    let classic = "owner: Bad value for \"--suppl-groups\" option: \"you need to use --gid-owner first\"";
                    return Err(Box::new(
                        Diagnostic::error(codes::OPTION_REQUIRED, used.at, "there is no group to look for")
                            .help("put `--gid-owner GROUP` before `--suppl-groups`")
                            .parameter(classic),
                    ));
                }
                _ => owner.supplementary = true,
            }
        }
        if owner == Self::default() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "owner: At least one of --uid-owner, --gid-owner or --socket-exists is required",
                "add `--uid-owner USER`",
            ));
        }
        Ok(owner)
    }

    fn print(&self, out: &mut Printer<'_>) {
        if let Some(inverted) = self.socket {
            out.option(inverted, "socket-exists");
        }
        for (name, ids) in [("uid-owner", self.uid), ("gid-owner", self.gid)] {
            if let Some(ids) = ids {
                out.option(ids.inverted, name);
                out.fmt(format_args!(" {}", ids.text()));
            }
        }
        if self.supplementary {
            out.option(false, "suppl-groups");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = |inverted: bool| if inverted { " !" } else { "" };
        if let Some(inverted) = self.socket {
            out.fmt(format_args!("{} owner socket exists", sign(inverted)));
        }
        for (word, ids) in [("UID", self.uid), ("GID", self.gid)] {
            let Some(ids) = ids else { continue };
            let name = match ids.single().filter(|_| !out.numeric) {
                Some(id) if word == "UID" => out.names.user_name(id),
                Some(id) => out.names.group_name(id),
                None => None,
            };
            let shown = name.unwrap_or_else(|| ids.text());
            out.fmt(format_args!("{} owner {word} match {shown}", sign(ids.inverted)));
        }
        if self.supplementary {
            out.text(" incl. suppl. groups");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || !self.is_exact() {
            out.xt_match("owner", 1, self.xt());
            return;
        }
        if self.uid.is_none() && ends_with_user(&out.exprs) {
            out.hint(HINT_ANEW);
        }
        for (key, ids) in [(meta::SKUID, self.uid), (meta::SKGID, self.gid)] {
            let Some(ids) = ids else { continue };
            out.meta(key);
            if let Some(id) = ids.single() {
                out.equals(false, &id.to_ne_bytes());
            } else {
                out.hton(4, 4);
                out.in_range(false, &ids.min.to_be_bytes(), &ids.max.to_be_bytes());
            }
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("owner", 1, SIZE) {
            return Self::from_xt(&view);
        }
        let uid = lift_ids(run, meta::SKUID);
        let apart = uid.is_some() && run.hinted(HINT_ANEW);
        let gid = if apart { None } else { lift_ids(run, meta::SKGID) };
        (uid.is_some() || gid.is_some()).then_some(Self { uid, gid, ..Self::default() })
    }

    fn why_xt(&self) -> Option<&'static str> {
        let inverted = |ids: Option<Ids>| ids.is_some_and(|ids| ids.inverted);
        let reason = match (inverted(self.uid) || inverted(self.gid), self.socket.is_some() || self.supplementary) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        };
        Some(Self::WHY_XT[reason])
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(hook::OUTPUT | hook::POSTROUTING)
    }
}

impl Ids {
    fn parse(
        word: &Word<'_>,
        option: &str,
        inverted: bool,
        named: impl FnOnce(&[u8]) -> Option<u32>,
    ) -> Parsed<Self> {
        let error = match parse_range(&word.text) {
            Ok((min, max)) if min > max => return Err(backwards(word, min, max)),
            Ok((min, max)) => return Ok(Self { inverted, min, max }),
            Err(error) => error,
        };
        match named(&word.text) {
            Some(id) => Ok(Self { inverted, min: id, max: id }),
            None => {
                let classic = format!("owner: Bad value for \"--{option}\" option: \"{}\"", word.lossy());
                Err(bad_value(word, &error, classic))
            }
        }
    }

    fn single(self) -> Option<u32> {
        (self.min == self.max).then_some(self.min)
    }

    fn text(self) -> String {
        match self.single() {
            Some(id) => id.to_string(),
            None => format!("{}-{}", self.min, self.max),
        }
    }
}

impl Owner {
    /// Whether nf_tables answers the same for every packet.
    fn is_exact(&self) -> bool {
        let plain = |ids: Option<Ids>| {
            ids.is_none_or(|ids| !ids.inverted && !(ids.min..=ids.max).contains(&OVERFLOW))
        };
        self.socket.is_none() && !self.supplementary && plain(self.uid) && plain(self.gid)
    }

    fn xt(&self) -> Vec<u8> {
        let parts = [
            (UID, self.uid.map(|ids| ids.inverted)),
            (GID, self.gid.map(|ids| ids.inverted)),
            (SOCKET, self.socket),
            (SUPPLEMENTARY, self.supplementary.then_some(false)),
        ];
        let bits = |wanted: fn(bool) -> bool| {
            parts.iter().filter(|(_, part)| part.is_some_and(wanted)).fold(0, |all, (bit, _)| all | bit)
        };
        let (uid, gid) = (self.uid, self.gid);
        Info::new(SIZE)
            .u32(0, uid.map_or(0, |ids| ids.min))
            .u32(4, uid.map_or(0, |ids| ids.max))
            .u32(8, gid.map_or(0, |ids| ids.min))
            .u32(12, gid.map_or(0, |ids| ids.max))
            .u8(16, bits(|_| true))
            .u8(17, bits(|inverted| inverted))
            .finish()
    }

    fn from_xt(view: &View<'_>) -> Option<Self> {
        let (tests, inverted) = (view.u8(16), view.u8(17));
        let known = UID | GID | SOCKET | SUPPLEMENTARY;
        let sayable = tests & !known == 0 && inverted & !(tests & !SUPPLEMENTARY) == 0;
        let group = tests & SUPPLEMENTARY == 0 || tests & GID != 0;
        if !sayable || !group || tests & (UID | GID | SOCKET) == 0 {
            return None;
        }
        let ids = |bit: u8, at: usize| -> Option<Option<Ids>> {
            if tests & bit == 0 {
                return Some(None);
            }
            let ids = Ids { inverted: inverted & bit != 0, min: view.u32(at), max: view.u32(at + 4) };
            (ids.min <= ids.max && ids.max <= MAX).then_some(Some(ids))
        };
        Some(Self {
            socket: (tests & SOCKET != 0).then_some(inverted & SOCKET != 0),
            uid: ids(UID, 0)?,
            gid: ids(GID, 8)?,
            supplementary: tests & SUPPLEMENTARY != 0,
        })
    }
}

/// `ID` or `ID-ID`.
fn parse_range(text: &[u8]) -> Result<(u32, u32), ValueError> {
    let expected = "a name, a number, or NUMBER-NUMBER";
    let id = |n: u64| u32::try_from(n).ok().filter(|id| *id <= MAX);
    let (min, len) = number::prefix(text)
        .and_then(|(n, len)| Some((id(n)?, len)))
        .ok_or_else(|| ValueError::whole(text, expected))?;
    match text[len..].split_first() {
        None => Ok((min, min)),
        Some((b'-', rest)) => {
            let max = number::parse_u32(rest, 0, MAX).map_err(|error| error.shifted(len + 1))?;
            Ok((min, max))
        }
        Some(_) => Err(ValueError::new(len, text.len(), expected)),
    }
}

/// The original leaves this to the kernel, which refuses it.
fn backwards(word: &Word<'_>, min: u32, max: u32) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::INVERTED_RANGE, word.span, format!("the range {min}-{max} runs backwards"))
            .help(format!("write `{max}-{min}`"))
            .classic(Classic::Resource("RULE_APPEND failed (Invalid argument)".into())),
    )
}

/// Whether the last expressions test the socket's user.
fn ends_with_user(exprs: &[Expr]) -> bool {
    let user = Expr::Meta { dreg: REG_1, key: meta::SKUID };
    match exprs {
        [.., load, Expr::Cmp { .. }] | [.., load, Expr::Byteorder { .. }, Expr::Range { .. }] => *load == user,
        _ => false,
    }
}

fn lift_ids(run: &mut Run<'_>, key: u32) -> Option<Ids> {
    let field = Field::Meta(key);
    let start = run.position();
    let to_network = [Op::Byteorder { hton: true, len: 4, size: 4 }];
    let found = match run.equality(&field) {
        Some((false, id)) => {
            id.try_into().ok().map(u32::from_ne_bytes).map(|id| Ids { inverted: false, min: id, max: id })
        }
        Some((true, _)) => None,
        None => match run.range(&field, &to_network) {
            Some((false, min, max)) => min.try_into().ok().zip(max.try_into().ok()).map(|(min, max)| Ids {
                inverted: false,
                min: u32::from_be_bytes(min),
                max: u32::from_be_bytes(max),
            }),
            _ => None,
        },
    };
    let found = found.filter(|ids| ids.min <= ids.max && ids.max <= MAX);
    if found.is_none() {
        run.rewind(start);
    }
    found
}
