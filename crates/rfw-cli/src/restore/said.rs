//! What a restore prints, and in which order: the original echoes comments while it reads a table, and says what its lines do
//! when it comes to their COMMIT. At a mistake it has said so much, and no more.

use rfw_diagnostics::Source;

use super::mistakes::commits;

/// What the original does with a table, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Reading,
    Doing,
    /// The kernel.
    Asking,
}

/// When the original comes to something: after so many `COMMIT`s, in which phase of the table that follows, at which byte.
pub(super) type Moment = (usize, Phase, u32);

/// What was printed, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<(Phase, u32, Vec<u8>)>);

impl Said {
    /// Said of what stands at byte `at`.
    pub(super) fn add(&mut self, phase: Phase, at: u32, text: Vec<u8>) {
        if !text.is_empty() {
            self.0.push((phase, at, text));
        }
    }

    /// Takes over what was said behind it.
    pub(super) fn append(&mut self, mut behind: Self) {
        self.0.append(&mut behind.0);
    }

    /// All of it, in order; up to and with a moment, if one is given. Of a `test`, nothing is done.
    pub(super) fn text(self, source: &Source, until: Option<Moment>, test: bool) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let commits = commits(source);
        let before = |at: u32| commits.partition_point(|&(end, _)| end <= at);
        let pieces = self.0.into_iter().filter(|(phase, ..)| !test || *phase == Phase::Reading);
        let mut pieces: Vec<(Moment, Vec<u8>)> =
            pieces.map(|(phase, at, text)| ((before(at), phase, at), text)).collect();
        pieces.sort_by_key(|(moment, _)| *moment);
        let said = pieces.into_iter().take_while(|(moment, _)| until.is_none_or(|end| *moment <= end));
        said.flat_map(|(_, text)| text).collect()
    }
}
