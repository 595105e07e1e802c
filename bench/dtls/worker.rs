//! Stacks in a process of their own: OpenSSL and BoringSSL have the same symbols and can't share
//! one.
//!
//! A worker is this same program, built with other features. It answers `list` with its stacks and
//! shapes, and `batch NAME VERSION GROUP` with the batch's time and the bytes and datagrams of one
//! handshake.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::measure::{self, Batch};
use crate::peer::{Peer, SHAPES, Shape, Wire};

/// A running worker.
pub(crate) struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(program: &str) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self {
            child,
            requests,
            answers,
        })
    }

    /// The stacks and shapes that this worker was built with.
    pub(crate) fn list(&mut self) -> io::Result<Vec<(String, Shape)>> {
        let answer = self.ask("list")?;
        let mut words = answer.split_whitespace();
        let mut list = Vec::new();
        while let (Some(name), Some(version), Some(group)) =
            (words.next(), words.next(), words.next())
        {
            list.extend(Shape::find(version, group).map(|shape| (name.to_owned(), shape)));
        }
        Ok(list)
    }

    pub(crate) fn batch(&mut self, name: &str, shape: Shape) -> io::Result<Batch> {
        let answer = self.ask(&format!("batch {name} {} {}", shape.version, shape.group))?;
        let numbers: Vec<f64> = answer
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        let [microseconds, bytes, datagrams] = numbers[..] else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let wire = Wire {
            bytes: bytes as usize,
            datagrams: datagrams as usize,
        };
        Ok(Batch { microseconds, wire })
    }

    fn ask(&mut self, request: &str) -> io::Result<String> {
        writeln!(self.requests, "{request}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The worker's side: answers until its standard input ends.
pub(crate) fn serve(peers: &[Box<dyn Peer>]) -> io::Result<()> {
    for line in io::stdin().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["list"] => {
                let all = peers
                    .iter()
                    .flat_map(|peer| SHAPES.map(|shape| (peer, shape)));
                let words =
                    all.filter(|(peer, shape)| peer.supports(*shape))
                        .map(|(peer, shape)| {
                            format!("{} {} {}", peer.name(), shape.version, shape.group)
                        });
                println!("{}", words.collect::<Vec<_>>().join(" "));
            }
            ["batch", name, version, group] => {
                let peer = peers.iter().find(|peer| peer.name() == name);
                let (Some(peer), Some(shape)) = (peer, Shape::find(version, group)) else {
                    return Err(io::ErrorKind::InvalidInput.into());
                };
                let batch = measure::batch(&**peer, shape);
                println!(
                    "{} {} {}",
                    batch.microseconds, batch.wire.bytes, batch.wire.datagrams
                );
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(())
}
