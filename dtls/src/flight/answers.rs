//! How often a flight is sent because the peer repeated its own, and not because of our timer.

use std::time::{Duration, Instant};

use super::Burst;

/// A final flight may be sent so many times without the clock moving: the repetitions of a peer
/// may arrive in one batch after an outage. More come back one per retransmission time.
const FINAL_BURST: u32 = 8;

/// Copies of a final flight that follow an answer by our own timer. That the peer repeats itself
/// means that our final flight got lost, and its next repetition comes only after twice the time:
/// without copies, every 80th handshake takes over 30 s where 30 % of the datagrams get lost.
const FINAL_COPIES: u32 = 2;

/// Limits answers to repetitions, so that somebody who repeats a small record often can't make us repeat
/// a large flight as often.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// When our present flight was last sent.
    last_sent: Option<Instant>,
    /// Answers of a final flight.
    burst: Burst,
    /// Copies of the final flight that are still to follow.
    copies: u32,
}

impl Answers {
    /// When our present flight was last sent.
    pub(super) fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// Our flight has just been sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.last_sent = Some(now);
    }

    /// Whether a flight that has a timer of its own may go out again: once per `interval`.
    pub(super) fn allow(&self, now: Instant, interval: Duration) -> bool {
        self.last_sent
            .is_none_or(|sent| now.saturating_duration_since(sent) >= interval)
    }

    /// Whether a final flight without a timer may go out again: in a burst at first, then once
    /// per `interval`.
    pub(super) fn allow_final(&mut self, now: Instant, interval: Duration) -> bool {
        let allowed = self.burst.take(now, FINAL_BURST, interval);
        if allowed {
            self.copies = FINAL_COPIES;
        }
        allowed
    }

    /// Whether another copy of the final flight is to follow after a wait; counts it off.
    pub(super) fn take_copy(&mut self) -> bool {
        let more = self.copies > 0;
        self.copies = self.copies.saturating_sub(1);
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTO: Duration = Duration::from_millis(400);

    /// T-HSK-22, RFC 6347 §4.2.4: 240 s of repetitions, 1000 each second.
    #[test]
    fn t_hsk_22_one_answer_per_retransmission_time() {
        let (mut answers, start) = (Answers::default(), Instant::now());
        let count = |answers: &mut Answers, from: u64, to: u64| {
            (from..to)
                .filter(|&ms| answers.allow_final(start + Duration::from_millis(ms), RTO))
                .count()
        };
        assert_eq!(count(&mut answers, 0, 400), FINAL_BURST as usize);
        assert_eq!(count(&mut answers, 400, 240_000), 599);
    }

    #[test]
    fn a_flight_with_a_timer_is_not_repeated_sooner_than_that() {
        let (mut answers, now) = (Answers::default(), Instant::now());
        assert!(answers.allow(now, RTO));
        answers.sent(now);
        assert!(!answers.allow(now + RTO - Duration::from_millis(1), RTO));
        assert!(answers.allow(now + RTO, RTO));
    }
}
