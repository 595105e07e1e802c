//! Refused offers in the log: with their reasons, but no faster than a person reads.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::console::Console;

/// Lines in an [`INTERVAL`]; further refusals are counted.
const LINES: u32 = 10;

/// How long [`LINES`] have to do.
const INTERVAL: Duration = Duration::from_secs(10);

/// The longest reason that is printed. It may have words of the caller in it.
const MAX_REASON: usize = 200;

/// The log of refusals.
#[derive(Debug)]
pub(crate) struct Refusals {
    console: Console,
    recent: Mutex<Recent>,
}

#[derive(Debug)]
struct Recent {
    since: Instant,
    lines: u32,
    more: u64,
}

impl Refusals {
    /// A log on `console`.
    pub(crate) fn new(console: Console, now: Instant) -> Self {
        let recent = Mutex::new(Recent {
            since: now,
            lines: 0,
            more: 0,
        });
        Self { console, recent }
    }

    /// Prints that `caller` was refused for this reason, or counts it.
    pub(crate) fn log(&self, caller: IpAddr, reason: &str, now: Instant) {
        let text: String = reason.chars().filter(|c| !c.is_control()).collect();
        let text: String = text.chars().take(MAX_REASON).collect();
        let line = format!("offer from {caller} refused: {text}");
        // A panic with the lock in hand leaves nothing half done.
        let mut recent = self.recent.lock().unwrap_or_else(|it| it.into_inner());
        for line in recent.admit(line, now) {
            self.console.line(line);
        }
    }
}

impl Recent {
    /// The lines to print now.
    fn admit(&mut self, line: String, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        if now.saturating_duration_since(self.since) >= INTERVAL {
            if self.more > 0 {
                lines.push(format!("{} more offers were refused", self.more));
            }
            *self = Self {
                since: now,
                lines: 0,
                more: 0,
            };
        }
        if self.lines < LINES {
            self.lines += 1;
            lines.push(line);
        } else {
            self.more += 1;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_not_printed() {
        let start = Instant::now();
        let mut recent = Recent {
            since: start,
            lines: 0,
            more: 0,
        };
        let printed = (0..1000).map(|n| recent.admit(n.to_string(), start).len());
        assert_eq!(printed.sum::<usize>(), LINES as usize);
        let lines = recent.admit("again".to_owned(), start + INTERVAL);
        assert_eq!(lines, ["990 more offers were refused", "again"]);
    }
}
