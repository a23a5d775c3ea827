//! The lab's end of the line to an agent: one request out, one answer back.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::{Host, LabError, io_error};

/// A running agent. Dropping it ends the process.
pub(super) struct Link {
    host: Host,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Link {
    /// Starts `program agent` in a namespace.
    pub(super) fn start(host: Host, namespace: &str, program: &Path) -> Result<Link, LabError> {
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(program)
            .arg("agent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(io_error(format!("starting {}", program.display())))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(LabError::Agent { host, message: "started without pipes".to_owned() });
        };
        Ok(Link { host, child, requests, answers: BufReader::new(answers) })
    }

    /// One request, one answer. The agent bounds its own waiting, so this returns.
    pub(super) fn ask(&mut self, request: &Value) -> Result<Value, LabError> {
        let fault = |message: String| LabError::Agent { host: self.host, message };
        writeln!(self.requests, "{request}").map_err(|e| fault(format!("writing {request}: {e}")))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|e| fault(e.to_string()))?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|e| fault(format!("answer `{line}`: {e}")))?;
        match answer["error"].as_str() {
            Some(error) => Err(fault(format!("{request}: {error}"))),
            None => Ok(answer),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
