//! `-m bpf`: a program of the Berkeley packet filter says whether the packet matches.
//!
//! ```c
//! struct xt_bpf_info_v1 {  /* xt_bpf.h; mode: 0 bytecode, 1 pinned */
//!     __u16 mode, bpf_program_num_elem;
//!     __s32 fd;
//!     union { struct sock_filter bpf_program[64]; char path[512]; };
//!     struct bpf_prog *filter;
//! };
//! struct sock_filter { __u16 code; __u8 jt, jf; __u32 k; };  /* filter.h */
//! ```
//! xt in both encodings: nf_tables has no such expression. Of a pinned program the kernel asks the path alone; the descriptor,
//! which iptables opens to see whether it is there, stays 0 here, and a missing program is the kernel's error.

use rfw_diagnostics::codes;
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 528;
/// `XT_BPF_MODE_*`.
const BYTECODE: u16 = 0;
const PINNED: u16 = 1;
/// `XT_BPF_MAX_NUM_INSTR`.
const MAX_INSTRUCTIONS: usize = 64;
/// `XT_BPF_PATH_MAX`, with the NUL.
const PATH_LEN: usize = 512;
/// Where the program or path stands.
const AT: usize = 8;

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bpf {
    program: Program,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// 1 to 64 instructions.
    Bytecode(Vec<Instruction>),
    /// A path in the file system of BPF.
    Pinned(Vec<u8>),
}

impl Extension for Bpf {
    const NAME: &'static str = "bpf";
    const SUMMARY: &'static str = "a BPF program decides";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("bytecode", "length,code jt jf k,...", "the program, as nfbpf_compile writes it"),
        OptionSpec::value("object-pinned", "path", "a pinned program of the type socket filter"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables runs no BPF programs",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let program = match (uses.word("bytecode"), uses.word("object-pinned")) {
            (Some(word), None) => Program::Bytecode(parse_program(word)?),
            (None, Some(word)) => Program::Pinned(parse_path(word)?),
            _ => {
                return Err(uses.complaint(
                    codes::OPTION_REQUIRED,
                    "bpf: one of --bytecode or --pinned is required",
                    "add `--bytecode PROGRAM` or `--object-pinned PATH`, one of them",
                ));
            }
        };
        Ok(Self { program })
    }

    fn print(&self, out: &mut Printer<'_>) {
        match &self.program {
            Program::Bytecode(program) => {
                out.fmt(format_args!(" --bytecode \"{},", program.len()));
                write_program(out, program);
                out.text("\"");
            }
            Program::Pinned(path) => {
                out.text(" --object-pinned");
                out.word(path);
            }
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        // Neither the missing blank in front nor the NUL behind is a mistake here: the original writes them.
        out.text("match bpf ");
        match &self.program {
            Program::Bytecode(program) => {
                write_program(out, program);
                out.bytes(b"\0");
            }
            Program::Pinned(path) => {
                out.text("pinned ");
                out.bytes(path);
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let info = match &self.program {
            Program::Bytecode(program) => {
                let len = u16::try_from(program.len()).unwrap_or(u16::MAX);
                let head = Info::new(SIZE).u16(0, BYTECODE).u16(2, len);
                program.iter().enumerate().fold(head, |info, (index, one)| one.store(info, AT + 8 * index))
            }
            Program::Pinned(path) => Info::new(SIZE).u16(0, PINNED).bytes(AT, path),
        };
        out.xt_match("bpf", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_match("bpf", 1, SIZE)?;
        let len = usize::from(view.u16(2));
        let path = view.string(AT, PATH_LEN);
        let program = match view.u16(0) {
            BYTECODE if (1..=MAX_INSTRUCTIONS).contains(&len) => {
                Program::Bytecode((0..len).map(|index| Instruction::load(&view, AT + 8 * index)).collect())
            }
            PINNED if !path.is_empty() && path.len() < PATH_LEN => Program::Pinned(path.to_vec()),
            _ => return None,
        };
        Some(Self { program })
    }

    fn facts(&self) -> Facts<'_> {
        match self.program {
            Program::Bytecode(_) => Facts::PURE,
            // It may look at the clock and at maps.
            Program::Pinned(_) => Facts::new(Effect::Limits),
        }
    }
}

impl Instruction {
    fn store(self, info: Info, at: usize) -> Info {
        info.u16(at, self.code).u8(at + 2, self.jt).u8(at + 3, self.jf).u32(at + 4, self.k)
    }

    fn load(view: &View<'_>, at: usize) -> Self {
        Self { code: view.u16(at), jt: view.u8(at + 2), jf: view.u8(at + 3), k: view.u32(at + 4) }
    }

    /// Four decimal numbers.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace();
        let found = Self {
            code: numbers.next()?.parse().ok()?,
            jt: numbers.next()?.parse().ok()?,
            jf: numbers.next()?.parse().ok()?,
            k: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(found)
    }
}

fn write_program(out: &mut Printer<'_>, program: &[Instruction]) {
    for (index, Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        out.fmt(format_args!("{comma}{code} {jt} {jf} {k}"));
    }
}

/// `N,code jt jf k,…`, N instructions.
fn parse_program(word: &Word<'_>) -> Parsed<Vec<Instruction>> {
    let whole = |expected: &str, classic: &str| {
        bad_value(word, &ValueError::whole(&word.text, expected), format!("bpf: {classic}"))
    };
    let text = String::from_utf8_lossy(&word.text);
    let len = text.split_once(',').and_then(|(head, rest)| Some((head.trim_start().parse::<u16>().ok()?, rest)));
    let Some((len, rest)) = len else {
        return Err(whole("the number of instructions, then the instructions", "error parsing program length"));
    };
    let len = usize::from(len);
    if len == 0 {
        return Err(whole("at least one instruction", "illegal zero length program"));
    }
    if len > MAX_INSTRUCTIONS {
        return Err(whole("at most 64 instructions", "number of instructions exceeds maximum"));
    }
    let mut program = Vec::with_capacity(len);
    // A comma may stand at the end.
    let parts = rest.strip_suffix(',').unwrap_or(rest);
    for part in parts.split(',').filter(|_| !rest.is_empty()) {
        if program.len() == len {
            let expected = format!("{len} instructions, as the first number says");
            return Err(whole(&expected, "real program length exceeds the encoded length parameter"));
        }
        let Some(one) = Instruction::parse(part) else {
            let classic = format!("error at instr {}", program.len());
            return Err(whole("four numbers for each instruction: code jt jf k", &classic));
        };
        program.push(one);
    }
    if program.len() < len {
        let expected = format!("{len} instructions, as the first number says");
        return Err(whole(&expected, "parsed program length is less than the encoded length parameter"));
    }
    Ok(program)
}

fn parse_path(word: &Word<'_>) -> Parsed<Vec<u8>> {
    if word.text.is_empty() || word.text.len() >= PATH_LEN {
        let error = ValueError::whole(&word.text, "a path of 1 to 511 bytes");
        return Err(bad_value(word, &error, "bpf: failed to get bpf object"));
    }
    Ok(word.text.to_vec())
}
