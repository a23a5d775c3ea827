//! Times the analysis of save files: `analysis [--list] [--lint] FILE…`, one line each, in seconds of the processor where Linux says
//! them. Used by `tests/bench/lint`.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::Instant;

use rfw_diagnostics::{Source, SourceKind};
use rfw_extensions::Names;
use rfw_lint::{Facts, Input, Offline, guess_family, read, space};
use rfw_values::Services;

/// Rules that are timed name protocols by the words of iptables-save, ports and addresses by number.
struct Numbers;

impl Services for Numbers {}

impl Names for Numbers {
    fn protocol_number(&self, name: &[u8]) -> Option<u8> {
        let known: [(&[u8], u8); 7] = [
            (b"icmp", 1),
            (b"igmp", 2),
            (b"tcp", 6),
            (b"udp", 17),
            (b"esp", 50),
            (b"ah", 51),
            (b"ipv6-icmp", 58),
        ];
        known.iter().find(|k| k.0 == name).map(|k| k.1)
    }
}

/// Seconds since the start, of the processor or else of the clock.
fn now(start: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanoseconds = text.and_then(|t| t.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |n| n / 1e9)
}

fn main() -> std::io::Result<()> {
    let (options, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let list = options.iter().any(|o| o == "--list");
    for file in files {
        let text = std::fs::read(&file)?;
        let source = Source::new(file.clone(), SourceKind::File, text);
        let facts = Facts::default();
        let begin = Instant::now();
        let start = now(begin);
        let names = Offline::new(&Numbers);
        let model = read(&source, Input::Save, guess_family(&source.name, &source.text), &names, &facts);
        let parsed = now(begin) - start;
        let start = now(begin);
        let space = space::space(&model, &facts);
        let dead = space.all_dead();
        let analysed = now(begin) - start;
        let (nodes, steps) = space.cost();
        let start = now(begin);
        let mut covers = 0;
        for &id in &dead {
            let found = space.covers(id).map(|c| c.rules).unwrap_or_default();
            covers += found.len();
            if list && let Some(rule) = model.rule(id) {
                let line = |id| model.rule(id).map_or(0, |r| source.line_column(r.span.start).line);
                let by: Vec<usize> = found.iter().map(|&id| line(id)).collect();
                println!(
                    "{file}:{}: {:?} by {by:?}",
                    source.line_column(rule.span.start).line,
                    space.dead(id)
                );
            }
        }
        let covered = now(begin) - start;
        if options.iter().any(|o| o == "--lint") {
            let start = now(begin);
            let family = guess_family(&source.name, &source.text);
            let found = rfw_lint::lint(&source, Input::Save, family, &names, &rfw_lint::Options::default());
            println!("{file} all checks: {:.3} s, {} findings", now(begin) - start, found.findings.len());
        }
        println!(
            "{file} {} rules, {} dead: read {:.3} s, analysis {:.3} s, {covers} covers {:.3} s, {nodes} nodes, {steps} steps{}",
            model.rules().count(),
            dead.len(),
            parsed,
            analysed,
            covered,
            if space.is_incomplete() { ", incomplete" } else { "" }
        );
    }
    Ok(())
}
